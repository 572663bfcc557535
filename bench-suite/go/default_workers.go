// default_workers: how many workers the runtime takes when nobody says (gopl, section 9.8.3, GOMAXPROCS).

package main

import (
	"runtime"
	"time"
)

// defaultWorkers is what the runtime chose. It is read before main, which tells the runtime otherwise.
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
