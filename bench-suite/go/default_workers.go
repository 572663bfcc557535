// default_workers: how many workers the runtime uses by default (gopl, section 9.8.3, GOMAXPROCS).

package main

import (
	"runtime"
	"time"
)

// defaultWorkers is the runtime's own choice. It is read before main changes the number.
var defaultWorkers = runtime.GOMAXPROCS(0)

func askDefaultWorkers(s setup) (measure, error) {
	if s.Variant != "" {
		return nil, s.noVariant()
	}
	return func(int) answer {
		start := time.Now()
		return took(time.Since(start), quantities{"default_workers": float64(defaultWorkers)})
	}, nil
}
