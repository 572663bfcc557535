// Order statistics of measurements.

package main

import "math"

// percentile returns the nearest-rank percentile of sorted values: the smallest value that at least p of 100
// values do not exceed. So it is always one of them. For no values it returns zero.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}

// runLengths returns the lengths of the runs of equal digits, in order.
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
