package tui

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/internal/proof"
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

// forkOften makes author fork so many times.
func (w *world) forkOften(author string, times int) {
	w.tb.Helper()
	var rivals []*world
	for i := range times {
		rival := newWorld(w.tb)
		rival.receive(w)
		w.enter(author, fmt.Sprintf("%s -> bob %d one", author, i+1))
		rival.enter(author, fmt.Sprintf("%s -> bob %d other", author, i+1))
		rivals = append(rivals, rival)
	}
	for _, rival := range rivals {
		w.receive(rival)
	}
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
	d.sees("Evidence", "signed two changes after", "first", "second", "mallory", "the same in both", "x save proof")
	f := w.snap.Load().View.Forks()[0]
	d.sees(hexOf(f.A)[:8], hexOf(f.B)[:8], hexOf(f.Prev))
	d.press("esc")
	d.seesNot("signed two changes after")
}

func hexOf[T ~[32]byte](id T) string { return fmt.Sprintf("%x", [32]byte(id)) }

// TestEvidenceSideBySide: both changes stand in the same lines where there is room, else one above the other.
func TestEvidenceSideBySide(t *testing.T) {
	t.Parallel()
	w := newWorld(t).demo(30)
	w.fork("mallory")
	for _, size := range [][2]int{{120, 36}, {80, 24}, {60, 40}} {
		d := newDriver(t, w, size[0], size[1])
		d.press("esc", "E")
		together := false
		for _, line := range d.draw() {
			together = together || strings.Contains(line, "memo   first") && strings.Contains(line, "memo   second")
		}
		if want := size[0] == 120; together != want {
			t.Errorf("at %v side by side: %v, want %v\n%s", size, together, want, d.text())
		}
		d.press("G")
		d.sees("second")
	}
}

// TestEvidenceOfSeveral: whoever forks often is one row; each of the forks can be seen.
func TestEvidenceOfSeveral(t *testing.T) {
	t.Parallel()
	w := newWorld(t).demo(30)
	w.forkOften("trudy", 1)
	w.forkOften("mallory", 4)
	d := newDriver(t, w, 120, 36)
	d.press("esc", "E")
	view := w.snap.Load().View
	forks := view.Forks()
	trudy, mallory := hexOf(forks[0].Author)[:8], hexOf(forks[1].Author)[:8]
	d.sees("2 authors with a fork", "> FORK  "+mallory, "and 3 more times", "FORK  "+trudy)
	d.press("j", "enter")
	d.sees("began its chain twice", trudy, "trudy")
	d.press("N")
	d.sees("no other fork of this author")
	d.press("esc", "k", "enter")
	seen := map[string]bool{}
	for range 4 {
		for _, f := range forks {
			if f.Author == forks[1].Author && strings.Contains(d.text(), hexOf(f.A)[:8]) && strings.Contains(d.text(), hexOf(f.B)[:8]) {
				seen[hexOf(f.A)] = true
			}
		}
		d.press("p")
	}
	if len(seen) != 4 {
		t.Errorf("saw %d of mallory's forks, want 4", len(seen))
	}
	d.press("esc")
	d.sees("2 authors with a fork") // one record at a time lies over the list
}

// TestEvidenceGoesToItsChanges: Enter goes to the row of the chosen change, also if a filter hid it; an event of a fork
// opens its record.
func TestEvidenceGoesToItsChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t).demo(30)
	w.fork("mallory")
	d := newDriver(t, w, 120, 36)
	d.press("esc", "/")
	d.write("carol")
	d.press("enter", "E", "right", "enter")
	f := w.snap.Load().View.Forks()[0]
	k, ok := d.m.selected()
	if !ok || w.snap.Load().View.ChangeAt(k.Change).ID != f.B {
		t.Errorf("the cursor is not on the other change of the fork:\n%s", d.text())
	}
	d.sees("┌ List")
	d.press("E", "enter")
	if k, ok := d.m.selected(); !ok || w.snap.Load().View.ChangeAt(k.Change).ID != f.A {
		t.Errorf("the cursor is not on the one change of the fork:\n%s", d.text())
	}
	w.with(func(s *transport.Snapshot) {
		s.Events = append(s.Events, transport.Event{Seq: 9, Time: noon, Kind: transport.EventFork, Author: f.Author, Change: f.B, Other: f.A})
	})
	d.refresh()
	d.press("4", "G", "enter")
	d.sees("Evidence", hexOf(f.Prev))
}

// TestSaveProof: x writes a file that proves the fork, and says where it went.
func TestSaveProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t).demo(30)
	w.fork("mallory")
	var name string
	var content []byte
	fail := error(nil)
	d := newDriver(t, w, 80, 24, func(o *Options) {
		o.Save = func(n string, b []byte) (string, error) {
			name, content = n, b
			return "/home/alice/\x1b[2J/" + n, fail
		}
	})
	d.press("esc", "E", "x")
	s, err := proof.Check(content)
	if err != nil {
		t.Fatal(err)
	}
	f := w.snap.Load().View.Forks()[0]
	if s.Fork.Fork.Author != f.Author || s.Fork.Changes[0].Content == nil || s.Fork.Changes[1].Content == nil || *s.Room != "main" {
		t.Errorf("the file says %+v", s)
	}
	if !strings.HasPrefix(name, "fork-2026-11-21-") {
		t.Errorf("called %q", name)
	}
	d.sees("saved  /home/alice/\\x1b[2J/fork-2026-11-21-", "the proof is saved; others check it: tallystick check")
	fail = errors.New("the disk is full, and that is a long story " + strings.Repeat("of many words ", 8))
	d.press("x")
	d.sees("failed  the disk is full", "of many words", "not saved")
	d.seesNot("fork-2026-11-21-")
	none := newDriver(t, w, 80, 24)
	none.press("esc", "E", "x")
	none.sees("proofs cannot be saved here")
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
