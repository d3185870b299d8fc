package transport

import (
	"fmt"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// TestPenalties: each refusal doubles the wait, up to a bound that is low where a proxy may be; time ends it.
func TestPenalties(t *testing.T) {
	now := time.Unix(1000, 0)
	for share, most := range map[string]time.Duration{
		"192.0.2.7": penaltyMax, "2001:db8::/64": penaltyMax, shareOf("127.0.0.1:80"): penaltyLocal, shareOf("[::1]:80"): penaltyLocal,
	} {
		var p penalties
		if got := p.wait(share, now); got != 0 {
			t.Errorf("%s: waits for %v without a refusal", share, got)
		}
		want := penaltyMin
		for range 12 {
			p.add(share, now)
			if got := p.wait(share, now); got != want {
				t.Errorf("%s: waits for %v, want %v", share, got, want)
			}
			if got := p.wait(share, now.Add(want)); got != 0 {
				t.Errorf("%s: waits for %v after %v", share, got, want)
			}
			want = min(2*want, most)
		}
		p.add(share, now.Add(penaltyForget))
		if got := p.wait(share, now.Add(penaltyForget)); got != penaltyMin {
			t.Errorf("%s: waits for %v after a minute without a refusal, want %v", share, got, penaltyMin)
		}
	}
	var p penalties
	for i := range 2 * maxPenalties {
		p.add(fmt.Sprint(i), now)
	}
	if len(p.of) > maxPenalties {
		t.Errorf("%d addresses are remembered, want at most %d", len(p.of), maxPenalties)
	}
}

// TestForgerWaits: who was thrown out for a forgery is read later when it comes again, and served then; who has left is not.
func TestForgerWaits(t *testing.T) {
	node := startNode(t, NodeConfig{})
	hub, url := startHub(t, HubConfig{})
	if err := hub.Add(node); err != nil {
		t.Fatal(err)
	}
	packs, _ := chainOf(t, 5, 1)
	good := dialRaw(t, url)
	good.hello()
	good.send(testCharter.ID(), packs)
	waitFor(t, node, "the change", func(s *Snapshot) bool { return s.View.Changes() == 1 })
	share := shareOf("127.0.0.1:80")
	if got := hub.penalties.wait(share, time.Now()); got != 0 {
		t.Errorf("waits for %v without a refusal", got)
	}
	forger := dialRaw(t, url)
	forger.hello()
	others, _ := chainOf(t, 6, 1)
	forger.send(testCharter.ID(), Packs{forge(others[0])})
	for {
		if e, ok := forger.read().(*PeerError); ok {
			if e.ErrorCode != "bad-signature" {
				t.Errorf("ended for %s", e.ErrorCode)
			}
			break
		}
	}
	hub.penalties.mu.Lock()
	wait := hub.penalties.of[share].wait // noted before the forger was told
	hub.penalties.mu.Unlock()
	if wait != penaltyMin {
		t.Errorf("the forger is to wait for %v, want %v", wait, penaltyMin)
	}
	again := dialRaw(t, url)
	again.hello()
	again.send(testCharter.ID(), others)
	waitFor(t, node, "the other change", func(s *Snapshot) bool { return s.View.Changes() == 2 })
}

// TestHonestIsNotPenalised: only what was refused for its bytes makes an address wait: not what a full room did not take, nor what
// was ended for anything else that happens to the honest.
func TestHonestIsNotPenalised(t *testing.T) {
	share := shareOf("127.0.0.1:80")
	for name, tt := range map[string]struct {
		err  error
		late bool
	}{
		"full replica":  {fmt.Errorf("receive: %w", crdt.ErrFull), false},
		"full room":     {&RefuseError{"room-full", "this room is full"}, false},
		"going away":    {ErrGoingAway, false},
		"slow":          {ErrSlowReader, false},
		"said goodbye":  {&PeerError{"room-full", "full"}, false},
		"refused bytes": {fmt.Errorf("receive: %w", &crdt.RefusedError{}), true},
	} {
		t.Run(name, func(t *testing.T) {
			node := startNode(t, NodeConfig{})
			hub, url := startHub(t, HubConfig{})
			if err := hub.Add(node); err != nil {
				t.Fatal(err)
			}
			dialRaw(t, url).hello()
			waitFor(t, node, "the peer", func(s *Snapshot) bool { return len(s.Peers) == 1 })
			var l *link
			hub.mu.Lock()
			for c := range hub.conns {
				c.mu.Lock()
				l = c.links[testCharter.ID()]
				c.mu.Unlock()
			}
			hub.mu.Unlock()
			l.conn.endRoom(l, Ended{Err: tt.err})
			hub.penalties.mu.Lock()
			_, late := hub.penalties.of[share]
			hub.penalties.mu.Unlock()
			if late != tt.late {
				t.Errorf("its address waits: %v, want %v", late, tt.late)
			}
		})
	}
}
