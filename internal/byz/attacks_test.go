package byz

import (
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// TestAttacks: each attack comes to exactly what it must, alone and among honest traffic, at victims that get it in different
// orders.
func TestAttacks(t *testing.T) {
	for _, a := range Attacks() {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			for seed, edits := range []int{0, 12} {
				w := newWorld(t, uint64(seed)+1, []crdt.Kind{crdt.Ledger, crdt.JSON}[seed], a)
				doc := w.view(ann).DocDigest()
				w.attack(a)
				w.run(edits)
				w.leave()
				w.settle()
				w.want(a.Want)
				if a.Want.Void && edits == 0 && w.view(ann).DocDigest() != doc {
					t.Error("the attack has changed the document")
				}
				w.epilogue()
			}
		})
	}
}

// TestNames: names are unique, and begin with a word for the class; each class of authors has at least five attacks.
func TestNames(t *testing.T) {
	seen := make(map[string]bool)
	count := make(map[Class]int)
	for _, a := range Attacks() {
		if seen[a.Name] || !strings.Contains(a.Name, "/") || a.What == "" || a.Peers == nil {
			t.Errorf("attack %q: name twice or without class, or nothing said of it", a.Name)
		}
		seen[a.Name] = true
		count[a.Class]++
	}
	for _, c := range []Class{Codec, Change, Key, Chain, Dependencies, Document, Sequence} {
		if count[c] < 5 {
			t.Errorf("%d attacks of class %s, want at least 5", count[c], c)
		}
	}
}
