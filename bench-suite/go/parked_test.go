package main

import (
	"maps"
	"testing"
)

// A slope on which the steps agree is a figure; anything else is noise, and gives a bound. No figure is ever below
// zero.
func TestSlopeKnowsNoise(t *testing.T) {
	units := []int{0, 1000, 2000, 3000, 4000}
	const mb = 1e6
	for _, test := range []struct {
		held []float64
		want quantities
	}{
		{[]float64{50 * mb, 60 * mb, 71 * mb, 80 * mb, 90 * mb}, quantities{"kernel": 10_000}},
		{[]float64{50 * mb, 53 * mb, 53 * mb, 49 * mb, 49 * mb}, quantities{"kernel_below": 3_500}},
		{[]float64{90 * mb, 70 * mb, 50 * mb, 30 * mb, 10 * mb}, quantities{"kernel_below": 20_000}},
		{[]float64{mb, mb, mb, mb, mb}, quantities{"kernel_below": 16.384}},
	} {
		found := quantities{}
		slope{units, test.held}.shared(found, "kernel")
		if !maps.Equal(found, test.want) {
			t.Errorf("of %v: %v, want %v", test.held, found, test.want)
		}
	}
	found := quantities{}
	slope{units, []float64{8000, 0, 0, 0, 4000}}.own(found, "resident")
	if want := (quantities{"resident_below": 1}); !maps.Equal(found, want) {
		t.Errorf("of memory given back: %v, want %v", found, want)
	}
}

func TestParkedSlopeHasEachFigureOrItsBound(t *testing.T) {
	found := parkedSlope(1000).Quantities
	for _, name := range []string{"resident", "reserved", "page_tables", "kernel"} {
		_, figure := found[name]
		_, bound := found[name+"_below"]
		if figure == bound {
			t.Errorf("%s: a figure is %v, a bound is %v", name, figure, bound)
		}
	}
	for name, number := range found {
		if number < 0 {
			t.Errorf("%s is %v", name, number)
		}
	}
}
