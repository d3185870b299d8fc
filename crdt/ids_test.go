package crdt

import (
	"bytes"
	"testing"

	"filippo.io/edwards25519"
	"pgregory.net/rapid"
)

// The table against a map, over many segments; ids that agree in most bits among
// them.
func TestIDTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table, want := newIDTable(rapid.IntRange(0, 100).Draw(t, "room")), make(map[ChangeID]uint32)
		var ids []ChangeID
		same := func(id ChangeID) func(uint32) bool { return func(at uint32) bool { return ids[at] == id } }
		for n := range rapid.IntRange(0, 5000).Draw(t, "ids") {
			id := ChangeID{byte(n), byte(n >> 8)}
			want[id] = uint32(n)
			if at, ok := table.find(&id, same(id)); ok {
				t.Fatalf("%v found at %d before it was added", id, at)
			}
			ids = append(ids, id)
			table.add(&id, uint32(n))
		}
		for id, n := range want {
			if at, ok := table.find(&id, same(id)); !ok || at != n {
				t.Fatalf("%v: %d, %v, want %d", id, at, ok, n)
			}
		}
		if table.len() != len(want) {
			t.Fatalf("%d, want %d", table.len(), len(want))
		}
		for k := range table.segments {
			if s := &table.segments[k]; s.used > len(s.tags)/8*7 || len(s.at) != len(s.tags) || k < len(table.segments)-1 && s.used < len(s.tags)/8*7 {
				t.Fatalf("segment %d: %d of %d", k, s.used, len(s.tags))
			}
		}
	})
}

// An author's key is refused unless it is the one encoding of its point, also at the
// edges of the field.
func TestReduced(t *testing.T) {
	t.Parallel()
	keys := [][]byte{make([]byte, 32)}
	for low := range 256 {
		for _, middle := range []byte{0, 0xfe, 0xff} {
			for _, high := range []byte{0, 0x7e, 0x7f, 0x80, 0xff} {
				key := bytes.Repeat([]byte{middle}, 32)
				key[0], key[31] = byte(low), high
				keys = append(keys, key)
			}
		}
	}
	good, other := 0, 0
	for _, key := range keys {
		p, err := new(edwards25519.Point).SetBytes(key)
		if err != nil || new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1 {
			if _, err := ParseAuthor(key); err == nil {
				t.Fatalf("%x is taken", key)
			}
			continue
		}
		want := bytes.Equal(p.Bytes(), key)
		if _, err := ParseAuthor(key); (err == nil) != want {
			t.Fatalf("%x: %v, want %v", key, err, want)
		}
		if want {
			good++
		} else {
			other++
		}
	}
	if good == 0 || other == 0 {
		t.Fatalf("%d good, %d encoded otherwise", good, other)
	}
}
