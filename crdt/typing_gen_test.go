package crdt_test

import (
	"errors"
	"slices"

	"github.com/tallystick/tallystick/crdt"
)

// Random sessions of typing: what several people do to one text or list at a time,
// each keystroke a change of its own, and what hostile authors do to it by hand.

var pastes = []string{
	"a paste longer than a page of a person's patience, put into the middle",
	"𝄞𝄢𝄡 and 日本語 and é, 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 of one to four bytes",
}

// session is a run of keystrokes of an honest author in one text or list.
func (w *world) session(h *honest) {
	seqs := w.knownNames(h.replica, func(o *refObject, _ *refThing) bool { return o != nil && (o.kind == refText || o.kind == refList) })
	if len(seqs) == 0 {
		w.edit(h)
		return
	}
	at := seqs[0] // where everybody types
	if w.chance(30) {
		at = pick(w.dice, seqs)
	}
	caret := -1
	backwards := w.chance(20)
	for range 2 + w.n(9) {
		w.change(h, func(tx *crdt.Tx) error {
			n := lengthOf(tx, at)
			if caret < 0 || caret > n {
				caret = w.n(n + 1)
			}
			switch {
			case w.chance(15) && n > 0:
				from := w.n(n)
				return tx.Delete(at, from, 1+w.n(min(n-from, 30)))
			case w.chance(10):
				caret = w.n(n + 1)
			}
			put, err := w.put(tx, at, caret, w.chance(8))
			if !backwards {
				caret += put
			}
			return err
		})
	}
	if w.chance(80) {
		w.send(h)
	}
}

// put inserts a keystroke or a paste at index of a text or list.
func (w *world) put(tx *crdt.Tx, at crdt.Name, index int, paste bool) (int, error) {
	text := pick(w.dice, []string{"a", "b", "é", "日", "𝄞"})
	if paste {
		text = pick(w.dice, pastes)
	}
	_, err := tx.InsertText(at, index, text)
	if !errors.Is(err, crdt.ErrWrongType) {
		return len([]rune(text)), err
	}
	items := []crdt.Literal{w.txLiteral()}
	for range 9 * w.n(2) {
		items = append(items, w.txLiteral())
	}
	_, err = tx.Insert(at, index, items...)
	return len(items), err
}

// lengthOf is the length of a text or list before tx: the greatest index at which
// nothing can be deleted.
func lengthOf(tx *crdt.Tx, at crdt.Name) int {
	over := 1
	for tx.Delete(at, over, 0) == nil {
		over *= 2
	}
	n := 0
	for n+1 < over {
		if mid := (n + over) / 2; tx.Delete(at, mid, 0) == nil {
			n = mid
		} else {
			over = mid
		}
	}
	return n
}

// hostileSession is a run of handmade keystrokes in one text or list: from a tip or,
// forking the chain, from anywhere; with deletes that go along chains, one's own and
// those of links.
func (w *world) hostileSession() {
	seqs := w.ref.doc.names(func(o *refObject, _ *refThing) bool { return o != nil && (o.kind == refText || o.kind == refList) })
	r := w.hostileRun()
	if w.chance(30) { // in the middle of what was typed before
		if chain := w.chainOf(r.author); len(chain) > 0 {
			r.prev = pick(w.dice, chain)
		}
	}
	if len(seqs) == 0 {
		raw := rawChange{r.author, r.prev, refPayload(0, nil, refEncode(ops{ops{3, 0, "text", ops{}, 2}}))}
		if w.ref.changes[refID(w.room, raw)] == nil {
			r.payloads = append(r.payloads, raw.payload)
			seqs = append(seqs, refName{w.know(raw).id, 0})
		} else {
			return
		}
	}
	at := w.ref.doc.objects[seqs[0]]
	if w.chance(30) {
		at = w.ref.doc.objects[pick(w.dice, seqs)]
	}
	in := func(_ *refObject, t *refThing) bool { return t != nil && t.element && t.in == at }
	for range 2 + w.n(7) {
		prev := w.tail(r)
		links := w.links(prev)
		if w.chance(50) {
			links = w.tipsBut(prev)
		}
		h := &handmade{world: w, author: r.author, prev: prev, links: links}
		typed := any(pick(w.dice, []string{"x", "y", "é", "𝄞", pastes[w.n(len(pastes))]}))
		if at.kind == refList {
			typed = pick(w.dice, []any{ops{"x"}, ops{1, 2, 3}, w.n(5)})
		}
		elements := w.ref.doc.names(in)
		switch w.n(3) {
		case 0: // of this author, on any branch
			elements = slices.DeleteFunc(elements, func(n refName) bool { return w.ref.changes[n.change].author != r.author })
		case 1: // of this branch
			branch := map[hash32]bool{}
			for c := w.ref.changes[prev]; c != nil; c = w.ref.changes[c.prev] {
				branch[c.id] = true
			}
			elements = slices.DeleteFunc(elements, func(n refName) bool { return !branch[n.change] })
		}
		reach := func() (refName, any, bool) {
			for range 4 {
				if len(elements) == 0 {
					break
				}
				e := pick(w.dice, elements)
				if n, ok := h.write(e); ok {
					return e, n, true
				}
			}
			return refName{}, nil, false
		}
		var o any
		last := w.ref.changes[prev]
		onward := last != nil && last.made > 0 && in(nil, w.ref.doc.things[refName{last.id, last.made - 1}])
		e, name, reached := reach()
		switch {
		case reached && w.chance(30):
			n := h.stretch(e)
			if w.chance(40) {
				n = 1 + w.n(n)
			}
			o = ops{9, name, n + w.n(10)/9}
		case onward && w.chance(80):
			o = ops{8, typed}
		case reached:
			o = ops{5 + w.n(2), name, typed}
		default:
			root, ok := h.write(at.name)
			if !ok {
				continue
			}
			o = ops{7, root, typed}
		}
		raw := rawChange{r.author, prev, refPayload(int64(w.n(1<<20)), links, refEncode(ops{o}))}
		if w.ref.changes[refID(w.room, raw)] != nil {
			continue
		}
		r.payloads = append(r.payloads, raw.payload)
		w.know(raw)
	}
	w.publish(r)
}

// stretch is how many elements of one sequence a delete that begins at e can name:
// up to this change or, from another chain, up to the link.
func (h *handmade) stretch(e refName) (n int) {
	in := h.ref.doc.things[e].in
	for _, end := range append([]hash32{h.prev}, h.links...) {
		var chain []*refChange
		for c := h.ref.changes[end]; c != nil; c = h.ref.changes[c.prev] {
			if chain = append(chain, c); c.id == e.change {
				break
			}
		}
		if len(chain) == 0 || chain[len(chain)-1].id != e.change {
			continue
		}
		for i := e.index; len(chain) > 0; chain, i = chain[:len(chain)-1], 0 {
			c := chain[len(chain)-1]
			for ; i < c.made; i++ {
				if t := h.ref.doc.things[refName{c.id, i}]; t == nil || !t.element || t.in != in {
					return n
				}
				n++
			}
			if c.made == 0 {
				return n
			}
		}
		return n
	}
	return 1
}

// tipsBut are tips, at most six, sorted: without prev.
func (w *world) tipsBut(prev hash32) []hash32 {
	tips := slices.DeleteFunc(w.ref.tips(), func(id hash32) bool { return id == prev })
	tips = shuffled(w.dice, tips)[:min(6, len(tips))]
	slices.SortFunc(tips, compareHashes)
	return tips
}

// tower nests as many maps as may be, and one or two more.
func tower(levels int) ops {
	all := ops{ops{3, 0, "tower", ops{}, 0}}
	for i := range levels - 1 {
		all = append(all, ops{3, ops{0, i}, "in", ops{}, 0})
	}
	return all
}
