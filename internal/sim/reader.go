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
	waits   []*crdt.Pack // in the order in which they came
}

func newReader(room crdt.Charter, r *crdt.Replica) *reader {
	return &reader{checker: crdt.NewChecker(room), replica: r}
}

func (r *reader) take(record []byte) error {
	before := r.replica.Len()
	err := r.checker.EachStored(append([]byte(nil), record...), func(p *crdt.StoredPack) error { return r.load(p.Pack()) })
	for err == nil && len(r.waits) > 0 && r.replica.Len() > before {
		before = r.replica.Len()
		again := r.waits
		r.waits = nil
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
		r.waits = append(r.waits, p)
		return nil
	}
	return err
}

// waiting are the changes that wait.
func (r *reader) waiting() map[crdt.ChangeID]bool {
	ids := make(map[crdt.ChangeID]bool)
	for _, p := range r.waits {
		p.EachRun(func(_ crdt.Author, _ crdt.ChangeID, of []crdt.ChangeID) bool {
			for _, id := range of {
				ids[id] = true
			}
			return true
		})
	}
	return ids
}

// pending is how many changes wait as a node counts them: pack by pack, and what two packs hold counts twice.
func (r *reader) pending() int {
	n := 0
	for _, p := range r.waits {
		n += p.Changes()
	}
	return n
}

// missing is a change that was promised and is neither in the log nor waits in the store; false if there is none.
func (n *Node) missing() (id crdt.ChangeID, lost bool) {
	var waiting map[crdt.ChangeID]bool
	for id := range n.promised {
		if _, ok := n.core.Replica().Index(id); ok {
			continue
		}
		if waiting == nil {
			waiting = n.disk.shadow.waiting()
		}
		if !waiting[id] {
			return id, true
		}
	}
	return id, false
}
