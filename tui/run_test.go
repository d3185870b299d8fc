//go:build unix

package tui

import (
	"testing"
	"time"
)

// TestPace: three pictures at once, then one in 8 ms; after a rest three again.
func TestPace(t *testing.T) {
	t.Parallel()
	var p pace
	now := noon
	count := func(d, step time.Duration) (n int) {
		for end := now.Add(d); now.Before(end); now = now.Add(step) {
			if p.next(now) == 0 {
				n++
			}
		}
		return n
	}
	if n := count(time.Millisecond, 100*time.Microsecond); n != maxBurst {
		t.Errorf("%d at once, want %d", n, maxBurst)
	}
	if n := count(800*time.Millisecond, 100*time.Microsecond); n < 99 || n > 101 {
		t.Errorf("%d in 800 ms, want 100", n)
	}
	now = now.Add(time.Hour)
	if n := count(time.Millisecond, 100*time.Microsecond); n != maxBurst {
		t.Errorf("%d after a rest, want %d", n, maxBurst)
	}
	now = now.Add(2 * time.Millisecond)
	if wait := p.next(now); wait <= 0 || wait > minFrame {
		t.Errorf("waits %v, want at most %v", wait, minFrame)
	}
}
