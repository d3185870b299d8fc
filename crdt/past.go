package crdt

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// AsOf is the document as whoever knew these changes and all their ancestors, and
// nothing else, saw it; without heads, the empty one. It never changes, and any
// number of goroutines may read it while the replica goes on. The error is
// [ErrMissing], naming a change that was not accepted here, or [ErrKeeper].
//
// It applies those changes again: no id, link or signature is checked anew.
func (r *Replica) AsOf(heads ...ChangeID) (*Doc, error) {
	in, err := r.ancestors(heads)
	if err != nil {
		return nil, err
	}
	return r.replay(in, nil), nil
}

// changeSet is a set of changes by log index.
type changeSet []uint64

func (s changeSet) has(i int32) bool {
	return int(i>>6) < len(s) && s[i>>6]&(1<<(i&63)) != 0
}

func (s changeSet) add(i int32) { s[i>>6] |= 1 << (i & 63) }

// each yields the changes in log order: parents first.
func (s changeSet) each(yield func(int32) bool) {
	for i := range int32(len(s) << 6) {
		if s.has(i) && !yield(i) {
			return
		}
	}
}

// ancestors are the heads and what is before them. O(log index of the newest).
func (r *Replica) ancestors(heads []ChangeID) (changeSet, error) {
	if r.keeps() {
		return nil, ErrKeeper
	}
	newest := none
	at := make([]int32, len(heads))
	for k, id := range heads {
		i, ok := r.log.find(id)
		if !ok {
			return nil, fmt.Errorf("%w: %v", ErrMissing, id)
		}
		at[k], newest = i, max(newest, i)
	}
	s := make(changeSet, (newest+64)>>6)
	for _, i := range at {
		s.add(i)
	}
	for i := newest; i >= 0; i-- {
		if s.has(i) {
			for p := range r.log.parents(i) {
				s.add(p)
			}
		}
	}
	return s, nil
}

// replay makes the document of the changes of s, which holds their ancestors. tell,
// if there is one, is told of each before it is applied.
func (r *Replica) replay(s changeSet, tell func(d *Doc, i int32)) *Doc {
	l := r.log.view()
	l.authorOf = maps.Clone(r.log.authorOf)
	return replay(r.charter.Kind, l, s.each, tell)
}

// replay makes the document of some changes of a log that nobody changes, in its
// order: parents first.
func replay(kind Kind, l *log, changes func(yield func(int32) bool), tell func(d *Doc, i int32)) *Doc {
	made := newDocument(kind, l)
	d := &Doc{log: l, read: made.(reader), mu: new(sync.Mutex)}
	for i := range changes {
		if tell != nil {
			tell(d, i)
		}
		made.apply(i)
	}
	made.observe(nil)
	byID := sync.OnceValue(func() []int32 {
		return slices.SortedFunc(changes, func(a, b int32) int { return l.id(a).compare(l.id(b)) })
	})
	d.find = func(n Name) (thing, bool) {
		if n.Fixed() {
			return l.thing(n)
		}
		k, ok := slices.BinarySearchFunc(byID(), n.Change, func(i int32, id ChangeID) int { return l.id(i).compare(id) })
		if !ok {
			return thing{}, false
		}
		return thing{byID()[k], n.Index}, true
	}
	return d
}

// Diff is how the document of the changes from and their ancestors becomes that of
// the changes to and theirs, as patches in the order in which to apply them. to
// may be before from, or beside it. The errors are those of [Replica.AsOf].
//
// Patches are put down to the change of to that made the difference, a deletion to
// the one accepted here first; where there is no such one, since the difference leads
// back, to nobody; where there are several that cannot be told apart, as of a counter,
// to the author that all share.
// It costs both documents.
func (r *Replica) Diff(from, to []ChangeID) ([]Patch, error) {
	before, err := r.ancestors(from)
	if err != nil {
		return nil, err
	}
	after, err := r.ancestors(to)
	if err != nil {
		return nil, err
	}
	b := &blame{ended: make(map[thing]int32), changed: make(map[place]int32)}
	x := &differ{known: before, from: r.replay(before, nil), blame: b}
	x.to = r.replay(after, func(d *Doc, i int32) {
		b.change, b.log = i, d.log
		if before.has(i) {
			d.read.observe(nil)
		} else {
			d.read.observe(b)
		}
	})
	x.journal = journal{doc: x.to, change: none}
	x.object(fixedThing(Root.Index), []any{})
	x.marks()
	return x.journal.take(), nil
}

// blame notes which changes end and change what.
type blame struct {
	log     *log
	change  int32
	ended   map[thing]int32 // by element: of the changes that delete it, the one accepted first
	changed map[place]int32 // by key, register or counter: the last likewise; none if of several authors
}

type place struct {
	of  thing
	key string
}

func (b *blame) inserted(thing, int) {}

func (b *blame) deleting(first thing, n int) {
	for range n {
		b.ended[first] = b.change
		first.index++
	}
}

func (b *blame) assigning(thing, string) {}

func (b *blame) assigned(holder thing, key string) {
	p := place{holder, key}
	if other, ok := b.changed[p]; !ok || b.log.before(other, b.change) {
		b.changed[p] = b.change
	}
}

func (b *blame) added(counter thing, _ int64) {
	p := place{of: counter}
	other, ok := b.changed[p]
	switch {
	case !ok:
		b.changed[p] = b.change
	case other == none || b.log.author(other) != b.log.author(b.change):
		b.changed[p] = none
	case b.log.before(other, b.change):
		b.changed[p] = b.change
	}
}

func (b *blame) marked(markItem) {}

// A differ walks two documents of one log together. A thing is the same in both.
type differ struct {
	from, to *Doc
	known    changeSet // of from
	blame    *blame
	journal  journal
}

// by sets to whom the next patch is put down.
func (x *differ) by(i int32, ok bool) {
	if !ok {
		i = none
	}
	x.journal.change = i
}

// object is one that stands at path in both.
func (x *differ) object(t thing, path []any) {
	switch kind, _ := x.to.read.kindOf(t); kind {
	case MapObject:
		keys := append(x.from.read.keys(t), x.to.read.keys(t)...)
		slices.SortFunc(keys, compareKeys)
		for _, key := range slices.Compact(keys) {
			x.value(t, path, key, append(slices.Clip(path), key))
		}
	case RegisterObject:
		x.value(t, path, "", path)
	case CounterObject:
		if n := x.to.read.total(t) - x.from.read.total(t); n != 0 {
			i, ok := x.blame.changed[place{of: t}]
			x.by(i, ok)
			x.journal.sum(t, path, n)
		}
	default:
		x.sequence(t, path)
	}
}

// value is what stands under key of a map at path, or in a register there.
func (x *differ) value(holder thing, path []any, key string, at []any) {
	a, had := x.from.winner(holder, key)
	b, has := x.to.winner(holder, key)
	switch {
	case !had && !has:
	case had && has && a == b:
		if _, isObject := x.to.read.kindOf(b); isObject {
			x.object(b, at)
		}
	default:
		if has && !x.known.has(b.change) {
			x.by(b.change, true)
		} else {
			i, ok := x.blame.changed[place{holder, key}]
			x.by(i, ok)
		}
		x.journal.assign(holder, path, key, b, has)
	}
}

// A span is n things of one change in a row.
type span struct {
	first thing
	n     int
}

func spans(d *Doc, seq thing) []span {
	var all []span
	d.read.runs(seq, 0, d.read.size(seq), func(first thing, n int) bool {
		all = append(all, span{first, n})
		return true
	})
	return all
}

func dropFront(s []span, n int) []span {
	if s[0].n == n {
		return s[1:]
	}
	s[0].first.index += uint32(n)
	s[0].n -= n
	return s
}

// sequence goes from left to right: what is before index is as in x.to already.
// Elements have the same order in both, so one that is live in only one of them
// was deleted or inserted.
func (x *differ) sequence(seq thing, path []any) {
	old, now := spans(x.from, seq), spans(x.to, seq)
	kind, _ := x.to.read.kindOf(seq)
	index := 0
	for len(old) > 0 || len(now) > 0 {
		switch {
		case len(old) > 0 && len(now) > 0 && old[0].first == now[0].first:
			n := min(old[0].n, now[0].n)
			if kind == ListObject {
				x.items(now[0].first, n, path, index)
			}
			index += n
			old, now = dropFront(old, n), dropFront(now, n)
		case len(old) > 0 && !x.to.read.lives(old[0].first):
			i, ok := x.blame.ended[old[0].first]
			x.by(i, ok)
			x.journal.delete(seq, path, index, 1)
			old = dropFront(old, 1)
		default:
			first, n := now[0].first, 1
			for t := first; n < now[0].n; n++ {
				if t.index++; x.from.read.lives(t) {
					break
				}
			}
			x.by(first.change, !x.known.has(first.change))
			x.journal.insert(seq, path, index, first, n)
			index += n
			now = dropFront(now, n)
		}
	}
}

// items are n items of a list that stand at index in both.
func (x *differ) items(t thing, n int, path []any, index int) {
	for range n {
		if _, isObject := x.to.read.kindOf(t); isObject {
			x.object(t, append(slices.Clip(path), index))
		}
		t.index++
		index++
	}
}

// marks come last: their targets stand where they do in x.to.
func (x *differ) marks() {
	from, to := x.from.read.said().items, x.to.read.said().items
	to.Scan(func(it markItem) bool {
		old, had := from.Get(it)
		if !had || cmp.Or(cmp.Compare(old.change, it.change), cmp.Compare(old.op, it.op)) != 0 {
			if path, visible := x.to.pathOf(it.target); visible {
				x.by(it.change, true)
				x.journal.mark(it, path)
			}
		}
		return true
	})
	from.Scan(func(it markItem) bool {
		if _, has := to.Get(it); has || !x.to.read.exists(it.target) {
			return true
		}
		if path, visible := x.to.pathOf(it.target); visible {
			x.by(none, false)
			x.journal.add(it.target, path, "", Patch{Op: PatchUnmark})
			x.journal.patches[len(x.journal.patches)-1].Author = x.to.log.keys[it.author]
			x.journal.path = nil
		}
		return true
	})
}
