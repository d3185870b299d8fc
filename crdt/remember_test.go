package crdt_test

import (
	"bytes"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// A checker that remembers judges as one that does not: the same frame again, the same
// with another signature, the same change under another author's key.
func TestRemember(t *testing.T) {
	t.Parallel()
	m := newMill(t, crdt.Ledger)
	var frames [][]byte
	for a := range 6 {
		run := m.run(a, m.room, m.payload(100+a))
		good := refPack{run}.frame()
		bad := bytes.Clone(good)
		bad[len(bad)-32] ^= 1 // the signature is the last of it
		frames = append(frames, good, bad, good, bad)
	}
	for _, most := range []int{-1, 0, 1, 3, 100} {
		c := crdt.NewChecker(m.charter)
		c.Remember(most)
		for round := range 3 {
			for k, frame := range frames {
				_, err := c.Check(frame, nil)
				if _, want := crdt.NewChecker(m.charter).Check(frame, nil); (err == nil) != (want == nil) || err != nil && err.Error() != want.Error() {
					t.Fatalf("most %d, round %d, frame %d: got %v, want %v", most, round, k, err, want)
				}
			}
			_, errs := c.CheckAll(frames, nil)
			for k, err := range errs {
				if (err == nil) != (k%2 == 0) {
					t.Fatalf("most %d, round %d, frame %d of all: got %v", most, round, k, err)
				}
			}
		}
	}
}
