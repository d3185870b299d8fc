package crdt

import (
	"testing"

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
