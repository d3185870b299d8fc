package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

// What commands and the runner tell the model.
type (
	inputMsg   []tea.Msg // what one read of the terminal brought
	paintMsg   struct{}  // a picture may be painted now
	resizedMsg struct{}  // the terminal's size may have changed
	tickMsg    time.Time // a second has passed, while something on the screen counts
	openedMsg  struct {  // Open has returned
		room Opened
		err  error
	}
	pokedMsg     struct{} // the node has a newer snapshot
	submittedMsg struct { // a batch of transactions is durable, or not
		saved  int
		failed []string // lines that were not saved
		err    error    // why, of the first
	}
	pastedMsg struct { // a paste of several lines was read
		paste *pasted
		gen   int
	}
	filteredMsg struct { // a search has got further
		gen   int64
		match *matcher   // goes on with it
		begin int        // the first row looked at
		hits  []crdt.Key // all so far, in order
	}
	thenMsg struct { // a command has ended: what the model makes of it
		do func(*Model)
	}
	namesMsg struct { // labels of older rows
		labels map[string]use
		wrote  bool // a row is one's own
	}
	digestMsg struct { // both digests of a view
		view     *crdt.View
		log, doc [32]byte
		took     time.Duration
	}
	digestDueMsg struct{} // digests may be computed again
	foundMsg     struct { // log indexes of changes by id
		index map[crdt.ChangeID]int
		then  func(*Model, map[crdt.ChangeID]int)
	}
	noteMsg struct{ note note } // something to tell at the bottom
	linkMsg string              // something to tell about the connections in general; from outside
)

// pasted is a paste of several lines, read as transactions.
type pasted struct {
	good  []ledger.LineEntry
	wrong []wrongLine
	more  int // wrong lines beyond those kept
}

// wrongLine is a pasted line that is no transaction.
type wrongLine struct {
	number int
	text   string
	err    *ledger.SyntaxError
}
