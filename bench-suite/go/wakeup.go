// How soon a goroutine runs that another has woken, if the other goes on working (gopl, section 9.8.2): beside it, on
// another worker, or only after it.

package main

import (
	"errors"
	"fmt"
	"time"
)

// mostWaits is how many waits an answer can hold: they must fit into one line, which has 64 KiB.
const mostWaits = 4096

// wakeup's iteration is one wake-up. The waker spins until n nanoseconds after it, however long the sending took, and
// then waits for the answer. The wait is from just before the sending until the wakee runs.
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
		if iterations > mostWaits {
			refuse(fmt.Errorf("an answer holds %d wake-ups at most, not %d", mostWaits, iterations))
		}
		begin := time.Now() // of one time scale for both
		wake, ran := make(chan struct{}, 1), make(chan time.Duration, 1)
		go func() {
			defer close(ran)
			for range wake {
				ran <- time.Since(begin)
			}
		}()

		var waits []int64
		beside := 0
		for range iterations {
			woken := time.Since(begin)
			wake <- struct{}{}
			spun := time.Since(begin)
			for spun < woken+spinning {
				spun = time.Since(begin)
			}
			at := <-ran
			waits = append(waits, (at - woken).Nanoseconds())
			if at < spun {
				beside++
			}
		}
		elapsed := time.Since(begin)
		close(wake)
		<-ran

		found := took(elapsed, quantities{"beside": float64(beside) / float64(max(iterations, 1))})
		found.Waits = waits
		return found
	}, nil
}
