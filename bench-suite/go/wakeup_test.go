package main

import (
	"testing"
	"time"
)

// The suite pools the waits of many answers, so each answer must have all of its waits.
func TestWakeupAnswersEachWait(t *testing.T) {
	measure, err := wakeup(setup{N: 1000})
	if err != nil {
		t.Fatal(err)
	}
	found := measure(10)
	if len(found.Waits) != 10 {
		t.Errorf("ten wake-ups gave the waits %v", found.Waits)
	}
	for _, wait := range found.Waits {
		if wait < 0 || time.Duration(wait) > time.Minute {
			t.Errorf("a wait of %d ns", wait)
		}
	}
}
