package tui

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/input"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// evil is text that people send to break a screen.
var evil = []string{
	"\x1b[2J\x1b[H", "\x1b]0;owned\x07", "\x1b]52;c;AAAA\x07", "\u009b31m", "\x00\x01\x7f", "a\nb\rc\td", "\u202egnp.exe\u202c", "\u200b\u200d\ufeff",
	"e" + strings.Repeat("\u0301", 200), strings.Repeat("日本語", 60), "👩\u200d👩\u200d👧\u200d👦", "🇫🇷🇩🇪", "\U000E0041\U000E0042", "\ue000\uf8ff", "\u2028\u2029",
	"\xff\xfe\x80", "ﷺ", "𒐫", "⸻", "\u1160\u115f", strings.Repeat("x", 3000), "ａｌｉｃｅ", "─│┌", "\u0600\u06dd",
}

// evilWorld holds entries, peers and events whose every text is hostile.
func evilWorld(tb testing.TB) *world {
	w := newWorld(tb).demo(8)
	for i, s := range evil {
		// What a memo may hold, an author can sign; a label that breaks the rules makes the entry invalid, and is shown too.
		if e := ledger.NewTransfer("bob", "alice", int64(i+1), 2, "", s); e.Validate() == nil {
			w.append("bob", w.encode(e))
		}
		w.append("mallory", badEntry(s))
	}
	big := ledger.NewTransfer("b", "a", 999_999_999_999_999_999, 18, "ABCDEFGH", "")
	w.append("bob", w.encode(big))
	big.Scale = 0
	w.append("bob", w.encode(big))
	w.append("mallory", crdt.Literal{0xf6}, crdt.Literal{0xa0})
	w.named("alice", "bob")
	for i, s := range evil {
		k := w.bound("bob", "bob -> alice 2 EUR")
		if e := ledger.NewTransfer("b", "a", 1, 0, "", s); e.Validate() == nil {
			w.says([]string{"bob", "mallory"}[i%2], k, []ledger.Say{ledger.Dispute, ledger.Withdraw}[i%2], s)
		}
	}
	w.does("mallory", ledger.NameEdit("\u0430lice")) // with a Cyrillic letter
	w.fork("mallory")
	w.with(func(s *transport.Snapshot) {
		s.RoomName = evil[0] + evil[9]
		s.Writing, s.StoreErr = transport.WriteStoreError, fmt.Errorf("store %s: %w", evil[1], transport.ErrStopped)
		for i, t := range evil {
			s.Peers = append(s.Peers, transport.PeerStatus{
				ID: transport.PeerID(100 + i), Address: t, Agent: t, State: transport.PeerState(i % 6), Reason: transport.Reason{Code: t, Text: t, Remote: true},
				Refused: []transport.RefusedCount{{Code: t, N: 1 << 60}}, Theirs: 1 << 40, Behind: 1 << 40,
			})
			s.Events = append(s.Events, transport.Event{Seq: uint64(10 + i), Kind: transport.EventKind(i % 13), Address: t, Text: t, Code: t, N: 1 << 40})
		}
	})
	return w
}

// badEntry is an entry with hostile labels.
func badEntry(s string) crdt.Literal {
	s = strings.ToValidUTF8(s[:min(len(s), 400)], "?")
	b := dcbor.AppendMap(nil, 2)
	b = dcbor.AppendInt(dcbor.AppendText(b, "scale"), 2)
	b = dcbor.AppendArray(dcbor.AppendText(b, "postings"), 2)
	for _, amount := range []int64{-5, 5} {
		b = dcbor.AppendArray(b, 3)
		b = dcbor.AppendInt(dcbor.AppendNull(dcbor.AppendText(b, s[:min(len(s), 400)])), amount)
	}
	return b
}

// checkPicture verifies that no line is wider than the screen and no cell holds a control character.
func checkPicture(t interface {
	Helper()
	Fatalf(string, ...any)
}, g *screen.Grid, w, h int,
) {
	t.Helper()
	gw, gh := g.Size()
	if gw != w || gh != h {
		t.Fatalf("picture of %dx%d for a screen of %dx%d", gw, gh, w, h)
	}
	for y := range h {
		line := g.Line(y)
		if got := ansi.StringWidth(line); got > w {
			t.Fatalf("at %dx%d line %d is %d cells wide: %q", w, h, y, got, line)
		}
		for _, r := range line {
			if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r == 0x200b {
				t.Fatalf("at %dx%d line %d shows %q: %q", w, h, y, r, line)
			}
			if g.ASCII && r > 0x7e {
				t.Fatalf("at %dx%d line %d shows %q in ASCII: %q", w, h, y, r, line)
			}
		}
	}
}

// places are ways to every part of the screen.
var places = [][]string{
	{},
	{"esc"},
	{"esc", "enter"},
	{"esc", "E"},
	{"esc", "2"},
	{"esc", "2", "j", "j", "j", "j", "j"},
	{"esc", "4"},
	{"esc", "4", "g"},
	{"esc", "?"},
	{"esc", "q"},
	{"esc", "/", "a"},
	{"esc", "g"},
	{"esc", "+"},
	{"esc", "tab", "tab"},
	{"n", "a", "enter"},
	{"f1"},
	{"esc", "I"},
	{"esc", "B"},
	{"esc", "w", "space", "space"},
	{"esc", "u"},
	{"esc", "d", "m", "a"},
	{"esc", "e"},
	{"esc", "3"},
	{"esc", "3", "b", "j"},
	{"esc", "f", "a", "tab", "b"},
	{"esc", "f", "shift+tab", "x"},
	{"esc", "P"},
	{"esc", "P", "enter"},
	{"esc", "P", "o"},
	{"esc", "B", "s"},
	{"esc", "R"},
	{"esc", "2", "j", "enter"},
}

// TestEverySizeHolds draws every place at every size: all widths at some heights and all heights at some widths.
func TestEverySizeHolds(t *testing.T) {
	t.Parallel()
	for _, look := range []Look{{}, {Mono: true}, {ASCII: true}} {
		w := evilWorld(t)
		for i, place := range places {
			d := newDriver(t, w, 80, 24, func(o *Options) { o.Look = look })
			d.press(place...)
			try := func(width, height int) {
				d.m.resize(width, height)
				d.m.draw(&d.grid)
				checkPicture(t, &d.grid, width, height)
			}
			step := 1
			if look != (Look{}) || i > 2 || testing.Short() {
				step = 11
			}
			for n := 1; n <= 200; n += step {
				try(n, 1+(n*7+i)%40)
				try(1+(n*13+i)%200, n)
			}
			for _, s := range [][2]int{{1, 1}, {9, 3}, {10, 2}, {10, 3}, {29, 8}, {30, 7}, {30, 8}, {59, 9}, {60, 8}, {109, 19}, {110, 8}, {110, 19}, {110, 20}, {200, 200}} {
				try(s[0], s[1])
			}
		}
	}
}

// TestAnythingHolds presses keys, brings rows and changes sizes at random.
func TestAnythingHolds(t *testing.T) {
	t.Parallel()
	var names []string
	k := DefaultKeyMap()
	for f := onLedger; f <= onHelp; f++ {
		for _, s := range k.focuses(f) {
			for _, b := range s.keys {
				names = append(names, b.Keys()...)
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	w := evilWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		d := newDriver(t, w, 80, 24)
		for range rapid.IntRange(1, 15).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				d.m.resize(rapid.IntRange(1, 200).Draw(rt, "w"), rapid.IntRange(1, 60).Draw(rt, "h"))
			case 1:
				if w.Snapshot().View.Len() < 300 { // one world for all: it only grows
					w.enter("zoe", "zoe -> yan 3")
				}
				d.refresh()
			case 2:
				d.update(tea.PasteMsg{Content: rapid.SampledFrom(evil).Draw(rt, "paste")})
			case 3:
				d.update(tickMsg(noon.Add(time.Second)))
			default:
				d.update(keyNamed(rapid.SampledFrom(names).Draw(rt, "key")))
			}
			d.m.draw(&d.grid)
			checkPicture(rt, &d.grid, d.m.w, d.m.h)
		}
	})
}

// TestAnchored: rows that come in anywhere move neither the cursor, nor its line, nor what Enter opens.
func TestAnchored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t).demo(16)
		d := newDriver(t, w, 80, 24)
		d.update(keyNamed("esc"))
		d.draw()
		if rapid.Bool().Draw(rt, "filtered") {
			d.update(keyNamed("/"))
			for _, r := range "bob" {
				d.update(tea.KeyPressMsg{Code: r, Text: string(r)})
			}
			d.update(keyNamed("enter"))
			d.draw()
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			for range rapid.IntRange(0, 6).Draw(rt, "moves") {
				d.update(keyNamed(rapid.SampledFrom([]string{"j", "k", "pgup", "pgdown", "g", "ctrl+u"}).Draw(rt, "key")))
			}
			d.draw()
			before, ok := d.m.ledger.list.Cursor()
			y := d.grid.Cursor.Y
			following := d.m.ledger.list.Following()
			switch rapid.IntRange(0, 2).Draw(rt, "bring") {
			case 0: // at the end
				w.enter("bob", "bob -> alice 1")
			case 1: // anywhere above: a chain of its own, from the beginning
				other := newWorld(t)
				name := fmt.Sprint("late", rapid.IntRange(0, 1_000_000).Draw(rt, "name"))
				for range rapid.IntRange(1, 5).Draw(rt, "n") {
					other.enter(name, "bob -> yan 2")
				}
				w.receive(other)
			case 2: // in the middle
				other := newWorld(t)
				other.receive(w)
				w.enter("carol", "carol -> bob 1")
				other.enter("dave", "dave -> bob 2")
				w.receive(other)
			}
			d.m.takeSnapshot()
			d.run(d.m.afterSnapshot())
			// The key comes before the next picture: it means what is on the screen.
			d.update(keyNamed("enter"))
			if o, isDetail := d.m.overlay[0].(*detailOverlay); ok && (!isDetail || o.entry != before) {
				rt.Fatalf("Enter opened %+v, shown was %v", d.m.overlay[0], before)
			}
			d.update(keyNamed("esc"))
			d.draw()
			after, _ := d.m.ledger.list.Cursor()
			if ok && !following && after != before {
				rt.Fatalf("the cursor went from %v to %v", before, after)
			}
			if top, n := d.m.ledger.list.Window(d.m.listHeight()); !following && d.grid.Cursor.Y != y && top > 0 && top+n < d.m.ledger.list.Len() {
				rt.Fatalf("the cursor went from line %d to %d, away from both ends", y, d.grid.Cursor.Y)
			}
		}
	})
}

// ours are the sequences that the program may write.
var ours = regexp.MustCompile(`^\x1b(\[\?(2026|25|1000|1006)[hl]|\[[0-9;]*[CHGmKJX]|\]52;c;[A-Za-z0-9+/=]*\x07)`)

// checkBytes verifies that a terminal gets no sequence but ours.
func checkBytes(t interface{ Fatalf(string, ...any) }, b string) {
	for i := 0; i < len(b); i++ {
		if c := b[i]; c == 0x1b {
			m := ours.FindString(b[i:])
			if m == "" {
				t.Fatalf("a sequence that is not ours: %q", b[i:min(i+30, len(b))])
			}
			i += len(m) - 1
		} else if c < 0x20 || c == 0x7f {
			t.Fatalf("control character %q in %q", c, b[max(i-20, 0):min(i+20, len(b))])
		}
	}
}

// FuzzKeys feeds bytes of a keyboard to the whole program: no panic, and no byte out that is not ours.
func FuzzKeys(f *testing.F) {
	for _, s := range []string{
		"alice -> bob 12.50 dinner\r", "\x1b", "\x1bjjkk\r\x1b", "\x1b/bob\r\x1b", "\x1b2jjr\x1b4jj\r", "\x1b[200~alice -> bob 1\rx\r\x1b[201~\r", "\x1b?/foo\r\x1b\x1b",
		"\x1bqy", "\x1bE\x1byYmm+-\t\t\r", "a\tb\t\x1b[A\x1b[B\x15\x17\x0b", "\x1b[<64;3;3M\x1b[<0;3;3M", "\xff\xfe\x80", "\x03\x03\x03\x03",
		"\x1b3jb\r.pc.h \r\r\x1b\x1bfvt>>r",
	} {
		f.Add([]byte(s), uint8(80), uint8(24))
	}
	w := evilWorld(f)
	f.Fuzz(func(t *testing.T, b []byte, width, height uint8) {
		if len(b) > 4096 {
			return
		}
		d := newDriver(t, w, int(width)+1, int(height)+1)
		var dec input.Decoder
		var old *screen.Grid
		show := func() {
			d.m.draw(&d.grid)
			checkPicture(t, &d.grid, d.m.w, d.m.h)
			checkBytes(t, string(screen.Diff(nil, old, &d.grid)))
			old = d.grid.Clone()
		}
		for i := 0; i < len(b); i += 7 {
			for _, msg := range dec.Feed(nil, b[i:min(i+7, len(b))]) {
				d.update(msg)
			}
			show()
		}
		for _, msg := range dec.Flush(nil) {
			d.update(msg)
		}
		show()
		for _, seq := range d.term.rawSeq {
			checkBytes(t, seq)
		}
	})
}
