// The probe checks that as many goroutines as there are workers really run at once.
//
// It need not check that no more do: GOMAXPROCS, which we have set, bounds the threads that run Go code.

package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// timeSlice is how long a goroutine may run before the runtime takes its worker away even if it never yields. (The
// runtime's source calls it forcePreemptNS. Go 1.14 introduced the preemption of a loop without calls.)
const timeSlice = 10 * time.Millisecond

// runAtOnce reports whether the given number of goroutines ran at the same time.
//
// Each goroutine counts itself and spins until all have done so. On a runtime without preemption that is proof
// enough. Here it is not: two goroutines on one worker also gather, the second after the first has lost the
// worker. But that takes a time slice. So only a shorter gathering counts.
func runAtOnce(units int) bool {
	// Other work on the machine may slow a gathering down. Then it proves nothing, and we try again.
	const tries = 100
	for range tries {
		if gather(units) < timeSlice {
			return true
		}
	}
	return false
}

// gather returns how long it took until all goroutines were in, or until they gave up because the gathering could
// prove nothing any more. Without giving up it could last forever: the runtime interrupts Go code, but these
// goroutines are in the system call of their yield most of the time.
func gather(units int) time.Duration {
	// A goroutine may inherit the rest of its parent's time slice. The yield starts a new slice.
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

// yieldCore lets other threads have the core, as they must if there are more threads than cores. The call is raw,
// so that the runtime does not notice it and the goroutine keeps its worker.
func yieldCore() {
	syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0)
}
