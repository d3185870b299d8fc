package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/relay"
	"github.com/tallystick/tallystick/tui"
)

// Exit codes. They are part of what scripts may rely on; [exitTable] is what --help prints.
const (
	ExitOK      = 0
	ExitError   = 1
	ExitUsage   = 2
	ExitUnsent  = 3
	ExitInUse   = 4
	ExitDamaged = 5
	ExitNoPrice = 6
	exitSignal  = 128 // and the number of the signal that ended the screen, as shells count
)

// exitTable documents the exit codes: the one place.
var exitTable = []struct {
	code int
	text string
}{
	{ExitOK, "all done"},
	{ExitError, "it went wrong; in plain mode also: some lines were bad and were not sent"},
	{ExitUsage, "the command line was not understood"},
	{ExitUnsent, "plain mode, and commands that write: all is saved here, but some of it is not yet stored by any peer"},
	{ExitInUse, "the name runs already, or a file or a port is in use"},
	{ExitDamaged, "a key, a store or a room file is damaged; a proof file proves nothing"},
	{ExitNoPrice, "oracle price: there is no price that may be used"},
	{exitSignal, "and above: signal N ended the screen, with 128 + N (plain mode and relay end with one of the above)"},
}

// codedError is an error with an exit code of its own.
type codedError struct {
	code int
	err  error // nil: nothing is left to be said
}

func (e *codedError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}
func (e *codedError) Unwrap() error { return e.err }

// usage is an error in the command line.
func usage(format string, args ...any) error {
	return &codedError{ExitUsage, fmt.Errorf(format+"; see: tallystick --help", args...)}
}

// exitCode decides how the program ends after err.
func exitCode(err error) int {
	var coded *codedError
	var signalled *tui.SignalError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &signalled):
		if n, ok := signalled.Signal.(syscall.Signal); ok {
			return exitSignal + int(n)
		}
		return ExitError
	case errors.As(err, &coded):
		return coded.code
	case errors.Is(err, profile.ErrName):
		return ExitUsage
	case errors.Is(err, profile.ErrRunning), errors.Is(err, store.ErrLocked), errors.Is(err, relay.ErrDataLocked),
		errors.Is(err, syscall.EADDRINUSE):
		return ExitInUse
	case errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrNotStore), errors.Is(err, profile.ErrCorruptKey):
		return ExitDamaged
	default:
		return ExitError
	}
}

// speaks says whether err is one to tell: not if all was told already, or if a signal asked for it.
func speaks(err error) bool {
	var signalled *tui.SignalError
	if coded, ok := err.(*codedError); ok && coded.err == nil {
		return false
	}
	return err != nil && !errors.As(err, &signalled)
}

// errorLine is what is said of err: one line, lower-case.
func errorLine(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}
