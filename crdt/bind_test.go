package crdt_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// What the tests bind: every handle, nested in every way.
type (
	board struct {
		Title crdt.Text            `crdt:"title"`
		Votes crdt.Counter         `crdt:"votes"`
		Owner crdt.Field[string]   `crdt:"owner"`
		Todos crdt.List[todo]      `crdt:"todos"`
		Prefs crdt.Map[preference] `crdt:"prefs"`
		Meta  meta                 `crdt:"meta"`
		Cache map[string]int       `crdt:"-"`
	}
	todo struct {
		Title crdt.Text          `crdt:"title"`
		Done  crdt.Field[bool]   `crdt:"done"`
		Tags  crdt.List[string]  `crdt:"tags"`
		Prio  crdt.Register[int] `crdt:"prio"`
		Subs  crdt.List[todo]    `crdt:"subs"`
	}
	meta struct {
		Color crdt.Field[string]             `crdt:"color"`
		Seen  crdt.Map[crdt.Counter]         `crdt:"seen"`
		Notes crdt.Map[todo]                 `crdt:"notes"`
		Grid  crdt.List[crdt.List[int]]      `crdt:"grid"`
		Cells crdt.List[crdt.Register[*int]] `crdt:"cells"`
	}
	preference struct {
		Size int     `crdt:"size"`
		Name *string `crdt:"name,omitempty"`
	}
)

func bind[T any](t testing.TB, r *crdt.Replica) *T {
	t.Helper()
	b, err := crdt.Bind[T](r.Doc())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A site is a replica, its writer, and a board bound to it.
type site struct {
	t testing.TB
	r *crdt.Replica
	w *crdt.Writer
	b *board
}

func newSites(t testing.TB, n int) []*site {
	sites := make([]*site, n)
	for i := range sites {
		r := newReplica(t, roomOf(crdt.JSON))
		sites[i] = &site{t, r, mustWriter(t, r, i), bind[board](t, r)}
	}
	return sites
}

// change makes and signs a change of steps, none of which may fail.
func (p *site) change(steps ...func(tx *crdt.Tx) error) {
	p.t.Helper()
	if _, err := p.w.Change(1, func(tx *crdt.Tx) error {
		for i, step := range steps {
			if err := step(tx); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
		}
		return nil
	}); err != nil {
		p.t.Fatal(err)
	}
	p.w.Sign()
}

// exchange sends everything both ways between all sites.
func exchange(t testing.TB, sites ...*site) {
	t.Helper()
	for _, from := range sites {
		for _, to := range sites {
			for i := 0; from != to && i < from.r.Signed(); {
				var frame []byte
				frame, i = from.r.PackFrom(i, nil)
				pack, err := crdt.NewChecker(from.r.Charter()).Check(frame, nil)
				if err != nil {
					t.Fatal(err)
				}
				if out := to.r.Receive(pack, 1, time.Time{}); out.Err != nil {
					t.Fatal(out.Err)
				}
			}
		}
	}
	for _, p := range sites {
		if p.r.DocDigest() != sites[0].r.DocDigest() {
			t.Fatal("the documents differ")
		}
	}
}

func want[T any](t testing.TB, what string, got T, err error, want T) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: got %v, %v, want %v", what, got, err, want)
	}
}

// Every handle writes what it reads again, here and elsewhere.
func TestHandles(t *testing.T) {
	t.Parallel()
	sites := newSites(t, 2)
	p, b := sites[0], sites[0].b
	name := "x"
	p.change(
		func(tx *crdt.Tx) error { return b.Title.Insert(tx, 0, "héllo") },
		func(tx *crdt.Tx) error { return b.Title.Append(tx, "!") }, // in the change that makes it
		func(tx *crdt.Tx) error { return b.Votes.Add(tx, 3) },
		func(tx *crdt.Tx) error { return b.Votes.Add(tx, -1) },
		func(tx *crdt.Tx) error { return b.Owner.Set(tx, "ann") },
		func(tx *crdt.Tx) error { return b.Owner.Set(tx, "bob") },
		func(tx *crdt.Tx) error {
			return b.Todos.Append(tx, todo{}, todo{
				Title: crdt.NewText("bread"),
				Done:  crdt.NewField(true),
				Tags:  crdt.NewList("a", "b"),
				Prio:  crdt.NewRegister(7),
				Subs:  crdt.NewList(todo{Title: crdt.NewText("rye")}, todo{}),
			})
		},
		func(tx *crdt.Tx) error { return b.Prefs.Set(tx, "ann", preference{Size: 3, Name: &name}) },
		func(tx *crdt.Tx) error { return b.Meta.Color.Set(tx, "red") },
		func(tx *crdt.Tx) error { return b.Meta.Grid.Insert(tx, 0, crdt.NewList(1, 2), crdt.NewList[int]()) },
		func(tx *crdt.Tx) error {
			two := 2
			return b.Meta.Cells.Append(tx, crdt.NewRegister(&two), crdt.NewRegister[*int](nil), crdt.Register[*int]{})
		},
		func(tx *crdt.Tx) error {
			return b.Meta.Notes.Set(tx, "n", todo{Title: crdt.NewText("note")})
		},
		func(tx *crdt.Tx) error {
			seen, err := b.Meta.Seen.At("ann")
			return errors.Join(err, seen.Add(tx, 1), seen.Add(tx, 1))
		},
	)
	bread := must(b.Todos.At(1))
	p.change(
		func(tx *crdt.Tx) error { return b.Title.Splice(tx, 1, 1, "e") },
		func(tx *crdt.Tx) error { return bread.Title.Delete(tx, 0, 2) },
		func(tx *crdt.Tx) error { return bread.Tags.Splice(tx, 1, 1, "c", "d") },
		func(tx *crdt.Tx) error { return bread.Prio.Set(tx, 8) },
		func(tx *crdt.Tx) error { return b.Todos.Insert(tx, 1, todo{Title: crdt.NewText("between")}) },
		func(tx *crdt.Tx) error { return b.Prefs.Set(tx, "bob", preference{Size: 4}) },
		func(tx *crdt.Tx) error { return b.Prefs.Delete(tx, "ann") },
		func(tx *crdt.Tx) error { return b.Meta.Color.Unset(tx) },
	)
	exchange(t, sites...)

	for _, p := range sites {
		b := p.b
		s, err := b.Title.Value()
		want(t, "title", s, err, "hello!")
		want(t, "len", b.Title.Len(), nil, 6)
		n, err := b.Votes.Value()
		want(t, "votes", n, err, 2)
		s, err = b.Owner.Value()
		want(t, "owner", s, err, "bob")
		want(t, "todos", b.Todos.Len(), nil, 3)
		bread := must(b.Todos.At(2))
		want(t, "bread", bread.Title.String(), nil, "ead")
		tags, err := bread.Tags.Value()
		want(t, "tags", tags, err, []string{"a", "c", "d"})
		prio, err := bread.Prio.Value()
		want(t, "prio", prio, err, 8)
		done, err := bread.Done.Value()
		want(t, "done", done, err, true)
		rye := must(bread.Subs.At(0))
		want(t, "sub", rye.Title.String(), nil, "rye")
		want(t, "keys", b.Prefs.Keys(), nil, []string{"bob"})
		prefs, err := b.Prefs.Value()
		want(t, "prefs", prefs, err, map[string]preference{"bob": {Size: 4}})
		want(t, "color", b.Meta.Color.Has(), nil, false)
		grid, err := b.Meta.Grid.Value()
		want(t, "grid", len(grid), err, 2)
		row, err := grid[0].Value()
		want(t, "row", row, err, []int{1, 2})
		cells, err := b.Meta.Cells.Value()
		want(t, "cells", len(cells), err, 3)
		two, err := cells[0].Value()
		want(t, "cell", *two, err, 2)
		null, err := cells[1].Value()
		want(t, "null cell", null, err, nil)
		seen := must(b.Meta.Seen.At("ann"))
		n, err = seen.Value()
		want(t, "seen", n, err, 2)
		note := must(b.Meta.Notes.At("n"))
		want(t, "note", note.Title.String(), nil, "note")
		if err := crdt.Check[board](p.r.Doc()); err != nil {
			t.Fatal(err)
		}
		all, err := crdt.Read[any](p.r.Doc())
		want(t, "all", all, err, p.r.Value())
	}
}

// What nobody has written is empty, or the zero value.
func TestEmpty(t *testing.T) {
	t.Parallel()
	p := newSites(t, 1)[0]
	s, err := p.b.Title.Value()
	want(t, "text", s, err, "")
	n, err := p.b.Votes.Value()
	want(t, "counter", n, err, 0)
	s, err = p.b.Owner.Value()
	want(t, "field", s, err, "")
	list, err := p.b.Todos.Value()
	want(t, "list", list, err, nil)
	keys, err := p.b.Prefs.Value()
	want(t, "map", keys, err, map[string]preference{})
	pref, err := p.b.Prefs.At("x")
	want(t, "value", pref, err, preference{})
	seen, err := p.b.Meta.Seen.At("x")
	n, err2 := seen.Value()
	want(t, "handle", n, errors.Join(err, err2), 0)
	at, err := p.b.Title.Offset(0, crdt.UTF8)
	want(t, "offset", at, err, 0)
	at, err = p.b.Title.Index(0, crdt.UTF16)
	want(t, "index", at, err, 0)
	if err := crdt.Check[board](p.r.Doc()); err != nil {
		t.Fatal(err)
	}
}

// Authors who use a field for the first time, each unaware of the other, lose
// nothing: what they made is read and written as one, alike everywhere.
func TestConcurrentFirstUse(t *testing.T) {
	t.Parallel()
	sites := newSites(t, 3)
	for i, p := range sites {
		b, s := p.b, string([]rune("äbç")[i])
		p.change(
			func(tx *crdt.Tx) error { return b.Title.Insert(tx, 0, strings.Repeat(s, i+2)) },
			func(tx *crdt.Tx) error { return b.Votes.Add(tx, int64(i+1)) },
			func(tx *crdt.Tx) error { return b.Owner.Set(tx, s) },
			func(tx *crdt.Tx) error { return b.Todos.Append(tx, todo{Title: crdt.NewText(s)}) },
			func(tx *crdt.Tx) error { return b.Prefs.Set(tx, "of "+s, preference{Size: i}) },
			func(tx *crdt.Tx) error { return b.Prefs.Set(tx, "all", preference{Size: i}) },
			func(tx *crdt.Tx) error { return b.Meta.Color.Set(tx, s) },
			func(tx *crdt.Tx) error {
				seen, err := b.Meta.Seen.At("all")
				return errors.Join(err, seen.Add(tx, 1))
			},
			func(tx *crdt.Tx) error {
				note, err := b.Meta.Notes.At("all")
				return errors.Join(err, note.Prio.Set(tx, i), note.Tags.Append(tx, s))
			},
		)
	}
	exchange(t, sites...)

	var first string
	for i, p := range sites {
		b := p.b
		title, err := b.Title.Value()
		sorted := []rune(title)
		slices.Sort(sorted)
		want(t, "letters of the title", string(sorted), err, "bbbääçççç")
		if i == 0 {
			first = title
		}
		want(t, "title", title, nil, first)
		objects, err := b.Title.Objects()
		want(t, "texts", len(objects), err, 3)
		n, err := b.Votes.Value()
		want(t, "votes", n, err, 6)
		others, err := b.Owner.Conflicts()
		want(t, "conflicts", len(others), err, 2)
		want(t, "todos", b.Todos.Len(), nil, 3)
		want(t, "prefs", b.Prefs.Keys(), nil, []string{"all", "of b", "of ä", "of ç"})
		lost, err := b.Prefs.Conflicts("all")
		want(t, "lost prefs", len(lost), err, 2)
		seen := must(b.Meta.Seen.At("all"))
		n, err = seen.Value()
		want(t, "seen", n, err, 3)
		note := must(b.Meta.Notes.At("all"))
		want(t, "tags", note.Tags.Len(), nil, 3)
		prios, err := note.Prio.Conflicts()
		want(t, "prios", len(prios), err, 2)
		colors, err := b.Meta.Color.Conflicts()
		want(t, "colors", len(colors), err, 2)
		if err := crdt.Check[board](p.r.Doc()); err != nil {
			t.Fatal(err)
		}
	}

	// What is written now goes to the part in which it lies, and settles conflicts.
	p, b := sites[1], sites[1].b
	for i := range 10 {
		offset := len(string([]rune(first)[:i]))
		want(t, "offset", must(b.Title.Offset(i, crdt.UTF8)), nil, offset)
		want(t, "index", must(b.Title.Index(offset, crdt.UTF8)), nil, i)
		want(t, "unit", must(b.Title.Index(i, crdt.UTF16)), nil, i)
	}
	p.change(
		func(tx *crdt.Tx) error { return b.Title.Splice(tx, 1, 7, "-") },
		func(tx *crdt.Tx) error { return b.Title.Append(tx, ".") },
		func(tx *crdt.Tx) error { return b.Owner.Set(tx, "one") },
		func(tx *crdt.Tx) error { return b.Todos.Delete(tx, 0, 2) },
		func(tx *crdt.Tx) error { return b.Todos.Append(tx, todo{Title: crdt.NewText("last")}) },
		func(tx *crdt.Tx) error { return b.Prefs.Set(tx, "all", preference{Size: 9}) },
		func(tx *crdt.Tx) error { return b.Prefs.Delete(tx, "of ä") },
		func(tx *crdt.Tx) error { return b.Meta.Color.Set(tx, "one") },
		func(tx *crdt.Tx) error { return b.Votes.Add(tx, 10) },
		func(tx *crdt.Tx) error {
			note, err := b.Meta.Notes.At("all")
			return errors.Join(err, note.Prio.Set(tx, 9))
		},
	)
	exchange(t, sites...)
	for _, p := range sites {
		b := p.b
		title, err := b.Title.Value()
		want(t, "title", title, err, string([]rune(first)[:1])+"-"+string([]rune(first)[8:])+".")
		others, err := b.Owner.Conflicts()
		want(t, "conflicts", len(others), err, 0)
		want(t, "todos", b.Todos.Len(), nil, 2)
		last := must(b.Todos.At(1))
		want(t, "last", last.Title.String(), nil, "last")
		prefs, err := b.Prefs.Value()
		want(t, "prefs", prefs, err, map[string]preference{"all": {Size: 9}, "of b": {Size: 1}, "of ç": {Size: 2}})
		lost, err := b.Prefs.Conflicts("all")
		want(t, "lost prefs", len(lost), err, 0)
		color, err := b.Meta.Color.Value()
		want(t, "color", color, err, "one")
		colors, err := b.Meta.Color.Conflicts()
		want(t, "colors", len(colors), err, 0)
		n, err := b.Votes.Value()
		want(t, "votes", n, err, 16)
		note := must(b.Meta.Notes.At("all"))
		prio, err := note.Prio.Value()
		want(t, "prio", prio, err, 9)
		prios, err := note.Prio.Conflicts()
		want(t, "prios", len(prios), err, 0)
	}
}
