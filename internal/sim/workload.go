package sim

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// intent is one random change.
func (n *Node) intent() transport.Intent {
	in := transport.Intent{Time: n.now().Add(n.wall).Unix(), Edit: n.ledgerEdit, Done: n.done}
	if n.sim.charter.Kind == crdt.JSON {
		in.Edit = n.jsonEdit
	}
	return in
}

// done notes what became of an intent.
func (n *Node) done(r transport.Receipt) {
	switch {
	case r.Err == nil:
		n.acks = append(n.acks, r.ID)
		n.sim.tracef(n.name, "has written change %v", r.ID)
	case errors.Is(r.Err, transport.ErrGuarded), errors.Is(r.Err, transport.ErrSelfFork), errors.Is(r.Err, transport.ErrFatal):
		n.sim.tracef(n.name, "cannot write: %s", transport.Code(r.Err))
	default:
		n.sim.fail("edit", "%s: %v", n.name, r.Err)
	}
}

func (n *Node) literal() crdt.Literal {
	size := n.work.IntN(60)
	switch n.work.IntN(40) {
	case 0:
		size = 20_000
	case 1, 2:
		size = 1000
	}
	l, err := crdt.EncodeLiteral(map[string]any{"from": n.name, "n": n.work.Int64N(1000), "why": strings.Repeat("x", size)})
	if err != nil {
		panic(err)
	}
	return l
}

// ledgerEdit appends an entry, or says something of one.
func (n *Node) ledgerEdit(tx *crdt.Tx) error {
	view := n.core.Replica().View()
	if rows := view.Len(); rows > 0 && n.work.IntN(4) == 0 {
		word, err := crdt.EncodeLiteral([]string{"agreed", "disputed"}[n.work.IntN(2)])
		if err != nil {
			return err
		}
		return tx.Mark(view.NameOf(view.Row(n.work.IntN(rows)).Key), word)
	}
	_, err := tx.Append(n.literal())
	return err
}

// jsonEdit changes one of a few keys of the root, or what lies there.
func (n *Node) jsonEdit(tx *crdt.Tx) error {
	doc := n.core.Replica().Doc()
	key := fmt.Sprintf("k%d", n.work.IntN(4))
	obj, err := doc.Find(key)
	var kind crdt.ObjectKind
	if err == nil {
		kind, err = doc.Kind(obj)
	}
	switch what := n.work.IntN(12); {
	case what == 0:
		return tx.Unset(crdt.Root, key)
	case what == 1:
		_, err := tx.Set(crdt.Root, key, n.literal())
		return err
	case err != nil || what == 2:
		kinds := []crdt.ObjectKind{crdt.MapObject, crdt.ListObject, crdt.TextObject, crdt.TextObject, crdt.CounterObject, crdt.RegisterObject}
		_, err := tx.Make(crdt.Root, key, kinds[n.work.IntN(len(kinds))])
		return err
	}
	switch kind {
	case crdt.TextObject, crdt.ListObject:
		length, err := doc.Len(obj)
		if err != nil {
			return err
		}
		if length > 0 && n.work.IntN(3) == 0 {
			at := n.work.IntN(length)
			return tx.Delete(obj, at, 1+n.work.IntN(min(5, length-at)))
		}
		if at := n.work.IntN(length + 1); kind == crdt.TextObject {
			_, err = tx.InsertText(obj, at, strings.Repeat(string(rune('a'+n.id)), 1+n.work.IntN(6)))
		} else {
			_, err = tx.Insert(obj, at, n.literal(), n.literal())
		}
		return err
	case crdt.CounterObject:
		return tx.Add(obj, int64(n.work.IntN(9)-4))
	case crdt.RegisterObject:
		_, err := tx.SetRegister(obj, n.literal())
		return err
	default:
		_, err := tx.Set(obj, fmt.Sprintf("m%d", n.work.IntN(3)), n.literal())
		return err
	}
}

// writes reports whether the machine can write now.
func (n *Node) writes() bool {
	return n.spec.Role == Author && n.snap != nil && n.snap.Writing == transport.WriteOpen
}
