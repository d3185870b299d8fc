package crdt_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
)

// noted makes known to the reference what h made last, and checks that nothing of
// it is void.
func (w *world) noted(h *honest, id crdt.ChangeID) {
	voids := w.ref.doc.voids
	i, _ := h.replica.Index(id)
	w.know(rawOf(h.replica, i))
	if w.ref.doc.voids != voids {
		w.t.Fatalf("an undo has void ops: %x", h.replica.At(i).Payload)
	}
}

// While nobody else writes, undo leads back through the same values and redo forth
// again, from whatever document a random program left.
func TestUndo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, roomOf(crdt.JSON), 1, 2)
		w.seq = w.chance(40)
		w.run(rapid.IntRange(0, 10).Draw(t, "before"))
		h := w.honest[0]
		for range w.packs {
			w.hear(h)
		}
		history := h.writer.History()
		if undo, redo := history.Len(); undo+redo > 0 {
			t.Fatalf("a new history has %d and %d", undo, redo)
		}
		var before, after []any // values that undo and redo lead to
		for range rapid.IntRange(1, 16).Draw(t, "steps") {
			w.step()
			now := h.replica.Value()
			undo, redo := history.Len()
			if undo != len(before) || redo != len(after) {
				t.Fatalf("%d to undo and %d to redo, want %d and %d", undo, redo, len(before), len(after))
			}
			switch w.n(5) {
			case 0, 1:
				n := h.replica.Len()
				past, err := h.replica.AsOf(h.replica.Heads()...)
				if err != nil {
					t.Fatal(err)
				}
				w.edit(h)
				switch {
				case h.replica.Len() == n:
				case w.sighted(past, w.ref.changes[hash32(h.replica.ID(n))]):
					before, after = append(before, now), nil
				default:
					history, before, after = h.writer.History(), nil, nil
				}
				continue
			case 2, 3:
				id, err := history.Undo(1)
				if w.nothing(h, err, crdt.ErrNothingToUndo, now) {
					before = nil
					continue
				}
				w.noted(h, id)
				undo, _ = history.Len()
				w.valueIs(h, before[undo])
				before, after = before[:undo], append(after, now)
			default:
				id, err := history.Redo(1)
				if w.nothing(h, err, crdt.ErrNothingToRedo, now) {
					after = nil
					continue
				}
				w.noted(h, id)
				_, redo = history.Len()
				w.valueIs(h, after[redo])
				before, after = append(before, now), after[:redo]
			}
			w.check(h.replica)
		}
	})
}

// sighted reports whether c changes only what whoever made it could see: undo leaves
// the rest alone, and what stands in an object that comes back is what is in it by
// then.
func (w *world) sighted(past *crdt.Doc, c *refChange) bool {
	tree, _ := refDecode(c.ops, 100)
	made, deleted := 0, int64(0)
	for _, item := range tree.([]any) {
		o, _ := refWellFormed(item, &deleted)
		name := refName{c.prev, 0}
		if o.code != 8 {
			name, _ = w.ref.doc.resolve(o.target, c, made)
		} else if made > 0 {
			name.change = c.id
		}
		if thing := w.ref.doc.things[name]; thing != nil && thing.element && thing.object == nil {
			name = thing.in.name
		}
		if _, visible, _ := past.Path(nameOf(name)); !visible && name.change != c.id {
			return false
		}
		made += o.makes
	}
	return true
}

func (w *world) valueIs(h *honest, want any) {
	if got := h.replica.Value(); !reflect.DeepEqual(got, want) {
		w.t.Fatalf("got %#v, want %#v", got, want)
	}
}

// nothing reports whether there was nothing to undo or redo, and checks that then
// nothing changed.
func (w *world) nothing(h *honest, err, want error, now any) bool {
	switch {
	case errors.Is(err, crdt.ErrOwnFork):
		w.t.Skip()
	case errors.Is(err, want):
		w.valueIs(h, now)
		return true
	case err != nil:
		w.t.Fatal(err)
	}
	return false
}

// Two people write at once; one undoes all of it. Then the text is what the other
// made of it: all of the other's code points, none of the first one's, and those
// that were there before unless the other deleted them, in their order.
func TestUndoAmongOthers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, roomOf(crdt.JSON), 2, 0)
		alice, bob := w.honest[0], w.honest[1]
		const start = "abcdefghijklmnop"
		var text, counter crdt.Name
		id, err := alice.writer.Change(0, func(tx *crdt.Tx) (err error) {
			if text, err = tx.Make(crdt.Root, "text", crdt.TextObject); err != nil {
				return err
			}
			if counter, err = tx.Make(crdt.Root, "n", crdt.CounterObject); err != nil {
				return err
			}
			_, err = tx.InsertText(text, 0, start)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		text.Change, counter.Change = id, id
		meet := func() {
			alice.writer.Sign()
			bob.writer.Sign()
			for _, pair := range [][2]*honest{{alice, bob}, {bob, alice}} {
				for _, frame := range exported(pair[0].replica) {
					deliver(t, pair[1].replica, frame, 1)
				}
			}
		}
		meet()
		history := alice.writer.History()
		sum, deleted := int64(0), map[rune]bool{}
		next := map[*honest]rune{alice: 'A', bob: 0x4e00}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			w.step()
			h := pick(w.dice, w.honest)
			now, _ := h.replica.Doc().Text(text)
			runes := []rune(now)
			_, err := h.writer.Change(0, func(tx *crdt.Tx) error {
				switch w.n(4) {
				case 0, 1:
					more := []rune{next[h], next[h] + 1}
					next[h] += 2
					_, err := tx.InsertText(text, w.n(len(runes)+1), string(more))
					return err
				case 2:
					n := w.n(10)
					if h == bob {
						sum += int64(n)
					}
					return tx.Add(counter, int64(n))
				default:
					from := w.n(len(runes) + 1)
					to := min(len(runes), from+w.n(5))
					if h == bob {
						for _, c := range runes[from:to] {
							deleted[c] = true
						}
					}
					return tx.Delete(text, from, to-from)
				}
			})
			if err != nil && !errors.Is(err, crdt.ErrEmptyChange) {
				t.Fatal(err)
			}
			if w.chance(40) {
				meet()
			}
		}
		meet()
		for err = nil; err == nil; {
			_, err = history.Undo(1)
		}
		if !errors.Is(err, crdt.ErrNothingToUndo) {
			t.Fatal(err)
		}
		meet()
		got, _ := bob.replica.Doc().Text(text)
		old, bobs := "", ""
		for _, c := range got {
			switch {
			case strings.ContainsRune(start, c):
				old += string(c)
			case c < 0x4e00:
				t.Fatalf("what was undone is still there: %q", got)
			default:
				bobs += string(c)
			}
		}
		for c := rune(0x4e00); c < next[bob]; c++ {
			if n := strings.Count(bobs, string(c)); n != 1 && !deleted[c] || n > 1 {
				t.Fatalf("what another wrote is there %d times: %q", n, got)
			}
		}
		if !slices.IsSorted([]rune(old)) {
			t.Fatalf("out of order: %q", got)
		}
		for _, c := range start {
			if n := strings.Count(old, string(c)); n != 1 && !deleted[c] || n > 1 {
				t.Fatalf("%c is there %d times: %q", c, n, got)
			}
		}
		if n, _ := bob.replica.Doc().Count(counter); n != sum {
			t.Fatalf("counter %d, want %d", n, sum)
		}
	})
}

// What undo does where others have a say, case by case.
func TestUndoConflicts(t *testing.T) {
	t.Parallel()
	set := func(key string, v any) func(*crdt.Tx) error {
		return func(tx *crdt.Tx) error { _, err := tx.Set(crdt.Root, key, lit(t, v)); return err }
	}
	for _, c := range []struct {
		name                string
		before, mine, their func(*crdt.Tx) error
		after               bool // theirs knows mine
		nothing             bool // is left to undo
		want                any
	}{
		{name: "a value that nobody touched", before: set("k", 1), mine: set("k", 2), want: map[string]any{"k": int64(1)}},
		{name: "a value where none was", mine: set("k", 2), want: map[string]any{}},
		{name: "a value that another replaced", before: set("k", 1), mine: set("k", 2), their: set("k", 3), after: true, nothing: true, want: map[string]any{"k": int64(3)}},
		{name: "a value beside another's", before: set("k", 1), mine: set("k", 2), their: set("k", 3), want: map[string]any{"k": int64(3)}},
		{name: "an unset", before: set("k", 1), mine: func(tx *crdt.Tx) error { return tx.Unset(crdt.Root, "k") }, want: map[string]any{"k": int64(1)}},
		{name: "an unset beside another's set", before: set("k", 1), mine: func(tx *crdt.Tx) error { return tx.Unset(crdt.Root, "k") }, their: set("k", 3), nothing: true, want: map[string]any{"k": int64(3)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := newReplica(t, roomOf(crdt.JSON)), newReplica(t, roomOf(crdt.JSON))
			alice, bob := mustWriter(t, a, 0), mustWriter(t, b, 1)
			change := func(w *crdt.Writer, edit func(*crdt.Tx) error) {
				t.Helper()
				if edit == nil {
					return
				}
				if _, err := w.Change(0, edit); err != nil {
					t.Fatal(err)
				}
				w.Sign()
			}
			send := func(from, to *crdt.Replica) {
				for _, frame := range exported(from) {
					deliver(t, to, frame, 1)
				}
			}
			change(alice, c.before)
			send(a, b)
			history := alice.History()
			change(alice, c.mine)
			if c.after {
				send(a, b)
			}
			change(bob, c.their)
			send(b, a)
			mine := a.Value()
			_, err := history.Undo(1)
			if c.nothing {
				if !errors.Is(err, crdt.ErrNothingToUndo) {
					t.Fatalf("got %v", err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if got := a.Value(); !reflect.DeepEqual(got, c.want) {
				t.Fatalf("undone: got %v, want %v", got, c.want)
			}
			if c.their == nil {
				if _, err := history.Redo(1); err != nil {
					t.Fatal(err)
				}
				if got := a.Value(); !reflect.DeepEqual(got, mine) {
					t.Fatalf("redone: got %v, want %v", got, mine)
				}
			}
		})
	}
}

// A mark is taken back by saying what was said before.
func TestUndoMark(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		r := newReplica(t, roomOf(kind))
		w := mustWriter(t, r, 0)
		history := w.History()
		for _, said := range []string{"yes", "no"} {
			if _, err := w.Change(0, func(tx *crdt.Tx) error { return tx.Mark(crdt.Root, lit(t, said)) }); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []any{"yes", nil} {
			if _, err := history.Undo(0); err != nil {
				t.Fatal(err)
			}
			if got, ok := r.MarkOf(crdt.Root, w.Author()); !ok || got.Value() != want {
				t.Fatalf("got %v, want %v", got.Value(), want)
			}
		}
		for _, want := range []any{"yes", "no"} {
			if _, err := history.Redo(0); err != nil {
				t.Fatal(err)
			}
			if got, _ := r.MarkOf(crdt.Root, w.Author()); got.Value() != want {
				t.Fatalf("got %v, want %v", got.Value(), want)
			}
		}
	}
}

// History forgets the oldest, and what no one change can put back.
func TestHistoryLimits(t *testing.T) {
	t.Parallel()
	r, w, names := sample(t)
	history := w.History()
	add := func(n int64) {
		t.Helper()
		if _, err := w.Change(0, func(tx *crdt.Tx) error { return tx.Add(names["counter"], n) }); err != nil {
			t.Fatal(err)
		}
	}
	for range crdt.MaxHistory + 5 {
		add(1)
	}
	if undo, _ := history.Len(); undo != crdt.MaxHistory {
		t.Fatalf("remembers %d", undo)
	}
	for range crdt.MaxHistory {
		if _, err := history.Undo(0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := history.Undo(0); !errors.Is(err, crdt.ErrNothingToUndo) {
		t.Fatalf("got %v", err)
	}
	if n, _ := r.Doc().Count(names["counter"]); n != 5 {
		t.Fatalf("counted %d", n)
	}
	// An object that many changes made, and that one unset takes away.
	long := strings.Repeat("x", crdt.MaxPayloadBytes-1000)
	for range 2 {
		if _, err := w.Change(0, func(tx *crdt.Tx) error { _, err := tx.InsertText(names["text"], 0, long); return err }); err != nil {
			t.Fatal(err)
		}
	}
	add(7)
	if _, err := w.Change(0, func(tx *crdt.Tx) error { return tx.Unset(crdt.Root, "text") }); err != nil {
		t.Fatal(err)
	}
	before := r.Len()
	if _, err := history.Undo(0); !errors.Is(err, crdt.ErrOverLimit) || r.Len() != before {
		t.Fatalf("got %v", err)
	}
	if _, err := history.Undo(0); err != nil { // of add
		t.Fatal(err)
	}
	if n, _ := r.Doc().Count(names["counter"]); n != 5 {
		t.Fatalf("counted %d", n)
	}
}

// Nested objects come back as deep copies, again and again.
func ExampleHistory() {
	replica := must(crdt.NewReplica(crdt.Charter{Name: "plan", Kind: crdt.JSON}))
	alice := must(replica.Writer(exampleKey("alice")))
	history := alice.History()
	must(alice.Change(0, func(tx *crdt.Tx) error {
		list, err := tx.Make(crdt.Root, "todo", crdt.ListObject)
		if err == nil {
			_, err = tx.Insert(list, 0, must(crdt.EncodeLiteral("bread")))
		}
		return err
	}))
	must(alice.Change(1, func(tx *crdt.Tx) error { return tx.Unset(crdt.Root, "todo") }))
	fmt.Println(replica.Value())
	must(history.Undo(2))
	fmt.Println(replica.Value())
	must(history.Undo(3))
	fmt.Println(replica.Value())
	must(history.Redo(4))
	fmt.Println(replica.Value())
	_, err := history.Undo(5)
	fmt.Println(replica.Value(), err)
	// Output:
	// map[]
	// map[todo:[bread]]
	// map[]
	// map[todo:[bread]]
	// map[] <nil>
}
