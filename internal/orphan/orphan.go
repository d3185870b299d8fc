// Package orphan keeps the packs of a replica's own store whose parents were lost with a part of it: until the parents come
// back, from a peer, they are in the store, durable, and in no log.
package orphan

import (
	"errors"

	"github.com/tallystick/tallystick/crdt"
)

// Packs are packs that wait for a parent. They are bounded by the store that they come from, in which they stay. What
// becomes of them depends on the order of Load alone. The zero Packs waits for nothing; it is not safe for concurrent use.
type Packs struct {
	Checker *crdt.Checker // checks the signatures of what has waited; it must be set

	waiting map[crdt.ChangeID][]*crdt.Pack // by the parent that they wait for now
	order   []*crdt.Pack                   // as they came; those that have left are nil
	at      map[*crdt.Pack]int             // in order
	changes int
}

// Load takes a pack of the store into r, as [crdt.Replica.LoadStored] does, and what has waited for it. A pack whose parents
// are missing waits from now on. A pack that has waited and is refused is forgotten: nobody else's.
func (p *Packs) Load(r *crdt.Replica, pack *crdt.StoredPack) error {
	from := r.Len()
	err := r.LoadStored(pack)
	switch {
	case errors.Is(err, crdt.ErrMissing):
		p.wait(r, pack.Pack())
		return nil
	case err != nil:
		return err
	}
	p.Grown(r, from)
	return nil
}

// wait files pack under the first of its missing parents.
func (p *Packs) wait(r *crdt.Replica, pack *crdt.Pack) {
	missing := r.MissingOf(pack)
	if len(missing) == 0 {
		return // nothing of it can be waited for
	}
	if p.waiting == nil {
		p.waiting, p.at = map[crdt.ChangeID][]*crdt.Pack{}, map[*crdt.Pack]int{}
	}
	if _, again := p.at[pack]; !again {
		p.at[pack] = len(p.order)
		p.order = append(p.order, pack)
		p.changes += pack.Changes()
	}
	p.waiting[missing[0]] = append(p.waiting[missing[0]], pack)
}

// Grown takes in that the log of r has grown from index from on, and loads what has waited for that, which may make it
// grow further. Own changes must be signed. It costs O(1) a new change, and nothing if nothing waits.
func (p *Packs) Grown(r *crdt.Replica, from int) {
	for i := from; len(p.waiting) > 0 && i < r.Len(); i++ {
		id := r.ID(i)
		ready := p.waiting[id]
		delete(p.waiting, id)
		for _, pack := range ready {
			switch err := p.load(r, pack); {
			case errors.Is(err, crdt.ErrMissing):
				p.wait(r, pack) // for another
			default:
				p.forget(pack)
			}
		}
	}
}

// load is LoadPack of what was never checked: only what stands at the tips is when all is loaded.
func (p *Packs) load(r *crdt.Replica, pack *crdt.Pack) error {
	if missing := r.MissingOf(pack); len(missing) > 0 {
		return crdt.ErrMissing
	}
	if err := p.Checker.Verify(pack); err != nil {
		return err
	}
	return r.LoadPack(pack)
}

func (p *Packs) forget(pack *crdt.Pack) {
	p.order[p.at[pack]] = nil
	p.changes -= pack.Changes()
	if delete(p.at, pack); len(p.at) == 0 {
		p.order = nil
	}
}

// Len is how many packs wait.
func (p *Packs) Len() int { return len(p.at) }

// Changes is how many changes are in them.
func (p *Packs) Changes() int { return p.changes }

// Each calls yield with the packs that wait, in the order in which they came, until it returns false.
func (p *Packs) Each(yield func(*crdt.Pack) bool) {
	for _, pack := range p.order {
		if pack != nil && !yield(pack) {
			return
		}
	}
}

// Of reports whether changes of an author wait.
func (p *Packs) Of(a crdt.Author) (found bool) {
	p.Each(func(pack *crdt.Pack) bool {
		pack.EachRun(func(of crdt.Author, _ crdt.ChangeID, _ []crdt.ChangeID) bool {
			found = of == a
			return !found
		})
		return !found
	})
	return found
}
