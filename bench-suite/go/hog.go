// Whether a goroutine that computes and never yields keeps others waiting (gopl, section 9.8.2).
//
// Since Go 1.2 a call has been a place where the runtime may take the worker away from a goroutine that has run for
// 10 ms. A loop without calls kept it for as long as it ran. Since Go 1.14 the runtime interrupts that, too, by a signal,
// unless GODEBUG=asyncpreemptoff=1 forbids it.

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

// hog starts n short goroutines while one long one computes, and sees when they come to run.
//
// The one that starts them is a goroutine too. With one worker it first has to wait itself until the hog is
// interrupted. The Rust twins start theirs from a thread outside the runtime.
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
			began  time.Time // written before runs is set, and read after
			length time.Duration
			runs   atomic.Bool
			ended  atomic.Bool // a look at the clock would not do: it is a call, where the hog may be interrupted
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
				// To look at the clock is a call.
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

// hogged takes the results of steadily, so that the compiler has to let them be computed.
var hogged atomic.Uint64

// steadily makes so many steps, each from the result of the one before. The loop calls nothing.
//
//go:noinline
func steadily(steps int) uint64 {
	value := uint64(steps)
	for range steps {
		value = value*6_364_136_223_846_793_005 + 1_442_695_040_888_963_407 // Knuth's linear congruential generator
	}
	return value
}

// stepsIn is about how many steps take so long. Whatever else the machine does makes a try longer, so the shortest of
// five tells most.
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
