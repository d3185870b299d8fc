package sim

import (
	"errors"

	"github.com/tallystick/tallystick/crdt"
)

// A reader takes the records of a store into a replica, in whatever order they are: slowly, and obviously right. What lacks a parent
// waits, and is tried again whenever the log has grown.
type reader struct {
	checker *crdt.Checker
	replica *crdt.Replica
	waiting []*crdt.Pack
}

func newReader(room crdt.Charter, r *crdt.Replica) *reader {
	return &reader{checker: crdt.NewChecker(room), replica: r}
}

func (r *reader) take(record []byte) error {
	before := r.replica.Len()
	err := r.checker.EachStored(append([]byte(nil), record...), r.load)
	for err == nil && len(r.waiting) > 0 && r.replica.Len() > before {
		before = r.replica.Len()
		again := r.waiting
		r.waiting = nil
		for _, p := range again {
			if err = r.load(p); err != nil {
				return err
			}
		}
	}
	return err
}

func (r *reader) load(p *crdt.Pack) error {
	err := r.replica.LoadPack(p)
	if errors.Is(err, crdt.ErrMissing) {
		r.waiting = append(r.waiting, p)
		return nil
	}
	return err
}

// waits is how many changes wait.
func (r *reader) waits() (n int) {
	for _, p := range r.waiting {
		n += p.Changes()
	}
	return n
}
