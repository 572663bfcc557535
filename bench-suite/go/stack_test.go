package main

import (
	"testing"
	"unsafe"
)

// The workloads count bytes of stack as frames times a size that the compiler decides. This test checks that size
// by the addresses of a local variable in successive frames. The stack has grown before, so it does not move.
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
			t.Errorf("a frame should have about %d bytes, but has %d", test.size, size)
		}
	}
}
