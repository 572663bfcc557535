// What happens to the workers when goroutines block (gopl, section 9.8.2). A sleep of the runtime's own parks the
// goroutine and takes no thread. A system call keeps its thread, and the runtime uses another one for the rest.

package main

import (
	"errors"
	"sync"
	"syscall"
	"time"
)

const blockingTime = 50 * time.Millisecond

// blocking lets n goroutines block once, all at the same time, and counts the threads.
func blocking(s setup) (measure, error) {
	var block func()
	switch s.Variant {
	case "sleep":
		block = func() { time.Sleep(blockingTime) }
	case "syscall":
		block = sleepInKernel
	case "offload":
		return nil, errors.New("it makes its system calls itself")
	default:
		return nil, s.noVariant()
	}
	return func(int) answer {
		before := threads()
		seen := make([]int, s.N) // how many threads each goroutine counted just before it blocked
		var running sync.WaitGroup
		running.Add(s.N)
		start := time.Now()
		for i := range seen {
			go func() {
				defer running.Done()
				seen[i] = threads()
				block()
			}()
		}
		running.Wait()
		elapsed := time.Since(start)
		after := threads()

		most := after
		for _, count := range seen {
			most = max(most, count)
		}
		return took(elapsed, quantities{
			"total":          nanoseconds(elapsed),
			"threads_before": float64(before),
			"threads_most":   float64(most),
			"threads_after":  float64(after),
		})
	}, s.checkUnits(1)
}

// sleepInKernel sleeps in a system call. A signal, such as the runtime's own for preemption, ends that sleep
// early; then it sleeps for the rest.
func sleepInKernel() {
	left := syscall.NsecToTimespec(blockingTime.Nanoseconds())
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}
