package crdt_test

import (
	"errors"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

type todo struct {
	Title crdt.Text          `crdt:"title"`
	Done  crdt.Field[bool]   `crdt:"done"`
	Tags  crdt.List[string]  `crdt:"tags"`
	Subs  crdt.List[todo]    `crdt:"subs"`
	Prio  crdt.Register[int] `crdt:"prio"`
}

type meta struct {
	Color crdt.Field[string]             `crdt:"color"`
	Seen  crdt.Map[crdt.Counter]         `crdt:"seen"`
	Notes crdt.Map[todo]                 `crdt:"notes"`
	Grid  crdt.List[crdt.List[int]]      `crdt:"grid"`
	Cells crdt.List[crdt.Register[*int]] `crdt:"cells"`
}

type board struct {
	Title crdt.Text            `crdt:"title"`
	Votes crdt.Counter         `crdt:"votes"`
	Owner crdt.Field[string]   `crdt:"owner"`
	Todos crdt.List[todo]      `crdt:"todos"`
	Prefs crdt.Map[preference] `crdt:"prefs"`
	Meta  meta                 `crdt:"meta"`
}

type preference struct {
	Size int     `crdt:"size"`
	Name *string `crdt:"name,omitempty"`
}

func bound(t testing.TB, r *crdt.Replica) *board {
	t.Helper()
	b, err := crdt.Bind[board](r.Doc())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSmoke(t *testing.T) {
	r := newReplica(t, roomOf(crdt.JSON))
	w := mustWriter(t, r, 0)
	b := bound(t, r)
	_, err := w.Change(1, func(tx *crdt.Tx) error {
		return errors.Join(
			b.Title.Insert(tx, 0, "hi"),
			b.Votes.Add(tx, 3),
			b.Owner.Set(tx, "me"),
			b.Todos.Append(tx, todo{Title: crdt.NewText("bread"), Done: crdt.NewField(true), Tags: crdt.NewList("a", "b"), Subs: crdt.NewList(todo{Title: crdt.NewText("sub")})}),
			b.Prefs.Set(tx, "x", preference{Size: 3}),
			b.Meta.Color.Set(tx, "red"),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r.Value())
	_, err = w.Change(1, func(tx *crdt.Tx) error {
		c, err := b.Meta.Seen.At("bob")
		td, err2 := b.Todos.At(0)
		return errors.Join(err, err2, c.Add(tx, 1), td.Title.Append(tx, "!"), td.Prio.Set(tx, 3), b.Todos.Insert(tx, 0, todo{}))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r.Value(), crdt.Check[board](r.Doc()))
	v, err := crdt.Read[any](r.Doc())
	t.Log(v, err)
}
