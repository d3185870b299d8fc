package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tallystick/tallystick/bench/internal/proc"
	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/internal/terminal"
)

// Keys as a terminal sends them.
const (
	keyEscape   = "\x1b"
	keyDown     = "\x1b[B"
	keyPageUp   = "\x1b[5~"
	keyCtrlL    = "\x0c"
	keyCtrlU    = "\x15"
	keyCtrlZ    = "\x1a"
	keyEnter    = "\r"
	typedPerson = 25 * time.Millisecond // between keys: fast for a person, and no frame is held back for the one before
)

// keys measures one program at rest and at work, connected to a relay.
func (s *screenRun) keys(ctx context.Context) error {
	t, err := s.startLive(terminal.Options{})
	if err != nil {
		return err
	}
	for _, part := range []func(context.Context, *terminal.Terminal) error{
		s.idleScreen, s.typing, s.moving, s.held, s.resizing, s.filtering,
	} {
		if err := part(ctx, t); err != nil {
			return s.shown(t, err)
		}
	}
	return t.Close()
}

// idleScreen measures what is used when nothing happens.
func (s *screenRun) idleScreen(ctx context.Context, t *terminal.Terminal) error {
	// The comparison that confirms that all is equal comes a second after the last change, and is drawn.
	if err := pause(ctx, 3*time.Second); err != nil {
		return err
	}
	const span = 8 * time.Second
	bytes := t.Counts().Bytes
	before, err := proc.Read(t.PID())
	if err != nil {
		return err
	}
	if err := pause(ctx, span); err != nil {
		return err
	}
	after, err := proc.Read(t.PID())
	if err != nil {
		return err
	}
	used := after.Since(before)
	note := fmt.Sprintf("%v, connected to a relay", span)
	s.figure("idle CPU", "%", report.Single(used.Percent()), note, report.AtMost("p50", 0.2))
	s.figure("idle wake-ups", "/s", report.Single(used.WakeupsPerSecond()), note, report.AtMost("p50", 10))
	s.figure("idle bytes", "B", report.Single(float64(t.Counts().Bytes-bytes)), note, report.AtMost("p50", 0))
	return nil
}

// action is one key, several times over.
type action struct {
	took  []time.Duration
	bytes []float64
}

// do types keys one after the other, waits for the frame of each, and counts all bytes until the next.
func do(ctx context.Context, t *terminal.Terminal, keys ...string) (*action, error) {
	a := &action{}
	for _, key := range keys {
		bytes := t.Counts().Bytes
		took, _, err := t.Key(key, patience)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", key, err)
		}
		if err := pause(ctx, typedPerson); err != nil {
			return nil, err
		}
		a.took = append(a.took, took)
		a.bytes = append(a.bytes, float64(t.Counts().Bytes-bytes))
	}
	return a, nil
}

func times(key string, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = key
	}
	return keys
}

func split(text string) []string {
	var keys []string
	for _, r := range text {
		keys = append(keys, string(r))
	}
	return keys
}

const (
	keyP50 = 2  // ms
	keyP95 = 5  // ms
	keyTop = 15 // ms, p95 under load
)

func keyBudgets() []report.Budget {
	return []report.Budget{report.AtMost("p50", keyP50), report.AtMost("p95", keyP95)}
}

// typing measures characters of lines that are parsed while they are typed. The program starts in TYPE.
func (s *screenRun) typing(ctx context.Context, t *terminal.Terminal) error {
	all := &action{}
	for _, line := range []string{
		"alice -> bob 12.50 EUR dinner for two at the market", "bob -> carol 7 tickets, two of them", "dave -> erin 1_000.25 CHF rent share",
	} {
		a, err := do(ctx, t, split(line)...)
		if err != nil {
			return err
		}
		all.took, all.bytes = append(all.took, a.took...), append(all.bytes, a.bytes...)
		if _, err := do(ctx, t, keyCtrlU); err != nil {
			return err
		}
	}
	s.figure("typed character to frame", "ms", stat.Durations(all.took), "TYPE, parsed live", keyBudgets()...)
	s.figure("typed character", "B", stat.Of(all.bytes), "all frames until the next key", report.AtMost("p50", 120))
	return nil
}

// toNav leaves TYPE. Escape takes a while: it might be the beginning of another key.
func toNav(t *terminal.Terminal) error {
	nav := func(scr *terminal.Screen) bool {
		_, y := scr.Find("[NAV]")
		return y >= 0
	}
	if _, err := t.Send(keyEscape); err != nil {
		return err
	}
	if _, err := t.WaitScreen(patience, nav); err != nil {
		return fmt.Errorf("to NAV: %w", err)
	}
	return t.Quiet(50*time.Millisecond, patience)
}

// moving measures the keys of NAV.
func (s *screenRun) moving(ctx context.Context, t *terminal.Terminal) error {
	if err := toNav(t); err != nil {
		return err
	}
	// The list is at its last row: up and down within the page, then up, which scrolls from the page's first row on.
	within := slices.Concat(times("k", 20), times("j", 19), times("k", 19), times("j", 19))
	for _, m := range []struct {
		name  string
		keys  []string
		bytes float64
	}{
		{"cursor move", within, 350},
		{"scroll by a row", times("k", 60), 0}, // after the rows that are left of the page
		{"page", times(keyPageUp, 40), 6 << 10},
		{"first or last row (g, G)", alternate("g", "G", 20), 10 << 10},
		{"full frame (ctrl+l)", times(keyCtrlL, 20), 10 << 10},
	} {
		a, err := do(ctx, t, m.keys...)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		s.figure(m.name+" to frame", "ms", stat.Durations(a.took), "NAV", keyBudgets()...)
		var budgets []report.Budget
		if m.bytes > 0 {
			budgets = append(budgets, report.AtMost("p50", m.bytes))
		}
		s.figure(m.name, "B", stat.Of(a.bytes), "", budgets...)
	}
	return nil
}

func alternate(a, b string, n int) []string {
	var keys []string
	for range n / 2 {
		keys = append(keys, a, b)
	}
	return keys
}

// held measures a key held down by a machine: 1,000 a second for two seconds.
func (s *screenRun) held(ctx context.Context, t *terminal.Terminal) error {
	const n = 2000
	frames := t.Counts().Frames
	before, err := proc.Read(t.PID())
	if err != nil {
		return err
	}
	start := time.Now()
	var last time.Time
	for i := range n {
		if last, err = t.Send("k"); err != nil {
			return err
		}
		time.Sleep(time.Until(start.Add(time.Duration(i+1) * time.Millisecond)))
	}
	after, err := proc.Read(t.PID())
	if err != nil {
		return err
	}
	if err := t.Quiet(200*time.Millisecond, patience); err != nil {
		return err
	}
	drawn := t.Frames(frames + 1)
	if len(drawn) == 0 {
		return fmt.Errorf("%d keys made no frame", n)
	}
	drain := drawn[len(drawn)-1].At.Sub(last)
	note := fmt.Sprintf("k for %d s, %d frames", n/1000, len(drawn))
	s.figure("1,000 keys/s: CPU", "%", report.Single(after.Since(before).Percent()), note, report.AtMost("p50", 30))
	s.figure("1,000 keys/s: drained", "ms", report.Single(stat.Milliseconds(drain)), "last key to last frame", report.AtMost("p50", 20))
	return nil
}

var cursorRow = regexp.MustCompile(`│ > +(?:[0-9]+ +)?([0-9a-f]{7,8}) `)

// cursorID is the id in the row under the cursor, "" if none is shown.
func cursorID(t *terminal.Terminal) (id string) {
	t.Look(func(scr *terminal.Screen) {
		if m := cursorRow.FindStringSubmatch(scr.Text()); m != nil {
			id = m[1]
		}
	})
	return id
}

// resizing measures another size: the frame for it, how many frames it makes, and whether the cursor stays on its row.
func (s *screenRun) resizing(ctx context.Context, t *terminal.Terminal) error {
	id := cursorID(t)
	if id == "" {
		return fmt.Errorf("no row is under the cursor")
	}
	var took []time.Duration
	var bytes, frames []float64
	strayed := 0
	for i := range 20 {
		before := t.Counts()
		e := t.Expect(nil)
		cols, rows := 120, 36
		if i%2 == 0 {
			cols, rows = 112, 28+i%4
		}
		at, err := t.Resize(cols, rows)
		if err != nil {
			return err
		}
		f, err := e.Wait(patience)
		if err != nil {
			return err
		}
		if err := pause(ctx, 60*time.Millisecond); err != nil {
			return err
		}
		took = append(took, f.At.Sub(at))
		bytes = append(bytes, float64(f.Bytes))
		frames = append(frames, float64(t.Counts().Frames-before.Frames))
		if now := cursorID(t); now[:min(len(now), 7)] != id[:7] {
			strayed++
		}
	}
	s.figure("resize to frame", "ms", stat.Durations(took), "", report.AtMost("p50", 30))
	s.figure("resize: frames", "", stat.Of(frames), "one full frame", report.AtMost("max", 1))
	s.figure("resize", "B", stat.Of(bytes), "", report.AtMost("p50", 10<<10))
	s.figure("resize: cursor on another change", "times", report.Single(float64(strayed)), "of 20", report.AtMost("max", 0))
	return nil
}

// filtering measures from the last key of a word to a page of its hits, and to the last hit.
func (s *screenRun) filtering(ctx context.Context, t *terminal.Terminal) error {
	var page, all []time.Duration
	for range 4 {
		for _, word := range []string{"dinner", "taxi", "hostel", "museum", "concert"} {
			if _, err := do(ctx, t, "/"); err != nil {
				return fmt.Errorf("filter: %w", err)
			}
			first := t.Expect(func(scr *terminal.Screen) bool { return onlyHits(scr, word) })
			done := regexp.MustCompile(`[0-9,]+ of [0-9,]+ rows · list order · filter ` + word + ` `)
			last := t.Expect(func(scr *terminal.Screen) bool { return done.MatchString(scr.Row(1)) })
			at, err := t.Send(word)
			if err != nil {
				return err
			}
			f, err := first.Wait(patience)
			if err != nil {
				return fmt.Errorf("filter %q: %w", word, err)
			}
			page = append(page, f.At.Sub(at))
			if f, err = last.Wait(patience); err != nil {
				return fmt.Errorf("filter %q: %w", word, err)
			}
			all = append(all, f.At.Sub(at))
			if err := toNav(t); err != nil {
				return err
			}
		}
	}
	s.figure("filter: word to first page of hits", "ms", stat.Durations(page), "typed in one go", report.AtMost("p50", 30))
	s.figure("filter: word to all hits", "ms", stat.Durations(all), "the newest are shown meanwhile")
	return nil
}

// onlyHits reports whether the list shows rows, and each of them has the word.
func onlyHits(scr *terminal.Screen, word string) bool {
	_, rows := scr.Size()
	n := 0
	for y := 3; y < rows; y++ { // after header, border, and the names of the columns
		row := scr.Row(y)
		if strings.HasPrefix(row, "└") {
			break
		}
		list, _, _ := strings.Cut(strings.TrimPrefix(row, "│"), "│")
		if strings.TrimSpace(list) == "" {
			continue
		}
		if !strings.Contains(list, word) {
			return false
		}
		n++
	}
	return n > 0
}
