package crdt_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// Whatever exists is found again at the path where it is said to stand, reads as
// the whole document does there, and does not stand anywhere if the reference
// says that it is dead.
func TestPaths(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	eachKind(t, func(t *rapid.T, kind crdt.Kind) {
		w, r := worldOf(t, kind)
		d := r.Doc()
		whole := d.Value()
		names := w.ref.doc.names(func(*refObject, *refThing) bool { return true })
		for _, n := range names {
			name := nameOf(n)
			path, visible, err := d.Path(name)
			if err != nil {
				t.Fatalf("%v: %v", name, err)
			}
			if thing := w.ref.doc.things[n]; thing != nil && thing.dead && visible {
				t.Fatalf("%v is dead and stands at %v", name, path)
			}
			if !visible {
				continue
			}
			found, err := d.Find(path...)
			if err != nil {
				t.Fatalf("%v stands at %v: %v", name, path, err)
			}
			got, err := d.ValueOf(found)
			if want := valueAt(whole, path); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("at %v: got %v, %v, want %v", path, got, err, want)
			}
			if found != name { // the content of a register stands where the register does
				if k, err := d.Kind(found); err != nil || k != crdt.RegisterObject {
					t.Fatalf("%v stands at %v, where %v of kind %v is, %v", name, path, found, k, err)
				}
			}
		}
	})
}

func valueAt(v any, path []any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			v = v.(map[string]any)[s]
		case int:
			if text, ok := v.(string); ok {
				v = string([]rune(text)[s : s+1])
			} else {
				v = v.([]any)[s]
			}
		}
	}
	return v
}

// Offsets are those of the text in that encoding; those within a code point are
// none.
func TestOffsets(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	rapid.Check(t, func(t *rapid.T) {
		w, r := worldOf(t, crdt.JSON)
		d := r.Doc()
		for _, n := range w.ref.doc.names(func(o *refObject, _ *refThing) bool { return o != nil && o.kind == refText }) {
			name := nameOf(n)
			text, err := d.Text(name)
			if err != nil {
				t.Fatal(err)
			}
			runes := []rune(text)
			if size, err := d.Len(name); err != nil || size != len(runes) {
				t.Fatalf("length %d, %v, want %d", size, err, len(runes))
			}
			ends := map[crdt.Unit][]int{} // the offset of every index
			for i := range len(runes) + 1 {
				s := string(runes[:i])
				want := map[crdt.Unit]int{crdt.CodePoints: i, crdt.UTF8: len(s), crdt.UTF16: len(utf16.Encode(runes[:i]))}
				for u, offset := range want {
					ends[u] = append(ends[u], offset)
					if got, err := d.Offset(name, i, u); err != nil || got != offset {
						t.Fatalf("%q: %s offset of %d: got %d, %v, want %d", text, u, i, got, err, offset)
					}
				}
				for range 3 {
					j := w.n(i + 1)
					if got, err := d.Slice(name, j, i); err != nil || got != string(runes[j:i]) {
						t.Fatalf("%q [%d, %d): got %q, %v", text, j, i, got, err)
					}
				}
			}
			for u, offsets := range ends {
				for o := -1; o <= offsets[len(offsets)-1]+2; o++ {
					want := slices.Index(offsets, o)
					got, err := d.Index(name, o, u)
					if want < 0 {
						if !errors.Is(err, crdt.ErrBadIndex) {
							t.Fatalf("%q: %s offset %d: got %d, %v", text, u, o, got, err)
						}
					} else if err != nil || got != want {
						t.Fatalf("%q: %s offset %d: got %d, %v, want %d", text, u, o, got, err, want)
					}
				}
			}
		}
	})
}

// A cursor stays with its item whatever others do, on every replica, and through
// its bytes.
func TestCursors(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *rapid.T, kind crdt.Kind) {
		w := newWorld(t, roomOf(kind), 2, 1)
		w.seq = true
		w.run(8)
		early := w.honest[0].replica.Doc()
		type placed struct {
			crdt.Cursor
			want crdt.Name // of the item that it stays with
			side crdt.Stick
		}
		var cursors []placed
		isSeq := func(o *refObject, _ *refThing) bool {
			return o != nil && (o.kind == refList || o.kind == refText || o.kind == refFeed)
		}
		for _, n := range w.ref.doc.names(isSeq) {
			size, err := early.Len(nameOf(n))
			if errors.Is(err, crdt.ErrNoTarget) {
				continue // of a change that this replica does not have
			}
			if err != nil {
				t.Fatal(err)
			}
			path, visible, _ := early.Path(nameOf(n))
			for i := range size + 1 {
				for _, side := range []crdt.Stick{crdt.StickLeft, crdt.StickRight} {
					c, err := early.Cursor(nameOf(n), i, side)
					if err != nil {
						t.Fatal(err)
					}
					if at, err := early.Position(c); err != nil || at != i {
						t.Fatalf("cursor at %d stands at %d, %v", i, at, err)
					}
					if item := i - 1 + int(side); visible && item >= 0 && item < size {
						name, err := early.Find(append(slices.Clone(path), item)...)
						if err != nil {
							t.Fatal(err)
						}
						cursors = append(cursors, placed{c, name, side})
					}
				}
			}
			if _, err := early.Cursor(nameOf(n), size+1, crdt.StickLeft); !errors.Is(err, crdt.ErrBadIndex) {
				t.Fatalf("a cursor beyond the end: %v", err)
			}
		}
		w.run(12)
		for range w.packs {
			w.hear(w.honest[0])
		}
		for _, c := range cursors {
			b, _ := c.MarshalBinary()
			parsed, err := crdt.ParseCursor(b)
			if err != nil || parsed != c.Cursor {
				t.Fatalf("cursor %v: parsed %v, %v", c, parsed, err)
			}
			at, err := early.Position(parsed)
			if err != nil {
				t.Fatal(err)
			}
			path, visible, _ := early.Path(c.want)
			if want := 1 - int(c.side); visible && at != path[len(path)-1].(int)+want {
				t.Fatalf("the item of a cursor stands at %v, the cursor at %d", path, at)
			}
			if size, _ := early.Len(c.Seq()); at > size {
				t.Fatalf("a cursor at %d of %d", at, size)
			}
		}
	})
}

// FuzzParseCursor: what is read is written the same.
func FuzzParseCursor(f *testing.F) {
	r := newReplica(f, roomOf(crdt.Ledger))
	w := mustWriter(f, r, 0)
	if _, err := w.Change(0, func(tx *crdt.Tx) error { _, err := tx.Append(lit(f, 1)); return err }); err != nil {
		f.Fatal(err)
	}
	for index := range 2 {
		for _, side := range []crdt.Stick{crdt.StickLeft, crdt.StickRight} {
			c, err := r.Doc().Cursor(crdt.Feed, index, side)
			if err != nil {
				f.Fatal(err)
			}
			b, _ := c.MarshalBinary()
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := crdt.ParseCursor(b)
		if err != nil {
			if !errors.Is(err, crdt.ErrBadCursor) {
				t.Fatalf("untyped %v", err)
			}
			return
		}
		if again, _ := c.MarshalBinary(); string(again) != string(b) {
			t.Fatalf("%x is read, and written %x", b, again)
		}
		if _, err := r.Doc().Position(c); err != nil && !errors.Is(err, crdt.ErrNoTarget) && !errors.Is(err, crdt.ErrWrongType) && !errors.Is(err, crdt.ErrBadCursor) {
			t.Fatalf("untyped %v", err)
		}
	})
}

// Marks are those that stand; reading says where it goes wrong.
func TestMarksOf(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	eachKind(t, func(t *rapid.T, kind crdt.Kind) {
		w, r := worldOf(t, kind)
		n := 0
		for _, name := range w.ref.doc.names(func(*refObject, *refThing) bool { return true }) {
			said, err := r.Doc().Marks(nameOf(name))
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range said {
				m := w.ref.doc.marks[refMarkKey{name, hash32(s.Author)}]
				if hash32(s.Change) != m.change || string(s.Literal) != string(refEncode(m.literal)) {
					t.Fatalf("mark of %v on %v: got %v, want %v", s.Author, name, s, m)
				}
				n++
			}
		}
		if n != len(w.ref.doc.marks) {
			t.Fatalf("%d marks, want %d", n, len(w.ref.doc.marks))
		}
		if v := r.View(); v.Marks() != n && kind != crdt.JSON {
			t.Fatalf("a view of %d marks, want %d", v.Marks(), n)
		}
		if kind != crdt.JSON {
			checkMarksOn(t, w, r.View(), n)
		}
		if b, err := json.Marshal(r.Doc()); err != nil || !json.Valid(b) {
			t.Fatalf("JSON %s, %v", b, err)
		}
	})
}

// checkMarksOn holds the marks that stand, read in ranges of changes, against the
// reference: n of them, less those on the feed.
func checkMarksOn(t *rapid.T, w *world, v *crdt.View, n int) {
	size, last := rapid.IntRange(1, 5).Draw(t, "changes a range"), crdt.Key{Change: -1}
	for name := range w.ref.doc.marks {
		if nameOf(name.target) == crdt.Feed {
			n--
		}
	}
	for from := 0; from < v.Changes(); from += size {
		end := min(from+size, v.Changes())
		for m := range v.MarksOn(from, end) {
			target := crdt.Root
			if !m.Root {
				target = v.NameOf(m.Key)
				if m.Key.Change < from || m.Key.Change >= end || m.Key.Change < last.Change {
					t.Fatalf("a mark on %v, after one on %v, of changes %d to %d", m.Key, last, from, end)
				}
				last = m.Key
			} else if from > 0 || last.Change >= 0 {
				t.Fatal("a mark on the root after others")
			}
			by := v.ChangeAt(m.Change)
			if v.Authors()[v.AuthorOf(m.Change)] != by.Author || v.LamportOf(m.Change) != by.Lamport {
				t.Fatalf("change %d is of %v, %d", m.Change, v.Authors()[v.AuthorOf(m.Change)], v.LamportOf(m.Change))
			}
			literal, ok := v.Doc().MarkOf(target, by.Author)
			if !ok || string(literal) != string(m.Literal) {
				t.Fatalf("%v of %v on %v, want %v", m.Literal, by.Author, target, literal)
			}
			n--
		}
	}
	if n != 0 {
		t.Fatalf("%d marks are missing", n)
	}
}
