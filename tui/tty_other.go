//go:build unix && !linux

package tui

import (
	"os"
	"time"
)

// openOwn is f: elsewhere terminals do not go with a poller.
func openOwn(f *os.File) *os.File { return f }

// discardOutput does nothing: a terminal that takes no bytes gets no restoring sequences either.
func discardOutput(*os.File) {}

func discardInput(*os.File) {}

func takesBytes(*os.File, time.Duration) bool { return true }
