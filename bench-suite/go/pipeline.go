// A long chain of goroutines, each connected to the next by an unbuffered channel: how long a value takes to cross
// it, and how long the chain can become (gopl, exercise 9.4).

package main

import "time"

func pipeline(s setup) (measure, error) {
	switch s.Variant {
	case "cross":
		return func(iterations int) answer { return pipelineCross(s.N, iterations) }, s.checkUnits(1)
	case "most":
		return func(int) answer { return pipelineMost(s.N) }, s.checkUnits(1)
	default:
		return nil, s.noVariant()
	}
}

func pipelineCross(stages, iterations int) answer {
	line := newLine()
	for range stages {
		line.lengthen()
	}
	elapsed := timeWarm(line.cross, iterations)
	line.close()
	return took(elapsed, nil)
}

// timeWarm returns the time of the given number of crossings. One more goes first and is not timed, because in it
// each stage has yet to start.
func timeWarm(cross func(value int), crossings int) time.Duration {
	cross(-1)
	start := time.Now()
	for value := range crossings {
		cross(value)
	}
	return time.Since(start)
}

// pipelineMost measures the time of three crossings, as its Rust twin does, and the fastest of them. One more goes
// first and is not timed.
func pipelineMost(most int) answer {
	line := newLine()
	stages, failure := untilShort(most, line.lengthen)

	line.cross(-1)
	var all time.Duration
	fastest := time.Duration(1<<63 - 1)
	for value := range 3 {
		start := time.Now()
		line.cross(value)
		crossing := time.Since(start)
		all += crossing
		fastest = min(fastest, crossing)
	}
	line.close()
	found := took(all, quantities{"stages": float64(stages), "cross": nanoseconds(fastest)})
	found.Failure = failure
	return found
}

// line is a pipeline, represented by its two ends.
type line struct{ in, out chan int }

func newLine() *line {
	end := make(chan int)
	return &line{in: end, out: end}
}

// lengthen adds a stage, which passes on what it receives. When its input is closed, the stage closes its output
// and ends.
func (l *line) lengthen() {
	in, out := l.out, make(chan int)
	go func() {
		defer close(out)
		for value := range in {
			out <- value
		}
	}()
	l.out = out
}

func (l *line) cross(value int) {
	l.in <- value
	<-l.out
}

// close waits until the last stage has closed its output, so that all stages are done.
func (l *line) close() {
	close(l.in)
	<-l.out
}
