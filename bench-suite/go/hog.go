// Whether a goroutine that computes and never yields keeps others waiting (gopl, section 9.8.2).
//
// Since Go 1.2 the runtime may take the worker away, at a call, from a goroutine that has run for 10 ms. A loop
// without calls kept its worker for as long as it ran. Since Go 1.14 the runtime interrupts such a loop too, by a
// signal, unless GODEBUG=asyncpreemptoff=1 forbids it.

package main

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// hogging is how long the hog computes.
const hogging = 200 * time.Millisecond

// hog starts n short goroutines while a long one computes, and measures when each of them first runs.
//
// The spawner is a goroutine too. With one worker it first has to wait until the hog is interrupted. The Rust
// twins spawn from a thread outside the runtime.
func hog(s setup) (measure, error) {
	if s.Variant != "calls" && s.Variant != "no-calls" {
		return nil, s.noVariant()
	}
	calls := s.Variant == "calls"
	return func(int) answer {
		steps := 0
		if !calls {
			steps = stepsIn(hogging)
		}
		var (
			began  time.Time // written before runs is set, read only after runs is seen
			length time.Duration
			runs   atomic.Bool
			ended  atomic.Bool // instead of the clock: reading it is a call, at which the hog may be interrupted
			before atomic.Int64
			all    sync.WaitGroup
		)
		all.Add(1 + s.N)
		spawned := time.Now()
		go func() {
			defer all.Done()
			began = time.Now()
			runs.Store(true)
			if calls {
				// Reading the clock is a call.
				for time.Since(began) < hogging {
				}
			} else {
				hogged.Store(steadily(steps))
			}
			ended.Store(true)
			length = time.Since(began)
		}()
		for !runs.Load() {
			runtime.Gosched()
		}
		starts := make([]time.Duration, s.N)
		for i := range starts {
			go func() {
				defer all.Done()
				if !ended.Load() {
					before.Add(1)
				}
				starts[i] = time.Since(began)
			}()
		}
		all.Wait()
		elapsed := time.Since(spawned)

		slices.Sort(starts)
		return took(elapsed, quantities{
			"before": float64(before.Load()),
			"first":  nanoseconds(starts[0]),
			"last":   nanoseconds(starts[s.N-1]),
			"hog":    nanoseconds(length),
		})
	}, s.checkUnits(1)
}

// hogged stores the results of steadily, so that the compiler must keep the computation.
var hogged atomic.Uint64

// steadily makes the given number of steps, each from the result of the step before. The loop calls nothing.
//
//go:noinline
func steadily(steps int) uint64 {
	value := uint64(steps)
	for range steps {
		value = value*6_364_136_223_846_793_005 + 1_442_695_040_888_963_407 // Knuth's linear congruential generator
	}
	return value
}

// stepsIn estimates how many steps take the given time. Other work on the machine makes a try longer, so the
// shortest of five tries is the most accurate.
func stepsIn(long time.Duration) int {
	const tried = 1 << 20
	shortest := time.Duration(1<<63 - 1)
	for range 5 {
		start := time.Now()
		hogged.Store(steadily(tried))
		shortest = min(shortest, time.Since(start))
	}
	return int(tried * long.Seconds() / max(shortest, 1).Seconds())
}
