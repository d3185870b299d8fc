package crdt

import (
	"crypto/ed25519"
	"math/bits"
	"testing"

	"github.com/tallystick/tallystick/internal/race"
)

// Going back on a chain takes O(log n) steps, for every distance.
func TestBackIsLogarithmic(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	r, err := NewReplica(OpenLedger("jumps"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.Writer(ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	const n = 20_000
	for i := range n {
		if _, err := w.Change(0, func(tx *Tx) error { _, err := tx.Append(emptyMap); return err }); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 999 {
			w.Sign()
		}
	}
	l := r.log
	most := 0
	for i := int32(0); i < n; i += 7 {
		d := i * 31 % (i + 1)
		steps, at := 0, i
		for want := i - d; at != want; steps++ {
			if jump := l.at(at).jump; jump >= want {
				at = jump
			} else {
				at = l.at(at).prev
			}
		}
		most = max(most, steps)
	}
	if limit := 3 * bits.Len(n); most > limit {
		t.Fatalf("%d steps on a chain of %d, want at most %d", most, n, limit)
	}
}
