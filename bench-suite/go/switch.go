// What it costs to give the worker to the other one: two goroutines that yield in turn (gopl, section 9.8.2).

package main

import (
	"errors"
	"runtime"
	"sync"
	"time"
)

func switching(s setup) (measure, error) {
	switch s.Variant {
	case "yield":
		return yields, nil
	case "park":
		return nil, errors.New("Go does not let a program park a goroutine: it parks in a channel or a lock")
	case "raw-generator", "raw-corosensei":
		return nil, errors.New("this is a variant of the coroutines only")
	default:
		return nil, s.noVariant()
	}
}

// yields lets two goroutines yield, half of the iterations each. With one worker each yield is a switch to the other.
// With more, each has its own, finds nobody to yield to, and goes on.
func yields(iterations int) answer {
	half := iterations / 2
	gate := make(chan struct{})
	var running sync.WaitGroup
	running.Add(2)
	for _, times := range [2]int{half, iterations - half} {
		go func() {
			defer running.Done()
			<-gate
			for range times {
				runtime.Gosched()
			}
		}()
	}
	start := time.Now()
	close(gate)
	running.Wait()
	return took(time.Since(start), nil)
}
