package main

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// With one worker, how many goroutines run before the hog ends? All of them, unless its loop calls nothing and the
// runtime may not interrupt it. A process reads GODEBUG at its start, so each case has its own process.
func TestHogIsPreempted(t *testing.T) {
	const variable = "TWIN_TEST_HOG"
	if variant := os.Getenv(variable); variant != "" {
		runtime.GOMAXPROCS(1)
		measure, err := hog(setup{Variant: variant, N: 100})
		if err != nil {
			t.Fatal(err)
		}
		if before := measure(1).Quantities["before"]; before == 0 {
			t.Fatal("the hog kept the worker until its end")
		}
		return
	}
	for _, test := range []struct {
		variant, godebug string
		preempted        bool
	}{
		{"calls", "", true},
		{"no-calls", "", true},
		{"calls", "asyncpreemptoff=1", true},
		{"no-calls", "asyncpreemptoff=1", false},
	} {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHogIsPreempted$")
		child.WaitDelay = time.Minute
		child.Env = append(os.Environ(), variable+"="+test.variant, "GODEBUG="+test.godebug)
		output, err := child.CombinedOutput()
		if preempted := err == nil; preempted != test.preempted {
			t.Errorf("%s with GODEBUG=%q: preempted is %v\n%s", test.variant, test.godebug, preempted, output)
		}
	}
}

func TestPreemptionIsChecked(t *testing.T) {
	for _, test := range []struct {
		preemption, godebug string
		ok                  bool
	}{
		{"", "", true},
		{"default", "gctrace=1", true},
		{"default", "gctrace=1,asyncpreemptoff=1", false},
		{"asyncpreemptoff", "gctrace=1,asyncpreemptoff=1", true},
		{"asyncpreemptoff", "", false},
		{"never", "", false},
	} {
		err := setup{Preemption: test.preemption}.checkPreemption(test.godebug)
		if (err == nil) != test.ok {
			t.Errorf("preemption %q with GODEBUG=%q: %v", test.preemption, test.godebug, err)
		}
	}
}
