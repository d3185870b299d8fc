package tui

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestGoldenStandings keeps pictures of what entries mean, as TestGolden does.
func TestGoldenStandings(t *testing.T) {
	t.Parallel()
	for _, sc := range []struct {
		name string
		keys []string
	}{
		{"standing", []string{"esc", "k", "k"}},
		{"entry", []string{"esc", "k", "k", "k", "enter"}},
		{"disputed", []string{"esc", "g", "j", "j", "enter"}},
		{"inbox", []string{"esc", "I", "space"}},
		{"question", []string{"esc", "I", "d"}},
		{"withdrawn", []string{"esc", "w", "g", "j", "j", "j"}},
		{"balances", []string{"esc", "B", "j"}},
	} {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			w := tale(t)
			for _, look := range []struct {
				name string
				look Look
			}{{"colour", Look{}}, {"mono", Look{Mono: true}}, {"ascii", Look{Mono: true, ASCII: true}}} {
				var b strings.Builder
				for _, size := range [][2]int{{120, 36}, {80, 24}, {40, 12}, {20, 5}, {1, 1}} {
					d := newDriver(t, w, size[0], size[1], func(o *Options) { o.Look = look.look })
					d.press(sc.keys...)
					fmt.Fprintf(&b, "%dx%d\n", size[0], size[1])
					for y := range size[1] {
						b.WriteString(d.grid.Styled(y))
						b.WriteByte('\n')
					}
					fmt.Fprintf(&b, "cursor %+v\n\n", d.grid.Cursor)
				}
				compareGolden(t, filepath.Join("testdata", sc.name+"-"+look.name+".golden"), b.String())
			}
		})
	}
}
