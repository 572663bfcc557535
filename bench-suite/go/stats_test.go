package main

import (
	"slices"
	"testing"
)

func TestPercentile(t *testing.T) {
	ten := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for _, test := range []struct {
		sorted  []float64
		p, want float64
	}{
		{nil, 50, 0},
		{[]float64{7}, 0, 7},
		{[]float64{7}, 99, 7},
		{ten, 0, 1},
		{ten, 10, 1},
		{ten, 11, 2},
		{ten, 50, 5},
		{ten, 90, 9},
		{ten, 99, 10},
		{ten, 100, 10},
	} {
		if got := percentile(test.sorted, test.p); got != test.want {
			t.Errorf("percentile(%v, %v) = %v, want %v", test.sorted, test.p, got, test.want)
		}
	}
}

func TestRunLengths(t *testing.T) {
	for _, test := range []struct {
		digits []byte
		want   []float64
	}{
		{nil, nil},
		{[]byte{1}, []float64{1}},
		{[]byte{0, 1, 0}, []float64{1, 1, 1}},
		{[]byte{1, 1, 0, 1, 1, 1}, []float64{2, 1, 3}},
	} {
		if got := runLengths(test.digits); !slices.Equal(got, test.want) {
			t.Errorf("runLengths(%v) = %v, want %v", test.digits, got, test.want)
		}
	}
}
