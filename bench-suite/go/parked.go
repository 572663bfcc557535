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
// holds anyhow.
func parkedSlope(half int) answer {
	spawnAndJoin(1) // what the first goroutine brings about belongs to none
	var lot parkingLot
	lot.open()
	parking := lot.parkAll(half)
	first := readLive()
	parking += lot.parkAll(half)
	second := readLive()
	lot.release()

	units := float64(half)
	return took(parking, figures{
		"resident":    (second.resident - first.resident) / units,
		"reserved":    (second.reserved - first.reserved) / units,
		"page_tables": (second.pageTables - first.pageTables) / units,
		"kernel":      (second.kernel - first.kernel) / units,
		"mappings":    (second.mappings - first.mappings) / units,
		"threads":     (second.threads - first.threads) / units,
	})
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

	found := took(parking, figures{
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
