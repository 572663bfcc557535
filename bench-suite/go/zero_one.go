// The order in which goroutines run: one writes ones and starts, for each, another goroutine that writes a zero
// (gopl, section 9.8.3).

package main

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// zeroOne measures the runs of equal digits. Short runs mean that the goroutines often take turns.
func zeroOne(s setup) (measure, error) {
	return func(int) answer {
		start := time.Now()
		digits := zerosAndOnes(s.N)
		elapsed := time.Since(start)
		lengths := runLengths(digits)
		slices.Sort(lengths)
		return took(elapsed, quantities{
			"runs":    float64(len(lengths)),
			"longest": percentile(lengths, 100),
			"median":  percentile(lengths, 50),
			"p99":     percentile(lengths, 99),
		})
	}, s.checkPlain(1)
}

// zerosAndOnes returns n zeros and n ones in the order in which they were written.
func zerosAndOnes(n int) []byte {
	digits := make([]byte, 2*n)
	var next atomic.Int64
	// Each write takes a place of its own, so no two write to the same place. A lock around all would change
	// the order.
	write := func(digit byte) { digits[next.Add(1)-1] = digit }

	var zeros sync.WaitGroup
	zeros.Add(n)
	for range n {
		go func() {
			defer zeros.Done()
			write(0)
		}()
		write(1)
	}
	zeros.Wait()
	return digits
}
