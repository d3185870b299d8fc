package transport

import (
	"context"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

var orphanEpoch = time.Unix(1_800_000_000, 0)

// storeOfOne makes a store of n changes of one author, a record each, and the file that remembers the newest.
func storeOfOne(t *testing.T, n int) (*memStore, *memLast, []crdt.ChangeID) {
	t.Helper()
	st, last := &memStore{}, &memLast{}
	c, err := OpenCore(context.Background(), NodeConfig{Charter: crdt.OpenLedger("lost"), Key: testKey(1), Store: st, Last: last})
	if err != nil {
		t.Fatal(err)
	}
	var ids []crdt.ChangeID
	row, err := crdt.EncodeLiteral("row")
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		c.Edit(orphanEpoch, AppendIntent(1, row, func(r Receipt) {
			if r.Err != nil {
				t.Error(r.Err)
			}
			ids = append(ids, r.ID)
		}))
		if err := c.Commit(orphanEpoch); err != nil {
			t.Fatal(err)
		}
	}
	return st, last, ids
}

// TestOrphans: what was stored after a lost record waits, is kept, guards the key, and enters the log when that comes back
// from a peer; then the store has all of it.
func TestOrphans(t *testing.T) {
	t.Parallel()
	st, last, ids := storeOfOne(t, 5)
	lost := st.frames[2]
	st.frames = append(st.frames[:2:2], st.frames[3:]...)
	cfg := NodeConfig{Charter: crdt.OpenLedger("lost"), Key: testKey(1), Store: st, Last: last, Salvaged: "one record of five"}
	c, err := OpenCore(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := c.Snapshot(orphanEpoch)
	if s.View.Changes() != 2 || s.Pending != 2 || s.Writing != WriteGuarded {
		t.Fatalf("got %d changes, %d pending, writing %d", s.View.Changes(), s.Pending, s.Writing)
	}
	wantSalvage(t, s, "salvaged", "waiting")

	// What a session does with packs that have arrived.
	pack, err := crdt.NewChecker(cfg.Charter).Check(lost, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out := c.replica.Receive(pack, 1, orphanEpoch); out.Err != nil || out.To != 3 {
		t.Fatalf("got %+v", out)
	}
	if err := c.Commit(orphanEpoch); err != nil {
		t.Fatal(err)
	}
	s = c.Snapshot(orphanEpoch)
	if s.View.Changes() != 5 || s.Pending != 0 {
		t.Fatalf("got %d changes, %d pending", s.View.Changes(), s.Pending)
	}
	for i, id := range ids {
		if got := s.View.ChangeAt(i).ID; got != id {
			t.Errorf("change %d: got %v, want %v", i, got, id)
		}
	}
	wantSalvage(t, s, "salvaged", "waiting", "recovered")
	if len(s.View.Forks()) > 0 {
		t.Error("forked")
	}
	cfg.Salvaged = ""
	if c, err = OpenCore(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	if s = c.Snapshot(orphanEpoch); s.View.Changes() != 5 || s.Pending != 0 || s.Writing != WriteOpen {
		t.Fatalf("opened again: got %d changes, %d pending, writing %d", s.View.Changes(), s.Pending, s.Writing)
	}
	wantSalvage(t, s)
}

func wantSalvage(t *testing.T, s *Snapshot, codes ...string) {
	t.Helper()
	var got []string
	for _, e := range s.Events {
		if e.Kind == EventSalvage {
			got = append(got, e.Code)
		}
	}
	if len(got) != len(codes) {
		t.Fatalf("got events %q, want %q", got, codes)
	}
	for i := range codes {
		if got[i] != codes[i] {
			t.Fatalf("got events %q, want %q", got, codes)
		}
	}
}

// TestSentAndLost: where a peer is known to hold a newer own change than is here, no word of the user opens the key: its next
// change would be a fork. Once that change is back, one does.
func TestSentAndLost(t *testing.T) {
	t.Parallel()
	st, last, ids := storeOfOne(t, 5)
	lost := st.frames[4]
	st.frames = st.frames[:4:4]
	sent := &memLast{id: ids[4], set: true}
	cfg := NodeConfig{Charter: crdt.OpenLedger("lost"), Key: testKey(1), Store: st, Last: last, Sent: sent, Copied: true, OnlyCopy: true}
	c, err := OpenCore(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.ConfirmOnlyCopy(orphanEpoch)
	c.room.noteSent(c.room.lastOwn) // a peer holds all that is here
	c.keepSent(orphanEpoch, 0)
	if got := c.Snapshot(orphanEpoch).Writing; got != WriteGuarded || sent.id != ids[4] || last.id != ids[4] {
		t.Errorf("writing %d, want it guarded; sent and last are %x and %x, want %x", got, sent.id[:4], last.id[:4], ids[4][:4])
	}
	pack, err := crdt.NewChecker(cfg.Charter).Check(lost, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out := c.replica.Receive(pack, 1, orphanEpoch); out.Err != nil || out.To != 5 {
		t.Fatalf("got %+v", out)
	}
	if err := c.Commit(orphanEpoch); err != nil {
		t.Fatal(err)
	}
	c.ConfirmOnlyCopy(orphanEpoch)
	if got := c.Snapshot(orphanEpoch).Writing; got != WriteOpen {
		t.Errorf("writing %d with all back, want it open", got)
	}
}

// TestSentAndLastUnreadable: where only the sent file names what was lost, a peer that lacks it too does not open the key.
func TestSentAndLastUnreadable(t *testing.T) {
	t.Parallel()
	_, own := chainOf(t, 1, 5)
	_, older := chainOf(t, 1, 4)
	c := mustCore(t, NodeConfig{Store: storeOf(older), Key: testKey(1), Last: &doubtfulLast{}, Sent: &memLast{id: own.ID(4), set: true}})
	p := newPuppet(t, c, 1)
	p.hello(older, "test relay")
	if got := c.Snapshot(p.now).Writing; got != WriteGuarded {
		t.Fatalf("writing %d after a peer that lacks it too, want it guarded", got)
	}
	p.say(packsOf(own, 4))
	p.wait(c.room.limits.IdleRound)
	for _, asked := range take[*Tips](p) {
		p.say(&Tips{Round: asked.Round, Form: formFingerprint, Count: asked.Count, Fingerprint: asked.Fingerprint})
	}
	if got := c.Snapshot(p.now).Writing; got != WriteOpen {
		t.Errorf("writing %d with all back, want it open", got)
	}
}

// TestForgedOrphan: what waits is not trusted for having been in the store.
func TestForgedOrphan(t *testing.T) {
	t.Parallel()
	st, _, _ := storeOfOne(t, 3)
	forged := append([]byte(nil), st.frames[2]...)
	forged[len(forged)-1] ^= 1
	store := &memStore{frames: [][]byte{st.frames[0], forged}}
	c, err := OpenCore(context.Background(), NodeConfig{Charter: crdt.OpenLedger("lost"), Store: store})
	if err != nil {
		t.Fatal(err)
	}
	pack, err := crdt.NewChecker(c.cfg.Charter).Check(st.frames[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	if out := c.replica.Receive(pack, 1, orphanEpoch); out.Err != nil {
		t.Fatal(out)
	}
	if err := c.Commit(orphanEpoch); err != nil {
		t.Fatal(err)
	}
	if s := c.Snapshot(orphanEpoch); s.View.Changes() != 2 || s.Pending != 0 {
		t.Fatalf("got %d changes, %d pending, want the forged one forgotten", s.View.Changes(), s.Pending)
	}
}

// TestLastCatchesUp: a crash between Append and Set leaves the file behind the log. What is in the log is shown and sent, so
// the file has to vouch for it before that.
func TestLastCatchesUp(t *testing.T) {
	t.Parallel()
	st, last, ids := storeOfOne(t, 3)
	last.id = ids[1]
	c, err := OpenCore(context.Background(), NodeConfig{Charter: crdt.OpenLedger("lost"), Key: testKey(1), Store: st, Last: last})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Snapshot(orphanEpoch).Writing; got != WriteOpen || last.id != ids[2] {
		t.Errorf("writing %d, last %x, want %v", got, last.id[:4], ids[2])
	}
	// Of a store that looks copied it says more than the log: it stays.
	last.id = ids[1]
	if _, err = OpenCore(context.Background(), NodeConfig{Charter: crdt.OpenLedger("lost"), Key: testKey(1), Store: st, Last: last, Copied: true}); err != nil {
		t.Fatal(err)
	}
	if last.id != ids[1] {
		t.Errorf("a copied store has set last to %x", last.id[:4])
	}
}

// doubtfulLast is a last file of which nothing can be read.
type doubtfulLast struct{ memLast }

func (d *doubtfulLast) Damaged() bool { return !d.set }

// TestUnreadableLast: it is not known what was sent, so writing waits, and the word of a user ends that for good.
func TestUnreadableLast(t *testing.T) {
	t.Parallel()
	st, _, ids := storeOfOne(t, 3)
	last := &doubtfulLast{}
	cfg := NodeConfig{Charter: crdt.OpenLedger("lost"), Key: testKey(1), Store: st, Last: last}
	c, err := OpenCore(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Snapshot(orphanEpoch).Writing; got != WriteGuarded {
		t.Fatalf("writing %d, want it guarded", got)
	}
	c.ConfirmOnlyCopy(orphanEpoch)
	if got := c.Snapshot(orphanEpoch).Writing; got != WriteOpen || last.id != ids[2] {
		t.Fatalf("writing %d, last %x, want %v", got, last.id[:4], ids[2])
	}
	if c, err = OpenCore(context.Background(), cfg); err != nil || c.Snapshot(orphanEpoch).Writing != WriteOpen {
		t.Fatalf("opened again: %v", err)
	}
}
