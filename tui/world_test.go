package tui

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/transport"
)

// noon is the clock of all tests that show times.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func authorKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("tui test author " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// world is a replica with several authors, and a Node over it: submitted entries are applied at once.
type world struct {
	tb      testing.TB
	mu      sync.Mutex
	replica *crdt.Replica
	writers map[string]*crdt.Writer
	base    transport.Snapshot // what snapshots have besides the document
	hold    bool               // Submit waits for release
	held    []transport.Intent
	err     error // what Submit returns

	snap      atomic.Pointer[transport.Snapshot]
	changed   chan struct{}
	confirmed atomic.Int32
	submitted atomic.Int32
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return newWorldOf(tb, crdt.OpenLedger("main"))
}

// newWorldOf is a world of another room.
func newWorldOf(tb testing.TB, charter crdt.Charter) *world {
	tb.Helper()
	r, err := crdt.NewReplica(charter)
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{tb: tb, replica: r, writers: map[string]*crdt.Writer{}, changed: make(chan struct{}, 1)}
	w.base = transport.Snapshot{
		Room: r.Room(), RoomName: charter.Name, Me: crdt.Author(authorKey("alice").Public().(ed25519.PublicKey)), Link: transport.LinkLive, Live: 3, Of: 4, Unsent: 2,
		Peers: []transport.PeerStatus{
			{ID: 1, Address: "ws://relay-a:8080/websocket", Role: transport.RoleRelay, State: transport.PeerLive, Theirs: 8118, Ours: 8118, RTT: 12 * time.Millisecond, Agent: "tallystick relay 0.1.0", Since: noon.Add(-time.Hour)},
			{ID: 2, Address: "ws://relay-b:8080/websocket", Role: transport.RoleRelay, State: transport.PeerLive, Theirs: 8118, Ours: 8118, RTT: 800 * time.Microsecond, Since: noon.Add(-time.Hour)},
			{
				ID: 3, Address: "bob@lan", Direction: transport.Accepted, Role: transport.RoleNode, State: transport.PeerLive, Theirs: 8116, Ours: 8118, Behind: 2, Since: noon.Add(-time.Minute),
				Refused: []transport.RefusedCount{{Code: "bad-signature", N: 3}}, Withheld: 1,
			},
			{
				ID: 4, Address: "wss://relay-c.example.org/websocket", Role: transport.RoleRelay, State: transport.PeerRetry, Theirs: -1, Behind: -1, RetryAt: noon.Add(8 * time.Second), Since: noon,
				Reason: transport.Reason{Code: "timeout", Text: "no answer in 5 s: is a relay running there?"},
			},
		},
		Events: []transport.Event{
			{Seq: 1, Time: noon.Add(-20 * time.Minute), Kind: transport.EventPeerLive, Peer: 1, Address: "ws://relay-a:8080/websocket"},
			{Seq: 2, Time: noon.Add(-19 * time.Minute), Kind: transport.EventRefused, Peer: 3, Address: "bob@lan", Code: "bad-signature", N: 3},
			{Seq: 3, Time: noon.Add(-18 * time.Minute), Kind: transport.EventPeerClosed, Peer: 4, Address: "wss://relay-c.example.org/websocket", Code: "timeout", Text: "no answer in 5 s"},
		},
	}
	w.publish()
	return w
}

func (w *world) writer(name string) *crdt.Writer {
	if w.writers[name] == nil {
		wr, err := w.replica.Writer(authorKey(name))
		if err != nil {
			w.tb.Fatal(err)
		}
		w.writers[name] = wr
	}
	return w.writers[name]
}

// enter makes author sign the entry of a line, and publishes.
func (w *world) enter(author, line string) {
	w.tb.Helper()
	e, serr := ledger.ParseLine(line, author)
	if serr != nil {
		w.tb.Fatalf("%q: %v", line, serr)
	}
	w.append(author, w.encode(e))
	w.publish()
}

func (w *world) encode(e ledger.Entry) crdt.Literal {
	w.tb.Helper()
	l, err := ledger.Encode(e)
	if err != nil {
		w.tb.Fatal(err)
	}
	return l
}

// append makes author sign a change that appends literals, without publishing.
func (w *world) append(author string, literals ...crdt.Literal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wr := w.writer(author)
	_, err := wr.Change(noon.Unix()-20_000+int64(w.replica.Len()), func(tx *crdt.Tx) error {
		for _, l := range literals {
			if _, err := tx.Append(l); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.tb.Fatal(err)
	}
	wr.Sign()
}

// publish makes a snapshot of the replica as it is, and pokes.
func (w *world) publish() {
	w.mu.Lock()
	s := w.base
	s.View = w.replica.View()
	if old := w.snap.Load(); old != nil {
		s.Version = old.Version + 1
	}
	w.snap.Store(&s)
	w.mu.Unlock()
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// with changes what snapshots have besides the document, and publishes.
func (w *world) with(f func(s *transport.Snapshot)) {
	w.mu.Lock()
	f(&w.base)
	w.mu.Unlock()
	w.publish()
}

func (w *world) Snapshot() *transport.Snapshot { return w.snap.Load() }
func (w *world) Changed() <-chan struct{}      { return w.changed }
func (w *world) ConfirmOnlyCopy()              { w.confirmed.Add(1) }

func (w *world) Evidence(_ context.Context, f crdt.Fork) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.replica.Evidence(f)
}

func (w *world) Submit(_ context.Context, in transport.Intent) error {
	w.submitted.Add(1)
	w.mu.Lock()
	err, hold := w.err, w.hold
	if hold {
		w.held = append(w.held, in)
	}
	w.mu.Unlock()
	if err != nil || hold {
		return err
	}
	w.apply(in)
	return nil
}

func (w *world) apply(in transport.Intent) {
	w.mu.Lock()
	wr := w.writer("alice")
	id, err := wr.Change(in.Time, in.Edit)
	if err == nil {
		wr.Sign()
	}
	index := w.replica.Len() - 1
	w.mu.Unlock()
	w.publish()
	in.Done(transport.Receipt{ID: id, Index: index, Err: err})
}

// receive merges the changes of another world's replica, as a peer would bring them.
func (w *world) receive(other *world) {
	w.tb.Helper()
	check := crdt.NewChecker(crdt.OpenLedger("main"))
	for i := 0; ; {
		frame, next := other.replica.PackFrom(i, func(int) bool { return false })
		if frame == nil {
			break
		}
		p, err := check.Check(frame, func(crdt.ChangeID) bool { return false })
		if err != nil {
			w.tb.Fatal(err)
		}
		if out := w.replica.Receive(p, 1, noon); out.Err != nil {
			w.tb.Fatal(out.Err)
		}
		i = next
	}
	w.publish()
}

var demoLines = []struct{ author, line string }{
	{"bob", "bob -> alice 35.00"},
	{"erin", "erin -> dave 32.50"},
	{"bob", "bob -> alice 30.00"},
	{"bob", "bob -> alice 27.50"},
	{"erin", "erin -> dave 25.00"},
	{"bob", "bob -> alice 22.50"},
	{"bob", "bob -> alice 20.00"},
	{"erin", "erin -> dave 17.50"},
	{"alice", "alice -> bob 12.50 lunch"},
	{"bob", "bob -> carol 3.00"},
	{"mallory", "mallory -> bob 900.00 see evidence"},
	{"carol", "carol -> dave 7.25 tickets, two of them"},
	{"dave", "dave -> alice 1.10"},
	{"alice", "alice -> carol 40.00 rent share"},
	{"alice", "alice -> erin 5.00 coffee"},
	{"alice", "alice -> bob 0.75"},
}

// demo fills a world with n rows, the newest as in tui.md's picture.
func (w *world) demo(n int) *world {
	for i := range max(n-len(demoLines), 0) {
		e := ledger.NewTransfer("bob", "alice", int64(100+i%5000), 2, "", "")
		if i%7 == 0 {
			e = ledger.NewTransfer("erin", "dave", int64(100+i%3000), 2, "EUR", fmt.Sprintf("meal %d", i))
			w.append("erin", w.encode(e))
			continue
		}
		w.append("bob", w.encode(e))
	}
	for _, l := range demoLines[max(len(demoLines)-n, 0):] {
		w.enter(l.author, l.line)
	}
	return w
}

// demoState is the states of tui.md's picture: the last two own changes unsent, the one before partly sent.
func demoState(s *transport.Snapshot, index int) transport.ChangeState {
	switch s.View.Changes() - index {
	case 1, 2:
		if s.View.ChangeAt(index).Author == s.Me {
			return transport.ChangeState{Standing: transport.Unsent}
		}
	case 3:
		return transport.ChangeState{Standing: transport.Sent, By: 1, Of: 3}
	}
	return transport.ChangeState{Standing: transport.Sent, By: 3, Of: 3}
}
