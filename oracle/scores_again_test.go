package oracle

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// steady is a log of n oracles and as many slots, in which oracle 0 hears and links nobody.
func steady(t testing.TB, terms Terms, slots int, r *rand.Rand) (own, others []Change) {
	tips := make([]crdt.ChangeID, len(terms.Oracles))
	seq := make([]uint64, len(terms.Oracles))
	for s := range slots {
		for o := range terms.Oracles {
			id := crdt.ChangeID{byte(o), byte(s), byte(s >> 8), byte(s >> 16), 1}
			seq[o]++
			price := 250_000_000_000 + r.Int64N(2_000_000_000)
			c := Change{ID: id, Author: terms.Oracles[o], Prev: tips[o], Seq: seq[o],
				Body: []crdt.Literal{literal(t, Attestation{Pair: terms.Pairs[0].Name, Price: price, T: 1_000_000 + int64(s)*terms.Policy.SlotMS})}}
			if r.IntN(40) == 0 {
				c.Body = append(c.Body, crdt.Literal{0xf6})
			}
			for k := 1; k < len(terms.Oracles); k++ {
				if k != o && o != 0 && (tips[k] != crdt.ChangeID{}) {
					c.Links = append(c.Links, tips[k])
				}
			}
			tips[o] = id
			if o == 0 {
				own = append(own, c)
			} else {
				others = append(others, c)
			}
		}
	}
	return own, others
}

// Scores and findings after parts of a long chain came one by one, each when all others were
// long there, are those of a log that had everything at once; and the scores at times past are too.
func TestLateChainScores(t *testing.T) {
	t.Parallel()
	terms := testTerms(t, 4, []string{"BTC/USD"}, nil)
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 1))
		own, others := steady(t, terms, 500, r)
		l := NewLog(terms)
		for _, c := range others {
			l.Add(c)
		}
		l.Findings()
		for len(own) > 0 {
			k := min(len(own), 1+r.IntN(1+r.IntN(200)))
			for _, c := range own[:k] {
				l.Add(c)
			}
			own = own[k:]
			if r.IntN(4) > 0 {
				l.Oracles()
			} else {
				l.Findings()
			}
		}
		fresh := NewLog(terms)
		r = rand.New(rand.NewPCG(seed, 1))
		own, others = steady(t, terms, 500, r)
		for _, c := range slices.Concat(own, others) {
			fresh.Add(c)
		}
		if got, want := l.Oracles(), fresh.Oracles(); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d:\n got %+v\nwant %+v", seed, got, want)
		}
		if got, want := l.Findings(), fresh.Findings(); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d:\n got %+v\nwant %+v", seed, got, want)
		}
		for range 60 {
			at := 1_000_000 + r.Int64N(510_000)
			again := NewLog(terms) // knows no other time
			*again = *fresh
			again.scores = newScores(again)
			for o := range terms.Oracles {
				if got, want := l.scores.at(0, o, at), again.scores.at(0, o, at); got != want {
					t.Fatalf("seed %d, at %d: score %d of oracle %d, want %d", seed, at, got, o, want)
				}
			}
		}
	}
}
