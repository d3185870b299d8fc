package wire

import (
	"strings"

	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

// Chain is what one author publishes: packs of one run each, made beforehand so that making them is not measured.
type Chain struct {
	Author crdt.Author
	Packs  [][]byte
	Run    int                   // changes in each
	Ends   map[crdt.ChangeID]int // number of the pack that ends with the change
	Bytes  int                   // of the first pack
}

// NewChain makes a chain of n packs of run changes each, of about size bytes of payload each.
func NewChain(charter crdt.Charter, p sample.Person, n, run, size int) (*Chain, error) {
	r, err := crdt.NewReplica(charter)
	if err != nil {
		return nil, err
	}
	return newChain(r, p, n, run, size)
}

// Continue makes for each of people, who know all of the room, a chain of one pack of n further changes, none of which knows of
// the others.
func Continue(room *sample.Room, people []sample.Person, n, size int) ([]*Chain, error) {
	var all []*Chain
	for _, p := range people {
		r, err := crdt.NewReplica(room.Charter)
		if err != nil {
			return nil, err
		}
		for _, pack := range room.Packs {
			if err := r.Load(pack); err != nil {
				return nil, err
			}
		}
		c, err := newChain(r, p, 1, n, size)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// newChain writes at r as p.
func newChain(r *crdt.Replica, p sample.Person, n, run, size int) (*Chain, error) {
	w, err := r.Writer(p.Key)
	if err != nil {
		return nil, err
	}
	const around = 85 // bytes of a payload besides the memo
	entry := ledger.NewTransfer(p.Name, "everybody", 1250, 2, "EUR", strings.Repeat("m", max(size-around, 1)))
	literal, err := ledger.Encode(entry)
	if err != nil {
		return nil, err
	}
	c := &Chain{Author: p.Author(), Run: run, Ends: make(map[crdt.ChangeID]int, n), Packs: make([][]byte, 0, n)}
	for i := range n {
		var id crdt.ChangeID
		for range run {
			id, err = w.Change(sample.First+int64(i), func(tx *crdt.Tx) error {
				_, err := tx.Append(literal)
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		from, _ := w.Sign()
		pack, _ := r.PackFrom(from, func(i int) bool { return i < from })
		c.Packs = append(c.Packs, pack)
		c.Ends[id] = i
	}
	c.Bytes = len(c.Packs[0])
	return c, nil
}
