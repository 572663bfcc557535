// Many goroutines in a ring, around which one token travels: how the cost of a hop changes as the ring grows
// (gopl, exercise 9.5, for more than two).

package main

import (
	"sync"
	"time"
)

// ring makes one hop per iteration. The token is the number of hops that it still has to make.
func ring(s setup) (measure, error) {
	return func(iterations int) answer {
		seats := make([]chan int, s.N)
		for i := range seats {
			seats[i] = make(chan int)
		}
		stopped := make(chan struct{})
		var seated sync.WaitGroup
		seated.Add(s.N)
		for i, own := range seats {
			next := seats[(i+1)%s.N]
			go func() {
				defer seated.Done()
				for hops := range own {
					if hops == 0 {
						stopped <- struct{}{}
					} else {
						next <- hops - 1
					}
				}
			}()
		}

		start := time.Now()
		seats[0] <- iterations
		<-stopped
		elapsed := time.Since(start)

		// No goroutine holds the token now, so none will send.
		for _, seat := range seats {
			close(seat)
		}
		seated.Wait()
		return took(elapsed, nil)
	}, s.checkPlain(2)
}
