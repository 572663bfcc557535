// Order statistics of what was measured.

package main

import "math"

// percentile is the nearest-rank percentile of sorted values: the smallest that at least p of 100 do not exceed. So it
// is always one of them. Of none it is zero.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}

// runLengths gives the lengths of the runs of equal digits, in their order.
func runLengths(digits []byte) []float64 {
	var lengths []float64
	for i := range digits {
		if i > 0 && digits[i] == digits[i-1] {
			lengths[len(lengths)-1]++
		} else {
			lengths = append(lengths, 1)
		}
	}
	return lengths
}
