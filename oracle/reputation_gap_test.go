package oracle

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// TestScoreInAGap: an attestation that comes late, for a time at which nobody else spoke, between others that did, ends the
// computing of scores: it once went round for ever.
func TestScoreInAGap(t *testing.T) {
	t.Parallel()
	terms := Terms{Policy: DefaultPolicy(), Pairs: []Pair{{"A/B", -2}}}
	for i := range 4 {
		seed := sha256.Sum256([]byte{byte(i)})
		terms.Oracles = append(terms.Oracles, crdt.Author(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)))
	}
	c, err := NewCharter("gap", nil, terms)
	if err != nil {
		t.Fatal(err)
	}
	if terms, err = ParseTerms(c); err != nil {
		t.Fatal(err)
	}
	l := NewLog(terms)
	var tips [4]crdt.ChangeID
	n := uint64(0)
	say := func(o int, slot int64) {
		a := Attestation{Pair: "A/B", Price: 100 + slot%7, T: slot * terms.Policy.SlotMS}
		body, err := a.Encode()
		if err != nil {
			t.Fatal(err)
		}
		n++
		ch := Change{ID: sha256.Sum256(binary.BigEndian.AppendUint64(nil, n)), Author: terms.Oracles[o], Prev: tips[o], Body: []crdt.Literal{body}}
		l.Add(ch)
		tips[o] = ch.ID
	}
	for _, start := range []int64{1000, 100 * pointSlots, 200 * pointSlots} {
		for slot := start; slot < start+20; slot++ {
			for o := range 3 {
				say(o, slot)
			}
		}
	}
	l.Oracles()
	for _, slot := range []int64{50 * pointSlots, 60 * pointSlots, 100*pointSlots + 3, 150 * pointSlots, 300 * pointSlots} {
		say(3, slot)
		got := l.Oracles()
		for o, st := range got {
			if o < 3 && (st.Least <= 500_000 || st.Convicted) {
				t.Errorf("after slot %d oracle %d scores %d", slot, o, st.Least)
			}
		}
	}
}
