// A tree of goroutines with ten children per inner node. Each leaf sends its number up, and each node sends up the
// sum. It tests starting, sending and memory at once. (It is a well-known benchmark, not from gopl; section 9.8
// explains why it is possible at all.)

package main

import (
	"fmt"
	"sync/atomic"
	"time"
)

const children = 10

// skynet builds a whole tree with n leaves per iteration.
func skynet(s setup) (measure, error) {
	if err := s.checkPlain(1); err != nil {
		return nil, err
	}
	for size := s.N; size > 1; size /= children {
		if size%children != 0 {
			return nil, fmt.Errorf("n = %d is not a power of ten", s.N)
		}
	}
	return func(iterations int) answer {
		var created atomic.Int64 // the nodes of all trees
		var failure *string
		start := time.Now()
		for range iterations {
			total := make(chan int)
			go node(0, s.N, total, &created)
			if sum, right := <-total, s.N*(s.N-1)/2; sum != right {
				why := fmt.Sprintf("the sum is %d, but should be %d", sum, right)
				failure = &why
			}
		}
		found := took(time.Since(start), quantities{"units": float64(created.Load()) / float64(max(iterations, 1))})
		found.Failure = failure
		return found
	}, nil
}

// node represents size leaves, starting at number first, and sends up their sum.
func node(first, size int, up chan<- int, created *atomic.Int64) {
	created.Add(1)
	if size == 1 {
		up <- first
		return
	}
	below := make(chan int)
	share := size / children
	for child := range children {
		go node(first+child*share, share, below, created)
	}
	sum := 0
	for range children {
		sum += <-below
	}
	up <- sum
}
