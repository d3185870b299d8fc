package crdt_test

import (
	"fmt"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

type conflicting struct {
	M crdt.Map[int]          `crdt:"m"`
	N crdt.Map[crdt.Counter] `crdt:"n"`
}

// manyMaps is a document with n maps under each of two keys, each with a key of its own.
func manyMaps(t testing.TB, n int) (*crdt.Doc, *conflicting) {
	g := newGrower(1, 0)
	for i := range n {
		g.change(0, nil, ops{3, 0, "m", ops{}, 0}, ops{2, ops{0, 0}, fmt.Sprint("k", i), ops{}, i},
			ops{3, 0, "n", ops{}, 0}, ops{3, ops{0, 2}, fmt.Sprint("k", i), ops{}, 4})
	}
	g.flush()
	r := newReplica(t, roomOf(crdt.JSON))
	for _, frame := range g.frames {
		deliver(t, r, frame, 1)
	}
	b, err := crdt.Bind[conflicting](r.Doc())
	if err != nil {
		t.Fatal(err)
	}
	return r.Doc(), b
}

// All maps that authors put under one key are read as one, entry by entry.
func TestManyMapsAsOne(t *testing.T) {
	t.Parallel()
	d, b := manyMaps(t, 100)
	if v, err := crdt.Read[map[string]map[string]any](d); err != nil || len(v["m"]) != 100 || v["m"]["k7"] != int64(7) {
		t.Error(v, err)
	}
	if v, err := b.M.Value(); err != nil || len(v) != 100 || v["k7"] != 7 {
		t.Error(v, err)
	}
	v, err := b.N.Value()
	if err != nil || len(v) != 100 {
		t.Error(v, err)
	}
	if n, err := v["k7"].Value(); n != 0 || err != nil {
		t.Error(n, err)
	}
	if keys := b.N.Keys(); len(keys) != 100 || keys[2] != "k10" {
		t.Error(keys)
	}
}

// BenchmarkManyMaps reads maps in conflict, in nanoseconds of one: if that grows with
// their number, who makes them makes readers hang.
func BenchmarkManyMaps(b *testing.B) {
	for _, n := range []int{1 << 9, 1 << 12} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d, bound := manyMaps(b, n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := crdt.Read[any](d); err != nil {
					b.Fatal(err)
				}
				if _, err := bound.M.Value(); err != nil {
					b.Fatal(err)
				}
				if _, err := bound.N.Value(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/map")
		})
	}
}
