package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/tallystick/tallystick/oracle/sim"
	"github.com/tallystick/tallystick/transport"
)

// Options is what Run needs.
type Options struct {
	// In and Out are the terminal; nil: os.Stdin and os.Stdout.
	In, Out *os.File
	// Scenario is what screen 3 begins with when it is first looked at; it runs off the screen's goroutine. Nil: two-of-seven.
	Scenario func() (sim.Scenario, error)
	// Open opens the room: store, node, connections. It runs off the screen's goroutine, which shows that it opens. ctx
	// ends with the screen; what Open started is the caller's to stop after Run. An error of Open ends Run, which returns it.
	// Goroutines that Open starts should run under guard, so that a panic in one leaves the terminal clean. Nil: there is no room, and screen 3 is all there is.
	Open func(ctx context.Context, guard *Guard) (Opened, error)
	// Notes are lines about the connections that no peer's state tells, such as who listens where. The newest is shown. Nil: none.
	Notes <-chan string
	// Name is this person's label: the giver of a line that names none.
	Name string
	// Room is shown until the room is open.
	Room string
	// Look is colour and charset; see LookFromEnv.
	Look Look
	// Now is the clock; nil: time.Now. Its location is that of the times shown.
	Now func() time.Time
	// Clipboard copies a text on this machine, beside the terminal's own way (OSC 52); nil: only that way.
	Clipboard func(string) error
	// Save makes a new file of a name for the user, whole and durable, and returns where it is. It never replaces one. Nil:
	// nothing can be saved.
	Save func(name string, content []byte) (path string, err error)
	// Tmux says that the terminal is tmux, which takes OSC 52 wrapped.
	Tmux bool

	// state replaces Snapshot.State in tests.
	state func(s *transport.Snapshot, index int) transport.ChangeState
}

// Opened is a room that is open.
type Opened struct {
	Node    Node
	Network Network // nil: connections cannot be changed from the screen
}

// ErrNoTerminal says that stdin or stdout is no terminal: use plain mode.
var ErrNoTerminal = errors.New("no terminal")

// SignalError says which signal ended Run. The terminal is clean, and nothing else is wrong.
type SignalError struct{ Signal os.Signal }

func (e *SignalError) Error() string { return "ended by signal: " + e.Signal.String() }

// PanicError is a panic of one of the screen's goroutines, or of one under a Guard. The terminal is clean.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("tui: internal error: %v\n\n%s", e.Value, e.Stack)
}

// Guard runs goroutines whose panic ends the program in order: terminal restored, Run returning a [*PanicError].
type Guard struct {
	fail func(error)
}

// Go runs f on a goroutine of its own. Nobody waits for it: the caller does, by its own means.
func (g *Guard) Go(f func()) { go g.Do(f) }

// Do runs f and recovers its panic. The zero Guard does not recover.
func (g *Guard) Do(f func()) {
	if g == nil || g.fail == nil {
		f()
		return
	}
	defer func() {
		if v := recover(); v != nil {
			g.fail(&PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	f()
}
