package crdt_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// The names that a Tx gives are of no use in the next change, of whichever writer:
// they never write into what that makes.
func TestNamesOfATxEndWithIt(t *testing.T) {
	t.Parallel()
	r, w, _ := sample(t)
	var name crdt.Name
	if _, err := w.Change(0, func(tx *crdt.Tx) (err error) {
		name, err = tx.Make(crdt.Root, "a", crdt.TextObject)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	w.Sign()
	for _, w := range []*crdt.Writer{w, mustWriter(t, r, 1)} {
		var insert, mark error
		if _, err := w.Change(0, func(tx *crdt.Tx) error {
			if _, err := tx.Make(crdt.Root, "b", crdt.TextObject); err != nil {
				return err
			}
			_, insert = tx.InsertText(name, 0, "meant for a")
			mark = tx.Mark(name, lit(t, 1))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		w.Sign()
		if !errors.Is(insert, crdt.ErrNoTarget) || !errors.Is(mark, crdt.ErrNoTarget) {
			t.Errorf("got %v, %v", insert, mark)
		}
		if n, err := r.Doc().Find("b"); err != nil {
			t.Error(err)
		} else if text, err := r.Doc().Text(n); err != nil || text != "" {
			t.Errorf("b is %q, %v", text, err)
		}
	}
}

// An edit that panics changes nothing, and its writer goes on.
func TestEditPanics(t *testing.T) {
	t.Parallel()
	r, w, names := sample(t)
	value, digest := r.Value(), r.LogDigest()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		_, _ = w.Change(0, func(tx *crdt.Tx) error {
			if err := tx.Delete(names["text"], 0, 2); err != nil {
				return err
			}
			panic("a caller's")
		})
	}()
	if !reflect.DeepEqual(r.Value(), value) || r.LogDigest() != digest {
		t.Error("not as before")
	}
	if _, err := w.Change(0, func(tx *crdt.Tx) error { return tx.Add(names["counter"], 1) }); err != nil {
		t.Error(err)
	}
	checkReplica(t, r)
}

// So does a replica whose observer panics: what was applied stays.
func TestObserverPanics(t *testing.T) {
	t.Parallel()
	r, w, names := sample(t)
	cancel := r.Observe(func([]crdt.Patch) { panic("a caller's") })
	func() {
		defer func() { _ = recover() }()
		_, _ = w.Change(0, func(tx *crdt.Tx) error { return tx.Add(names["counter"], 1) })
	}()
	cancel()
	if _, err := w.Change(0, func(tx *crdt.Tx) error { return tx.Add(names["counter"], 1) }); err != nil {
		t.Error(err)
	}
	if n, err := r.Doc().Count(names["counter"]); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	checkReplica(t, r)
}
