package byz

import (
	"math"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// results is what some attacks leave in the document: their ops have the effect that makes them attacks, and no other.
var results = map[string]func(t *testing.T, d *crdt.Doc){
	"document/counter-overflow": func(t *testing.T, d *crdt.Doc) {
		if n, err := d.Count(find(t, d, "count")); err != nil || n != math.MaxInt64-2 {
			t.Errorf("the counter shows %d, %v", n, err)
		}
	},
	"document/nesting": func(t *testing.T, d *crdt.Doc) {
		var path []any
		for range 31 {
			path = append(path, "deep")
		}
		if v, err := crdt.Read[int](d, append(path, "at 32")...); err != nil || v != 1 {
			t.Errorf("at depth 32: %v, %v", v, err)
		}
		if _, err := d.Find(append(path, "deep")...); err == nil {
			t.Error("there is a map at depth 33")
		}
	},
	"document/most-replaces":  values("crowded", 2),
	"document/odd-replaces":   values("value", 1),
	"document/conflict-flood": values("mine", 12_000),
	"document/object-flood":   length(8000),
	"document/replace-chain":  values("key", 1),
	"document/odd-keys": func(t *testing.T, d *crdt.Doc) {
		if keys, err := d.Keys(crdt.Root); err != nil || len(keys) < 4012 {
			t.Errorf("%d keys, %v", len(keys), err)
		}
	},
	"sequence/sibling-flood":        length(16_000),
	"sequence/siblings-of-one":      length(3 + 80*len("afterbefore")),
	"sequence/left-spine":           length(12_001),
	"sequence/right-spine":          length(12_001),
	"sequence/zigzag":               length(12_001),
	"sequence/random-tree":          length(8000),
	"sequence/delete-storm":         length(0),
	"sequence/delete-limits":        length(15 - 2 + 4 - 1),
	"sequence/children-of-the-dead": length(1000),
	"sequence/far-back":             length(4001),
	"sequence/lists-in-lists":       length(1 + 10*30),
	"sequence/shattered":            length(30_000),
	"sequence/interleaving": func(t *testing.T, d *crdt.Doc) {
		text, err := d.Text(find(t, d, "text"))
		if err != nil || !strings.Contains(text, interleavedOne) || !strings.Contains(text, interleavedTwo) || strings.Count(text, "#") != 120 {
			t.Errorf("the sentences are torn: %q, %v", text, err)
		}
	},
}

func find(t *testing.T, d *crdt.Doc, path ...any) crdt.Name {
	t.Helper()
	n, err := d.Find(path...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// length is the length of what stands under "text".
func length(want int) func(t *testing.T, d *crdt.Doc) {
	return func(t *testing.T, d *crdt.Doc) {
		if n, err := d.Len(find(t, d, "text")); err != nil || n != want {
			t.Errorf("the text has %d elements, want %d; %v", n, want, err)
		}
	}
}

// values is the number of values that stand under a key.
func values(key string, want int) func(t *testing.T, d *crdt.Doc) {
	return func(t *testing.T, d *crdt.Doc) {
		if held, err := d.Values(crdt.Root, key); err != nil || len(held) != want {
			t.Errorf("%d values under %q, want %d; %v", len(held), key, want, err)
		}
	}
}
