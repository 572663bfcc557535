// Readings of what the kernel reports about this process and this machine (proc(5)).

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
)

// reading is what the process holds at one moment: sizes in bytes, and two counts.
type reading struct {
	resident   float64 // main memory in use
	reserved   float64 // address space
	pageTables float64
	kernel     float64 // the kernel's stacks and slabs of the whole machine, other processes included
	mappings   float64
	threads    float64
}

func read() reading {
	const status, memory = "/proc/self/status", "/proc/meminfo"
	return reading{
		resident:   field(status, "VmRSS"),
		reserved:   field(status, "VmSize"),
		pageTables: field(status, "VmPTE"),
		kernel:     field(memory, "KernelStack") + field(memory, "Slab"),
		mappings:   float64(bytes.Count(contents("/proc/self/maps"), []byte("\n"))),
		threads:    field(status, "Threads"),
	}
}

// settled reads until the resident memory is the same in two readings: goroutines that have announced their park
// need a moment to do it. If the readings never agree, it returns the last one.
func settled() reading {
	const tries = 100
	last := read()
	for range tries {
		runtime.Gosched()
		now := read()
		if now.resident == last.resident {
			return now
		}
		last = now
	}
	return last
}

// threads counts the OS threads of this process.
func threads() int {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		refuse(err)
	}
	return len(tasks)
}

// memoryShort returns how many bytes the machine has left, and whether that is so little that we should stop.
func memoryShort() (left float64, short bool) {
	const memory = "/proc/meminfo"
	left = field(memory, "MemAvailable")
	return left, left < max(512<<20, field(memory, "MemTotal")/16)
}

// untilShort makes up to most units, one by one, and reports progress once in 1024 units. If memory runs short it
// stops early, and failure says so. There is no other failure: a go statement cannot fail, except fatally.
func untilShort(most int, makeOne func()) (made int, failure *string) {
	const often = 1024
	for made < most {
		makeOne()
		made++
		if made%often != 0 {
			continue
		}
		progress(made)
		if left, short := memoryShort(); short {
			why := fmt.Sprintf("stopped with %.0f bytes of memory left", left)
			return made, &why
		}
	}
	return made, nil
}

// field returns the number in a line of a file such as "VmRSS:  1234 kB". It converts a size to bytes.
func field(path, name string) float64 {
	for line := range bytes.Lines(contents(path)) {
		value, found := bytes.CutPrefix(line, []byte(name+":"))
		if !found {
			continue
		}
		number, kilobytes := bytes.CutSuffix(bytes.TrimSpace(value), []byte(" kB"))
		amount, err := strconv.ParseFloat(string(number), 64)
		if err != nil {
			refuse(fmt.Errorf("%s in %s: %w", name, path, err))
		}
		if kilobytes {
			amount *= 1024
		}
		return amount
	}
	refuse(fmt.Errorf("there is no %s in %s", name, path))
	return 0
}

// page holds what was read last. It is reused, so that a reading allocates nothing; therefore only one goroutine
// may read at a time.
var page = make([]byte, 64<<10)

// contents returns the whole file. The result is valid until the next call.
func contents(path string) []byte {
	file, err := os.Open(path)
	if err != nil {
		refuse(err)
	}
	defer file.Close()
	length := 0
	for {
		if length == len(page) {
			page = append(page, make([]byte, len(page))...)
		}
		n, err := file.Read(page[length:])
		length += n
		if err == io.EOF {
			return page[:length]
		}
		if err != nil {
			refuse(err)
		}
	}
}
