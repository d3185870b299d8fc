package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/internal/terminal"
)

// pages measures opening and leaving what fills the screen beside the list, and moving within it.
func (s *screenRun) pages(ctx context.Context) error {
	t, err := s.startLive(terminal.Options{})
	if err != nil {
		return err
	}
	// The inbox is there once the book has been read; the names follow it.
	if _, err := t.WaitScreen(patience, func(scr *terminal.Screen) bool { _, y := scr.Find("for you: I"); return y == 0 }); err != nil {
		return s.shown(t, err)
	}
	if err := errors.Join(pause(ctx, 500*time.Millisecond), toNav(t)); err != nil {
		return s.shown(t, err)
	}
	for _, p := range []struct{ name, key, title string }{
		{"inbox (I)", "I", "inbox:"},
		{"balances (B)", "B", "Balances"},
		{"people (P)", "P", "People"},
		{"palette (:)", ":", "Commands"},
	} {
		if err := s.page(ctx, t, p.name, p.key, p.title); err != nil {
			return s.shown(t, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	return t.Close()
}

func (s *screenRun) page(ctx context.Context, t *terminal.Terminal, name, key, title string) error {
	const times = 10
	var opened, moved action
	for range times {
		a, err := do(ctx, t, key)
		if err != nil {
			return err
		}
		if _, err := t.WaitScreen(patience, func(scr *terminal.Screen) bool { _, y := scr.Find(title); return y == 1 }); err != nil {
			return err
		}
		b, err := do(ctx, t, slices.Repeat([]string{keyDown}, 5)...)
		if err != nil {
			return err
		}
		opened.took, opened.bytes = append(opened.took, a.took...), append(opened.bytes, a.bytes...)
		moved.took, moved.bytes = append(moved.took, b.took...), append(moved.bytes, b.bytes...)
		if err := toNav(t); err != nil {
			return err
		}
	}
	s.figure(name+" to frame", "ms", stat.Durations(opened.took), "", keyBudgets()...)
	s.figure(name, "B", stat.Of(opened.bytes), "", report.AtMost("p50", 10<<10))
	s.figure(name+", cursor move to frame", "ms", stat.Durations(moved.took), "", keyBudgets()...)
	s.figure(name+", cursor move", "B", stat.Of(moved.bytes), "", report.AtMost("p50", 350))
	return nil
}
