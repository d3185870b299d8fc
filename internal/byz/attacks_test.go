package byz

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// costly attacks take most of the time of all: they run alone here, and not in short mode; among honest traffic package live runs them.
var costly = map[string]bool{
	"change/most-links": true, "chain/many-branches": true, "dependencies/full-share": true, "dependencies/full-bytes": true,
	"document/object-flood": true, "document/conflict-flood": true, "sequence/lists-in-lists": true, "sequence/sibling-flood": true,
	"sequence/delete-storm": true, "sequence/shattered": true, "sequence/random-tree": true, "sequence/left-spine": true,
	"sequence/zigzag": true, "sequence/far-back": true, "sync/long-tips": true, "oracle/sybils": true,
}

// TestAttacks: each attack comes to exactly what it must, alone and among honest traffic, at victims that get it in different
// orders.
func TestAttacks(t *testing.T) {
	for _, a := range Attacks() {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && costly[a.Name] {
				t.Skip("takes seconds")
			}
			kinds := []crdt.Kind{crdt.Ledger, crdt.JSON}
			for seed, edits := range []int{0, 12, 0} {
				if (testing.Short() || costly[a.Name]) && seed > 0 || seed == 2 && (a.Kind != "" || !a.Want.Void) {
					break
				}
				w := newWorld(t, uint64(seed)+1, kinds[min(seed, 1)], a)
				doc := w.view(ann).DocDigest()
				w.attack(a)
				w.run(edits)
				w.leave()
				w.settle()
				w.want(a.Want)
				if a.Want.Void && edits == 0 && w.view(ann).DocDigest() != doc {
					t.Error("the attack has changed the document")
				}
				if check := results[a.Name]; check != nil && edits == 0 {
					check(t, w.view(bob).Doc())
				}
				w.epilogue()
			}
		})
	}
}

var combinations = flag.Int("combinations", 10, "how many random combinations of attacks TestTogether tries")

// TestTogether: attacks of all classes at once, by colluding and by independent authors, come to what each comes to alone.
func TestTogether(t *testing.T) {
	n := *combinations
	if testing.Short() {
		n = 1
	}
	for seed := range n {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(uint64(seed), 5))
			var together []Attack
			var wants []Want
			kind := []crdt.Kind{crdt.Ledger, crdt.JSON}[seed%2]
			all := Attacks()
			for _, i := range rng.Perm(len(all)) {
				if a := all[i]; len(together) < 6 && a.Charter == nil && (a.Kind == "" || a.Kind == kind) {
					together, wants = append(together, a), append(wants, a.Want)
					t.Log(a.Name)
				}
			}
			w := newWorld(t, uint64(seed), kind, together...)
			for _, a := range together {
				w.attack(a)
			}
			w.run(20)
			w.leave()
			w.settle()
			w.want(wants...)
			w.epilogue()

			// All of it again, by the same authors, after the restart: nothing is new, and nobody can be told otherwise.
			for _, a := range together {
				if !a.Spread { // what those tell one victim, the other knows by now
					w.attack(a)
				}
			}
			w.settle()
			w.leave()
			w.want(wants...)
			w.equal()
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

// TestResults: results and costly name attacks that are there.
func TestResults(t *testing.T) {
	names := make(map[string]bool)
	for _, a := range Attacks() {
		names[a.Name] = true
	}
	all := maps.Clone(costly)
	for name := range results {
		all[name] = true
	}
	for name := range all {
		if !names[name] {
			t.Errorf("no attack is called %s", name)
		}
	}
}
