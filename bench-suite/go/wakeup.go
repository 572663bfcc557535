// How soon a woken goroutine runs if its waker goes on working (gopl, section 9.8.2): in parallel, on another
// worker, or only after the waker.

package main

import (
	"errors"
	"fmt"
	"time"
)

// mostWaits is how many waits an answer can hold: they must fit into one line of 64 KiB.
const mostWaits = 4096

// wakeup makes one wake-up per iteration. The waker sends, spins until n nanoseconds after it began to send,
// however long that took, and then waits for the answer. The wait is the time from just before the send until the
// wakee runs.
//
// Both channels hold one value, so no send waits. After its answer the wakee needs only a few instructions until
// it parks again. Nothing tells the waker that it has parked, but the answer's way to the waker takes longer.
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
		begin := time.Now() // one time scale for both goroutines
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
