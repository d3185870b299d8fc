package transport

import (
	"testing"
)

// TestNewcomer: a node without anything gets all of a log, each change once, and both call it live.
func TestNewcomer(t *testing.T) {
	full := mustReplica(t)
	for k := range 10 {
		mustWrite(t, full, testKey(k), 30)
	}
	n := newTestNet(t, 1)
	a, b := n.add(storeOf(full), 50), n.add(&memStore{}, 51)
	l := n.connect(b, a)
	n.settle()
	n.wantEqual()
	if got, want := l.sent[1].changes, full.Len(); got != want {
		t.Errorf("sent %d changes to a newcomer, want %d", got, want)
	}
	if got := l.sent[0].changes; got != 0 {
		t.Errorf("newcomer sent %d changes, want none", got)
	}
	for _, node := range n.nodes {
		s := node.core.Snapshot(n.now)
		if s.Link != LinkLive || s.Live != 1 || s.Of != 1 {
			t.Errorf("node %d: link %v, live %d of %d, want live 1 of 1", node.name, s.Link, s.Live, s.Of)
		}
		if st := s.State(0); st.Standing != Sent {
			t.Errorf("node %d: state of change 0 is %v, want sent", node.name, st.Standing)
		}
	}
	// Idle: nothing more is said.
	before := l.sent
	n.now = n.now.Add(10 * 60 * 1e9)
	n.settle()
	if l.sent != before {
		t.Errorf("idle connection said %+v, had said %+v", l.sent, before)
	}
}

// TestTyping: a change made at one node reaches the other and comes back as stored.
func TestTyping(t *testing.T) {
	n := newTestNet(t, 2)
	a, b := n.add(&memStore{}, 1), n.add(&memStore{}, 2)
	n.connect(a, b)
	n.settle()
	n.write(a, 1)
	if s := a.core.Snapshot(n.now); s.Unsent != 1 || s.State(0).Standing != Unsent {
		t.Fatalf("unsent %d, state %v; want 1, unsent", s.Unsent, s.State(0).Standing)
	}
	n.settle()
	n.wantEqual()
	s := a.core.Snapshot(n.now)
	if st := s.State(0); s.Unsent != 0 || st.Standing != Sent || st.By != 1 || st.Of != 1 {
		t.Errorf("unsent %d, state %+v; want 0, sent 1 of 1", s.Unsent, st)
	}
}
