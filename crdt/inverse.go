package crdt

import (
	"slices"
	"strings"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// An inverse adds to a Tx what undoes a change, as far as anything is left to
// undo. It looks at the document as it is now, and at the bytes of the change.
type inverse struct {
	h   *History
	tx  *Tx
	doc *Doc
	log *log
	i   int32
	// By the change under construction.
	copied []copies
	said   []saying

	// What the change did to objects that are there now.
	doomed  map[thing]map[thing]bool // by list or text: what it inserted
	dead    map[thing]map[thing]bool // by list or text: what it deleted
	places  []place                  // of maps and registers, as they were first touched
	puts    map[place]*put
	sums    map[thing]int64
	marks   map[thing]bool
	earlier map[thing]earlierMark // by target of marks, once asked for: what the author said before
	objects []thing               // keys of doomed, dead, sums and marks, as they were first touched
}

// A put is what the change did to one key or register.
type put struct {
	value  thing // that it put there, if it did
	has    bool
	before []thing // that it replaced, the winner first
}

func newInverse(h *History, tx *Tx, i int32) *inverse {
	return &inverse{
		h: h, tx: tx, doc: h.w.replica.Doc(), log: h.w.replica.log, i: i,
		doomed: make(map[thing]map[thing]bool), dead: make(map[thing]map[thing]bool),
		puts: make(map[place]*put), sums: make(map[thing]int64), marks: make(map[thing]bool),
	}
}

func (v *inverse) now(t thing) thing { return v.h.now(t, v.i) }

func (v *inverse) visible(t thing) bool {
	_, visible := v.doc.pathOf(t)
	return visible
}

// run gathers what the change did, then adds its inverse. Most of a document it
// never touches: what the change did within objects that it made itself goes and
// comes with them.
func (v *inverse) run() error {
	links := v.log.links(v.i)
	if !v.log.decodes(v.i) {
		return nil
	}
	eachOp(v.log.ops(v.i), func(o *op, _, made int) {
		var target thing
		if o.code != opInsertOn {
			var ok bool
			if target, ok = v.log.resolve(o.target, v.i, links, made); !ok {
				return
			}
		}
		switch o.code {
		case opMark:
			if target.change != v.i && v.doc.read.exists(target) {
				v.touch(target)
				v.marks[target] = true
			}
		case opSet, opMake, opUnset:
			v.assigned(o, target, links, made)
		case opInsertRight, opInsertLeft, opInsertFirst, opInsertOn:
			v.inserted(made, o.makes)
		case opDelete:
			end := v.i
			if o.target.k < 0 {
				end = links[-1-o.target.k]
			}
			v.deleted(target, int(o.n), end)
		case opAdd:
			if kind, ok := v.doc.read.kindOf(target); ok && kind == CounterObject && target.change != v.i {
				target = v.now(target)
				v.touch(target)
				v.sums[target] += o.n
			}
		}
	})
	for _, t := range v.objects {
		if err := v.undoObject(t); err != nil {
			return err
		}
	}
	for _, p := range v.places {
		if err := v.undoPut(p, v.puts[p]); err != nil {
			return err
		}
	}
	return nil
}

func (v *inverse) touch(t thing) {
	if !slices.Contains(v.objects, t) {
		v.objects = append(v.objects, t)
	}
}

func (v *inverse) note(in map[thing]map[thing]bool, seq, t thing) {
	v.touch(seq)
	if in[seq] == nil {
		in[seq] = make(map[thing]bool)
	}
	in[seq][t] = true
}

func (v *inverse) inserted(made, n int) {
	for t := (thing{v.i, uint32(made)}); n > 0; n-- {
		if seq, _, ok := v.doc.read.holder(t); ok && seq.change != v.i {
			if at := v.now(t); v.doc.read.lives(at) {
				seq, _, _ = v.doc.read.holder(at)
				v.note(v.doomed, seq, at)
			}
		}
		t.index++
	}
}

func (v *inverse) deleted(first thing, n int, end int32) {
	v.doc.read.chain(first, n, end, func(t thing, n int) {
		for ; n > 0; n-- {
			at := v.now(t)
			if seq, _, ok := v.doc.read.holder(at); ok && !v.doc.read.lives(at) {
				v.note(v.dead, seq, at)
			}
			t.index++
		}
	})
}

func (v *inverse) assigned(o *op, holder thing, links []int32, made int) {
	kind, ok := v.doc.read.kindOf(holder)
	if !ok || holder.change == v.i || kind != MapObject && kind != RegisterObject {
		return
	}
	key := strings.Clone(o.key)
	var before []thing
	for _, f := range o.replaces {
		t, ok := v.log.resolve(f, v.i, links, made)
		if in, at, is := v.doc.read.holder(t); !ok || !is || in != holder || at != key {
			return // void
		}
		if t.change != v.i {
			before = append(before, t)
		}
	}
	p := place{v.now(holder), key}
	u := v.puts[p]
	if u == nil {
		u = &put{before: before}
		v.puts[p] = u
		v.places = append(v.places, p)
	}
	if u.has = o.code != opUnset; u.has {
		u.value = thing{v.i, uint32(made)}
	}
}

// undoObject undoes what the change did within one list or text, to one counter,
// or what it said of one thing.
func (v *inverse) undoObject(t thing) error {
	if v.marks[t] {
		if err := v.undoMark(t); err != nil {
			return err
		}
	}
	if v.visible(t) {
		if n := v.sums[t]; n != 0 {
			if err := v.tx.Add(v.log.name(t), -n); err != nil {
				return err
			}
		}
		if err := v.deleteAgain(t); err != nil {
			return err
		}
	}
	if dead := v.dead[t]; len(dead) > 0 {
		return v.insertAgain(t, dead)
	}
	return nil
}

// deleteAgain deletes what the change put into a list or text.
func (v *inverse) deleteAgain(t thing) error {
	ranks := make([]int, 0, len(v.doomed[t]))
	for e := range v.doomed[t] {
		ranks = append(ranks, v.doc.read.rank(e))
	}
	slices.Sort(ranks)
	for len(ranks) > 0 {
		n := 1
		for n < len(ranks) && ranks[n] == ranks[0]+n {
			n++
		}
		if err := v.tx.Delete(v.log.name(t), ranks[0], n); err != nil {
			return err
		}
		ranks = ranks[n:]
	}
	return nil
}

// insertAgain inserts what dead elements of a list or text held right behind them;
// or, if an undo made a copy of the list or text since, where they were in it.
func (v *inverse) insertAgain(seq thing, dead map[thing]bool) error {
	to := v.now(seq)
	if !v.visible(to) {
		return nil
	}
	if len(dead) == 1 {
		for t := range dead {
			return v.insertRuns(seq, to, v.doc.read.rank(t), []span{{t, 1}})
		}
	}
	var runs []span // of elements that have nothing between them
	var err error
	index := 0
	flush := func() {
		if len(runs) > 0 && err == nil {
			err = v.insertRuns(seq, to, index, runs)
		}
		runs = runs[:0]
	}
	v.doc.read.walk(seq, func(t thing, n int, live bool) bool {
		if live {
			flush()
			index += n
			return err == nil
		}
		for ; n > 0; n-- {
			if dead[t] {
				runs = appendThing(runs, t)
			} else {
				flush()
			}
			t.index++
		}
		return err == nil
	})
	flush()
	return err
}

func appendThing(runs []span, t thing) []span {
	if k := len(runs) - 1; k >= 0 && runs[k].first == (thing{t.change, t.index - uint32(runs[k].n)}) {
		runs[k].n++
		return runs
	}
	return append(runs, span{t, 1})
}

// insertRuns inserts copies of dead elements at index of seq, between which is
// nothing, into to.
func (v *inverse) insertRuns(seq, to thing, index int, runs []span) error {
	if to != seq {
		return v.copyRuns(seq, v.log.name(to), v.indexIn(seq, to, index), runs)
	}
	last := runs[len(runs)-1]
	v.tx.behind = &thing{last.first.change, last.first.index + uint32(last.n) - 1}
	defer func() { v.tx.behind = nil }()
	return v.copyRuns(seq, v.log.name(to), index, runs)
}

// indexIn is the place in to, a copy of seq, that corresponds to an index of seq.
func (v *inverse) indexIn(seq, to thing, index int) int {
	if index == 0 {
		return 0
	}
	left := v.now(v.doc.read.itemAt(seq, index-1))
	if in, _, ok := v.doc.read.holder(left); !ok || in != to {
		return min(index, v.doc.read.size(to))
	}
	index = v.doc.read.rank(left)
	if v.doc.read.lives(left) {
		index++
	}
	return index
}

// undoPut puts back what stood in a place.
func (v *inverse) undoPut(p place, u *put) error {
	if !v.visible(p.of) {
		return nil
	}
	value, act := v.decide(p, u)
	switch act {
	case putBack:
		return v.put(v.log.name(p.of), p.key, value, p.of)
	case takeAway:
		return v.tx.drop(v.log.name(p.of), p.key, v.now(u.value))
	}
	return nil
}

// What is to be done to a place to undo a put.
type putAct int

const (
	leave putAct = iota
	putBack
	takeAway // the value that was put there
)

// decide also returns the value that wins once the put is undone; none if none
// does.
func (v *inverse) decide(p place, u *put) (value thing, act putAct) {
	standing := v.doc.read.living(p.of, p.key)
	if u != nil && (u.has || len(standing) == 0) {
		at := 0
		if u.has {
			at = slices.Index(standing, v.now(u.value))
		}
		switch {
		case at < 0: // replaced since
		case len(u.before) > 0 && len(standing) <= 1:
			return v.now(u.before[0]), putBack
		case u.has:
			standing, act = slices.Delete(standing, at, at+1), takeAway
		}
	}
	if len(standing) == 0 {
		return noThing, act
	}
	return standing[0], act
}

// noThing is no thing that exists.
var noThing = thing{change: self}

// itemsBefore are the items of a list or text but for what the change did to it.
func (v *inverse) itemsBefore(seq thing) []span {
	doomed, dead := v.doomed[seq], v.dead[seq]
	if len(doomed)+len(dead) == 0 {
		return spans(v.doc, seq)
	}
	var all []span
	v.doc.read.walk(seq, func(t thing, n int, live bool) bool {
		for ; n > 0; n-- {
			if live && !doomed[t] || dead[t] {
				all = appendThing(all, t)
			}
			t.index++
		}
		return true
	})
	return all
}

// undoMark says again what the author said before, if what the change said stands.
func (v *inverse) undoMark(target thing) error {
	it, ok := v.doc.read.said().items.Get(markItem{target: target, author: v.log.author(v.i)})
	if !ok || it.change != v.h.saying(target, v.i) {
		return nil
	}
	if v.earlier == nil {
		v.saidBefore()
	}
	before, ok := v.earlier[target]
	if !ok {
		return v.tx.Mark(v.log.name(target), dcbor.AppendNull(nil))
	}
	v.said = append(v.said, saying{target, before.change})
	return v.tx.Mark(v.log.name(target), before.literal)
}

// An earlierMark is what a change said of a target.
type earlierMark struct {
	change  int32
	literal Literal
}

// saidBefore finds what the author last said before the change, of all that it marks:
// in one walk, O(chain).
func (v *inverse) saidBefore() {
	v.earlier = make(map[thing]earlierMark)
	for i := v.log.prev(v.i); i != none && len(v.earlier) < len(v.marks); i = v.log.prev(i) {
		if !v.log.decodes(i) {
			continue
		}
		links := v.log.links(i)
		eachOp(v.log.ops(i), func(o *op, _, made int) {
			if o.code != opMark {
				return
			}
			t, ok := v.log.resolve(o.target, i, links, made)
			if !ok || !v.marks[t] {
				return
			}
			if later, found := v.earlier[t]; !found || later.change == i { // the last of one change stands
				v.earlier[t] = earlierMark{i, slices.Clone(o.literal)}
			}
		})
	}
}
