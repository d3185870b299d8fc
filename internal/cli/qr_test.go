package cli

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/charmbracelet/x/vt"

	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/internal/qrcode/qrtest"
)

// A camera reads the code of an id off a terminal of 80 columns, in every way in which it is drawn: with colour whatever the
// terminal's own colours are.
func TestCameraReadsID(t *testing.T) {
	person := &profile.Person{}
	for i := range person.Author {
		person.Author[i] = byte(i * 37)
	}
	want := hex.EncodeToString(person.Author[:])
	for _, c := range []struct {
		name     string
		ascii    bool
		noColour bool
		pipe     bool // its output is no terminal
		themes   []qrtest.Theme
	}{
		{"colour", false, false, false, []qrtest.Theme{qrtest.Dark, qrtest.Light}},
		{"colour, ascii", true, false, false, []qrtest.Theme{qrtest.Dark, qrtest.Light}},
		{"no colour", false, true, false, []qrtest.Theme{qrtest.Dark}},
		{"no colour, ascii", true, true, false, []qrtest.Theme{qrtest.Dark}},
		{"pipe", false, false, true, []qrtest.Theme{qrtest.Dark}},
		{"pipe, ascii", true, false, true, []qrtest.Theme{qrtest.Dark}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("TERM", "xterm-256color")
			t.Setenv("LC_ALL", "C.UTF-8")
			t.Setenv("NO_COLOR", map[bool]string{true: "1"}[c.noColour])
			var out bytes.Buffer
			p := &program{Streams: Streams{Out: &out, OutTerm: !c.pipe}}
			if err := p.showQR(person, c.ascii); err != nil {
				t.Fatal(err)
			}
			if c.pipe && strings.Contains(out.String(), "\x1b") {
				t.Error("escape sequences in what is no terminal")
			}
			e := vt.NewEmulator(80, 45)
			_, _ = e.Write(bytes.ReplaceAll(out.Bytes(), []byte("\n"), []byte("\r\n"))) // never fails
			for _, theme := range c.themes {
				got, err := qrtest.Read(e, theme)
				if err != nil {
					t.Errorf("%+v: %v\n%s", theme, err, out.String())
				} else if strings.ToLower(got) != want {
					t.Errorf("%+v: the code says %s, not %s", theme, got, want)
				}
			}
		})
	}
}
