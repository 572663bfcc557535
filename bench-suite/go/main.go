// Twin measures in Go what the suite's Rust child measures with OS threads, coroutines and tasks: the same workloads
// under the same names, asked for by the same protocol. A unit of work here is a goroutine.
//
// The one argument is the setup, a JSON object. What comes back on standard output is one JSON object a line: "ready"
// or "refused", and then an "answer" for each number of iterations that is read from standard input.
//
// To read it, begin with a workload: each has a file of its own, named as its Rust twin is.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mostWorkers is far above what any machine of ours has. The runtime would try to make any number of them, and crash.
const mostWorkers = 1024

// mostUnits bounds n wherever n units, or an entry for each of n, are made.
const mostUnits = 10_000_000

// setup is what one process measures. It has no field for the size of a stack, which the Rust twins are told: a
// goroutine's stack grows as it is needed (gopl, section 9.8.1).
type setup struct {
	Workload  string
	Variant   string
	Model     string
	Workers   int
	Placement string
	N         int
	// Preemption is empty or "default", or "asyncpreemptoff" where our parent has switched asynchronous preemption off.
	Preemption string
}

// measure runs a workload once and tells what came out. A workload that has no notion of iterations runs as a whole,
// however many are asked for.
type measure func(iterations int) answer

// workloads holds, for each, what looks at the setup and returns either the measure or why there is none. It prepares
// nothing: whatever a workload needs it builds for each request, before it looks at the clock.
var workloads = map[string]func(setup) (measure, error){
	"spawn":             spawn,
	"parked":            parked,
	"stack":             stack,
	"switch":            switching,
	"ping_pong":         pingPong,
	"ring":              ring,
	"pipeline":          pipeline,
	"compute":           compute,
	"zero_one":          zeroOne,
	"hog":               hog,
	"blocking":          blocking,
	"wakeup":            wakeup,
	"identity":          identity,
	"lock_across_yield": lockAcrossYield,
	"skynet":            skynet,
	"default_workers":   askDefaultWorkers,
}

func main() {
	measure, err := start(os.Args[1:])
	if err != nil {
		refuse(err)
	}
	// We are in the main goroutine, which the runtime schedules as it does any other. So whatever is measured from here
	// is measured inside the runtime, and the workloads count this goroutine as one of their units.
	requests := bufio.NewScanner(os.Stdin)
	for requests.Scan() {
		iterations, err := strconv.ParseUint(requests.Text(), 10, 63)
		if err != nil {
			refuse(fmt.Errorf("a request is a number of iterations: %w", err))
		}
		say("answer", measure(int(iterations)))
	}
	if err := requests.Err(); err != nil {
		refuse(fmt.Errorf("reading the requests: %w", err))
	}
	// To return from main ends the process without waiting for goroutines that are still parked.
}

// start makes the runtime what the setup asks for, proves that it is, and says so.
func start(arguments []string) (measure, error) {
	if len(arguments) != 1 {
		return nil, fmt.Errorf("one argument is needed, the setup as JSON: there are %d", len(arguments))
	}
	var s setup
	if err := json.Unmarshal([]byte(arguments[0]), &s); err != nil {
		return nil, fmt.Errorf("the setup is not understood: %w", err)
	}
	measure, err := s.measure()
	if err != nil {
		return nil, err
	}
	if err := s.checkPlacement(); err != nil {
		return nil, err
	}
	if err := s.checkPreemption(os.Getenv("GODEBUG")); err != nil {
		return nil, err
	}
	runtime.GOMAXPROCS(s.Workers)
	if !runAtOnce(s.Workers) {
		return nil, fmt.Errorf("%d goroutines were never seen to run at once", s.Workers)
	}
	say("ready", struct {
		Parallelism int `json:"parallelism"`
		Threads     int `json:"threads"`
	}{s.Workers, threads()})
	return measure, nil
}

func (s setup) measure() (measure, error) {
	if s.Model != "goroutine" {
		return nil, fmt.Errorf("the only model here is goroutine, not %q", s.Model)
	}
	if s.Workers < 1 || s.Workers > mostWorkers {
		return nil, fmt.Errorf("%d workers are not between 1 and %d", s.Workers, mostWorkers)
	}
	prepare, known := workloads[s.Workload]
	if !known {
		return nil, fmt.Errorf("there is no workload %q", s.Workload)
	}
	return prepare(s)
}

// checkPlacement compares the setup with the cores that we are allowed. Whoever started us chose them, and NumCPU is
// their number as it was then.
func (s setup) checkPlacement() error {
	switch s.Placement {
	case "free":
		return nil
	case "one-core":
		if cores := runtime.NumCPU(); cores != 1 {
			return fmt.Errorf("the placement is one core, but %d are allowed", cores)
		}
		return nil
	default:
		return fmt.Errorf("there is no placement %q", s.Placement)
	}
}

// checkPreemption compares the setup with what the runtime was told before it started: by the variable GODEBUG.
func (s setup) checkPreemption(godebug string) error {
	off := slices.Contains(strings.Split(godebug, ","), "asyncpreemptoff=1")
	switch {
	case s.Preemption == "asyncpreemptoff" && !off:
		return errors.New("asynchronous preemption was to be off, but GODEBUG does not say so")
	case s.Preemption == "asyncpreemptoff":
		return nil
	case s.Preemption != "" && s.Preemption != "default":
		return fmt.Errorf("there is no preemption %q", s.Preemption)
	case off:
		return errors.New("asynchronous preemption was to be on, but GODEBUG switches it off")
	default:
		return nil
	}
}

// noVariant is the error of a setup whose variant its workload does not have.
func (s setup) noVariant() error {
	return fmt.Errorf("%s has no variant %q", s.Workload, s.Variant)
}

// checkUnits is for workloads that make n units.
func (s setup) checkUnits(least int) error {
	if s.N < least || s.N > mostUnits {
		return fmt.Errorf("n = %d is not between %d and %d", s.N, least, mostUnits)
	}
	return nil
}

// checkPlain is for workloads that make n units and have one variant only, without a name.
func (s setup) checkPlain(least int) error {
	if s.Variant != "" {
		return s.noVariant()
	}
	return s.checkUnits(least)
}

// quantities are the numbers that a workload reports besides its time, and facts what it reports in words.
type (
	quantities map[string]float64
	facts   map[string]string
)

type answer struct {
	Nanoseconds float64 `json:"nanoseconds"`
	Quantities  quantities `json:"quantities"`
	Facts       facts   `json:"facts"`
	// Waits has the wait of each iteration, in nanoseconds, where the workload is about their distribution. The suite
	// pools those of many answers, so there are no percentiles here.
	Waits []int64 `json:"waits,omitempty"`
	// Failure says why the work could not be done wholly; nil if it was.
	Failure *string `json:"failure"`
}

// took is the answer of a workload that was done wholly. One that found nothing besides its time gives nil.
func took(elapsed time.Duration, found quantities) answer {
	if found == nil {
		found = quantities{}
	}
	return answer{Nanoseconds: nanoseconds(elapsed), Quantities: found, Facts: facts{}}
}

func nanoseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) }

// progress tells how far we are, so that a crash leaves a number behind.
func progress(far int) { say("progress", far) }

// say writes one line of the protocol. Nothing is buffered: what was said before a crash has been said.
func say(what string, value any) {
	line, err := json.Marshal(map[string]any{what: value})
	if err == nil {
		_, err = os.Stdout.Write(append(line, '\n'))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "twin:", err)
		os.Exit(1)
	}
}

// refuse ends the process, and says why.
func refuse(why error) {
	say("refused", why.Error())
	os.Exit(2)
}
