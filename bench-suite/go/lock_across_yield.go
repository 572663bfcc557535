// What happens if a goroutine yields while it holds a lock, and another wants that lock (gopl, section 9.8.2).
// With one worker and a lock of the operating system that would be a deadlock: the waiter keeps the only thread,
// and the holder never runs again. Go's lock parks the waiter, and the thread goes back to the holder.

package main

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func lockAcrossYield(s setup) (measure, error) {
	switch s.Variant {
	case "own":
		return func(int) answer { return yieldWithLock() }, nil
	case "os":
		return nil, errors.New("Go has no OS mutex")
	default:
		return nil, s.noVariant()
	}
}

// yieldWithLock holds the lock and yields until the waiter has tried to take it.
func yieldWithLock() answer {
	var lock sync.Mutex
	var tries atomic.Bool
	done := make(chan struct{})
	start := time.Now()
	lock.Lock()
	go func() {
		tries.Store(true)
		lock.Lock()
		lock.Unlock()
		close(done)
	}()
	// One yield is usually enough, but nothing promises that the waiter runs next.
	for !tries.Load() {
		runtime.Gosched()
	}
	lock.Unlock()
	<-done
	return took(time.Since(start), quantities{"done": 1})
}
