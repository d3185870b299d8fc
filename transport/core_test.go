package transport

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// A puppet is a peer of one core that says what a test wants and hears what the core says.
type puppet struct {
	t    testing.TB
	core *Core
	id   PeerID
	now  time.Time
	got  []Body
}

func newPuppet(t testing.TB, c *Core, id PeerID) *puppet {
	p := &puppet{t: t, core: c, id: id, now: time.Unix(1_800_000_000, 0)}
	c.Attach(p.now, PeerInfo{ID: id, Address: "puppet", Direction: Accepted})
	p.pull()
	return p
}

// pull takes what the core has to say.
func (p *puppet) pull() {
	p.t.Helper()
	for {
		msg, ok := p.core.Next(p.now, p.id)
		if !ok {
			return
		}
		m, err := DecodeMessage(msg)
		if err != nil {
			p.t.Fatal(err)
		}
		if _, grease := m.Body.(Grease); !grease {
			p.got = append(p.got, m.Body)
		}
	}
}

// say gives the core a message, lets it commit, and takes what it says.
func (p *puppet) say(bodies ...Body) {
	p.t.Helper()
	for _, b := range bodies {
		m, err := DecodeMessage(AppendMessage(nil, p.core.Room(), b))
		if err != nil {
			p.t.Fatal(err)
		}
		p.core.Receive(p.now, p.id, p.core.Inspector().Inspect(m.Body))
	}
	if err := p.core.Commit(p.now); err != nil && !errors.Is(err, ErrFatal) {
		p.t.Fatal(err)
	}
	p.pull()
}

// hello says hello with the tips of a log.
func (p *puppet) hello(r *crdt.Replica, agent string) {
	p.t.Helper()
	rm := newRoom(r, crdt.Author{}, "", DefaultLimits(), nil)
	p.say(&Hello{Charter: testCharter.Append(nil), Agent: agent, Count: uint64(r.Len()), Fingerprint: rm.tips.view().fingerprint(nil)})
}

// wait lets time pass for the core.
func (p *puppet) wait(d time.Duration) {
	p.t.Helper()
	for end := p.now.Add(d); p.now.Before(end); {
		at := p.core.Deadline()
		if at.IsZero() || at.After(end) {
			at = end
		}
		if at.After(p.now) {
			p.now = at
		} else {
			p.now = p.now.Add(time.Millisecond)
		}
		p.core.Tick(p.now)
		p.say()
	}
}

// take returns what was heard of one type, and forgets all.
func take[B Body](p *puppet) (got []B) {
	for _, b := range p.got {
		if b, ok := b.(B); ok {
			got = append(got, b)
		}
	}
	p.got = nil
	return got
}

func (p *puppet) wantEnded(code string) {
	p.t.Helper()
	e := p.core.Ended()
	if len(e) != 1 || e[0].Peer != p.id || Code(e[0].Err) != code {
		p.t.Fatalf("ended %+v, want peer %d for %s", e, p.id, code)
	}
}

func mustCore(t testing.TB, cfg NodeConfig) *Core {
	t.Helper()
	cfg.Charter, cfg.Agent = testCharter, "test node"
	if cfg.Store == nil {
		cfg.Store = &memStore{}
	}
	c, err := OpenCore(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func edit(t testing.TB, c *Core, text string) (got Receipt) {
	t.Helper()
	got.Err = errors.New("no receipt")
	c.Edit(time.Unix(1, 0), AppendIntent(1, entry(t, text), func(r Receipt) { got = r }))
	_ = c.Commit(time.Unix(1, 0)) // the receipt tells
	return got
}

func packsOf(r *crdt.Replica, from int) (p Packs) {
	eachFrame(r, from, func(f []byte) { p = append(p, f) })
	return p
}

// chainOf writes n changes of one author, each a pack of its own.
func chainOf(t testing.TB, key, n int) (packs Packs, r *crdt.Replica) {
	r = mustReplica(t)
	for i := range n {
		mustWrite(t, r, testKey(key), 1)
		pack, _ := r.PackFrom(i, nil)
		packs = append(packs, pack)
	}
	return packs, r
}

// TestStoreFailures: whatever a write to disk leads to, nobody hears of what is not durable, and nothing more is written.
func TestStoreFailures(t *testing.T) {
	errDisk := errors.New("disk is full")
	for _, tt := range []struct {
		name    string
		breakIt func(*memStore, *brokenLast)
		kept    int // changes found on opening again
	}{
		{"append fails", func(s *memStore, _ *brokenLast) { s.fail = func() error { return errDisk } }, 1},
		{"append persists and reports failure", func(s *memStore, _ *brokenLast) { s.late = errDisk }, 2},
		{"last fails", func(_ *memStore, l *brokenLast) { l.err = errDisk }, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, l := &memStore{}, &brokenLast{}
			c := mustCore(t, NodeConfig{Store: s, Key: testKey(1), Last: l})
			p := newPuppet(t, c, 1)
			p.hello(mustReplica(t), "test relay")
			if r := edit(t, c, "one"); r.Err != nil {
				t.Fatal(r.Err)
			}
			p.pull()
			if got := len(take[Packs](p)); got != 1 {
				t.Fatalf("%d packs messages before the failure, want 1", got)
			}
			c.Snapshot(p.now)
			tt.breakIt(s, l)
			r := edit(t, c, "two")
			if !errors.Is(r.Err, ErrFatal) || !errors.Is(r.Err, errDisk) {
				t.Errorf("receipt says %v, want ErrFatal for the disk's error", r.Err)
			}
			p.pull()
			if got := take[Packs](p); len(got) != 0 {
				t.Error("the change that is not durable was sent")
			}
			p.wantEnded("going-away")
			snap := c.Snapshot(p.now)
			if n := snap.View.Changes(); n != 1 {
				t.Errorf("snapshot shows %d changes, want the durable one", n)
			}
			if snap.Writing != WriteStoreError || !errors.Is(snap.StoreErr, errDisk) {
				t.Errorf("snapshot says %v, %v", snap.Writing, snap.StoreErr)
			}
			s.fail, s.late = nil, nil
			if r := edit(t, c, "three"); !errors.Is(r.Err, ErrFatal) {
				t.Errorf("a later change: %v, want ErrFatal", r.Err)
			}
			again := mustCore(t, NodeConfig{Store: s, Key: testKey(1), Last: &memLast{l.id, l.set}})
			if again.replica.Len() != tt.kept || again.writing != WriteOpen {
				t.Errorf("opened again: %d changes, writing %v; want %d, open", again.replica.Len(), again.writing, tt.kept)
			}
			if len(again.replica.Forks()) != 0 {
				t.Error("forked itself")
			}
		})
	}
}

type brokenLast struct {
	memLast
	err error
}

func (l *brokenLast) Set(id [32]byte) error {
	if l.err != nil {
		return l.err
	}
	return l.memLast.Set(id)
}

// adoptingStore counts calls of Adopt.
type adoptingStore struct {
	memStore
	adopted int
}

func (a *adoptingStore) Adopt() error { a.adopted++; return nil }

// TestGuard: a store that looks copied, or older than what was sent, writes nothing before a peer has shown that nothing of
// its key is missing, or the user has confirmed it.
func TestGuard(t *testing.T) {
	_, own := chainOf(t, 1, 3)
	newest := own.ID(2)
	older := mustReplica(t)
	first, _ := chainOf(t, 1, 1)
	if err := older.Load(first[0]); err != nil {
		t.Fatal(err)
	}
	guardedCore := func(t *testing.T) (*Core, *adoptingStore) {
		s := &adoptingStore{memStore: *storeOf(older)}
		c := mustCore(t, NodeConfig{Store: s, Key: testKey(1), Last: &memLast{newest, true}})
		if r := edit(t, c, "no"); !errors.Is(r.Err, ErrGuarded) {
			t.Fatalf("write: %v, want ErrGuarded", r.Err)
		}
		if s := c.Snapshot(time.Time{}); s.Writing != WriteGuarded {
			t.Fatalf("snapshot says %v, want guarded", s.Writing)
		}
		return c, s
	}
	t.Run("a peer brings what is missing", func(t *testing.T) {
		c, s := guardedCore(t)
		n := newTestNet(t, 1)
		n.nodes = append(n.nodes, &testNode{name: 0, store: &s.memStore, core: c})
		n.connect(n.add(storeOf(own), -1), n.nodes[0])
		n.settle()
		r := edit(t, c, "now")
		if r.Err != nil || s.adopted != 1 {
			t.Errorf("write after catching up: %v, adopted %d times", r.Err, s.adopted)
		}
		if c.replica.Seq(r.Index) != 4 || len(c.replica.Forks()) != 0 {
			t.Errorf("the change has seq %d, %d forks; want 4, none", c.replica.Seq(r.Index), len(c.replica.Forks()))
		}
	})
	t.Run("a peer that knows no more", func(t *testing.T) {
		c, _ := guardedCore(t)
		p := newPuppet(t, c, 1)
		p.hello(older, "test relay")
		if r := edit(t, c, "no"); !errors.Is(r.Err, ErrGuarded) {
			t.Errorf("write after a comparison with a peer that lacks what is lost here: %v, want ErrGuarded", r.Err)
		}
	})
	t.Run("looks copied, and a peer that knows no more", func(t *testing.T) {
		c := mustCore(t, NodeConfig{Store: storeOf(own), Key: testKey(1), Last: &memLast{newest, true}, Copied: true})
		p := newPuppet(t, c, 1)
		p.hello(own, "test relay")
		if r := edit(t, c, "now"); r.Err != nil {
			t.Errorf("write after an equal comparison: %v", r.Err)
		}
	})
	t.Run("somebody always writes", func(t *testing.T) {
		c, _ := guardedCore(t)
		p := newPuppet(t, c, 1)
		p.hello(older, "test relay") // another brings it what is lost here and there
		p.say(packsOf(own, 1))
		others, _ := chainOf(t, 7, 20)
		for _, pack := range others {
			p.say(Packs{pack})
			p.wait(c.room.limits.IdleRound / 2)
			for _, asked := range take[*Tips](p) {
				p.say(&Tips{Round: asked.Round, Form: formFingerprint, Count: asked.Count, Fingerprint: asked.Fingerprint})
			}
		}
		if r := edit(t, c, "now"); r.Err != nil {
			t.Errorf("write %v after what was lost is back: %v", p.now.Sub(time.Unix(1_800_000_000, 0)), r.Err)
		}
	})
	t.Run("a peer without anything", func(t *testing.T) {
		c, _ := guardedCore(t)
		p := newPuppet(t, c, 1)
		p.hello(mustReplica(t), "test relay")
		if r := edit(t, c, "no"); !errors.Is(r.Err, ErrGuarded) {
			t.Errorf("write after a comparison with an empty peer: %v, want ErrGuarded", r.Err)
		}
	})
	t.Run("never written, and a peer that knows nothing of the key", func(t *testing.T) {
		_, foreign := chainOf(t, 7, 1)
		c := mustCore(t, NodeConfig{Key: testKey(1), Last: &memLast{}, Copied: true})
		p := newPuppet(t, c, 1)
		p.hello(foreign, "test relay")
		if r := edit(t, c, "no"); !errors.Is(r.Err, ErrGuarded) {
			t.Errorf("write before anything is known: %v, want ErrGuarded", r.Err)
		}
		p.say(packsOf(foreign, 0))
		p.say(&Tips{Round: 2, Form: formFingerprint, Fingerprint: c.room.tips.view().fingerprint(nil)})
		if r := edit(t, c, "now"); r.Err != nil {
			t.Errorf("write after an equal comparison: %v", r.Err)
		}
	})
	t.Run("a peer that names more and sends nothing", func(t *testing.T) {
		c, _ := guardedCore(t)
		p := newPuppet(t, c, 1)
		p.hello(own, "test relay")
		p.say(&Tips{Round: 1, Form: formTips, Tips: []Tip{{Author: own.Author(0), ID: newest, Seq: 3, Back: []crdt.ChangeID{own.ID(1), own.ID(0)}}}}, &Tips{Round: 1, Form: formHeld, Held: []crdt.ChangeID{own.ID(0)}})
		if c.peers[1].session.rounds.ended != 1 {
			t.Fatal("the round has not ended")
		}
		if r := edit(t, c, "no"); !errors.Is(r.Err, ErrGuarded) {
			t.Errorf("write: %v, want ErrGuarded", r.Err)
		}
	})
	t.Run("the user confirms", func(t *testing.T) {
		c, s := guardedCore(t)
		c.ConfirmOnlyCopy(time.Time{})
		if r := edit(t, c, "now"); r.Err != nil || s.adopted != 1 {
			t.Errorf("write: %v, adopted %d times", r.Err, s.adopted)
		}
	})
	t.Run("looks copied", func(t *testing.T) {
		c := mustCore(t, NodeConfig{Store: storeOf(own), Key: testKey(1), Last: &memLast{newest, true}, Copied: true})
		if r := edit(t, c, "no"); !errors.Is(r.Err, ErrGuarded) {
			t.Errorf("write: %v, want ErrGuarded", r.Err)
		}
	})
	t.Run("nothing is wrong", func(t *testing.T) {
		c := mustCore(t, NodeConfig{Store: storeOf(own), Key: testKey(1), Last: &memLast{newest, true}})
		if r := edit(t, c, "now"); r.Err != nil {
			t.Errorf("write: %v", r.Err)
		}
	})
}

// TestEndedBeforeHello: a session that an earlier message of the same turn ends takes no hello. Two messages stopped a relay.
func TestEndedBeforeHello(t *testing.T) {
	n := newTestNet(t, 1)
	core := n.add(&memStore{}, -1).core
	p := newPuppet(t, core, 1)
	p.hello(mustReplica(t), "bad node")
	p.say(&Stored{Credit: 99}, &Hello{Charter: testCharter.Append(nil)})
	if ended := core.Ended(); len(ended) != 1 || !errors.Is(ended[0].Err, ErrBadCredit) {
		t.Fatalf("ended %v, want one for %v", ended, ErrBadCredit)
	}
}

// TestConnectedAnewInOneTurn: what a peer said over its last connection is not taken for the words of its new session.
func TestConnectedAnewInOneTurn(t *testing.T) {
	n := newTestNet(t, 1)
	core := n.add(&memStore{}, -1).core
	p := newPuppet(t, core, 1)
	p.hello(mustReplica(t), "busy node")
	core.Receive(p.now, p.id, Inbound{Body: &Stored{}})
	core.Detach(p.now, p.id, ErrConnection, p.now)
	core.Attach(p.now, PeerInfo{ID: p.id, Address: "puppet", Direction: Dialled})
	p.hello(mustReplica(t), "busy node")
	if ended := core.Ended(); len(ended) != 0 {
		t.Fatalf("the new session ended: %v", ended[0].Err)
	}
}

// TestSlowestLine: a peer that is sent packs may answer a comparison as late as these take on a slow line, and no later.
func TestSlowestLine(t *testing.T) {
	own := mustReplica(t)
	mustWrite(t, own, testKey(1), 3)
	for _, after := range []struct {
		wait   time.Duration
		credit bool // after a minute
		ended  int
	}{
		{2 * time.Minute, false, 0},
		{3 * time.Minute, false, 1},
		{80 * time.Second, true, 0},
		{2 * time.Minute, true, 1},
	} {
		core := mustCore(t, NodeConfig{Store: storeOf(own)})
		p := newPuppet(t, core, 1)
		p.hello(mustReplica(t), "slow node")
		p.wait(time.Minute)
		if after.credit {
			p.say(&Stored{Credit: 1})
		}
		p.wait(after.wait - time.Minute)
		ended := core.Ended()
		if len(ended) != after.ended || len(ended) > 0 && !errors.Is(ended[0].Err, ErrSyncTimeout) {
			t.Errorf("after %v, credit %v: %d sessions ended, want %d", after.wait, after.credit, len(ended), after.ended)
		}
	}
}

// TestSelfFork: when another copy of our key turns out to have written, nothing more is written.
func TestSelfFork(t *testing.T) {
	c := mustCore(t, NodeConfig{Key: testKey(1), Last: &memLast{}})
	if r := edit(t, c, "mine"); r.Err != nil {
		t.Fatal(r.Err)
	}
	packs, other := chainOf(t, 1, 1)
	p := newPuppet(t, c, 1)
	p.hello(other, "test relay")
	p.say(packs)
	s := c.Snapshot(p.now)
	if s.Writing != WriteSelfFork || s.SelfFork == nil || s.SelfFork.B != other.ID(0) {
		t.Errorf("snapshot says %v, %+v", s.Writing, s.SelfFork)
	}
	if r := edit(t, c, "no"); !errors.Is(r.Err, ErrSelfFork) {
		t.Errorf("write: %v, want ErrSelfFork", r.Err)
	}
	if e := s.Events[len(s.Events)-1]; e.Kind != EventSelfFork && s.Events[len(s.Events)-2].Kind != EventSelfFork {
		t.Errorf("events %+v", s.Events)
	}
	again := mustCore(t, NodeConfig{Key: testKey(1), Store: c.cfg.Store})
	if again.writing != WriteSelfFork {
		t.Errorf("opened again: writing %v, want self-fork", again.writing)
	}
}

// TestRefusedByRelay: a relay's refusal of what was under way shows at the changes concerned, until some peer stores them.
func TestRefusedByRelay(t *testing.T) {
	c := mustCore(t, NodeConfig{Key: testKey(1)})
	p := newPuppet(t, c, 1)
	p.hello(mustReplica(t), "test relay")
	r := edit(t, c, "one")
	p.pull()
	p.say(&PeerError{"room-full", "this room is full"})
	p.wantEnded("room-full")
	s := c.Snapshot(p.now)
	if st := s.State(r.Index); st.Standing != Refused || st.Reason.Code != "room-full" || st.Peer != 1 || s.Unsent != 1 {
		t.Errorf("state %+v, unsent %d", st, s.Unsent)
	}
	q := newPuppet(t, c, 2)
	q.hello(mustReplica(t), "test relay")
	q.say(&Stored{Credit: 1, Ends: []AuthorEnds{{c.room.me, []crdt.ChangeID{r.ID}}}})
	s = c.Snapshot(p.now)
	if st := s.State(r.Index); st.Standing != Sent || st.By != 1 || st.Of != 1 || s.Unsent != 0 {
		t.Errorf("state %+v, unsent %d; want sent 1 of 1", st, s.Unsent)
	}
	if got := s.StoredBy(nil, r.Index); len(got) != 1 || got[0] != 2 {
		t.Errorf("stored by %v, want 2", got)
	}
}

// TestWithheld: a peer that no longer shows what it said to have stored is told apart, and sent it again.
func TestWithheld(t *testing.T) {
	c := mustCore(t, NodeConfig{Key: testKey(1)})
	p := newPuppet(t, c, 1)
	p.hello(mustReplica(t), "test relay")
	r := edit(t, c, "one")
	p.pull()
	p.say(&Stored{Credit: 1, Ends: []AuthorEnds{{c.room.me, []crdt.ChangeID{r.ID}}}})
	take[Packs](p)
	p.say(&Tips{Round: 2, Form: formFingerprint}) // nothing
	if got := len(take[Packs](p)); got != 1 {
		t.Errorf("sent again %d times, want once", got)
	}
	s := c.Snapshot(p.now)
	if s.Peers[0].Withheld != 1 || s.Peers[0].Behind != 1 {
		t.Errorf("withheld %d, behind %d; want 1, 1", s.Peers[0].Withheld, s.Peers[0].Behind)
	}
}

// TestLinkedIsSent: an own change that another author's change names has been received by somebody, also after a restart
// without any peer.
func TestLinkedIsSent(t *testing.T) {
	s := &memStore{}
	c := mustCore(t, NodeConfig{Store: s, Key: testKey(1)})
	edit(t, c, "one")
	edit(t, c, "two")
	other := mustReplica(t)
	mustCopy(t, other, c.replica, 0)
	mustWrite(t, other, testKey(2), 1) // links to two
	edit(t, c, "three")
	p := emptyPeer(t, c, 1)
	p.say(packsOf(other, 2))
	for name, core := range map[string]*Core{"live": c, "opened again": mustCore(t, NodeConfig{Store: s, Key: testKey(1)})} {
		snap := core.Snapshot(p.now)
		if snap.Unsent != 1 || snap.State(0).Standing != Sent || snap.State(1).Standing != Sent || snap.State(2).Standing != Unsent {
			t.Errorf("%s: %d unsent; states %v, %v, %v; want 1; sent, sent, unsent", name, snap.Unsent, snap.State(0), snap.State(1), snap.State(2))
		}
		if err := core.check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
