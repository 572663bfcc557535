// The cost to start a goroutine that does nothing, and to learn that it has ended (gopl, section 9.8).

package main

import (
	"errors"
	"sync"
	"time"
)

// spawn starts goroutines in batches of n and joins each batch before the next. One iteration is one goroutine.
//
// With n = 1 the runtime reuses the same ended goroutine again and again. With a large n it needs that many at
// once.
func spawn(s setup) (measure, error) {
	switch s.Variant {
	case "inside":
	case "outside":
		return nil, errors.New("every line of a Go program runs in a goroutine")
	default:
		return nil, s.noVariant()
	}
	if err := s.checkUnits(1); err != nil {
		return nil, err
	}
	return func(iterations int) answer {
		start := time.Now()
		for left := iterations; left > 0; left -= s.N {
			spawnAndJoin(min(s.N, left))
		}
		return took(time.Since(start), nil)
	}, nil
}

func spawnAndJoin(units int) {
	var running sync.WaitGroup
	running.Add(units)
	for range units {
		go running.Done()
	}
	running.Wait()
}
