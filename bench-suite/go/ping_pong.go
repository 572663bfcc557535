// Two goroutines pass a ball back and forth over two unbuffered channels (gopl, exercise 9.5).

package main

import "time"

// pingPong makes one round trip per iteration. The goroutine that serves reads the clock.
func pingPong(s setup) (measure, error) {
	if s.Variant != "" {
		return nil, s.noVariant()
	}
	return func(iterations int) answer {
		ping, pong := make(chan int), make(chan int)
		go func() {
			defer close(pong)
			for ball := range ping {
				pong <- ball
			}
		}()
		start := time.Now()
		for ball := range iterations {
			ping <- ball
			<-pong
		}
		elapsed := time.Since(start)
		close(ping)
		<-pong // closed: the other goroutine has ended
		return took(elapsed, nil)
	}, nil
}
