package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"

	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/terminal"
)

// The test binary is the launcher of jobs as well, and a child.
func TestMain(m *testing.M) {
	terminal.Launch()
	if role := os.Getenv(childVariable); role != "" {
		if err := child(role, os.Args[1:]); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string // in what is said
	}{
		{nil, "go run ./bench WORK"},
		{[]string{"-json"}, "go run ./bench WORK"},
		{[]string{"nothing"}, `there is no work "nothing"`},
		{[]string{"start", "-changes", "0"}, `"0" is no number above zero`},
		{[]string{"start", "-nothing"}, "flag provided but not defined"},
		{[]string{"start", "more"}, `"more" is no flag`},
	} {
		var out, diag strings.Builder
		if code := command(context.Background(), c.args, &out, &diag); code != 2 {
			t.Errorf("%q: exit code %d, want 2", c.args, code)
		}
		if !strings.Contains(diag.String(), c.want) {
			t.Errorf("%q: said %q, want %q in it", c.args, diag.String(), c.want)
		}
		if out.Len() > 0 {
			t.Errorf("%q: printed %q", c.args, out.String())
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	var n numbers
	if err := n.Set("10, 2000"); err != nil || !slices.Equal(n, numbers{10, 2000}) {
		t.Errorf("got %v, %v", n, err)
	}
	if got := n.String(); got != "10,2000" {
		t.Errorf("got %q", got)
	}
	for _, bad := range []string{"", "x", "1,", "-3", "1.5"} {
		if err := n.Set(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// TestEveryWork: each work is in the usage, and those of `all` exist and have flags of different names.
func TestEveryWork(t *testing.T) {
	t.Parallel()
	for name := range works {
		if !strings.Contains(usage, "\n  "+name+" ") {
			t.Errorf("work %q is not in the usage", name)
		}
	}
	var out, diag strings.Builder
	if code := command(context.Background(), []string{"all", "-nothing"}, &out, &diag); code != 2 {
		t.Errorf("exit code %d, want 2: %s", code, diag.String())
	}
}

// TestPictureLines: each line of the picture is a transaction of somebody who is in it.
func TestPictureLines(t *testing.T) {
	t.Parallel()
	people := sample.People()
	for _, line := range append(pictureLines, pictureDraft) {
		e, wrong := ledger.ParseLine(line, "")
		if wrong != nil {
			t.Errorf("%q: %v", line, wrong)
			continue
		}
		if !slices.ContainsFunc(people, func(p sample.Person) bool { return p.Name == e.Postings[0].Label }) {
			t.Errorf("%q: nobody writes it", line)
		}
	}
	for line := range pictureSaid {
		if !slices.Contains(pictureLines, line) {
			t.Errorf("%q is no line of the picture", line)
		}
	}
}

func TestCursorRow(t *testing.T) {
	t.Parallel()
	for row, want := range map[string]string{
		"│ >  999  c91627d0  alice       carol": "c91627d0",
		"│ > 1000  176c93a2  alice       bob ":  "176c93a2",
		"│ > e7710f2b  alice     carol":         "e7710f2b",
		"│ alice > 12345678  bob":               "",
	} {
		got := ""
		if m := cursorRow.FindStringSubmatch(row); m != nil {
			got = m[1]
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", row, got, want)
		}
	}
}

// TestDisk: the disk's times are of what is measured, as often as wanted.
func TestDisk(t *testing.T) {
	t.Parallel()
	r := &run{dir: t.TempDir()}
	d, err := r.measureDisk(3, 300)
	if err != nil {
		t.Fatal(err)
	}
	for _, times := range [][]time.Duration{d.sync, d.commit, d.append, d.last} {
		if len(times) != 3 || slices.Min(times) <= 0 {
			t.Errorf("got %v", times)
		}
	}
	if left, err := filepath.Glob(filepath.Join(r.dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestEmulatedAsMeasured(t *testing.T) {
	t.Parallel()
	e := vt.NewEmulator(40, 4)
	if _, err := e.WriteString("\x1b[?2026h\x1b[2;3Hdinner m0007\x1b[4;1HNew transaction m0008\x1b[?2026l"); err != nil {
		t.Fatal(err)
	}
	scr := terminal.NewScreen(e)
	if !listed(scr, "m0007") {
		t.Error("a row of the list was not found")
	}
	if listed(scr, "m0008") {
		t.Error("the input line was taken for a row")
	}
}
