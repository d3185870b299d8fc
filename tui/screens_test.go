package tui

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/transport"
)

func TestLinkStates(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		set  func(*transport.Snapshot)
		want string
	}{
		{"offline", func(s *transport.Snapshot) { s.Link = transport.LinkOffline }, "offline"},
		{"connecting", func(s *transport.Snapshot) { s.Link, s.Live = transport.LinkConnecting, 2 }, "connecting 2/4"},
		{"live", func(*transport.Snapshot) {}, "live 3/4 · 2 unsent"},
		{"just begun to catch up", func(s *transport.Snapshot) {
			s.Link, s.CatchUp = transport.LinkCatchingUp, transport.CatchUp{Done: 1, Total: 2, Since: noon}
		}, "catching up · 2 unsent"},
		{"catching up", func(s *transport.Snapshot) {
			s.Link = transport.LinkCatchingUp
			s.CatchUp = transport.CatchUp{Done: 41_200, From: 1_200, Total: 118_000, Since: noon.Add(-444_444_444)}
		}, "catching up 41,200/118,000 34% 90k/s ~1 s"},
		{"at least", func(s *transport.Snapshot) {
			s.Link = transport.LinkCatchingUp
			s.CatchUp = transport.CatchUp{Done: 10, Total: 20, AtLeast: true, Since: noon.Add(-1e9)}
		}, "catching up 10 of at least 20"},
		{"pending", func(s *transport.Snapshot) { s.Pending = 3 }, "3 pending"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t).demo(3)
			w.with(tc.set)
			newDriver(t, w, 120, 36).sees(tc.want)
		})
	}
}

// fork makes author sign two changes after the same one.
func (w *world) fork(author string) {
	w.tb.Helper()
	other := newWorld(w.tb)
	other.receive(w)
	w.enter(author, author+" -> bob 900 first")
	other.enter(author, author+" -> bob 900 second")
	w.receive(other)
}

func TestForkAndEvidence(t *testing.T) {
	t.Parallel()
	w := newWorld(t).demo(30)
	d := newDriver(t, w, 120, 36)
	d.press("esc", "E")
	d.sees("no fork is known")
	w.fork("mallory")
	d.refresh()
	d.sees("1 fork", "FORK", "E shows the evidence")
	d.press("E")
	d.sees("Evidence", "signed two changes after", "first", "second", "mallory")
	d.press("esc")
	d.seesNot("signed two changes after")
}

func TestPeersScreen(t *testing.T) {
	t.Parallel()
	d := newDriver(t, newWorld(t).demo(30), 120, 36, func(o *Options) {})
	d.press("esc", "2")
	d.sees("relay-a:8080", "retry in 8 s", "-2", "log digest", "doc digest", "12 ms")
	d.press("j", "j")
	d.sees("bad-signature", "that it said to have stored")
	d.press("j")
	d.sees("no answer in 5 s: is a relay running there?")
	d.press("a")
	d.sees("connections cannot be changed here")
	d.press("esc")
	d.sees("List")
}

type fakeNetwork struct{ did []string }

func (n *fakeNetwork) Connect(a string) error {
	n.did = append(n.did, "connect "+a)
	if strings.Contains(a, "bad") {
		return errors.New("bad address: " + a)
	}
	return nil
}

func (n *fakeNetwork) Disconnect(id transport.PeerID) {
	n.did = append(n.did, fmt.Sprint("disconnect ", id))
}
func (n *fakeNetwork) Retry(id transport.PeerID) { n.did = append(n.did, fmt.Sprint("retry ", id)) }

func TestPeersKeys(t *testing.T) {
	t.Parallel()
	d := newDriver(t, newWorld(t).demo(3), 80, 24)
	net := &fakeNetwork{}
	d.m.network = net
	d.press("esc", "2", "G", "r", "d", "n", "d", "y", "a")
	d.write("ws://bad")
	d.press("enter")
	if got := strings.Join(net.did, ", "); got != "retry 4, disconnect 4, connect ws://bad" {
		t.Errorf("did %s", got)
	}
	d.sees("not added: bad address")
}

func TestEventsScreen(t *testing.T) {
	t.Parallel()
	w := newWorld(t).demo(3)
	id := w.Snapshot().View.ChangeAt(1).ID
	w.with(func(s *transport.Snapshot) {
		s.Events = append(s.Events, transport.Event{Seq: 4, Time: noon, Kind: transport.EventPending, N: 1, Change: id},
			transport.Event{Seq: 9, Time: noon, Kind: transport.EventWithheld, Address: "ws://relay-z:1/websocket", N: 7})
	})
	d := newDriver(t, w, 120, 36)
	d.press("esc", "4")
	d.sees("5 events", "3 from bob@lan: bad-signature", "relay-z:1 no longer shows 7 changes")
	d.press("k", "enter")
	d.sees(string(groupedHex(id, 64)))
	d.press("esc", "/")
	d.write("relay-z")
	d.sees("1 of 5 events")
	d.press("esc", "k", "k")
	w.with(func(s *transport.Snapshot) {
		s.Events = append(s.Events[:0:0], transport.Event{Seq: 15, Kind: transport.EventPeerLive, Address: "late"})
	})
	d.refresh()
	d.sees("5 not kept", "1 new below: G")
}
