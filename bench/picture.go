package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/svg"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/program"
	"github.com/tallystick/tallystick/internal/terminal"
)

// pictureLines is what the ledger of the picture holds, each line written by the person who is named first in it.
var pictureLines = []string{
	"alice -> bob 640 EUR rent share October", "bob -> carol 23.40 EUR groceries", "carol -> dave 7.25 EUR tickets, two of us",
	"dave -> alice 1.10 EUR", "erin -> dave 32.50 EUR petrol to the coast", "bob -> alice 18 EUR lunch",
	"carol -> bob 12 EUR cinema", "alice -> erin 5 EUR coffee", "dave -> carol 46 EUR climbing gym", "erin -> alice 9.80 EUR parking",
	"alice -> carol 27.30 EUR bread, cheese, wine", "bob -> dave 15 EUR bike repair", "carol -> alice 4.20 EUR café Lindenhof",
	"dave -> erin 88 CHF hostel Zürich, 2 nights", "erin -> carol 21.50 EUR museum", "bob -> erin 6 EUR",
	"alice -> dave 60 EUR concert", "carol -> dave 11.15 EUR pharmacy", "dave -> bob 33.33 EUR split by three",
	"erin -> bob 3 EUR coffee", "bob -> carol 14.90 EUR cat food", "carol -> erin 52 EUR birthday present",
	"alice -> bob 12.50 EUR dinner", "bob -> alice 35 EUR electricity", "dave -> alice 17.50 EUR boat hire",
	"erin -> dave 2.40 EUR tram", "alice paid 84 EUR for alice, bob, carol, erin: pizza", "carol -> bob 8.75 EUR breakfast",
	"bob -> dave 19.99 EUR paint and brushes", "dave -> carol 30 EUR moving van", "alice -> erin 5 EUR taxi", "carol -> alice 26.10 EUR groceries",
}

// pictureSaid is what the others say of some of these lines; to the rest they agree.
var pictureSaid = map[string]sample.Told{
	"dave -> erin 88 CHF hostel Zürich, 2 nights": {},
	"carol -> erin 52 EUR birthday present":       {Say: ledger.Dispute, Memo: "we said 45"},
	"alice -> dave 60 EUR concert":                {Say: ledger.Dispute, Memo: "I paid it at the door"},
	"erin -> dave 2.40 EUR tram":                  {},
	"bob -> alice 35 EUR electricity":             {},
	"dave -> carol 30 EUR moving van":             {},
	"alice -> erin 5 EUR taxi":                    {},
	"carol -> alice 26.10 EUR groceries":          {},
}

// pictureDraft is what is being typed in it.
const pictureDraft = "alice paid 62.40 EUR for alice, bob, carol: dinner"

// defaultAddr is where the program looks for a relay of its own accord.
const defaultAddr = "127.0.0.1:8080"

func pictureWork(flags *flag.FlagSet) func(context.Context, *run) error {
	out := flags.String("out", filepath.Join("docs", "screen.svg"), "picture: the `FILE` that is written")
	oracle := flags.String("oracle", filepath.Join("docs", "oracle.svg"), "picture: the `FILE` of the oracle screen")
	addr := flags.String("addr", defaultAddr, "picture: the `HOST:PORT` of the relay, which the picture shows")
	text := flags.Bool("text", false, "picture: print the screen as text too")
	return func(ctx context.Context, r *run) error {
		if err := r.picture(ctx, *out, *addr, *text); err != nil {
			return fmt.Errorf("picture: %w", err)
		}
		r.say("picture: wrote %s", *out)
		if err := r.oraclePicture(ctx, *oracle, *text); err != nil {
			return fmt.Errorf("picture of the oracle screen: %w", err)
		}
		r.say("picture: wrote %s", *oracle)
		return nil
	}
}

// picture drives the program to a state that shows what it does, and draws the screen.
func (r *run) picture(ctx context.Context, out, addr string, text bool) error {
	s, stop, err := r.pictureRoom(ctx, addr)
	if err != nil {
		return err
	}
	var network []string // without flags, as people start it, it finds the relay by itself
	if addr != defaultAddr {
		network = []string{"--connect", "ws://" + addr}
	}
	t, err := s.start(terminal.Options{Screen: true}, network...)
	if err != nil {
		return err
	}
	if _, err := t.WaitScreen(patience, func(scr *terminal.Screen) bool { return s.usable(scr) && live(scr) }); err != nil {
		return s.shown(t, err)
	}
	if err := r.pictureState(ctx, t); err != nil {
		return s.shown(t, err)
	}
	var drawing []byte
	t.Look(func(scr *terminal.Screen) {
		drawing = svg.Draw(scr, "The ledger screen of tallystick: list, peers, one change in detail, and a transaction being typed", true)
		if text {
			r.say("%s", scr.Text())
		}
	})
	if err := os.WriteFile(out, drawing, 0o644); err != nil {
		return s.shown(t, err)
	}
	return errors.Join(t.Close(), stop())
}

// pictureRoom makes the room, alice's home and a relay that has all of it.
func (r *run) pictureRoom(ctx context.Context, addr string) (*screenRun, func() error, error) {
	people := sample.People()
	var entries []sample.Told
	for _, line := range pictureLines {
		e, wrong := ledger.ParseLine(line, "")
		if wrong != nil {
			return nil, nil, fmt.Errorf("line %q: %w", line, wrong)
		}
		said, ok := pictureSaid[line]
		if !ok {
			said.Say = ledger.Agree
		}
		said.Entry = e
		entries = append(entries, said)
	}
	s := &screenRun{run: r, rows: len(entries), me: people[0]}
	var err error
	if s.room, err = sample.WriteRoom("main", people, entries); err != nil {
		return nil, nil, err
	}
	if s.home, err = r.home(s.me, s.room); err != nil {
		return nil, nil, err
	}
	relayHome, err := r.home(sample.NewPerson("relay"), nil)
	if err != nil {
		return nil, nil, err
	}
	data := filepath.Join(string(relayHome), "relay")
	if err := sample.WriteStore(sample.RelayStorePath(data, s.room.Charter.ID()), s.room); err != nil {
		return nil, nil, err
	}
	relay, err := program.StartRelayAt(ctx, r.binary, data, addr, relayHome.Env())
	if err != nil {
		return nil, nil, err
	}
	return s, r.onClose(relay.Stop), nil
}

// pictureState selects a row of alice's and types the draft.
func (r *run) pictureState(ctx context.Context, t *terminal.Terminal) error {
	// The comparison that confirms that all is equal comes a second after the start.
	if err := pause(ctx, 2500*time.Millisecond); err != nil {
		return err
	}
	if err := toNav(t); err != nil {
		return err
	}
	up := times("k", 5) // to the newest of alice's
	if _, err := do(ctx, t, append(up, "n")...); err != nil {
		return err
	}
	if _, err := do(ctx, t, split(pictureDraft)...); err != nil {
		return err
	}
	return t.Quiet(300*time.Millisecond, patience)
}

// oracleMoment is the round of two-of-seven that the picture shows: the cut is healed, one has crashed, two lie.
const oracleMoment = 25

// oraclePicture draws the oracle screen. The scenario is the same on every machine, and so is its round.
func (r *run) oraclePicture(ctx context.Context, out string, text bool) error {
	home, err := r.home(sample.NewPerson("oracle"), nil)
	if err != nil {
		return err
	}
	t, err := terminal.Start(r.binary, []string{"oracle", oracleScenario}, terminal.Options{Screen: true, Env: home.Env()})
	if err != nil {
		return err
	}
	s := &screenRun{run: r}
	see := func(what string) error {
		_, err := t.WaitScreen(patience, func(scr *terminal.Screen) bool {
			_, y := scr.Find(what)
			return y >= 0
		})
		return err
	}
	// Paused, from the beginning, then step by step: so no clock decides what is drawn.
	for _, key := range []struct{ key, see string }{{"", "THE PRICE HOLDS"}, {" ", "paused"}, {"R", " 1 s "}} {
		if key.key != "" {
			if _, err := t.Send(key.key); err != nil {
				return s.shown(t, err)
			}
		}
		if err := see(key.see); err != nil {
			return s.shown(t, err)
		}
	}
	for i := 2; i <= oracleMoment; i++ {
		if _, err := t.Send("."); err != nil {
			return s.shown(t, err)
		}
		if err := see(fmt.Sprintf(" %d s ", i)); err != nil {
			return s.shown(t, err)
		}
	}
	if _, err := t.Send("\x1b"); err != nil { // no note at the bottom
		return s.shown(t, err)
	}
	if err := t.Quiet(300*time.Millisecond, patience); err != nil {
		return s.shown(t, err)
	}
	var drawing []byte
	t.Look(func(scr *terminal.Screen) {
		drawing = svg.Draw(scr, "The oracle screen of tallystick: two of seven oracles lie, and the price holds", false)
		if text {
			r.say("%s", scr.Text())
		}
	})
	return errors.Join(os.WriteFile(out, drawing, 0o644), t.Close(), ctx.Err())
}
