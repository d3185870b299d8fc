// Package proc reads what processes use, from the kernel.
package proc

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// ErrUnsupported is returned where the kernel is not asked.
var ErrUnsupported = errors.New("use of processes is read on Linux only")

// Usage is what a process has used since its start, and what it holds.
type Usage struct {
	At       time.Time
	CPU      time.Duration // of all threads, with the kernel's part; exact, not counted in ticks
	Wakeups  int64         // voluntary context switches of the threads that there are now: each is followed by a wake-up
	Resident int64         // bytes of memory
	Private  int64         // of them not backed by files: without the program's own text
	Threads  int
}

// Spent is what a process used between two readings.
type Spent struct {
	Wall    time.Duration
	CPU     time.Duration
	Wakeups int64
}

// Since is what was used from old to u.
func (u Usage) Since(old Usage) Spent {
	return Spent{Wall: u.At.Sub(old.At), CPU: u.CPU - old.CPU, Wakeups: u.Wakeups - old.Wakeups}
}

// Percent is the share of one core's time.
func (s Spent) Percent() float64 { return 100 * float64(s.CPU) / float64(s.Wall) }

// WakeupsPerSecond is the rate of wake-ups.
func (s Spent) WakeupsPerSecond() float64 { return float64(s.Wakeups) / s.Wall.Seconds() }

// field is the number that follows name at the beginning of a line of status, 0 if there is none.
func field(status []byte, name string) int64 {
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			if f := strings.Fields(rest); len(f) > 0 {
				n, _ := strconv.ParseInt(f[0], 10, 64) // the kernel's: a number
				return n
			}
		}
	}
	return 0
}
