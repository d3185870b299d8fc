package crdt

import "errors"

// A History undoes and redoes what one author does through one replica. Undo makes
// a new change with the inverse ops, as that author; nothing leaves the log, and
// what others did stays:
//
//   - of an insert, what is still live of it is deleted;
//   - of a delete, the same content is inserted again where it was, also if
//     somebody else deleted it too;
//   - of set, make and unset, the value that won before is put back, unless
//     somebody has replaced the new one since; if another value stands beside that,
//     it is only taken away;
//   - of add, as much is subtracted;
//   - of a mark, what the author said before is said again, or null, since nothing
//     can be unsaid.
//
// What was put back is a copy: with new names, of objects all that wins in them.
// History knows which, so that the next undo or redo finds it. What is not visible
// is left alone.
//
// A History is used like its [Writer]. It remembers [MaxHistory] changes, not
// beyond the life of the process.
type History struct {
	w    *Writer
	seen int32   // the newest change of the author that was looked at, or none
	done []int32 // to be undone, by log index, the newest last
	back []int32 // that Undo made: to be redone
	// By what was deleted or replaced: what an undo or redo put in its place.
	moved map[thing]thing
	// By mark that was replaced: the change that says it again.
	again map[saying]int32
}

// A saying is what a change says of a target.
type saying struct {
	target thing
	change int32
}

// History remembers the changes that w's author makes here from now on, until they
// are undone.
func (w *Writer) History() *History {
	return &History{w: w, seen: w.replica.log.authors[w.number].tip, moved: make(map[thing]thing), again: make(map[saying]int32)}
}

// Len is how many changes Undo and Redo could go back over. Those of them that
// have no effect any more are skipped without notice.
func (h *History) Len() (undo, redo int) {
	h.look()
	return len(h.done), len(h.back)
}

// Undo takes back the author's newest change that is neither undone nor without
// effect by now, and returns the change that does it. unix is as in
// [Writer.Change]. The errors are [ErrNothingToUndo] and those of Writer.Change,
// with History, log and document as before; but a change that cannot be undone by
// one change within the limits ([ErrOverLimit], [ErrLiteral]) is forgotten.
func (h *History) Undo(unix int64) (ChangeID, error) {
	h.look()
	return h.step(&h.done, &h.back, unix, ErrNothingToUndo)
}

// Redo takes back the newest Undo, if the author has changed nothing else since.
// The errors are [ErrNothingToRedo], else those of [History.Undo].
func (h *History) Redo(unix int64) (ChangeID, error) {
	h.look()
	return h.step(&h.back, &h.done, unix, ErrNothingToRedo)
}

// look finds the changes that the author made since it last looked. After such a
// one there is nothing to redo.
func (h *History) look() {
	l := h.w.replica.log
	var found []int32
	for i := l.authors[h.w.number].tip; i != none && len(found) < MaxHistory && l.seq(i) > l.seq(h.seen); i = l.prev(i) {
		found = append(found, i)
	}
	if len(found) == 0 {
		return
	}
	h.seen, h.back = found[0], nil
	for k := len(found) - 1; k >= 0; k-- {
		h.done = append(h.done, found[k])
	}
	if more := len(h.done) - MaxHistory; more > 0 {
		h.done = append(h.done[:0], h.done[more:]...)
	}
}

// step makes the inverse of the newest change of from that has one, and puts it on
// to.
func (h *History) step(from, to *[]int32, unix int64, empty error) (ChangeID, error) {
	for len(*from) > 0 {
		last := len(*from) - 1
		i := (*from)[last]
		var inv *inverse
		id, err := h.w.Change(unix, func(tx *Tx) error {
			inv = newInverse(h, tx, i)
			return inv.run()
		})
		if err == nil || errors.Is(err, ErrEmptyChange) || errors.Is(err, ErrOverLimit) || errors.Is(err, ErrLiteral) {
			*from = (*from)[:last]
		}
		switch {
		case errors.Is(err, ErrEmptyChange):
			continue
		case err != nil:
			return ChangeID{}, err
		}
		made, _ := h.w.replica.log.find(id)
		h.seen = made
		*to = append(*to, made)
		h.remember(inv, made)
		return id, nil
	}
	return ChangeID{}, empty
}

// copies are n things in a row whose copies a change makes, from index on.
type copies struct {
	of    thing
	n     int
	index uint32
}

// remember notes what the change made puts in place of what.
func (h *History) remember(inv *inverse, made int32) {
	for _, c := range inv.copied {
		if len(h.moved)+c.n > maxHistoryCopies {
			clear(h.moved) // older changes are undone as far as they made things themselves
		}
		for k := range uint32(c.n) {
			h.moved[thing{c.of.change, c.of.index + k}] = thing{made, c.index + k}
		}
	}
	for _, s := range inv.said {
		if len(h.again) == maxHistoryCopies {
			clear(h.again)
		}
		h.again[s] = made
	}
}

// now is what stands for t, which change i named: itself, or the last copy of it.
// What was copied with the object that it is in may still live there; nobody sees
// it. A copy that was there before i is not what i meant.
func (h *History) now(t thing, i int32) thing {
	for {
		next, ok := h.moved[t]
		if !ok || next.change < i {
			return t
		}
		t = next
	}
}

// saying is the change that says what change i says of target: itself, or the last
// that says it again.
func (h *History) saying(target thing, i int32) int32 {
	for {
		next, ok := h.again[saying{target, i}]
		if !ok {
			return i
		}
		i = next
	}
}
