// A goroutine's stack: what a deep call leaves behind, how deep a call may go, and what happens beyond that (gopl,
// section 9.8.1).
//
// A stack begins with a few KiB. When it is full, the runtime copies it to a stack of twice the size and adjusts
// the pointers into it. So an address says nothing about depth: we count frames, and ask the runtime how much its
// stacks take.
//
// For resident memory, trust only a process's first answer: before later ones, memory of the first has not always
// been given back.

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

// stackTouch parks 100 goroutines that have been deep and have returned.
//
// There is no collection before the second reading. A collection halves the stack of a goroutine that uses less
// than a quarter of it, so it would undo what is measured.
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

// stackDeepest recurses until the runtime ends the process. By default the runtime does so when a stack would pass
// 1,000,000,000 bytes (debug.SetMaxStack). Stacks are powers of two, so the last one has 512 MiB.
//
// At each doubling of the depth it reports how large the stacks are. Finding that out stops all goroutines, so it
// is not done more often.
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

// stackOverflow shows that a goroutine's guarantees end when its stack overflows. A panic would run deferred calls
// and could be recovered. This is a fatal error: it does neither, and it ends the whole process.
func stackOverflow() answer {
	inGoroutine(func() {
		progress(0)
		defer progress(1)
		dig512(512, func(int) bool { return true })
	})
	panic("unreachable: the recursion above has no end")
}

// stackGrowing reads the memory at the bottom of a recursion that is the given number of bytes deep, and the size
// of the stack there. Then the goroutine returns and waits, and we read how much is left of its stack.
//
// At the bottom a collection does no harm, because a stack in use is not cut. It removes the smaller stacks that
// have been copied; otherwise they stay for some time, together as large as the last. After the return each
// collection halves the stack, because less than a quarter of it is used.
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
	// Twice as many as are needed to halve the largest stack that Go allows down to the smallest.
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

// readAlone reads when this is the only goroutine. A goroutine that has been joined may not have ended yet, and
// then it still has its stack.
func readAlone() reading {
	for runtime.NumGoroutine() > 1 {
		runtime.Gosched()
	}
	return readLive()
}

// stackBytes returns how much the stacks of all goroutines take, in bytes.
func stackBytes() int {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return int(memory.StackInuse)
}

// inGoroutine calls work on a new goroutine, and waits for it.
func inGoroutine(work func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	<-done
}

// dig128 recurses in frames of about 128 bytes for as long as down returns true. It passes down the depth reached,
// in bytes. The array is smaller than the frame, because the frame also holds the arguments and the return
// address.
func dig128(depth int, down func(depth int) bool) byte {
	var frame [80]byte
	frame[depth%len(frame)] = 1
	if down(depth) {
		frame[0] += dig128(depth+128, down)
	}
	return frame[depth%len(frame)] // used after the call, so the compiler must keep the array
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
