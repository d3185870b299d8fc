package crdt_test

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// patched is v with the patches applied one after the other: all that a program
// needs that keeps plain values and no document. v stays as it is.
func patched(v any, patches []crdt.Patch) any {
	for _, p := range patches {
		if p.Op == crdt.PatchMark || p.Op == crdt.PatchUnmark {
			continue
		}
		path := p.Path
		if p.Op == crdt.PatchUnset {
			path = path[:len(path)-1]
		}
		v = at(v, path, func(v any) any {
			switch p.Op {
			case crdt.PatchSet:
				return p.Value
			case crdt.PatchUnset:
				m := maps.Clone(v.(map[string]any))
				key := p.Path[len(p.Path)-1].(string)
				if _, ok := m[key]; !ok {
					panic("unset of what is not there")
				}
				delete(m, key)
				return m
			case crdt.PatchAdd:
				return v.(int64) + p.Value.(int64)
			}
			if text, ok := v.(string); ok {
				var more []rune
				if p.Op == crdt.PatchInsert {
					more = []rune(p.Value.(string))
				}
				return string(spliced([]rune(text), p, more))
			}
			more, _ := p.Value.([]any)
			return spliced(v.([]any), p, more)
		})
	}
	return v
}

func spliced[T any](items []T, p crdt.Patch, more []T) []T {
	if p.Op == crdt.PatchDelete {
		return slices.Delete(slices.Clone(items), p.Index, p.Index+p.Count)
	}
	if p.Count != len(more) {
		panic("count")
	}
	return slices.Insert(slices.Clone(items), p.Index, more...)
}

// at is v with do done to what stands at path.
func at(v any, path []any, do func(any) any) any {
	if len(path) == 0 {
		return do(v)
	}
	switch step := path[0].(type) {
	case string:
		m := maps.Clone(v.(map[string]any))
		m[step] = at(m[step], path[1:], do)
		return m
	default:
		list := slices.Clone(v.([]any))
		list[step.(int)] = at(list[step.(int)], path[1:], do)
		return list
	}
}

// A mirror keeps the plain value of a replica by its patches alone.
type mirror struct {
	value any
	of    *crdt.Replica
	seen  int
}

func mirrorOf(r *crdt.Replica) *mirror {
	m := &mirror{value: r.Value(), of: r}
	r.Observe(func(patches []crdt.Patch) {
		m.value = patched(m.value, patches)
		m.seen += len(patches)
	})
	return m
}

func (m *mirror) check(t interface{ Fatalf(string, ...any) }) {
	if want := m.of.Value(); !reflect.DeepEqual(m.value, want) {
		t.Fatalf("by its patches: %#v, is %#v", m.value, want)
	}
}

// Who applies the patches that an observer gets has the document, at every step:
// of one who writes, and of one who receives everything in any order, from the
// start or from somewhere on.
func TestPatches(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	eachKind(t, func(t *rapid.T, kind crdt.Kind) {
		w := newWorld(t, roomOf(kind), 2, 2)
		w.seq = w.chance(40)
		mirrors := []*mirror{mirrorOf(w.honest[0].replica), mirrorOf(w.honest[1].replica)}
		for range 12 {
			w.run(1)
			for _, m := range mirrors {
				m.check(t)
			}
		}
		late := newReplica(t, w.charter)
		var m *mirror
		for i, p := range shuffled(w.dice, w.packs) {
			if i == w.n(4) || m == nil {
				m = mirrorOf(late)
			}
			deliver(t, late, p.frame(), 1)
			m.check(t)
		}
	})
}

// What a user types is told as one insert, what is deleted as one delete; who
// conflicts and loses makes no noise, and what wins at last comes whole.
func TestPatchesOfAWriter(t *testing.T) {
	t.Parallel()
	r, w, names := sample(t)
	var got []crdt.Patch
	cancel := r.Observe(func(p []crdt.Patch) { got = append(got, p...) })
	text := names["text"]
	change := func(edit func(*crdt.Tx) error) {
		t.Helper()
		if _, err := w.Change(0, edit); err != nil {
			t.Fatal(err)
		}
	}
	size, _ := r.Doc().Len(text)
	for i, c := range "hello" {
		change(func(tx *crdt.Tx) error { _, err := tx.InsertText(text, size+i, string(c)); return err })
	}
	if len(got) != 5 || got[4].Value != "o" || got[4].Index != size+4 || got[4].Author != w.Author() {
		t.Fatalf("got %v", got)
	}
	w.Sign()
	got = nil

	change(func(tx *crdt.Tx) error { return tx.Delete(text, 0, size) })
	if len(got) != 1 || got[0].Op != crdt.PatchDelete || got[0].Index != 0 || got[0].Count != size {
		t.Fatalf("got %v", got)
	}
	got = nil
	change(func(tx *crdt.Tx) error { return tx.Mark(text, lit(t, "mine")) })
	if len(got) != 1 || got[0].Op != crdt.PatchMark || got[0].Value != "mine" || got[0].Change != r.ID(r.Len()-1) {
		t.Fatalf("got %v", got)
	}
	w.Sign()
	cancel()
	cancel()
	got = nil
	change(func(tx *crdt.Tx) error { return tx.Mark(text, lit(t, "yours")) })
	if len(got) > 0 {
		t.Fatalf("cancelled, and got %v", got)
	}
}

// A run of five changes that arrives as one pack is one patch.
func TestPatchesOfAPack(t *testing.T) {
	t.Parallel()
	r, w, names := sample(t)
	w.Sign()
	other := newReplica(t, r.Charter())
	sent := 0
	send := func() {
		w.Sign()
		for sent < r.Signed() {
			var frame []byte
			frame, sent = r.PackFrom(sent, func(i int) bool { _, ok := other.Index(r.ID(i)); return ok })
			if frame != nil {
				deliver(t, other, frame, 1)
			}
		}
		sent = 0
	}
	send()
	var got []crdt.Patch
	other.Observe(func(p []crdt.Patch) { got = append(got, p...) })
	text := names["text"]
	before, _ := r.Doc().Text(text)
	for i, c := range "hello" {
		if _, err := w.Change(0, func(tx *crdt.Tx) error { _, err := tx.InsertText(text, i, string(c)); return err }); err != nil {
			t.Fatal(err)
		}
	}
	send()
	if len(got) != 1 || got[0].Value != "hello" || got[0].Count != 5 || got[0].Author != w.Author() || got[0].Change != r.ID(r.Len()-1) {
		t.Fatalf("got %v", got)
	}
	got = nil
	for range 5 { // backspace
		if _, err := w.Change(0, func(tx *crdt.Tx) error { n, _ := r.Doc().Len(text); return tx.Delete(text, n-len([]rune(before))-1, 1) }); err != nil {
			t.Fatal(err)
		}
	}
	send()
	if len(got) != 1 || got[0].Op != crdt.PatchDelete || got[0].Index != 0 || got[0].Count != 5 {
		t.Fatalf("got %v", got)
	}
}

// An observer that writes is refused, and the replica goes on.
func TestObserverMustNotWrite(t *testing.T) {
	t.Parallel()
	r, w, _ := sample(t)
	w.Sign()
	set := func(tx *crdt.Tx) error { _, err := tx.Set(crdt.Root, "k", lit(t, 1)); return err }
	called := 0
	r.Observe(func([]crdt.Patch) {
		called++
		if _, err := w.Change(0, set); !errors.Is(err, crdt.ErrObserving) {
			t.Errorf("an observer writes: %v", err)
		}
		if out := r.Receive(&crdt.Pack{}, 1, epoch); !errors.Is(out.Err, crdt.ErrObserving) {
			t.Errorf("an observer receives: %v", out.Err)
		}
		if err := r.LoadPack(&crdt.Pack{}); !errors.Is(err, crdt.ErrObserving) {
			t.Errorf("an observer loads: %v", err)
		}
	})
	for range 2 {
		if _, err := w.Change(0, set); err != nil {
			t.Fatal(err)
		}
	}
	if called != 2 {
		t.Fatalf("called %d times", called)
	}
}
