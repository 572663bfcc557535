// How much memory a goroutine takes while it only waits, and how many can wait at once (gopl, section 9.8.1).
//
// It waits by receiving from a channel on which nothing is ever sent. Closing the channel releases all waiters.
//
// Before each reading the heap is collected and free memory is given back, so the figures show live memory. The
// runtime still adds to them: stacks and goroutines are cut from spans, spans from arenas, and each of these is
// taken in steps larger than one goroutine needs. It takes many units for the steps to disappear. The runtime also
// keeps the descriptors of goroutines that have ended, to reuse them, so a process's second answer is smaller than
// its first.

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
// holds in any case. It also reads at four steps, the last of which is the end: the kernel memory of other
// processes changes from step to step, and that of a goroutine does not.
func parkedSlope(half int) answer {
	spawnAndJoin(1) // the one-time costs of the first goroutine belong to no unit
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

// slope has the memory held at each reading, and how many units there were more than at the first reading.
type slope struct {
	units []int
	held  []float64
}

// between returns what one unit holds, computed from two readings.
func (s slope) between(from, to int) float64 {
	return (s.held[to] - s.held[from]) / float64(s.units[to]-s.units[from])
}

func (s slope) each() float64 { return s.between(0, len(s.units)-1) }

// own adds the figure of memory that the kernel reports for this process alone. A negative figure means that the
// process has given back memory of its own, which hides what the units hold; then a bound is added instead.
func (s slope) own(found quantities, name string) {
	if each := s.each(); each < 0 {
		found[name+"_below"] = -each
	} else {
		found[name] = each
	}
}

// shared adds the figure of memory that the kernel reports for the whole machine, or a bound if the figure may be
// all noise. The noise is half the range of the steps' slopes, about twice the standard error of their mean. It is
// at least 64 KiB divided by the number of units, because the kernel takes such memory in blocks of pages.
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

// parkedHowMany leaves its units parked: the process ends without waiting for them.
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

// readLive reads what the process holds after the collector has removed all garbage.
func readLive() reading {
	debug.FreeOSMemory()
	return settled()
}

// parkingLot holds goroutines that wait until they are released.
type parkingLot struct {
	gate      chan struct{}
	announced sync.WaitGroup // counts goroutines that have not yet announced their park
	inside    sync.WaitGroup
}

func (lot *parkingLot) open() { lot.gate = make(chan struct{}) }

// parkAll parks units goroutines, and returns the time from the first start to the last announcement.
func (lot *parkingLot) parkAll(units int) time.Duration {
	start := time.Now()
	for range units {
		lot.park()
	}
	lot.announced.Wait()
	return time.Since(start)
}

func (lot *parkingLot) park() { lot.parkAfter(func() {}) }

// parkAfter starts a goroutine that first works and then parks.
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

// release lets all goroutines go, and waits until they have ended.
func (lot *parkingLot) release() {
	close(lot.gate)
	lot.inside.Wait()
}
