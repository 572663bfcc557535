// A goroutine's stack: what a deep call leaves behind, how deep one may go, and what happens beyond (gopl, section
// 9.8.1).
//
// A stack begins with a few KiB. When it is full, the runtime copies it to one of twice the size and adjusts the
// pointers into it. So an address tells nothing about depth: we count frames, and ask the runtime what its stacks take.
//
// Of the resident memory, a process's first answer is the one to trust: before later ones, what the first has left is
// not always given back yet.

package main

import (
	"runtime"
	"time"
)

func stack(s setup) (measure, error) {
	if s.N < 1 {
		return nil, s.checkUnits(1)
	}
	switch s.Variant {
	case "touch":
		return func(int) answer { return stackTouch(s.N) }, nil
	case "deepest":
		return func(int) answer { return stackDeepest() }, nil
	case "overflow":
		return func(int) answer { return stackOverflow() }, nil
	case "growing":
		return func(int) answer { return stackGrowing(s.N) }, nil
	default:
		return nil, s.noVariant()
	}
}

// stackTouch parks a hundred goroutines that have been deep and come back.
//
// The second reading is made without a collection before it. A collection cuts the stack of a goroutine in half if it
// uses less than a quarter: it would undo what is measured.
func stackTouch(bytes int) answer {
	const units = 100
	spawnAndJoin(1)
	before := readAlone()
	var lot parkingLot
	lot.open()
	start := time.Now()
	for range units {
		lot.parkAfter(func() {
			dig128(128, func(depth int) bool { return depth < bytes })
		})
	}
	lot.announced.Wait()
	elapsed := time.Since(start)
	after := settled()
	lot.release()
	return took(elapsed, quantities{"resident": (after.resident - before.resident) / units})
}

// stackDeepest goes down until the runtime ends the process. By default it does so when a stack would pass
// 1,000,000,000 bytes (debug.SetMaxStack), and stacks are powers of two: so it is at 512 MiB.
//
// At each doubling of the depth we say how large the stacks are. To learn it stops all goroutines, so it is not done
// more often.
func stackDeepest() answer {
	before := stackBytes()
	next := 64 << 10
	inGoroutine(func() {
		dig512(512, func(depth int) bool {
			if depth >= next {
				progress(stackBytes() - before)
				next *= 2
			}
			return true
		})
	})
	panic("unreachable: the recursion above has no end")
}

// stackOverflow shows what is left of a goroutine's contract when its stack overflows: nothing. A panic would run what
// was deferred, and could be recovered. This is a fatal error: it does neither, and it ends the whole process.
func stackOverflow() answer {
	inGoroutine(func() {
		progress(0)
		defer progress(1)
		dig512(512, func(int) bool { return true })
	})
	panic("unreachable: the recursion above has no end")
}

// stackGrowing reads the memory at the bottom of a recursion that is so many bytes deep, and how large the stack is
// there. Then the goroutine returns and waits, and we read what is left of its stack.
//
// At the bottom a collection does no harm: what is used is not cut. It takes away the stacks that were too small and
// have been copied, which otherwise are there for some time yet, together as large as the last. After the return each
// collection cuts the stack in half, because less than a quarter of it is used.
func stackGrowing(bytes int) answer {
	before, stacksBefore := readAlone(), stackBytes()
	var after reading
	var reached, most int
	var elapsed time.Duration
	returned, leave := make(chan struct{}), make(chan struct{})
	go func() {
		start := time.Now()
		dig512(512, func(depth int) bool {
			if depth < bytes {
				return true
			}
			elapsed = time.Since(start)
			reached = depth
			after = readLive()
			most = stackBytes() - stacksBefore
			return false
		})
		close(returned)
		<-leave
	}()
	<-returned
	// Twice as many as it takes to halve the largest stack that Go allows down to the smallest.
	const collections = 40
	for range collections {
		runtime.GC()
	}
	left := max(stackBytes()-stacksBefore, 0)
	close(leave)
	return took(elapsed, quantities{
		"depth":      float64(reached),
		"resident":   after.resident - before.resident,
		"stack_most": float64(most),
		"stack_left": float64(left),
	})
}

// readAlone reads when we are the only goroutine. One that has been joined may still be on its way out, and then its
// stack is still there.
func readAlone() reading {
	for runtime.NumGoroutine() > 1 {
		runtime.Gosched()
	}
	return readLive()
}

// stackBytes is what the stacks of all goroutines take.
func stackBytes() int {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return int(memory.StackInuse)
}

// inGoroutine calls work on a stack of its own, and waits.
func inGoroutine(work func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	<-done
}

// dig128 recurses in frames of about 128 bytes for as long as down says so, and gives it the depth reached, in bytes.
// The array is smaller than the frame, for that holds the arguments and the return address too.
func dig128(depth int, down func(depth int) bool) byte {
	var frame [80]byte
	frame[depth%len(frame)] = 1
	if down(depth) {
		frame[0] += dig128(depth+128, down)
	}
	return frame[depth%len(frame)] // the array is used after the call: it cannot be left out
}

// dig512 is dig128 with frames of about 512 bytes.
func dig512(depth int, down func(depth int) bool) byte {
	var frame [464]byte
	frame[depth%len(frame)] = 1
	if down(depth) {
		frame[0] += dig512(depth+512, down)
	}
	return frame[depth%len(frame)]
}
