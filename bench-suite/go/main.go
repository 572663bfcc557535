// Twin measures in Go what the suite's Rust child measures with OS threads, coroutines and tasks. It has the same
// workloads under the same names, and is controlled by the same protocol. A unit of work here is a goroutine.
//
// The one argument is the setup, a JSON object. The twin writes one JSON object per line to standard output: "ready"
// or "refused", and then an "answer" for each number of iterations that it reads from standard input.
//
// Start reading with a workload: each has its own file, with the same name as its Rust twin.
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

// mostWorkers is far above the number of cores of any machine of ours. The runtime would try to start any number
// of workers, and crash.
const mostWorkers = 1024

// mostUnits bounds n in every workload that makes n units, or one entry for each of n.
const mostUnits = 10_000_000

// setup says what one process measures. It has no field for the size of a stack, which the Rust twins have: a
// goroutine's stack grows as needed (gopl, section 9.8.1).
type setup struct {
	Workload  string
	Variant   string
	Model     string
	Workers   int
	Placement string
	N         int
	// Preemption is empty or "default", or "asyncpreemptoff" if our parent has switched asynchronous
	// preemption off.
	Preemption string
}

// measure runs a workload once and returns its answer. A workload without iterations runs as a whole, whatever
// number is requested.
type measure func(iterations int) answer

// workloads holds a function for each workload. It checks the setup and returns either the measure or the reason
// why there is none. It prepares nothing: a workload builds what it needs for each request, before it reads the
// clock.
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
	// We are in the main goroutine, which the runtime schedules like any other. So everything from here on is
	// measured inside the runtime, and the workloads count this goroutine as one of their units.
	requests := bufio.NewScanner(os.Stdin)
	for requests.Scan() {
		iterations, err := strconv.ParseUint(requests.Text(), 10, 63)
		if err != nil {
			refuse(fmt.Errorf("a request must be a number of iterations: %w", err))
		}
		say("answer", measure(int(iterations)))
	}
	if err := requests.Err(); err != nil {
		refuse(fmt.Errorf("reading the requests: %w", err))
	}
	// Returning from main ends the process without waiting for goroutines that are still parked.
}

// start sets the runtime up as the setup asks, proves that it is so, and says "ready".
func start(arguments []string) (measure, error) {
	if len(arguments) != 1 {
		return nil, fmt.Errorf("exactly one argument is needed, the setup as JSON, not %d", len(arguments))
	}
	var s setup
	if err := json.Unmarshal([]byte(arguments[0]), &s); err != nil {
		return nil, fmt.Errorf("the setup cannot be read: %w", err)
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
		return nil, fmt.Errorf("the probe never saw %d goroutines run at once", s.Workers)
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
		return nil, fmt.Errorf("the number of workers must be between 1 and %[2]d, not %[1]d", s.Workers, mostWorkers)
	}
	prepare, known := workloads[s.Workload]
	if !known {
		return nil, fmt.Errorf("there is no workload %q", s.Workload)
	}
	return prepare(s)
}

// checkPlacement compares the setup with the cores that this process may use. Our parent chose them; NumCPU is
// their number at the start of the process.
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

// checkPreemption compares the setup with what the variable GODEBUG told the runtime before it started.
func (s setup) checkPreemption(godebug string) error {
	off := slices.Contains(strings.Split(godebug, ","), "asyncpreemptoff=1")
	switch {
	case s.Preemption == "asyncpreemptoff" && !off:
		return errors.New("asynchronous preemption should be off, but GODEBUG does not switch it off")
	case s.Preemption == "asyncpreemptoff":
		return nil
	case s.Preemption != "" && s.Preemption != "default":
		return fmt.Errorf("there is no preemption %q", s.Preemption)
	case off:
		return errors.New("asynchronous preemption should be on, but GODEBUG switches it off")
	default:
		return nil
	}
}

// noVariant returns the error for a variant that the workload does not have.
func (s setup) noVariant() error {
	return fmt.Errorf("%s has no variant %q", s.Workload, s.Variant)
}

// checkUnits checks n for a workload that makes n units.
func (s setup) checkUnits(least int) error {
	if s.N < least || s.N > mostUnits {
		return fmt.Errorf("n must be between %[2]d and %[3]d, not %[1]d", s.N, least, mostUnits)
	}
	return nil
}

// checkPlain checks the setup of a workload that makes n units and has only one variant, which is unnamed.
func (s setup) checkPlain(least int) error {
	if s.Variant != "" {
		return s.noVariant()
	}
	return s.checkUnits(least)
}

// quantities are the numbers that a workload measured besides its time; facts are its results that are not numbers.
type (
	quantities map[string]float64
	facts      map[string]string
)

type answer struct {
	Nanoseconds float64    `json:"nanoseconds"`
	Quantities  quantities `json:"quantities"`
	Facts       facts      `json:"facts"`
	// Waits has the wait of each iteration, in nanoseconds, for workloads about their distribution. The suite
	// pools the waits of many answers, so there are no percentiles here.
	Waits []int64 `json:"waits,omitempty"`
	// Failure says why the work is incomplete; nil if it is complete.
	Failure *string `json:"failure"`
}

// took returns the answer of a workload that finished its work. If it measured nothing besides its time, found is
// nil.
func took(elapsed time.Duration, found quantities) answer {
	if found == nil {
		found = quantities{}
	}
	return answer{Nanoseconds: nanoseconds(elapsed), Quantities: found, Facts: facts{}}
}

func nanoseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) }

// progress reports how far the workload is, so that a crash leaves a number behind.
func progress(far int) { say("progress", far) }

// say writes one line of the protocol. It is not buffered, so a crash loses nothing that was said before.
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

// refuse writes the reason and ends the process.
func refuse(why error) {
	say("refused", why.Error())
	os.Exit(2)
}
