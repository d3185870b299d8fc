package transport

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// waiter is a replica with packs that it can be made to wait for.
type waiter struct {
	t       *testing.T
	replica *crdt.Replica
	late    []*crdt.Pack // each lacks the first change of the chain
	first   *crdt.Pack
	counted int64
}

// newWaiter makes n packs of about size bytes that lack one change.
func newWaiter(t *testing.T, n, size int) *waiter {
	t.Helper()
	charter := crdt.OpenLedger("main")
	author, err := crdt.NewReplica(charter)
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := author.Writer(key)
	if err != nil {
		t.Fatal(err)
	}
	literal, err := crdt.EncodeLiteral(make([]byte, size))
	if err != nil {
		t.Fatal(err)
	}
	made := &waiter{t: t}
	checker := crdt.NewChecker(charter)
	for i := range n + 1 {
		if _, err := w.Change(1, func(tx *crdt.Tx) error { tx.Append(literal); return nil }); err != nil {
			t.Fatal(err)
		}
		w.Sign()
		frame, _ := author.PackFrom(i, func(k int) bool { return k < i })
		pack, err := checker.Check(frame, nil)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			made.first = pack
		} else {
			made.late = append(made.late, pack)
		}
	}
	if made.replica, err = crdt.NewKeeper(charter); err != nil {
		t.Fatal(err)
	}
	return made
}

// receive delivers a late pack and settles.
func (w *waiter) receive(b *PendingBudget, i int) (trimmed bool) {
	w.t.Helper()
	if out := w.replica.Receive(w.late[i], 1, time.Time{}); len(out.Missing) == 0 {
		w.t.Fatalf("pack %d does not wait: %+v", i, out)
	}
	w.counted, trimmed = b.settle(w.replica, w.counted)
	return trimmed
}

func (w *waiter) pending() int64 {
	_, n := w.replica.Pending()
	return int64(n)
}

// Who fills the budget in one room, or in many, leaves every other its floor; and what they hold together is bounded.
func TestPendingBudget(t *testing.T) {
	t.Parallel()
	const size = 40 << 10
	b := &PendingBudget{Bytes: 10 * size, Floor: 3 * size}
	greedy := []*waiter{newWaiter(t, 20, size), newWaiter(t, 20, size), newWaiter(t, 20, size)}
	honest := newWaiter(t, 2, size)
	for i := range 20 {
		for _, g := range greedy {
			g.receive(b, i)
		}
	}
	if b.Trimmed() == 0 {
		t.Error("nothing was trimmed")
	}
	for i := range honest.late {
		if honest.receive(b, i) {
			t.Errorf("pack %d of the honest room was given up", i)
		}
	}
	sum := honest.pending()
	for k, g := range greedy {
		sum += g.pending()
		if g.pending() == 0 {
			t.Errorf("room %d has nothing left", k)
		}
	}
	if got, most := b.Held(), b.Bytes+4*b.Floor; got != sum || got > most {
		t.Errorf("held %d, want %d, and at most %d", got, sum, most)
	}
	if out := honest.replica.Receive(honest.first, 1, time.Time{}); out.To != 3 {
		t.Errorf("got %+v, want the 3 changes of the honest room", out)
	}
	honest.counted, _ = b.settle(honest.replica, honest.counted)
	for _, w := range append(greedy, honest) {
		b.release(w.counted)
	}
	if got := b.Held(); got != 0 {
		t.Errorf("held %d after all have ended, want 0", got)
	}
	// What was given up is told, so that it is compared for anew.
	if got := greedy[0].replica.Expire(time.Time{}); len(got) != 1 {
		t.Errorf("Expire: got %v, want peer 1", got)
	}
}
