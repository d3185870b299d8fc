package tui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/transport"
)

// update rewrites the golden pictures: go test ./tui -run Golden -update. Commit the difference only if you can say why
// each line of it changed. `cat` shows a golden as the terminal does.
var update = flag.Bool("update", false, "rewrite golden files")

// TestGolden compares pictures of every size of the design with those kept, in colours, without, and in ASCII.
func TestGolden(t *testing.T) {
	t.Parallel()
	scenes := []struct {
		name string
		set  func(*world)
		keys []string
		text string // typed first
	}{
		{"typing", nil, nil, "alice -> bob 12.5"},
		{"wrong", nil, nil, "alice -> bob 12,50"},
		{"nav", func(w *world) { w.fork("mallory") }, []string{"esc", "k", "k", "k"}, ""},
		{"change", nil, []string{"esc", "k", "k", "enter"}, ""},
		{"peers", nil, []string{"esc", "2", "j", "j"}, ""},
		{"events", nil, []string{"esc", "4", "k"}, ""},
		{"evidence", func(w *world) { w.fork("mallory") }, []string{"esc", "E"}, ""},
		{"help", nil, []string{"esc", "?"}, ""},
		{"palette", nil, []string{"esc", ":", "s", "o", "r"}, ""},
		{"filter-wrong", nil, []string{"esc", "/", "i", "s", ":", "x", "space"}, ""},
		{"sorted", nil, []string{"esc", "s", "s", "S", "g"}, ""},
		{"quit", nil, []string{"esc", "q"}, ""},
		{"filter", nil, []string{"esc", "/", "c", "a", "r", "o", "l"}, ""},
		{"empty", nil, nil, ""},
		{"offline", func(w *world) {
			w.with(func(s *transport.Snapshot) {
				s.Link, s.Live, s.Of, s.Peers, s.Events = transport.LinkOffline, 0, 0, nil, nil
			})
		}, []string{"esc"}, ""},
	}
	sizes := [][2]int{{120, 36}, {80, 24}, {40, 12}, {20, 5}, {1, 1}}
	looks := []struct {
		name string
		look Look
	}{{"colour", Look{}}, {"mono", Look{Mono: true}}, {"ascii", Look{Mono: true, ASCII: true}}}
	for _, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if sc.name != "empty" {
				w.demo(40)
			}
			if sc.set != nil {
				sc.set(w)
			}
			for _, look := range looks {
				var b strings.Builder
				for _, size := range sizes {
					d := newDriver(t, w, size[0], size[1], func(o *Options) { o.Look = look.look })
					d.write(sc.text)
					d.press(sc.keys...)
					d.draw()
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

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test ./tui -run Golden -update makes it)", err)
	}
	if want := string(b); got != want {
		g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
		for i := range g {
			if i >= len(w) || g[i] != w[i] {
				old := ""
				if i < len(w) {
					old = w[i]
				}
				t.Errorf("%s:%d: got\n%s\nwant\n%s", path, i+1, g[i], old)
				return
			}
		}
		t.Errorf("%s: got %d lines, want %d", path, len(g), len(w))
	}
}
