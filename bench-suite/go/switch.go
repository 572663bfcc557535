// The cost of handing the worker over: two goroutines on one worker yield in turn, and one goroutine yields alone
// (gopl, section 9.8.2).

package main

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func switching(s setup) (measure, error) {
	switch s.Variant {
	case "yield":
		if s.Workers > 1 {
			return nil, errors.New("each unit may have a worker of its own, and a yield then hands over to no other unit")
		}
		return yields, nil
	case "yield-alone":
		return yieldsAlone, nil
	case "park":
		return nil, errors.New("Go does not let a program park a goroutine: it parks on a channel or a lock")
	case "raw-generator", "raw-corosensei":
		return nil, errors.New("only the coroutines have this variant")
	default:
		return nil, s.noVariant()
	}
}

// yields lets two goroutines yield, each for half of the iterations. They share the only worker, so each yield
// switches to the other. The time is from the first start to the last end, by their own clocks. The figure handed
// is the share of yields after which the other goroutine had run.
func yields(iterations int) answer {
	half := iterations / 2
	base := time.Now()
	var begun, ended [2]time.Duration
	var handed [2]int
	var last atomic.Int32 // which goroutine ran last
	last.Store(-1)
	var running sync.WaitGroup
	running.Add(2)
	gate := make(chan struct{})
	for unit, times := range [2]int{half, iterations - half} {
		me := int32(unit)
		go func() {
			defer running.Done()
			<-gate
			begun[unit] = time.Since(base)
			for range times {
				runtime.Gosched()
				if last.Load() != me {
					last.Store(me)
					handed[unit]++
				}
			}
			ended[unit] = time.Since(base)
		}()
	}
	close(gate)
	running.Wait()
	return took(max(ended[0], ended[1])-min(begun[0], begun[1]), quantities{
		"handed": float64(handed[0]+handed[1]) / float64(max(iterations, 1)),
	})
}

// yieldsAlone lets one goroutine yield while no other is ready to take over.
func yieldsAlone(iterations int) answer {
	start := time.Now()
	for range iterations {
		runtime.Gosched()
	}
	return took(time.Since(start), nil)
}
