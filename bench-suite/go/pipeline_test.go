package main

import "testing"

// The first value meets stages that have not started. It crosses before the clock is read.
func TestOneCrossingMoreThanAreTimed(t *testing.T) {
	var crossed []int
	timeWarm(func(value int) { crossed = append(crossed, value) }, 2)
	if len(crossed) != 3 || crossed[0] != -1 {
		t.Errorf("the values that crossed are %v; one untimed value should be first", crossed)
	}
}

func TestEachValueCrossesAllStages(t *testing.T) {
	line := newLine()
	for range 100 {
		line.lengthen()
	}
	for value := range 3 {
		line.in <- value
		if got := <-line.out; got != value {
			t.Errorf("%d went in, %d came out", value, got)
		}
	}
	line.close()
}
