package crdt_test

import (
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
)

// someHeads are up to three changes of r, any.
func (w *world) someHeads(r *crdt.Replica) []crdt.ChangeID {
	var heads []crdt.ChangeID
	for range w.n(4) {
		if r.Len() > 0 {
			heads = append(heads, r.ID(w.n(r.Len())))
		}
	}
	return heads
}

// refAsOf is the reference of the heads and their ancestors alone.
func (w *world) refAsOf(r *crdt.Replica, heads []crdt.ChangeID) *refLog {
	want := map[hash32]bool{}
	for todo := slices.Clone(heads); len(todo) > 0; {
		id := hash32(todo[len(todo)-1])
		todo = todo[:len(todo)-1]
		c := w.ref.changes[id]
		if c == nil || want[id] { // nil: prev is the room
			continue
		}
		want[id] = true
		todo = append(todo, crdt.ChangeID(c.prev))
		for _, l := range c.links {
			todo = append(todo, crdt.ChangeID(l))
		}
	}
	ref := newRefLog(w.room, string(w.charter.Kind))
	for i := range r.Len() {
		if c := r.At(i); want[hash32(c.ID)] {
			e, code := refEnvelope(w.room, rawOf(r, i))
			if code != "" {
				w.t.Fatalf("the reference refuses a change: %s", code)
			}
			ref.add(e)
		}
	}
	return ref
}

// The document of any heads is that of a reference which knows nothing else; and
// the difference of two, applied to the plain value of one, is that of the other.
func TestTimeTravel(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *rapid.T, kind crdt.Kind) {
		w, r := worldOf(t, kind)
		for range 4 {
			from, to := w.someHeads(r), w.someHeads(r)
			if w.chance(20) {
				to = r.Heads()
			}
			a, err := r.AsOf(from...)
			if err != nil {
				t.Fatal(err)
			}
			b, err := r.AsOf(to...)
			if err != nil {
				t.Fatal(err)
			}
			ref := w.refAsOf(r, from)
			if got, want := a.Digest(), ref.doc.digest(); got != want {
				t.Fatalf("as of %v: got %x, want %x: %v, want %v", from, got[:4], want[:4], a.Value(), ref.doc.value())
			}
			for _, n := range w.ref.doc.names(func(*refObject, *refThing) bool { return true }) {
				_, isThing := ref.doc.things[n]
				_, isObject := ref.doc.objects[n]
				if _, err := a.ValueOf(nameOf(n)); (err == nil) != (isThing || isObject) {
					t.Fatalf("as of %v, %v: %v", from, nameOf(n), err)
				}
			}
			patches, err := r.Diff(from, to)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := patched(a.Value(), patches), b.Value(); !reflect.DeepEqual(got, want) {
				t.Fatalf("from %#v by %v: got %#v, want %#v", a.Value(), patches, got, want)
			}
			if again, err := r.Diff(to, to); err != nil || len(again) > 0 {
				t.Fatalf("from a document to itself: %v, %v", again, err)
			}
			w.attributed(r, from, to, patches)
		}
	})
}

// attributed checks that a difference is put down to changes that made it.
func (w *world) attributed(r *crdt.Replica, from, to []crdt.ChangeID, patches []crdt.Patch) {
	old, now := w.refAsOf(r, from), w.refAsOf(r, to)
	forward := true // from is part of to
	for id := range old.changes {
		forward = forward && now.changes[id] != nil
	}
	for _, p := range patches {
		c := now.changes[hash32(p.Change)]
		switch {
		case p.Change == (crdt.ChangeID{}):
			if forward && p.Op != crdt.PatchAdd {
				w.t.Fatalf("nobody made %v", p)
			}
		case c == nil || old.changes[hash32(p.Change)] != nil && p.Op != crdt.PatchMark:
			w.t.Fatalf("%v is put down to a change that did not make it", p)
		case c.author != hash32(p.Author):
			w.t.Fatalf("%v is put down to %v's change", p, c.author)
		}
	}
}

// A past document stays what it was, for any number of readers, while the replica
// goes on.
func TestPastIsFrozen(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		r := newReplica(t, roomOf(kind))
		w := mustWriter(t, r, 0)
		grow := func() {
			if _, err := w.Change(0, func(tx *crdt.Tx) error {
				if kind != crdt.JSON {
					_, err := tx.Append(lit(t, r.Len()))
					return err
				}
				list, err := tx.Make(crdt.Root, "list", crdt.ListObject)
				if err != nil {
					return err
				}
				_, err = tx.Insert(list, 0, lit(t, r.Len()), lit(t, "x"))
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			grow()
		}
		past, err := r.AsOf(r.Heads()...)
		if err != nil {
			t.Fatal(err)
		}
		want, digest := r.Value(), r.DocDigest()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 5 {
					if got := past.Value(); !reflect.DeepEqual(got, want) || past.Digest() != digest {
						t.Errorf("got %v, want %v", got, want)
					}
					if _, err := past.Find(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range 20 {
			grow()
		}
		wg.Wait()
	}
}

// Heads that are not there are named.
func TestAsOfMisuse(t *testing.T) {
	t.Parallel()
	r, _, _ := sample(t)
	gone := crdt.ChangeID{9}
	if _, err := r.AsOf(r.ID(0), gone); !errors.Is(err, crdt.ErrMissing) || err.Error() != crdt.ErrMissing.Error()+": 09000000" {
		t.Errorf("as of what is not there: %v", err)
	}
	if _, err := r.Diff([]crdt.ChangeID{gone}, nil); !errors.Is(err, crdt.ErrMissing) {
		t.Errorf("from what is not there: %v", err)
	}
	if _, err := r.Diff(nil, []crdt.ChangeID{gone}); !errors.Is(err, crdt.ErrMissing) {
		t.Errorf("to what is not there: %v", err)
	}
	keeper, err := crdt.NewKeeper(r.Charter())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keeper.AsOf(); !errors.Is(err, crdt.ErrKeeper) {
		t.Errorf("as of a keeper: %v", err)
	}
	if past, err := r.AsOf(); err != nil || !reflect.DeepEqual(past.Value(), map[string]any{}) {
		t.Errorf("as of nothing: %v, %v", past, err)
	}
}
