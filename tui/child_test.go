//go:build unix

package tui

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/tallystick/tallystick/transport"
)

// childEnv makes the test binary a program with the screen: its value says what the room holds and does.
const childEnv = "TALLYSTICK_TUI_CHILD"

func TestMain(m *testing.M) {
	if what := os.Getenv(childEnv); what != "" {
		os.Exit(child(what))
	}
	os.Exit(m.Run())
}

// child runs the screen over a world: "demo N" rows; "panic" in a goroutine under guard; "fail" to open; "command" panics
// in a command.
func child(what string) int {
	var n int
	kind := what
	if _, err := fmt.Sscanf(what, "demo %d", &n); err == nil {
		kind = "demo"
	}
	if s := os.Getenv(childEnv + "_ROWS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	var w *world
	o := Options{
		Name: "alice", Room: "main", Look: LookFromEnv(ColorAuto, false, os.Getenv), state: demoState,
		Now: func() time.Time { return noon },
		Open: func(ctx context.Context, g *Guard) (Opened, error) {
			switch kind {
			case "fail":
				return Opened{}, fmt.Errorf("the store of alice is in use: to be another person, run it with another NAME")
			case "panic":
				g.Go(func() { panic("in a goroutine of the node") })
				<-ctx.Done()
				return Opened{}, ctx.Err()
			case "command":
				panic("in a command")
			}
			switch kind {
			case "evil":
				w = evilWorld(&testing.T{})
			case "still": // nothing on the screen counts
				w = newWorld(&testing.T{}).demo(30)
				w.with(func(s *transport.Snapshot) { s.Peers = s.Peers[:2] })
			default:
				w = newWorld(&testing.T{}).demo(n)
			}
			return Opened{Node: w}, nil
		},
	}
	if kind == "oracle" { // no room
		o.Open = nil
	}
	err := Run(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ended:", err)
		return 1
	}
	fmt.Fprintln(os.Stderr, "ended: quit")
	return 0
}
