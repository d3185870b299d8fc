package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
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
	// Rooms are the rooms that this person has joined, and how one joins more. Nil: there is but the one that Open opens.
	Rooms Rooms
	// People is what the user knows of people. Nil: nothing is kept.
	People PeopleStore
	// Notes are lines about the connections that no peer's state tells, such as who listens where. The newest is shown. Nil: none.
	Notes <-chan string
	// Name is this person's label: the giver of a line that names none.
	Name string
	// Room is shown until the room is open.
	Room string
	// Keys are other keys than the program's own for some bindings, by their names, as in ledger.sort; see CheckKeys.
	Keys map[string][]string
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
	// Prove makes the proof of who signed an entry, as package proof has it; it may take its time. Nil: none is made.
	Prove func(ctx context.Context, entry crdt.Name) ([]byte, error)
}

// Rooms are the rooms that a person has joined, all of them running in one node. All methods are safe for concurrent use;
// those that take a context may take their time.
type Rooms interface {
	// Rooms returns the joined rooms in the order in which they are listed; it never blocks.
	Rooms() []RoomStatus
	// Changed is poked (one place) when Rooms would return something else. The screen is its only reader.
	Changed() <-chan struct{}
	// Show returns a joined room to be shown, and opens it if need be. Its rows count as read from then on, until another
	// room is shown. The others go on.
	Show(ctx context.Context, id crdt.RoomID) (Opened, error)
	// Preview says what a text names: an open ledger by its name, or the room of an invitation. Nothing is joined.
	Preview(text string) (Invitation, error)
	// Join joins a room; one that is joined already stays as it is.
	Join(ctx context.Context, in Invitation) (crdt.RoomID, error)
	// New founds a closed room for these writers and the user, and joins it.
	New(ctx context.Context, name string, writers []crdt.Author) (Invitation, error)
	// Invite returns the invitation to a joined room: one line of text.
	Invite(id crdt.RoomID) (string, error)
}

// RoomStatus is one joined room.
type RoomStatus struct {
	ID      crdt.RoomID
	Name    string // of the charter; untrusted
	Closed  bool   // only those whom the charter names may write
	Writer  bool   // the user may write
	Open    bool   // it runs
	Shown   bool   // it is the one that the screen shows
	Unread  int    // rows that came since it was shown last
	Waiting int    // entries that wait for the user's word
	Link    transport.LinkState
}

// PeopleStore keeps what the user calls people and whose key was compared. Its methods are safe for concurrent use; Save may
// take its time.
type PeopleStore interface {
	Contacts() ledger.Contacts
	// Save keeps a contact, in the place of an older one of the same author; one without a name that is not confirmed is forgotten.
	Save(ledger.Contact) error
	// Me is the name under which the user writes.
	Me() string
}

// Invitation is what is needed to join a room.
type Invitation struct {
	Charter crdt.Charter
	Relays  []string // untrusted
	Care    []string // what the room could be taken for; untrusted
	More    bool     // it is joined already, and not yet looked for at all of Relays
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
