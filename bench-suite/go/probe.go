// The probe: do as many goroutines as there are workers really run at once?
//
// That no more do needs no probe: GOMAXPROCS bounds the threads that run Go code, and we have set it.

package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// timeSlice is how long a goroutine may run before the runtime takes its worker away, though it never yields. (The
// runtime's source calls it forcePreemptNS. Preemption of a loop without calls came with Go 1.14.)
const timeSlice = 10 * time.Millisecond

// runAtOnce tells whether so many goroutines were seen to run at the same time.
//
// Each counts itself in and spins until all are in. Where units are never preempted that is proof enough. Here it is
// not: two goroutines on one worker get in as well, the second when the first has lost the worker. But that takes a
// time slice. So what counts is a gathering that is over sooner.
func runAtOnce(units int) bool {
	// Other work on the machine may hold a gathering up: then it proves nothing, and we try again.
	const tries = 100
	for range tries {
		if gather(units) < timeSlice {
			return true
		}
	}
	return false
}

// gather returns how long it took until all were in, or had given up since it could prove nothing any more. Not to give
// up could take for ever: the runtime interrupts Go code, but these goroutines are in the yield's system call most of
// the time.
func gather(units int) time.Duration {
	// A goroutine may inherit the rest of the time slice of the one that started it. Let that be a new slice.
	runtime.Gosched()
	start := time.Now()
	var in atomic.Int64
	var all sync.WaitGroup
	all.Add(units)
	for range units {
		go func() {
			defer all.Done()
			in.Add(1)
			for in.Load() < int64(units) && time.Since(start) < timeSlice {
				yieldCore()
			}
		}()
	}
	all.Wait()
	return time.Since(start)
}

// yieldCore lets other threads have the core, as they must where the threads are more than the cores. The call is raw,
// so that the runtime does not learn of it: the goroutine keeps its worker.
func yieldCore() {
	syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0)
}
