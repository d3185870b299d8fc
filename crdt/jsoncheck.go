package crdt

import (
	"fmt"
	"slices"

	"github.com/tallystick/tallystick/crdt/internal/fugue"
)

// check verifies the invariants of a document of all changes, from scratch.
func (d *jsonDoc) check() error {
	if err := d.numbering.check(); err != nil {
		return err
	}
	before := make(map[int32]uint32) // by change: what its chain made before it
	run := make(map[int32]uint32)
	for i := range d.n {
		prev := d.log.prev(i)
		if prev != none {
			before[i] = before[prev] + uint32(d.made(prev))
		}
		if got := d.madeBefore(i); got != before[i] {
			return fmt.Errorf("change %d: its chain made %d before it, noted %d", i, before[i], got)
		}
		seq := d.soundIn(i)
		if seq != unsound {
			run[i] = d.log.seq(i)
			if prev != none && d.soundIn(prev) == seq {
				run[i] = run[prev]
			}
		}
		if s := d.stretchOf(i); s.run != run[i] {
			return fmt.Errorf("change %d: sound from %d on its chain, noted %d", i, run[i], s.run)
		}
	}
	for k := range d.stretches.all {
		if err := d.checkDead(&d.stretches.all[k]); err != nil {
			return fmt.Errorf("stretch %d: %w", k, err)
		}
	}
	for _, o := range d.objects {
		if err := d.checkSlots(o); err != nil {
			return fmt.Errorf("object %v: %w", d.name(o.number), err)
		}
	}
	return nil
}

// soundIn is the sequence in which change i is sound.
func (d *jsonDoc) soundIn(i int32) fugue.Seq {
	seq, ok := d.forest.SeqOf(d.base(i))
	if !ok || d.made(i) == 0 || !d.forest.Same(seq, d.base(i), d.made(i)) {
		return unsound
	}
	return seq
}

func (b *numbering) check() error {
	e := uint32(0)
	for i := range b.n {
		if b.base(i) != e {
			return fmt.Errorf("change %d: things from number %d on, want %d", i, b.base(i), e)
		}
		for k := range b.made(i) {
			if at := b.thing(e); at != (thing{i, uint32(k)}) {
				return fmt.Errorf("number %d: is %v, want thing %d of change %d", e, at, k, i)
			}
			e++
		}
	}
	if e != b.next {
		return fmt.Errorf("%d things, counted %d", e, b.next)
	}
	return nil
}

// checkDead checks that what s says is dead is.
func (d *jsonDoc) checkDead(s *stretch) error {
	dead := func(i int32) error {
		n := d.made(i)
		if n == 0 || d.forest.DeadRun(d.base(i), n) != n {
			return fmt.Errorf("change %d is noted as dead", i)
		}
		return nil
	}
	for i := s.start; i <= s.dead; i++ {
		if err := dead(i); err != nil {
			return err
		}
	}
	for i := d.log.prev(s.start); i != s.skip; i = d.log.prev(i) {
		if i == none {
			return fmt.Errorf("skips to %d, which is not before it", s.skip)
		}
		if err := dead(i); err != nil {
			return err
		}
	}
	return nil
}

// checkSlots checks that what stands in o lives, and the winner first.
func (d *jsonDoc) checkSlots(o *object) error {
	check := func(s *slot) error {
		values := slices.Collect(s.each)
		if len(values) != s.len() || !slices.IsSortedFunc(values, d.compareValues) {
			return fmt.Errorf("key %q: %d values, counted %d, or not in order", s.key, len(values), s.len())
		}
		for _, v := range values {
			if d.values[v].slot != s || !d.values[v].living() {
				return fmt.Errorf("key %q: a value is dead, or of another slot", s.key)
			}
		}
		return nil
	}
	if o.slot != nil {
		return check(o.slot)
	}
	for key, s := range o.slots {
		if s.key != key || s.holder != o || s.len() == 0 {
			return fmt.Errorf("key %q: %d values", key, s.len())
		}
		if err := check(s); err != nil {
			return err
		}
	}
	return nil
}
