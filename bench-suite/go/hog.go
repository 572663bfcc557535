// Whether a goroutine that computes and never yields keeps others waiting (gopl, section 9.8.2).
//
// Before Go 1.14 it kept its worker for as long as it made no call. Since then the runtime interrupts it by a signal
// when it has run for 10 ms.

package main

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// hog starts n short goroutines while one long one spins, and sees when they come to run.
//
// The one that starts them is a goroutine too. With one worker it first has to wait itself until the hog is
// interrupted. The Rust twins start theirs from a thread outside the runtime.
func hog(s setup) (measure, error) {
	return func(int) answer {
		const spinning = 200 * time.Millisecond
		var (
			began  time.Time // written before spins is set, and read after
			length time.Duration
			spins  atomic.Bool
			all    sync.WaitGroup
		)
		all.Add(1 + s.N)
		spawned := time.Now()
		go func() {
			defer all.Done()
			began = time.Now()
			spins.Store(true)
			for time.Since(began) < spinning {
			}
			length = time.Since(began)
		}()
		for !spins.Load() {
			runtime.Gosched()
		}
		starts := make([]time.Duration, s.N)
		for i := range starts {
			go func() {
				defer all.Done()
				starts[i] = time.Since(began)
			}()
		}
		all.Wait()
		elapsed := time.Since(spawned)

		slices.Sort(starts)
		before, _ := slices.BinarySearch(starts, length)
		return took(elapsed, figures{
			"before": float64(before),
			"first":  nanoseconds(starts[0]),
			"last":   nanoseconds(starts[s.N-1]),
			"hog":    nanoseconds(length),
		})
	}, s.checkPlain(1)
}
