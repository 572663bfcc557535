package main

import "testing"

// Many test suites of this generator contain its first output for seed 0.
func TestSplitmix64(t *testing.T) {
	if got, want := splitmix64(0), uint64(0xe220a8397b1dcdaf); got != want {
		t.Errorf("splitmix64(0) = %#x, want %#x", got, want)
	}
}
