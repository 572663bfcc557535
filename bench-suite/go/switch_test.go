package main

import (
	"runtime"
	"testing"
)

// A yield that does not hand over is not a switch.
func TestYieldsHandOverOnOneWorker(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if handed := yields(1000).Quantities["handed"]; handed < 0.9 {
		t.Errorf("only %v of the yields handed over to the other goroutine", handed)
	}
}

func TestYieldsAreRefusedOnSeveralWorkers(t *testing.T) {
	for workers, refused := range map[int]bool{1: false, 2: true} {
		_, err := switching(setup{Variant: "yield", Workers: workers})
		if (err != nil) != refused {
			t.Errorf("with %d workers the error is %v", workers, err)
		}
	}
}
