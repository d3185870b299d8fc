package tui

import (
	"strings"
	"testing"

	"github.com/tallystick/tallystick/internal/ledger"
)

// TestPaletteRunsAll does every command of every screen from the palette: each does what its key does there.
func TestPaletteRunsAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t).demo(30)
	w.fork("mallory")
	for _, place := range [][]string{{"esc"}, {"esc", "2"}, {"esc", "3"}, {"esc", "4"}, {"esc", "enter"}, {"esc", "E"}} {
		open := func() *driver {
			d := newDriver(t, w, 100, 30)
			d.press(place...)
			return d
		}
		d := open()
		p := &paletteOverlay{of: d.m.focus()}
		listed := map[string]bool{}
		for i, c := range p.commands(d.m) {
			if c.run == nil {
				continue
			}
			listed[string(c.name+c.what)] = true
			d := open()
			d.press(":")
			o, ok := d.m.overlay[len(d.m.overlay)-1].(*paletteOverlay)
			if !ok {
				break // not a place where it opens
			}
			o.at = i
			d.press("enter")
			for _, left := range d.m.overlay {
				if left == overlay(o) {
					t.Errorf("at %q %q is done and the palette is still there", place, c.what)
				}
			}
			if n := len(d.m.keys.focuses(p.of)); i < n { // of this place: compare with the key
				d2 := open()
				for _, s := range d.m.keys.focuses(p.of) {
					for _, b := range s.keys {
						if string(c.name) == b.Help().Key && string(c.what) == b.Help().Desc {
							d2.press(b.Keys()[0])
						}
					}
				}
				if got, want := d.text(), d2.text(); got != want {
					t.Errorf("at %q %q from the palette shows\n%s\nits key\n%s", place, c.what, got, want)
				}
			}
		}
		for _, s := range d.m.keys.focuses(d.m.focus()) {
			for _, b := range s.keys {
				if h := b.Help(); !listed[h.Key+h.Desc] && h.Key != ":" {
					t.Errorf("at %q the palette does not list %q", place, h.Desc)
				}
			}
		}
	}
}

func TestPalette(t *testing.T) {
	t.Parallel()
	d := newDriver(t, newWorld(t).demo(30), 100, 30)
	d.press("esc", ":")
	d.sees("Commands", "sort by the next column", ":agree ID", "[TYPE]")
	d.write("sort")
	d.sees("sort by the next column")
	d.seesNot(":agree ID", "quit  ")
	d.press("enter")
	d.sees("by time", "[NAV]")
	d.press("S", "s", "s", "s", "s", "s", "S")

	// A command line by its verb: what is missing is asked for in the line.
	d.press(":")
	d.write("say why")
	d.press("enter")
	d.sees("dispute ID [MEMO]", ": dispute ")
	d.press("enter")
	d.sees("column 10: expected an entry")
	d.press("esc", ":")
	d.write("list from:alice")
	d.press("enter")
	d.sees("4 of 30 rows")
	d.press("esc", ":")
	d.write(":list")
	d.press("enter")
	d.sees("30 rows · list order · filter off")
	d.press(":")
	d.write("nonsense")
	d.press("enter")
	d.sees("no command matches")
	d.press("ctrl+c")
	d.sees("sort by the next column")
	d.press("ctrl+c")
	d.seesNot("Commands")

	// A command of another screen goes there.
	d.press(":")
	d.write("go to the change")
	d.press("enter")
	if d.m.screen != eventsScreen {
		t.Errorf("got screen %d", d.m.screen)
	}
}

// TestHelpListsCommandLines: what the palette takes, help shows.
func TestHelpListsCommandLines(t *testing.T) {
	t.Parallel()
	d := newDriver(t, newWorld(t).demo(3), 100, 30)
	d.press("esc", "?")
	var all strings.Builder
	for _, l := range d.m.overlay[0].(*helpOverlay).lines(d.m) {
		for _, p := range l {
			all.WriteString(string(p.own))
		}
		all.WriteByte('\n')
	}
	for _, c := range ledger.Commands {
		if !strings.Contains(all.String(), ":"+c.Verb) {
			t.Errorf("help does not list :%s", c.Verb)
		}
	}
}
