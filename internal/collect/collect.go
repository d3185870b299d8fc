// Package collect says how often the memory that a program has left behind is collected.
package collect

import (
	"os"
	"runtime/debug"
	"time"
)

// While a program starts, garbage may grow to so many hundredths of what lives: what it reads then it keeps, and looking
// through that again and again is a fifth of the time. After startTime it is as Go has it, and what was left is given back
// to the system.
const (
	startPercent = 400
	startTime    = 3 * time.Second
)

// Start is called once, when the program starts. A GOGC in the environment stands instead.
func Start() {
	if os.Getenv("GOGC") != "" {
		return
	}
	before := debug.SetGCPercent(startPercent)
	time.AfterFunc(startTime, func() {
		debug.SetGCPercent(before)
		debug.FreeOSMemory()
	})
}

// AsAtStart has memory collected as in the first seconds of a program until it is called back: for who measures them.
func AsAtStart() (back func()) {
	before := debug.SetGCPercent(startPercent)
	return func() { debug.SetGCPercent(before) }
}
