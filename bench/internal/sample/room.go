package sample

import (
	"fmt"
	"math/rand/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

// First and Last are the claimed times, Unix seconds, of the first change of a room and of the one after its last.
const (
	First = 1772355600 // 2026-03-01 09:00:00 UTC
	Last  = 1795212000 // 2026-11-20 22:00:00 UTC
)

// Room is a ledger as it lies in a store.
type Room struct {
	Charter crdt.Charter
	Packs   [][]byte // in the order in which they can be loaded
	Changes int
	Newest  map[crdt.Author]crdt.ChangeID // of each author who wrote
}

// NewRoom makes the ledger called name of n transactions. The people write by turns, between 1 and 16 at a time, each
// having seen all before; their runs are packed as a node packs them.
func NewRoom(name string, people []Person, n int, seed uint64) (*Room, error) {
	b, err := newBuilder(name, people)
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(seed, 1))
	step := float64(Last-First) / float64(max(n, 1))
	for i, turn := 0, 0; i < n; turn++ {
		who := turn % len(people)
		if r.IntN(3) == 0 {
			who = r.IntN(len(people))
		}
		for k := min(1+r.IntN(16), n-i); k > 0; k-- {
			e := Transfer(r, people[who].Name, people)
			if err := b.write(who, First+int64(float64(i)*step), e); err != nil {
				return nil, fmt.Errorf("transaction %d: %w", i, err)
			}
			i++
		}
		b.writers[who].Sign()
	}
	return b.room(), nil
}

// WriteRoom makes the ledger called name of the given entries, each written by the person who is named first in it, a
// minute apart, the last one at Last.
func WriteRoom(name string, people []Person, entries []ledger.Entry) (*Room, error) {
	b, err := newBuilder(name, people)
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		for who := range people {
			if people[who].Name != e.Postings[0].Label {
				continue
			}
			if err := b.write(who, Last-60*int64(len(entries)-1-i), e); err != nil {
				return nil, fmt.Errorf("entry %d: %w", i, err)
			}
			b.writers[who].Sign()
		}
	}
	return b.room(), nil
}

type builder struct {
	charter crdt.Charter
	replica *crdt.Replica
	people  []Person
	writers []*crdt.Writer
	newest  map[crdt.Author]crdt.ChangeID
}

func newBuilder(name string, people []Person) (*builder, error) {
	b := &builder{charter: crdt.OpenLedger(name), people: people, newest: map[crdt.Author]crdt.ChangeID{}}
	var err error
	if b.replica, err = crdt.NewReplica(b.charter); err != nil {
		return nil, err
	}
	for _, p := range people {
		w, err := b.replica.Writer(p.Key)
		if err != nil {
			return nil, err
		}
		b.writers = append(b.writers, w)
	}
	return b, nil
}

func (b *builder) write(who int, unix int64, e ledger.Entry) error {
	l, err := ledger.Encode(e)
	if err != nil {
		return err
	}
	id, err := b.writers[who].Change(unix, func(tx *crdt.Tx) error {
		_, err := tx.Append(l)
		return err
	})
	b.newest[b.people[who].Author()] = id
	return err
}

func (b *builder) room() *Room {
	room := &Room{Charter: b.charter, Changes: b.replica.Len(), Newest: b.newest}
	for next := 0; next < b.replica.Len(); {
		from := next
		var pack []byte
		if pack, next = b.replica.PackFrom(from, func(i int) bool { return i < from }); pack != nil {
			room.Packs = append(room.Packs, pack)
		}
	}
	return room
}
