// A goroutine is on no thread in particular, and it has no identity of its own (gopl, section 9.8.4): no number that a
// program may ask for, no storage of its own. What it is to know, it is told by an argument.

package main

import (
	"runtime"
	"sync"
	"syscall"
	"time"
)

// identity lets 16 goroutines yield n times each, and looks at the thread before and after each yield.
func identity(s setup) (measure, error) {
	return func(int) answer {
		const units = 16
		var seen [units]map[int]bool // by each, the threads on which it was
		var right [units]bool
		var all, running sync.WaitGroup
		all.Add(units)
		running.Add(units)
		start := time.Now()
		for unit := range units {
			go func(number int) {
				defer running.Done()
				// All are there before the first yields: so there is always another to yield to.
				all.Done()
				all.Wait()
				seen[unit] = map[int]bool{syscall.Gettid(): true}
				right[unit] = true
				for range s.N {
					runtime.Gosched()
					seen[unit][syscall.Gettid()] = true
					right[unit] = right[unit] && number == unit
				}
			}(unit)
		}
		running.Wait()
		elapsed := time.Since(start)

		most, moved, argumentRight := 0, 0, 0
		for unit := range units {
			most = max(most, len(seen[unit]))
			if len(seen[unit]) > 1 {
				moved++
			}
			if right[unit] {
				argumentRight++
			}
		}
		return took(elapsed, figures{
			"threads_seen":   float64(most),
			"moved":          float64(moved),
			"argument_right": float64(argumentRight),
		})
	}, s.checkPlain(1)
}
