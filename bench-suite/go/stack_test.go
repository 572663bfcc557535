package main

import (
	"testing"
	"unsafe"
)

// What the workloads call bytes of stack are frames times a size that the compiler decides. Here it is looked at: by
// the addresses of a local variable in calls from successive frames, on a stack that has grown before and so does not
// move.
func TestFrames(t *testing.T) {
	for _, test := range []struct {
		size int
		dig  func(int, func(int) bool) byte
	}{
		{128, dig128},
		{512, dig512},
	} {
		const frames = 1000
		var first, last uintptr
		down := func(depth int) bool {
			var local byte
			address := uintptr(unsafe.Pointer(&local))
			if depth == test.size {
				first = address
			}
			last = address
			return depth < frames*test.size
		}
		inGoroutine(func() {
			test.dig(test.size, down)
			test.dig(test.size, down)
		})
		size := int(first-last) / (frames - 1)
		if size < test.size*9/10 || size > test.size*11/10 {
			t.Errorf("a frame of about %d bytes has %d", test.size, size)
		}
	}
}
