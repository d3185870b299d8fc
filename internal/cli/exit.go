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
)

// Exit codes. They are part of what scripts may rely on; [exitTable] is what --help prints.
const (
	ExitOK      = 0
	ExitError   = 1
	ExitUsage   = 2
	ExitUnsent  = 3
	ExitInUse   = 4
	ExitDamaged = 5
)

// exitTable documents the exit codes: the one place.
var exitTable = []struct {
	code int
	text string
}{
	{ExitOK, "all done"},
	{ExitError, "it went wrong; in plain mode also: some lines were bad and were not sent"},
	{ExitUsage, "the command line was not understood"},
	{ExitUnsent, "plain mode: all is saved here, but some of it is not yet stored by any peer"},
	{ExitInUse, "the name runs already, or a file or a port is in use"},
	{ExitDamaged, "a key or a store is damaged"},
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
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &coded):
		return coded.code
	case errors.Is(err, profile.ErrName):
		return ExitUsage
	case errors.Is(err, profile.ErrRunning), errors.Is(err, store.ErrLocked), errors.Is(err, relay.ErrDataLocked),
		errors.Is(err, syscall.EADDRINUSE):
		return ExitInUse
	case errors.Is(err, store.ErrDamaged), errors.Is(err, profile.ErrCorruptKey):
		return ExitDamaged
	default:
		return ExitError
	}
}

// errorLine is what is said of err: one line, lower-case.
func errorLine(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}
