package main

import (
	"runtime"
	"testing"
)

// Two goroutines on one worker both run, in turn. The probe must not mistake that for running at once.
func TestProbeSeesPreemption(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if !runAtOnce(1) {
		t.Error("the probe did not see one goroutine run on one worker")
	}
	if runAtOnce(2) {
		t.Error("the probe saw two goroutines run at once on one worker")
	}
}

func TestProbeSeesWorkers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4)) // some machines have fewer cores; the kernel then shares them
	if !runAtOnce(4) {
		t.Error("the probe never saw four goroutines run at once on four workers")
	}
}
