// What a goroutine holds while it only waits, and how many can wait at once (gopl, section 9.8.1).
//
// It waits by receiving from a channel on which nothing is ever sent; to close the channel releases all.
//
// The heap is collected, and what is free given back, before each reading: so the figures are of live memory. They are
// the runtime's all the same: stacks and goroutines are cut from spans, spans from arenas, and each of these is taken
// in steps larger than a goroutine needs. A good many units are wanted for the steps not to show. And the runtime keeps
// the descriptors of goroutines that have ended, to use them again: a process's second answer is smaller than its
// first.

package main

import (
	"math"
	"runtime/debug"
	"sync"
	"time"
)

func parked(s setup) (measure, error) {
	switch s.Variant {
	case "slope":
		return func(int) answer { return parkedSlope(s.N / 2) }, s.checkUnits(2)
	case "how_many":
		return func(int) answer { return parkedHowMany(s.N) }, s.checkUnits(1)
	default:
		return nil, s.noVariant()
	}
}

// parkedSlope reads when half of the units are parked and when all are. The difference leaves out what the process
// holds anyhow. It also reads at four steps in between: what others on the machine do in the kernel differs from step to
// step, and what a goroutine takes does not.
func parkedSlope(half int) answer {
	spawnAndJoin(1) // what the first goroutine brings about belongs to none
	var lot parkingLot
	lot.open()
	parking := lot.parkAll(half)
	units, readings := []int{0}, []reading{readLive()}
	for steps, step := min(4, half), 1; step <= steps; step++ {
		end := half * step / steps
		parking += lot.parkAll(end - units[len(units)-1])
		units, readings = append(units, end), append(readings, readLive())
	}
	lot.release()

	of := func(what func(reading) float64) slope {
		held := make([]float64, len(readings))
		for i := range readings {
			held[i] = what(readings[i])
		}
		return slope{units, held}
	}
	found := quantities{
		"mappings": max(0, of(func(r reading) float64 { return r.mappings }).each()),
		"threads":  max(0, of(func(r reading) float64 { return r.threads }).each()),
	}
	of(func(r reading) float64 { return r.resident }).own(found, "resident")
	of(func(r reading) float64 { return r.reserved }).own(found, "reserved")
	of(func(r reading) float64 { return r.pageTables }).own(found, "page_tables")
	of(func(r reading) float64 { return r.kernel }).shared(found, "kernel")
	return took(parking, found)
}

// slope is what was held when there were so many units more than at first.
type slope struct {
	units []int
	held  []float64
}

// between is what one unit holds, from one reading to another.
func (s slope) between(from, to int) float64 {
	return (s.held[to] - s.held[from]) / float64(s.units[to]-s.units[from])
}

func (s slope) each() float64 { return s.between(0, len(s.units)-1) }

// own adds the figure of memory that the kernel tells for this process alone. Less than none means that the process has
// given back something of its own, which hides what the units hold: then the figure is a bound.
func (s slope) own(found quantities, name string) {
	if each := s.each(); each < 0 {
		found[name+"_below"] = -each
	} else {
		found[name] = each
	}
}

// shared adds the figure of memory that the kernel tells for the whole machine, or a bound, if noise may be all of it.
// The noise is half the range of the steps' slopes, about twice the standard error of their mean; and at least what 64
// KiB are for each unit, since the kernel takes such memory in blocks of pages.
func (s slope) shared(found quantities, name string) {
	const blocks = 64 << 10
	each := s.each()
	least, most := each, each
	for to := 1; to < len(s.units); to++ {
		step := s.between(to-1, to)
		least, most = min(least, step), max(most, step)
	}
	noise := max((most-least)/2, blocks/float64(s.units[len(s.units)-1]))
	if each > noise {
		found[name] = each
	} else {
		found[name+"_below"] = max(noise, math.Abs(each))
	}
}

// parkedHowMany leaves its units parked: the process may end without them.
func parkedHowMany(most int) answer {
	spawnAndJoin(1)
	before := readLive()
	var lot parkingLot
	lot.open()
	start := time.Now()
	units, failure := untilShort(most, lot.park)
	lot.announced.Wait()
	parking := time.Since(start)
	after := readLive()

	found := took(parking, quantities{
		"units":    float64(units),
		"mappings": after.mappings,
		"resident": (after.resident - before.resident) / float64(units),
	})
	found.Failure = failure
	return found
}

// readLive reads what the process holds when the collector has taken away what nobody uses.
func readLive() reading {
	debug.FreeOSMemory()
	return settled()
}

// parkingLot is where goroutines wait to be released.
type parkingLot struct {
	gate      chan struct{}
	announced sync.WaitGroup // for those that have not yet said that they are about to park
	inside    sync.WaitGroup
}

func (lot *parkingLot) open() { lot.gate = make(chan struct{}) }

// parkAll returns the time from the first start to the last announcement.
func (lot *parkingLot) parkAll(units int) time.Duration {
	start := time.Now()
	for range units {
		lot.park()
	}
	lot.announced.Wait()
	return time.Since(start)
}

func (lot *parkingLot) park() { lot.parkAfter(func() {}) }

// parkAfter starts a goroutine that works first.
func (lot *parkingLot) parkAfter(work func()) {
	lot.announced.Add(1)
	lot.inside.Add(1)
	go func() {
		defer lot.inside.Done()
		work()
		lot.announced.Done()
		<-lot.gate
	}()
}

// release lets all go, and waits until they have gone.
func (lot *parkingLot) release() {
	close(lot.gate)
	lot.inside.Wait()
}
