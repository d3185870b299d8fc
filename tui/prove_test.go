package tui

import (
	"context"
	"io/fs"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/proof"
)

// TestProveFromTheScreen: x writes what tallystick check takes, of what stands, and says where it is or why not.
func TestProveFromTheScreen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.named("alice", "bob", "carol")
	lunch := w.bound("alice", "alice -> bob 12.50 EUR lunch")
	w.says("bob", lunch, ledger.Agree, "")
	taxi := w.bound("bob", "bob -> alice 35.00 EUR taxi")
	w.says("alice", taxi, ledger.Dispute, "it was 30")
	files := map[string][]byte{}
	d := newDriver(t, w, 80, 24, func(o *Options) {
		o.Save = func(n string, b []byte) (string, error) {
			if files[n] != nil {
				return "", fs.ErrExist
			}
			files[n] = b
			return "/home/alice/" + n, nil
		}
		o.Open = func(context.Context, *Guard) (Opened, error) {
			return Opened{Node: w, Prove: func(_ context.Context, n crdt.Name) ([]byte, error) {
				w.mu.Lock()
				defer w.mu.Unlock()
				return proof.AppendEntry(nil, w.replica, n)
			}}, nil
		}
	})
	d.press("esc", "x")
	d.sees("is disputed by alice: only what stands is proved")
	d.press("k", "enter", "x")
	id := ledger.ShortID(w.Snapshot().View, lunch)
	d.sees("/home/alice/entry-" + id + ".proof")
	s, err := proof.Check(files["entry-"+id+".proof"])
	if err != nil || !strings.Contains(s.Proved, "both") && !strings.Contains(s.Proved, "bob") {
		t.Fatalf("got %+v, %v", s, err)
	}
	d.press("x")
	d.sees("not saved: ")
	d.press("esc", ":", "p", "r", "o", "o", "f")
	d.sees("save the proof of who signed it")
}
