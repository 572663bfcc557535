// Many goroutines that only compute: how evenly they spread over the workers (gopl, exercise 9.6).

package main

import (
	"sync"
	"time"
)

// compute starts n goroutines per iteration, which all do the same work, and joins them.
func compute(s setup) (measure, error) {
	return func(iterations int) answer {
		results := make([]uint64, s.N) // a store that other goroutines can see, so the compiler must keep the work
		start := time.Now()
		for range iterations {
			var running sync.WaitGroup
			running.Add(s.N)
			for unit := range results {
				go func() {
					defer running.Done()
					results[unit] = work(uint64(unit))
				}()
			}
			running.Wait()
		}
		return took(time.Since(start), nil)
	}, s.checkPlain(1)
}

// work makes 20,000 steps, each from the result of the step before: the compiler can leave none out, and no two
// overlap.
func work(value uint64) uint64 {
	for range 20_000 {
		value = splitmix64(value)
	}
	return value
}

// splitmix64 returns the first output of Vigna's generator of that name, seeded with value.
func splitmix64(value uint64) uint64 {
	value += 0x9e3779b97f4a7c15
	value = (value ^ value>>30) * 0xbf58476d1ce4e5b9
	value = (value ^ value>>27) * 0x94d049bb133111eb
	return value ^ value>>31
}
