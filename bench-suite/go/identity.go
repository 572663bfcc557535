// A goroutine is not tied to a thread, and it has no identity (gopl, section 9.8.4): no number that a program may
// ask for, and no storage of its own. It gets what it needs to know by an argument.
//
// The only identity that Go code can ask for is that of its thread, by a system call. So each goroutine stores its
// number under its thread, as a thread-local does, and checks whether it finds that number again.

package main

import (
	"runtime"
	"sync"
	"syscall"
	"time"
)

// identity lets 16 goroutines yield n times each, and reads the thread's number before and after each yield.
func identity(s setup) (measure, error) {
	return func(int) answer {
		const units = 16
		var seen [units]map[int]bool // for each goroutine, the threads on which it ran
		var underThread sync.Map     // thread to number of the goroutine that stored last
		var threadRight, right [units]bool
		var all, running sync.WaitGroup
		all.Add(units)
		running.Add(units)
		start := time.Now()
		for unit := range units {
			go func(number int) {
				defer running.Done()
				thread := syscall.Gettid()
				underThread.Store(thread, number)
				seen[unit] = map[int]bool{thread: true}
				threadRight[unit], right[unit] = true, true
				// All goroutines have written before the first one yields, so there is always another
				// to yield to, and no number is written while they look.
				all.Done()
				all.Wait()
				for range s.N {
					runtime.Gosched()
					thread := syscall.Gettid()
					seen[unit][thread] = true
					found, _ := underThread.Load(thread)
					threadRight[unit] = threadRight[unit] && found == number
					right[unit] = right[unit] && number == unit
				}
			}(unit)
		}
		running.Wait()
		elapsed := time.Since(start)

		most, moved, threadLocalRight, argumentRight := 0, 0, 0, 0
		for unit := range units {
			most = max(most, len(seen[unit]))
			if len(seen[unit]) > 1 {
				moved++
			}
			if threadRight[unit] {
				threadLocalRight++
			}
			if right[unit] {
				argumentRight++
			}
		}
		return took(elapsed, quantities{
			"threads_seen":       float64(most),
			"moved":              float64(moved),
			"thread_local_right": float64(threadLocalRight),
			"argument_right":     float64(argumentRight),
		})
	}, s.checkPlain(1)
}
