package transport

import (
	"context"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// TestConnectionsLimit: one connection more than allowed is refused before the handshake, and says busy.
func TestConnectionsLimit(t *testing.T) {
	hub, url := startHub(t, HubConfig{Limits: Limits{Connections: 2}})
	if err := hub.Add(startNode(t, NodeConfig{})); err != nil {
		t.Fatal(err)
	}
	first := dialRaw(t, url)
	dialRaw(t, url).hello()
	if _, err := NewHub(HubConfig{}).dial(context.Background(), mustURL(t, url), &LinkStats{}); Code(err) != "busy" {
		t.Fatalf("third connection: %v, want busy", err)
	}
	first.sendRaw(1, []byte("goodbye")) // its place is free when it is closed
	first.wantError("text-frame")
	for {
		c, err := NewHub(HubConfig{}).dial(context.Background(), mustURL(t, url), &LinkStats{})
		if err == nil {
			_ = c.ws.Close() // its place was free
			return
		}
		if Code(err) != "busy" {
			t.Fatal(err)
		}
	}
}

// TestQueueLimits: a connection's queue takes messages up to its bounds, and pokes who waits when it is half empty.
func TestQueueLimits(t *testing.T) {
	hub := NewHub(HubConfig{Limits: Limits{QueueMessages: 4, QueueBytes: 1000}})
	n := mustNode(t, 1)
	for _, tt := range []struct {
		name       string
		size, want int
	}{{"messages", 1, 4}, {"bytes", 400, 3}} {
		c := newConn(hub, nil, true, "nowhere", &LinkStats{})
		c.writing = true // by the test
		got := 0
		for c.ready(n) {
			c.enqueue(make([]byte, tt.size))
			got++
		}
		if got != tt.want {
			t.Errorf("%s: %d messages of %d bytes queued, want %d", tt.name, got, tt.size, tt.want)
		}
		for poked := false; !poked; {
			if _, more, _ := c.pop(); !more {
				t.Fatalf("%s: the queue is empty and nobody was poked", tt.name)
			}
			select {
			case <-n.wake:
				poked = true
			default:
			}
		}
	}
}

// TestRoundBackoff: comparisons that bring nothing new come ever more rarely, up to MaxRoundBackoff.
func TestRoundBackoff(t *testing.T) {
	c := mustCore(t, NodeConfig{Key: testKey(1)})
	edit(t, c, "one")
	p := newPuppet(t, c, 1)
	claim := Tip{Author: crdt.Author{1}, ID: crdt.ChangeID{2}, Seq: 1} // of what it never sends
	fp := [32]byte{9}
	round := uint64(1)
	answer := func() {
		p.say(&Tips{Round: round, Form: formTips, Tips: []Tip{claim}}, &Tips{Round: round, Form: formHeld})
		p.say(&Stored{Credit: c.peers[1].session.stream.sent})
	}
	p.say(&Hello{Charter: testCharter.Append(nil), Agent: "raw node", Fingerprint: fp})
	answer()
	var gaps []time.Duration
	last := p.now
	for p.now.Sub(last) < 10*time.Minute && len(gaps) < 14 {
		p.got = nil
		p.wait(100 * time.Millisecond)
		for _, b := range take[*Tips](p) {
			if b.Form == formFingerprint && b.Round > round {
				round = b.Round
				gaps = append(gaps, p.now.Sub(last))
				last = p.now
				p.say(&Tips{Round: round, Form: formFingerprint, Fingerprint: fp})
				answer()
			}
		}
	}
	if len(gaps) < 12 {
		t.Fatalf("%d rounds: %v", len(gaps), gaps)
	}
	for i := 4; i < len(gaps); i++ {
		want := min(2*gaps[i-1], DefaultLimits().MaxRoundBackoff)
		if diff := gaps[i] - want; diff < -time.Second || diff > time.Second {
			t.Errorf("pause %d is %v after %v; all: %v", i, gaps[i], gaps[i-1], gaps)
		}
	}
}

// TestLastRound: rounds end before their numbers do.
func TestLastRound(t *testing.T) {
	c := mustCore(t, NodeConfig{Key: testKey(1)})
	edit(t, c, "one")
	p := emptyPeer(t, c, 1)
	p.got = nil
	p.say(&Tips{Round: MaxRound, Form: formFingerprint})
	if got := take[*Tips](p); len(got) != 1 || got[0].Round != MaxRound {
		t.Fatalf("the highest round is answered with %v", got)
	}
	p.say(&Tips{Round: MaxRound + 1, Form: formFingerprint})
	p.wantEnded("bad-sync")
}

// TestForgetful: who credits packs and shows an empty log again is given them again, ever more rarely; what is new it is given at once.
func TestForgetful(t *testing.T) {
	c := mustCore(t, NodeConfig{Key: testKey(1)})
	edit(t, c, "one")
	p := emptyPeer(t, c, 1)
	at, round := make(map[int64]bool), uint64(1)
	take := func() (packs int) {
		for _, b := range p.got {
			switch b := b.(type) {
			case Packs:
				packs += len(b)
				at[p.now.Unix()] = true // however many messages it takes
			case *Tips:
				round = max(round, b.Round)
			}
		}
		p.got = nil
		p.say(&Stored{Credit: c.peers[1].session.stream.sent})
		return packs
	}
	const minutes = 10
	for k := range 2 * 60 * minutes {
		if take(); k%60 == 30 {
			edit(t, c, "more")
			if p.pull(); take() == 0 {
				t.Fatalf("after %d half seconds a new change is not sent at once", k)
			}
		}
		round++
		p.say(&Tips{Round: round, Form: formFingerprint})
		p.wait(500 * time.Millisecond)
	}
	// Waits of 1, 2, 4, … 256 s, then of 5 min; and twice a minute something new.
	if again := len(at) - 2*minutes; again < 3 || again > 12 {
		t.Errorf("given the same %d times in %d minutes, want 3 to 12", again, minutes)
	}
}

// TestAnswerRate: what a peer asks for again is answered within its byte budget.
func TestAnswerRate(t *testing.T) {
	race.OneGoroutine(t)
	r := bigLog(t, 20)
	c := mustCore(t, NodeConfig{Store: storeOf(r)})
	p := newPuppet(t, c, 1)
	p.hello(r, "test relay")
	p.got = nil
	sent, bytes := 0, 0
	ask := func() {
		var need Need
		for i := range r.Len() {
			if i%5 == 0 {
				need = append(need, r.ID(i))
			}
		}
		p.say(need)
		for {
			all := take[Packs](p)
			if len(all) == 0 {
				return
			}
			for _, m := range all {
				sent++
				bytes += len(m[0])
			}
			p.say(&Stored{Credit: uint64(sent)})
		}
	}
	ask()
	burst := 4 * DefaultLimits().AnswerRate
	if bytes == 0 || bytes > burst+crdt.MaxPackBytes {
		t.Errorf("%d bytes answered at once, want at most %d and a pack", bytes, burst)
	}
	before := bytes
	for range 30 {
		p.now = p.now.Add(100 * time.Millisecond)
		ask()
	}
	if got := bytes - before; got > 3*DefaultLimits().AnswerRate+crdt.MaxPackBytes {
		t.Errorf("%d bytes answered in three seconds, want about %d", got, 3*DefaultLimits().AnswerRate)
	}
}

// TestCheckersLimit: while all places for checking are taken, packs wait, and other messages do not.
func TestCheckersLimit(t *testing.T) {
	node := startNode(t, NodeConfig{})
	hub, url := startHub(t, HubConfig{Limits: Limits{Checkers: 1}})
	if err := hub.Add(node); err != nil {
		t.Fatal(err)
	}
	taken := &check{address: "somebody", frames: [][]byte{nil}}
	if !hub.checks.await(taken, nil) {
		t.Fatal("no place for the first")
	}
	packs, _ := chainOf(t, 5, 1)
	blocked, free := dialRaw(t, url), dialRaw(t, url)
	blocked.hello()
	blocked.send(testCharter.ID(), packs)
	free.hello()
	free.send(testCharter.ID(), &Tips{Round: 2, Form: formFingerprint})
	if got, ok := free.read().(*Tips); !ok || got.Round != 2 {
		t.Errorf("answer %+v, want round 2", got)
	}
	if n := node.Snapshot().View.Changes(); n != 0 {
		t.Errorf("%d changes without a check", n)
	}
	hub.checks.finish([]*check{taken}, 0)
	waitFor(t, node, "the change", func(s *Snapshot) bool { return s.View.Changes() == 1 })
}

// TestCutText keeps error texts valid and within bounds.
func TestCutText(t *testing.T) {
	for _, tt := range []struct {
		in   string
		max  int
		want string
	}{{"short", 10, "short"}, {"längs", 2, "l"}, {"längs", 3, "lä"}, {"\xff", 10, `"\xff"`}, {"", 0, ""}} {
		if got := cutText(tt.in, tt.max); got != tt.want {
			t.Errorf("cutText(%q, %d) = %q, want %q", tt.in, tt.max, got, tt.want)
		}
	}
}
