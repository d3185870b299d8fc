package transport

import (
	"fmt"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// emptyPeer is a puppet without anything, past the first comparison.
func emptyPeer(t testing.TB, c *Core, id PeerID) *puppet {
	p := newPuppet(t, c, id)
	p.hello(mustReplica(t), "test relay")
	return p
}

// TestNeed: a missing parent is asked of the peer that sent the child, again with a back-off that doubles, and no more once
// the pack has been given up; then a comparison is asked for.
func TestNeed(t *testing.T) {
	packs, r := chainOf(t, 5, 3)
	c := mustCore(t, NodeConfig{})
	p, other := emptyPeer(t, c, 1), emptyPeer(t, c, 2)
	take[Body](p)
	take[Body](other)
	began := p.now
	p.say(packs[1:2])
	p.say(packs[2:3])
	var asked []time.Duration
	rounds := uint64(1)
	for range 600 {
		for _, b := range take[Body](p) {
			switch b := b.(type) {
			case Need:
				for _, id := range b {
					if id == r.ID(0) {
						asked = append(asked, p.now.Sub(began).Round(time.Second))
					}
				}
			case *Tips:
				if b.Round > rounds && p.now.Sub(began) >= crdt.PendingExpiry {
					rounds = b.Round
				}
				p.say(&Tips{Round: b.Round, Form: formFingerprint})
			}
		}
		p.wait(100 * time.Millisecond)
	}
	want := []time.Duration{0, 1 * time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second}
	if fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("asked after %v, want %v", asked, want)
	}
	if got := take[Need](other); len(got) != 0 {
		t.Error("another peer was asked")
	}
	if packs, _ := c.replica.Pending(); packs != 0 {
		t.Errorf("%d packs pending after a minute", packs)
	}
	s := c.Snapshot(p.now)
	kinds := make(map[EventKind]int)
	for _, e := range s.Events {
		kinds[e.Kind] += e.N
	}
	if kinds[EventPending] == 0 || kinds[EventExpired] == 0 {
		t.Errorf("events tell of %d pending and %d expired", kinds[EventPending], kinds[EventExpired])
	}
	if rounds < 2 {
		t.Error("no comparison was asked for after the pack was given up")
	}
	// The same packs in order are accepted after all.
	q := emptyPeer(t, c, 3)
	q.now = p.now
	q.say(packs)
	if c.replica.Len() != 3 {
		t.Errorf("%d changes, want 3", c.replica.Len())
	}
}

// TestNeedBound: however much is missing, at most MaxNeedIDs are outstanding.
func TestNeedBound(t *testing.T) {
	c := mustCore(t, NodeConfig{})
	p := emptyPeer(t, c, 1)
	for k := range 300 {
		packs, _ := chainOf(t, 100+k, 2)
		p.say(packs[1:])
	}
	asked := 0
	for _, n := range take[Need](p) {
		asked += len(n)
	}
	if asked != MaxNeedIDs {
		t.Errorf("asked for %d ids, want %d", asked, MaxNeedIDs)
	}
}

// TestAnswer: a pack that is asked for comes once in AnswerPeriod, whole.
func TestAnswer(t *testing.T) {
	packs, r := chainOf(t, 5, 3)
	c := mustCore(t, NodeConfig{Store: &memStore{frames: packs}})
	p := newPuppet(t, c, 1)
	p.hello(r, "test relay") // equal: nothing is streamed
	take[Body](p)
	for range 20 {
		p.say(Need{r.ID(1), r.ID(2)})
	}
	got := take[Packs](p)
	if len(got) != 1 {
		t.Fatalf("answered %d times, want once", len(got))
	}
	pack, err := crdt.NewChecker(testCharter).Check(got[0][0], nil)
	if err != nil || pack.Changes() != 3 {
		t.Errorf("answered with %v, %v; want the whole pack of 3 changes", pack, err)
	}
	p.say(&Stored{Credit: 1}, Need{[32]byte{1}}) // one that nobody has
	p.wait(DefaultLimits().AnswerPeriod)
	p.say(Need{r.ID(0)})
	if got := len(take[Packs](p)); got != 1 {
		t.Errorf("answered %d times after the period, want once", got)
	}
}

// bigLog has n packs of about half a MiB each.
func bigLog(t testing.TB, n int) *crdt.Replica {
	r := mustReplica(t)
	w, err := r.Writer(testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		for range 10 {
			if _, err := w.Change(1, func(tx *crdt.Tx) error { _, err := tx.Append(entry(t, fmt.Sprintf("%060000d", 1))); return err }); err != nil {
				t.Fatal(err)
			}
		}
		w.Sign()
	}
	return r
}

// TestWindow: no more is under way than the window allows, and credit opens it.
func TestWindow(t *testing.T) {
	c := mustCore(t, NodeConfig{Store: storeOf(bigLog(t, 20))})
	p := emptyPeer(t, c, 1)
	bytes := func(all []Packs) (n int) {
		for _, m := range all {
			for _, pack := range m {
				n += len(pack)
			}
		}
		return n
	}
	first := take[Packs](p)
	if n := bytes(first); len(first) == 0 || n > WindowBytes+crdt.MaxPackBytes || len(first) > WindowMessages {
		t.Errorf("%d messages, %d bytes under way without credit", len(first), n)
	}
	sent := len(first)
	for credit := 1; credit <= sent; credit++ {
		p.say(&Stored{Credit: uint64(credit)})
		sent += len(take[Packs](p))
	}
	if s := c.peers[1].session; s.stream.cursor != c.replica.Len() || s.stream.bytes != 0 {
		t.Errorf("sent up to %d of %d, %d bytes under way", s.stream.cursor, c.replica.Len(), s.stream.bytes)
	}
	p.say(&Stored{Credit: uint64(sent)}, &Stored{Credit: uint64(sent + 1)})
	p.wantEnded("bad-credit")

	// Small ones: the count of messages is what bounds.
	c = mustCore(t, NodeConfig{Key: testKey(3)})
	p = emptyPeer(t, c, 1)
	for i := range 3 * WindowMessages {
		edit(t, c, fmt.Sprint(i))
		p.pull()
	}
	if got := len(take[Packs](p)); got != WindowMessages {
		t.Errorf("%d messages under way without credit, want %d", got, WindowMessages)
	}
	p.say(&Stored{Credit: WindowMessages})
	if got := take[Packs](p); len(got) != 1 {
		t.Errorf("%d messages after credit, want the rest in one", len(got))
	}
}

// TestOverWindow: a peer that sends more than it has credit for is closed.
func TestOverWindow(t *testing.T) {
	packs, _ := chainOf(t, 5, WindowMessages+1)
	c := mustCore(t, NodeConfig{})
	p := emptyPeer(t, c, 1)
	for i := range packs {
		m, err := DecodeMessage(AppendMessage(nil, c.Room(), packs[i:i+1]))
		if err != nil {
			t.Fatal(err)
		}
		c.Receive(p.now, p.id, c.Inspector().Inspect(m.Body)) // and nothing is pulled: no credit goes out
	}
	if err := c.Commit(p.now); err != nil {
		t.Fatal(err)
	}
	p.wantEnded("over-window")
}

// TestLateStored: a pack that waited is named as stored to the peer that sent it, once its parent has come from another.
func TestLateStored(t *testing.T) {
	packs, r := chainOf(t, 5, 2)
	c := mustCore(t, NodeConfig{})
	p, q := emptyPeer(t, c, 1), emptyPeer(t, c, 2)
	p.say(packs[1:])
	take[*Stored](p)
	q.say(packs[:1])
	p.pull()
	got := take[*Stored](p)
	if len(got) != 1 || len(got[0].Ends) != 1 || got[0].Ends[0].IDs[0] != r.ID(1) {
		t.Errorf("named as stored: %+v, want %v", got, r.ID(1))
	}
}

// TestStoredNamesTheNewest: of a chain that came in several packs, the newest change is named alone; each branch of a fork is.
func TestStoredNamesTheNewest(t *testing.T) {
	packs, r := chainOf(t, 5, 4)
	other := mustReplica(t)
	mustCopy(t, other, r, 0)
	fork := mustReplica(t)
	if err := fork.Load(packs[0]); err != nil {
		t.Fatal(err)
	}
	w, _ := fork.Writer(testKey(5))
	if _, err := w.Change(9, func(tx *crdt.Tx) error { _, err := tx.Append(entry(t, "other")); return err }); err != nil {
		t.Fatal(err)
	}
	w.Sign()
	branch, _ := fork.PackFrom(1, nil)
	c := mustCore(t, NodeConfig{})
	p := emptyPeer(t, c, 1)
	for i := range packs {
		m, _ := DecodeMessage(AppendMessage(nil, c.Room(), packs[i:i+1]))
		c.Receive(p.now, p.id, c.Inspector().Inspect(m.Body))
	}
	p.say(Packs{branch})
	got := take[*Stored](p)
	if len(got) != 1 || got[0].Credit != 5 || len(got[0].Ends) != 1 || len(got[0].Ends[0].IDs) != 2 ||
		got[0].Ends[0].IDs[0] != r.ID(3) || got[0].Ends[0].IDs[1] != fork.ID(1) {
		t.Errorf("stored %+v, want credit 5 and the ends of two branches", got)
	}
}

// TestEncodedOnce: a change for many subscribers is encoded once.
func TestEncodedOnce(t *testing.T) {
	c := mustCore(t, NodeConfig{Key: testKey(1)})
	var all []*puppet
	for k := range 50 {
		all = append(all, emptyPeer(t, c, PeerID(k+1)))
	}
	for i := range 20 {
		edit(t, c, fmt.Sprint(i))
		for _, p := range all {
			p.pull()
			p.say(&Stored{Credit: uint64(i + 1)})
		}
	}
	if encoded := c.room.asked - c.room.reused; encoded > 25 {
		t.Errorf("%d encodings for 20 changes and 50 subscribers (%d asked)", encoded, c.room.asked)
	}
}

// TestUseless: statements out of place are borne up to a bound.
func TestUseless(t *testing.T) {
	_, r := chainOf(t, 5, 1)
	c := mustCore(t, NodeConfig{Key: testKey(1)})
	edit(t, c, "one")
	p := newPuppet(t, c, 1)
	p.hello(r, "test relay") // the round stays open: they differ
	for range c.room.limits.UselessMessages {
		p.say(&Tips{Round: 1, Prefix: []byte{1, 2}, Form: formHeld})
	}
	if e := c.Ended(); len(e) != 0 {
		t.Fatalf("ended too early: %+v", e)
	}
	p.say(&Tips{Round: 1, Prefix: []byte{1, 2}, Form: formHeld})
	p.wantEnded("bad-sync")
}

// TestComparisonTimeout: a peer that does not answer a comparison is closed.
func TestComparisonTimeout(t *testing.T) {
	_, r := chainOf(t, 5, 1)
	c := mustCore(t, NodeConfig{Key: testKey(1)})
	edit(t, c, "one")
	p := newPuppet(t, c, 1)
	p.hello(r, "test relay")
	p.wait(DefaultLimits().RoundTimeout + time.Second)
	p.wantEnded("sync-timeout")
}

// TestSlowLine: a peer whose statement waits behind packs that still arrive is not closed for it.
func TestSlowLine(t *testing.T) {
	packs, r := chainOf(t, 5, 4)
	c := mustCore(t, NodeConfig{Key: testKey(1)})
	edit(t, c, "one")
	p := newPuppet(t, c, 1)
	p.hello(r, "test relay") // the round stays open: they differ
	for i := range packs {
		p.wait(DefaultLimits().RoundTimeout * 2 / 3)
		p.say(packs[i : i+1])
	}
	if e := c.Ended(); len(e) != 0 {
		t.Fatalf("ended too early: %+v", e)
	}
	p.wait(DefaultLimits().RoundTimeout + time.Second)
	p.wantEnded("sync-timeout")
}

// TestRootAnswerIsSmall: to a peer with one author, a room of thousands names that author's branches alone.
func TestRootAnswerIsSmall(t *testing.T) {
	r := mustReplica(t)
	for k := range 300 {
		mustWrite(t, r, testKey(k), 1)
	}
	c := mustCore(t, NodeConfig{Store: storeOf(r)})
	p := newPuppet(t, c, 1)
	one := mustReplica(t)
	mustWrite(t, one, testKey(7), 1)
	p.hello(one, "test node")
	take[Body](p)
	p.say(&Tips{Round: 1, Form: formTips, Tips: []Tip{{Author: one.Author(0), ID: one.ID(0), Seq: 1}}})
	named := 0
	for _, b := range take[*Tips](p) {
		named += len(b.Tips)
	}
	if named != 1 {
		t.Errorf("%d tips named to a peer with one author, want 1", named)
	}
}
