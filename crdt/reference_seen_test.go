package crdt_test

import (
	"flag"
	"strconv"
	"sync"
	"testing"
)

// What the random programs did, as the reference saw it: a generator that no longer
// reaches a rule fails the property that it feeds.

func (d *refDoc) noteMark(object *refObject, thing *refThing, again bool) {
	switch {
	case again:
		d.note("mark again")
	case thing == nil:
		d.note("mark on a fixed object")
	case thing.dead:
		d.note("mark on the dead")
	case object != nil:
		d.note("mark on an object")
	case thing.element:
		d.note("mark on an element")
	default:
		d.note("mark on a value or entry")
	}
}

func (d *refDoc) noteInsert(o refOp, in *refObject, parent *refThing, name refName) {
	siblings := in.top
	if parent != nil {
		if siblings = parent.right; o.code == 6 {
			siblings = parent.left
		}
		if by := d.log.changes[parent.name.change].author; by != d.log.changes[name.change].author {
			d.note("insert at another author's element")
		}
		if parent.dead {
			d.note("insert at a dead element")
		}
	}
	if len(siblings) > 0 {
		d.note("sibling")
	}
	if len(siblings) > 1 {
		d.note("third sibling")
	}
	if o.code == 8 && parent.name.change != name.change {
		d.note("typing on from change to change")
	}
	switch w := o.what.(type) {
	case int:
		d.note("object as an element")
	case string:
		if o.makes >= 20 {
			d.note("long paste")
		}
		for _, c := range w {
			if c > 0xffff {
				d.note("astral code point")
			}
		}
	}
}

func (d *refDoc) noteDelete(o refOp, c *refChange, doomed []*refThing) {
	changes := map[hash32]bool{}
	for _, e := range doomed {
		changes[e.name.change] = true
	}
	several := len(changes) > 1
	if several {
		d.note("delete across changes")
		if len(changes) > 2 {
			d.note("delete across three changes")
		}
		prevs := map[refFork]int{}
		for _, other := range d.log.changes {
			prevs[refFork{other.author, other.prev}]++
		}
		for id := range changes {
			if at := d.log.changes[id]; id != doomed[0].name.change && prevs[refFork{at.author, at.prev}] > 1 {
				d.note("delete that goes on along one branch of a fork")
				break
			}
		}
	}
	if f, ok := o.target.([]any); ok && len(f) == 3 {
		d.note("delete back from a link")
		if several {
			d.note("delete across changes towards a link")
		}
		if d.log.changes[doomed[0].name.change].author == c.author {
			d.note("delete on another branch of one's own")
		}
	}
	for _, e := range doomed {
		if e.dead {
			d.note("delete again")
			break
		}
	}
}

// seen adds up what the programs of one property did.
type seen struct {
	mu sync.Mutex
	n  map[string]int
}

func (s *seen) add(d *refDoc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for what, n := range d.seen {
		s.n[what] += n
	}
}

// atLeast fails t at its end unless the programs did each of these so often. The
// floors are far below what 25 programs do on average.
func (s *seen) atLeast(t *testing.T, floors map[string]int) {
	t.Cleanup(func() {
		if checks, err := strconv.Atoi(flag.Lookup("rapid.checks").Value.String()); t.Failed() || err != nil || checks < 100 || testing.Short() || len(s.n) == 0 {
			return // too few programs, or none of this kind
		}
		for what, floor := range floors {
			if s.n[what] < floor {
				t.Errorf("%q happened %d times in all programs, want at least %d", what, s.n[what], floor)
			}
		}
	})
}
