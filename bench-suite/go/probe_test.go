package main

import (
	"runtime"
	"testing"
)

// Two goroutines on one worker both come to run, in turn. The probe must not take that for running at once.
func TestProbeSeesPreemption(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if !runAtOnce(1) {
		t.Error("one goroutine on one worker was not seen to run")
	}
	if runAtOnce(2) {
		t.Error("two goroutines on one worker were seen to run at once")
	}
}

func TestProbeSeesWorkers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4)) // more than some machines have cores: the kernel shares them out
	if !runAtOnce(4) {
		t.Error("four goroutines on four workers were never seen to run at once")
	}
}
