package crdt_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// The tests of the ancestor, bft-json-crdt (Jacky Zhao 2022), by name. Each comment
// says what its test asserted there, and what has to hold here so that it passes
// for the right reason.

// all runs several edits, up to the first that fails.
func all(edits ...func() error) error {
	for _, edit := range edits {
		if err := edit(); err != nil {
			return err
		}
	}
	return nil
}

// There: the fields x and y of a struct get the paths "x" and "y". Here a path
// leads to a name that two replicas share, since it is the hash of the change that
// made the object: not because each computes the same string.
func TestAncestorBasic(t *testing.T) {
	t.Parallel()
	p := newPeers(t, 2)
	made, id := p[0].do(func(tx *crdt.Tx) error {
		for i, key := range []string{"x", "y"} {
			n, err := tx.Make(crdt.Root, key, crdt.RegisterObject)
			if err != nil {
				return err
			}
			if _, err := tx.SetRegister(n, lit(t, []float64{1.5, -2.5}[i])); err != nil {
				return err
			}
		}
		return nil
	})
	p[1].hears(made)
	for _, p := range p {
		p.shows(`{"x":1.5,"y":-2.5}`)
		if x, y := p.at("x"), p.at("y"); x != (crdt.Name{Change: id, Index: 0}) || y != (crdt.Name{Change: id, Index: 2}) {
			t.Fatalf("x is %v, y is %v", x, y)
		}
	}
	agree(t, p...)
}

// There: a struct in a struct gets the path "pos.x". Here an object in an object is
// edited by another author through the same path, and what stands beside it is left
// alone.
func TestAncestorNested(t *testing.T) {
	t.Parallel()
	p := newPeers(t, 2)
	made, _ := p[0].do(func(tx *crdt.Tx) error {
		pos, err := tx.Make(crdt.Root, "pos", crdt.MapObject)
		if err != nil {
			return err
		}
		for _, key := range []string{"x", "y"} {
			if _, err := tx.Make(pos, key, crdt.RegisterObject); err != nil {
				return err
			}
		}
		if _, err := tx.Make(crdt.Root, "balance", crdt.RegisterObject); err != nil {
			return err
		}
		_, err = tx.Make(crdt.Root, "messages", crdt.ListObject)
		return err
	})
	p[1].hears(made)
	var frames [][]byte
	for i, edit := range []func(tx *crdt.Tx) error{
		func(tx *crdt.Tx) error { _, err := tx.SetRegister(p[1].at("pos", "x"), lit(t, 3.5)); return err },
		func(tx *crdt.Tx) error { _, err := tx.SetRegister(p[1].at("balance"), lit(t, 40)); return err },
		func(tx *crdt.Tx) error { _, err := tx.Insert(p[1].at("messages"), 0, lit(t, "hello")); return err },
	} {
		if p[0].at("pos", "x") == p[0].at("pos", "y") || p[0].at("pos", "x") != p[1].at("pos", "x") {
			t.Fatalf("edit %d: a path leads to two places, or two to one", i)
		}
		frame, _ := p[1].do(edit)
		frames = append(frames, frame)
	}
	p[0].hears(frames...)
	for _, p := range p {
		p.shows(`{"balance":40,"messages":["hello"],"pos":{"x":3.5,"y":null}}`)
	}
	agree(t, p...)
}

// There: of two replicas that set the same register the one with more writes wins.
// Here too, but since its change comes later by (lamport, change id), in whatever
// order the changes arrive; the other value is not lost but shown as a conflict until
// somebody who saw both replaces both.
func TestAncestorLastWriterWins(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	set := func(p *peer, key string, v any) []byte {
		frame, _ := p.do(func(tx *crdt.Tx) error { _, err := tx.Set(crdt.Root, key, lit(t, v)); return err })
		return frame
	}
	p := newPeers(t, 2)
	frames := [][]byte{set(p[0], "a", 3.5), set(p[0], "b", true), set(p[1], "a", 1.5), set(p[1], "a", 2.25), set(p[1], "c", "abc")}
	p[0].shows(`{"a":3.5,"b":true}`)
	p[1].shows(`{"a":2.25,"c":"abc"}`)

	for _, order := range permutations(len(frames)) {
		late := &peer{t: t, Replica: newReplica(t, roomOf(crdt.JSON)), w: p[0].w}
		for _, i := range order {
			deliver(t, late.Replica, frames[i], 1)
		}
		late.shows(`{"a":2.25,"b":true,"c":"abc"}`)
	}
	p[0].hears(frames[2:]...)
	p[1].hears(frames[:2]...)
	agree(t, p...)
	for _, p := range p {
		held, err := p.Values(crdt.Root, "a")
		if err != nil || len(held) != 2 || string(held[0].Literal) != string(lit(t, 2.25)) || string(held[1].Literal) != string(lit(t, 3.5)) {
			t.Fatalf("conflict at a: got %v, %v", held, err)
		}
	}
	p[1].hears(set(p[0], "a", "both seen"))
	for _, p := range p {
		if held, _ := p.Values(crdt.Root, "a"); len(held) != 1 {
			t.Fatalf("replaced by who saw both: %v", held)
		}
		p.shows(`{"a":"both seen","b":true,"c":"abc"}`)
	}
	agree(t, p...)
}

// There: an insert after an element that the receiver lacks is kept back, and lists
// are equal when all has arrived. Here the change waits for exactly what it names,
// which is released with what it waited for, and the order is Fugue's: what was put
// after b stands after b. A map beside it merges by keys.
func TestAncestorListAndMap(t *testing.T) {
	t.Parallel()
	p := newPeers(t, 3)
	base, baseID := p[0].do(func(tx *crdt.Tx) error {
		_, err := tx.Make(crdt.Root, "a", crdt.ListObject)
		return err
	})
	p[1].hears(base)
	p[2].hears(base)
	list := p[0].at("a")
	insert := func(p *peer, index int, v string) ([]byte, crdt.ChangeID) {
		return p.do(func(tx *crdt.Tx) error {
			if _, err := tx.Set(crdt.Root, "by "+v, lit(t, index)); err != nil {
				return err
			}
			_, err := tx.Insert(list, index, lit(t, v))
			return err
		})
	}
	a, aID := insert(p[0], 0, "a")
	b, bID := insert(p[0], 1, "b")
	c, _ := insert(p[1], 0, "c")
	// What the ancestor's second replica does cannot be said here at all: there is no
	// index after an element that is not there.
	unchanged(t, p[1].Replica, p[1].w, crdt.ErrBadIndex, func(tx *crdt.Tx) error { _, err := tx.Insert(list, 2, lit(t, "d")); return err })
	// So the third, who has heard of both, does it.
	p[2].hears(a, b)
	d, _ := insert(p[2], 2, "d")

	p[1].missing(d, bID)
	p[1].missing(b, aID)
	if n, _ := p[1].Pending(); n != 2 || p[1].Len() != 2 {
		t.Fatalf("%d packs wait, %d changes", n, p[1].Len())
	}
	p[1].shows(`{"a":["c"],"by c":0}`)
	p[1].hears(a) // and with it b and d
	p[0].hears(d, c)
	p[2].hears(c)
	agree(t, p...)
	if p[1].Len() != 5 || p[1].ID(0) != baseID {
		t.Fatalf("%d changes", p[1].Len())
	}
	items := p[0].Value().(map[string]any)["a"].([]any)
	at := func(v string) int { return slices.Index(items, any(v)) }
	if len(items) != 4 || at("a")+1 != at("b") || at("b")+1 != at("d") || at("c") != 0 && at("c") != 3 {
		t.Fatalf("interleaved: %v", items)
	}
}

// There: an op signed with the ops that it depends on waits for them, even in another
// field. Here what an author had seen is in prev and links of every change, so the
// sword never stands in the inventory of a replica where it was not paid for; that
// holds across authors too.
func TestAncestorCausalField(t *testing.T) {
	t.Parallel()
	p := newPeers(t, 3)
	base, baseID := p[0].do(func(tx *crdt.Tx) error {
		_, err := tx.Make(crdt.Root, "inventory", crdt.ListObject)
		return err
	})
	balance := func(n int) func(*crdt.Tx) error {
		return func(tx *crdt.Tx) error { _, err := tx.Set(crdt.Root, "balance", lit(t, n)); return err }
	}
	earn, earnID := p[0].do(balance(5000))
	spend, spendID := p[0].do(balance(3000))
	p[1].hears(base, earn, spend)
	sword, _ := p[1].do(func(tx *crdt.Tx) error { // another author, in another field
		item, err := tx.InsertObject(p[1].at("inventory"), 0, crdt.MapObject)
		if err != nil {
			return err
		}
		return all(
			func() error { _, err := tx.Set(item, "name", lit(t, "Sword")); return err },
			func() error { _, err := tx.Set(item, "soulbound", lit(t, true)); return err },
		)
	})

	p[2].missing(sword, spendID)
	p[2].missing(spend, earnID)
	p[2].missing(earn, baseID)
	p[2].shows(`{}`)
	p[2].hears(base)
	p[2].shows(`{"balance":3000,"inventory":[{"name":"Sword","soulbound":true}]}`)
	p[0].hears(sword)
	agree(t, p...)
}

// There: a grid of lists of registers, edited in place by two replicas, then a cell and
// a row deleted in one of them. Here the deletions reach the other replica too, and a
// cell set by one in a row that the other deletes harms nothing.
func TestAncestorTwoDimensionalGrid(t *testing.T) {
	t.Parallel()
	p := newPeers(t, 2)
	made, _ := p[0].do(func(tx *crdt.Tx) error {
		grid, err := tx.Make(crdt.Root, "grid", crdt.ListObject)
		if err != nil {
			return err
		}
		_, err = tx.InsertObject(grid, 0, crdt.ListObject)
		return err
	})
	p[1].hears(made)
	row := func(p *peer, i int, values ...bool) []byte {
		frame, _ := p.do(func(tx *crdt.Tx) error {
			for k := len(values) - 1; k >= 0; k-- { // each at the front
				cell, err := tx.InsertObject(p.at("grid", i), 0, crdt.RegisterObject)
				if err != nil {
					return err
				}
				if _, err := tx.SetRegister(cell, lit(t, values[k])); err != nil {
					return err
				}
			}
			return nil
		})
		return frame
	}
	p[1].hears(row(p[0], 0, true, false))
	second, _ := p[0].do(func(tx *crdt.Tx) error { _, err := tx.InsertObject(p[0].at("grid"), 1, crdt.ListObject); return err })
	p[1].hears(second, row(p[0], 1, false, true))
	// The cells of a row came as one change, all at the front: in which order they
	// stand is Fugue's to say, the same for both.
	agree(t, p...)
	set := func(p *peer, i, k int, v bool) []byte {
		frame, _ := p.do(func(tx *crdt.Tx) error { _, err := tx.SetRegister(p.at("grid", i, k), lit(t, v)); return err })
		return frame
	}
	for i := range 2 { // whatever it was: true on the diagonal
		for k := range 2 {
			p[1].hears(set(p[0], i, k, i == k))
		}
	}
	p[0].shows(`{"grid":[[true,false],[false,true]]}`)
	one, two := set(p[0], 0, 0, false), set(p[1], 1, 1, false)
	p[0].hears(two)
	p[1].hears(one)
	agree(t, p...)
	p[1].shows(`{"grid":[[false,false],[false,false]]}`)

	cell, _ := p[0].do(func(tx *crdt.Tx) error { return tx.Delete(p[0].at("grid", 0), 1, 1) })
	p[0].shows(`{"grid":[[false],[false,false]]}`)
	gone, _ := p[0].do(func(tx *crdt.Tx) error { return tx.Delete(p[0].at("grid"), 1, 1) })
	p[0].shows(`{"grid":[[false]]}`)
	in := set(p[1], 1, 0, true) // in the row that is being deleted
	p[1].hears(cell, gone)
	p[0].hears(in)
	agree(t, p...)
	p[1].shows(`{"grid":[[false]]}`)
}

// There: a register holds any JSON and gives it back. Here it does so byte for byte
// through the wire, with the types that JSON has not (bytes, whole numbers apart from
// floats), and what no format holds is refused before anything is made of it.
func TestAncestorArbitraryJSON(t *testing.T) {
	t.Parallel()
	p := newPeers(t, 2)
	value := map[string]any{
		"a": true, "b": "asdf", "c": map[string]any{"d": []any{}, "e": []any{false}},
		"n": []any{int64(1), 1.5, -0.25, int64(-1 << 63), []byte{0, 255}, nil, "𝄞"},
	}
	made, _ := p[0].do(func(tx *crdt.Tx) error {
		reg, err := tx.Make(crdt.Root, "reg", crdt.RegisterObject)
		if err != nil {
			return err
		}
		_, err = tx.SetRegister(reg, lit(t, value))
		return err
	})
	p[1].hears(made)
	agree(t, p...)
	p[1].shows(`{"reg":{"a":true,"b":"asdf","c":{"d":[],"e":[false]},"n":[1,1.5,-0.25,-9223372036854775808,"AP8=",null,"𝄞"]}}`)
	held, err := p[1].Values(p[1].at("reg"), "")
	if err != nil || len(held) != 1 || string(held[0].Literal) != string(lit(t, value)) {
		t.Fatalf("got %v, %v", held, err)
	}
	for name, bad := range map[string]any{"func": func() {}, "chan": make(chan int), "text": "\xff", "key": map[string]any{"\xff": 1}} {
		if _, err := crdt.EncodeLiteral(bad); !errors.Is(err, crdt.ErrLiteral) {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// There: a value of the wrong type leaves a typed register null, and items of the wrong
// type are left out of a typed list. Here no wrong value is silently dropped: one's own
// is refused with the reason, and another author's op of the wrong type is void on every
// replica alike, while the rest of its change stands.
func TestAncestorWrongTypes(t *testing.T) {
	t.Parallel()
	p := newPeers(t, 2)
	made, _ := p[0].do(func(tx *crdt.Tx) error {
		for i, key := range []string{"map", "list", "text", "reg", "count"} {
			if _, err := tx.Make(crdt.Root, key, crdt.ObjectKind(i)); err != nil {
				return err
			}
		}
		return nil
	})
	p[1].hears(made)
	for name, edit := range map[string]func(*crdt.Tx) error{
		"a text into a list":        func(tx *crdt.Tx) error { _, err := tx.InsertText(p[0].at("list"), 0, "char"); return err },
		"items into a text":         func(tx *crdt.Tx) error { _, err := tx.Insert(p[0].at("text"), 0, lit(t, 1)); return err },
		"a key of a register":       func(tx *crdt.Tx) error { _, err := tx.Set(p[0].at("reg"), "k", lit(t, 32)); return err },
		"a register that is a map":  func(tx *crdt.Tx) error { _, err := tx.SetRegister(p[0].at("map"), lit(t, 32)); return err },
		"adding to what is no sum":  func(tx *crdt.Tx) error { return tx.Add(p[0].at("reg"), 1) },
		"deleting from a counter":   func(tx *crdt.Tx) error { return tx.Delete(p[0].at("count"), 0, 0) },
		"an object under a list":    func(tx *crdt.Tx) error { _, err := tx.Make(p[0].at("list"), "k", crdt.MapObject); return err },
		"an object into a register": func(tx *crdt.Tx) error { _, err := tx.InsertObject(p[0].at("reg"), 0, crdt.MapObject); return err },
	} {
		t.Run(name, func(t *testing.T) { unchanged(t, p[0].Replica, p[0].w, crdt.ErrWrongType, edit) })
	}

	m := newMill(t, crdt.JSON)
	hostile := m.run(2, m.room, refPayload(0, []hash32{hash32(p[0].ID(0))}, refEncode(ops{
		ops{7, ops{-1, 1}, "char"},                           // text in a list
		ops{7, ops{-1, 2}, ops{1}},                           // items in a text
		ops{2, ops{-1, 3}, "k", ops{}, 32},                   // a key of a register
		ops{10, ops{-1, 0}, 1},                               // a sum in a map
		ops{7, ops{-1, 1}, ops{0, 123, -0.5, "char", ops{}}}, // good: a list takes any literal
		ops{2, ops{-1, 3}, nil, ops{}, true},                 // good
	})))
	for _, p := range p {
		p.hears(refPack{hostile}.frame())
		p.shows(`{"count":0,"list":[0,123,-0.5,"char",[]],"map":{},"reg":true,"text":""}`)
	}
	agree(t, p...)
}
