package orphan

import (
	"crypto/ed25519"
	"math/rand/v2"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// TestAnyOrder: in whatever order the packs of a chain come, all get in, and none is counted that does not wait.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	charter := crdt.OpenLedger("orphans")
	from, err := crdt.NewReplica(charter)
	if err != nil {
		t.Fatal(err)
	}
	w, err := from.Writer(ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	row, err := crdt.EncodeLiteral("row")
	if err != nil {
		t.Fatal(err)
	}
	const n = 40
	var frames [][]byte
	for i := range n {
		if _, err := w.Change(1, func(tx *crdt.Tx) error { _, err := tx.Append(row); return err }); err != nil {
			t.Fatal(err)
		}
		w.Sign()
		frame, _ := from.PackFrom(i, func(k int) bool { return k < i })
		frames = append(frames, frame)
	}
	for seed := range uint64(50) {
		to, err := crdt.NewKeeper(charter)
		if err != nil {
			t.Fatal(err)
		}
		p := Packs{Checker: crdt.NewChecker(charter)}
		for loaded, i := range rand.New(rand.NewPCG(seed, 1)).Perm(n) {
			if err := p.Checker.EachStored(frames[i], func(pack *crdt.StoredPack) error { return p.Load(to, pack) }); err != nil {
				t.Fatal(err)
			}
			if to.Len()+p.Changes() != loaded+1 || p.Len() != p.Changes() || p.Of(w.Author()) != (p.Len() > 0) {
				t.Fatalf("seed %d, after %d: %d in the log, %d wait", seed, loaded+1, to.Len(), p.Changes())
			}
		}
		if to.Len() != n || p.Len() != 0 {
			t.Fatalf("seed %d: %d in the log, %d wait", seed, to.Len(), p.Len())
		}
	}
}
