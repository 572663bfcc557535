// How soon a goroutine runs that another has woken, if the other goes on working (gopl, section 9.8.2): beside it, on
// another worker, or only after it.

package main

import (
	"errors"
	"slices"
	"time"
)

// wakeup's iteration is one wake-up, after which the waker spins for n nanoseconds and then waits for the answer.
//
// Both channels hold one value, so that no send waits. When it has answered, the wakee has only a few instructions to
// go until it parks again: nothing tells the waker that it has done so, but the way to the waker is longer.
func wakeup(s setup) (measure, error) {
	if s.Variant != "" {
		return nil, s.noVariant()
	}
	if s.N < 0 {
		return nil, errors.New("n nanoseconds must not be less than 0")
	}
	spinning := time.Duration(s.N)
	return func(iterations int) answer {
		begin := time.Now() // of one time scale for both
		wake, ran := make(chan struct{}, 1), make(chan time.Duration, 1)
		go func() {
			defer close(ran)
			for range wake {
				ran <- time.Since(begin)
			}
		}()

		var delays []float64
		beside := 0
		for range iterations {
			woken := time.Since(begin)
			wake <- struct{}{}
			spun := time.Since(begin)
			for spun < woken+spinning {
				spun = time.Since(begin)
			}
			at := <-ran
			delays = append(delays, nanoseconds(at-woken))
			if at < spun {
				beside++
			}
		}
		elapsed := time.Since(begin)
		close(wake)
		<-ran

		slices.Sort(delays)
		return took(elapsed, figures{
			"p50":    percentile(delays, 50),
			"p90":    percentile(delays, 90),
			"p99":    percentile(delays, 99),
			"beside": float64(beside) / float64(max(iterations, 1)),
		})
	}, nil
}
