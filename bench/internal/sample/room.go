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

// Told is an entry, and what all whom it binds but its writer said of it.
type Told struct {
	Entry ledger.Entry
	Say   ledger.Say
	Memo  string
}

// WriteRoom makes the ledger called name of the given entries, each written by the person who is named first in it, a
// minute apart, the last one at Last. Names of people are bound to their keys, and everybody has said what they are called.
func WriteRoom(name string, people []Person, entries []Told) (*Room, error) {
	b, err := newBuilder(name, people)
	if err != nil {
		return nil, err
	}
	at := func(i int) int64 { return Last - 60*int64(len(entries)-1-i) }
	for who, p := range people {
		if err := b.change(who, at(-1), ledger.NameEdit(p.Name)); err != nil {
			return nil, fmt.Errorf("name of %s: %w", p.Name, err)
		}
	}
	for i, t := range entries {
		if err := b.tell(at(i), t); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return b.room(), nil
}

// tell writes an entry, and what is said of it.
func (b *builder) tell(unix int64, t Told) error {
	var sides []int
	for i := range t.Entry.Postings {
		p := &t.Entry.Postings[i]
		for who := range b.people {
			if b.people[who].Name == p.Label {
				key := b.people[who].Author()
				p.Key = &key
				sides = append(sides, who)
			}
		}
	}
	if len(sides) == 0 || t.Entry.Postings[0].Label != b.people[sides[0]].Name {
		return fmt.Errorf("%q is nobody who writes", t.Entry.Postings[0].Label)
	}
	if err := b.change(sides[0], unix, ledger.AppendEdit(t.Entry, nil)); err != nil {
		return err
	}
	if t.Say == ledger.Nothing {
		return nil
	}
	v := b.replica.View()
	entry := v.NameOf(v.Row(v.Len() - 1).Key)
	for _, who := range sides[1:] {
		if err := b.change(who, unix, ledger.MarkEdit(entry, t.Say, t.Memo)); err != nil {
			return err
		}
	}
	return nil
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

// change writes a change that is signed by itself.
func (b *builder) change(who int, unix int64, edit func(*crdt.Tx) error) error {
	id, err := b.writers[who].Change(unix, edit)
	if err != nil {
		return err
	}
	b.newest[b.people[who].Author()] = id
	b.writers[who].Sign()
	return nil
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
