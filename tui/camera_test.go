package tui

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/charmbracelet/x/vt"

	"github.com/tallystick/tallystick/internal/qrcode/qrtest"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// TestCameraReadsOwnKey: where all of the code of one's own key is in sight, a camera reads it, with colour whatever the
// terminal's own colours are; where it is too small for that, scrolling or another size shows it.
func TestCameraReadsOwnKey(t *testing.T) {
	t.Parallel()
	w := pagesWorld(t)
	me := w.Snapshot().Me
	want := hex.EncodeToString(me[:])
	for _, c := range []struct {
		name   string
		look   Look
		w, h   int
		scroll bool
		themes []qrtest.Theme
	}{
		{"wide", Look{}, 120, 36, false, []qrtest.Theme{qrtest.Dark, qrtest.Light}},
		{"80 columns", Look{}, 80, 24, false, []qrtest.Theme{qrtest.Dark, qrtest.Light}},
		{"narrow", Look{}, 40, 24, true, []qrtest.Theme{qrtest.Dark, qrtest.Light}},
		{"no colour", Look{Mono: true}, 80, 24, false, []qrtest.Theme{qrtest.Dark}},
		{"ascii", Look{ASCII: true}, 120, 45, false, []qrtest.Theme{qrtest.Dark, qrtest.Light}},
		{"ascii, no colour", Look{Mono: true, ASCII: true}, 80, 45, true, []qrtest.Theme{qrtest.Dark}},
	} {
		d := newDriver(t, w, c.w, c.h, func(o *Options) { o.People, o.Look = &fakePeople{}, c.look })
		d.press("esc", "P", "o")
		if c.scroll {
			d.press("end")
		}
		d.draw()
		e := vt.NewEmulator(c.w, c.h)
		_, _ = e.Write(screen.Diff(nil, nil, &d.grid)) // never fails
		for _, theme := range c.themes {
			got, err := qrtest.Read(e, theme)
			if err != nil {
				t.Errorf("%s: %+v: %v\n%s", c.name, theme, err, d.text())
			} else if strings.ToLower(got) != want {
				t.Errorf("%s: %+v: the code says %s, not %s", c.name, theme, got, want)
			}
		}
	}
}
