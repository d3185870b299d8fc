package transport

import (
	"github.com/tallystick/tallystick/crdt"
)

// Intent is one change that a person, or a script, wants to make.
type Intent struct {
	// Time is what the change will claim as its time, Unix seconds.
	Time int64
	// Edit makes the ops. It runs on the node's goroutine: it must not block, nor keep the Tx. An error makes no change
	// and is what Done gets.
	Edit func(*crdt.Tx) error
	// Done, if not nil, is called once, on the node's goroutine, when the change is durable or has come to nothing. It
	// must not block nor call the node's methods other than Snapshot.
	Done func(Receipt)
}

// Receipt tells what became of an Intent.
type Receipt struct {
	ID    crdt.ChangeID
	Index int   // log index
	Err   error // nil: the change is durable; else none was made, and ID and Index mean nothing
}

// AppendIntent is the Intent that appends one literal to the room's feed list.
func AppendIntent(unix int64, entry crdt.Literal, done func(Receipt)) Intent {
	return Intent{Time: unix, Done: done, Edit: func(tx *crdt.Tx) error {
		_, err := tx.Append(entry)
		return err
	}}
}
