package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/svg"
	"github.com/tallystick/tallystick/internal/terminal"
)

// The demo's terminals: two below one another are still read without opening the picture.
const (
	demoCols = 80
	demoRows = 14
)

// How long the demo shows something. The program is as fast as it is: only what people take is slower.
const (
	demoKey  = 60 * time.Millisecond
	demoSee  = 1200 * time.Millisecond
	demoRead = 3 * time.Second
)

// demoBytes is how large the demo may be, in bytes.
const demoBytes = 400 << 10

func demoWork(flags *flag.FlagSet) func(context.Context, *run) error {
	out := flags.String("out", filepath.Join("docs", "demo.svg"), "demo: the `FILE` that is written")
	text := flags.Bool("text", false, "demo: print what is read in it as text too")
	return func(ctx context.Context, r *run) error {
		frames, still, err := r.demo(ctx, *text)
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		film := svg.Film(frames, demoNames(), "Two screens of tallystick: alice and bob write a dinner and a shared bill, agree, and settle up", still)
		if len(film) > demoBytes {
			return fmt.Errorf("demo: %d bytes, more than %d", len(film), demoBytes)
		}
		if err := os.WriteFile(*out, film, 0o644); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		r.say("demo: wrote %s: %d frames", *out, len(frames))
		return nil
	}
}

// demoPeople are the two of the story, from above.
func demoPeople() []sample.Person { return sample.People()[:2] }

func demoNames() []string {
	var names []string
	for _, p := range demoPeople() {
		names = append(names, p.Name+"'s terminal")
	}
	return names
}

// A stage is where the story is played: a screen of the program for each of its people, and the frames so far.
type stage struct {
	ctx     context.Context
	seats   []*terminal.Terminal
	frames  []svg.Frame
	caption string
	acts    int
	text    *run // says what is read, nil: nobody
}

// demo plays the story and returns its frames, and the one that stands for all.
func (r *run) demo(ctx context.Context, text bool) (frames []svg.Frame, still int, err error) {
	relay, stop, err := r.relayOf(ctx)
	if err != nil {
		return nil, 0, err
	}
	s := &stage{ctx: ctx}
	if text {
		s.text = r
	}
	for _, p := range demoPeople() {
		home, err := r.home(p, nil)
		if err != nil {
			return nil, 0, err
		}
		t, err := terminal.Start(r.binary, []string{"run", p.Name, "--connect", relay.URL},
			terminal.Options{Cols: demoCols, Rows: demoRows, Env: home.Env(), Dir: string(home), Screen: true})
		if err != nil {
			return nil, 0, errors.Join(err, s.end())
		}
		s.seats = append(s.seats, t)
	}
	if err := s.play(&still); err != nil {
		for i, t := range s.seats {
			t.Look(func(scr *terminal.Screen) { err = fmt.Errorf("%w\n%s showed:\n%s", err, demoNames()[i], scr.Text()) })
		}
		return nil, 0, errors.Join(err, s.end())
	}
	return s.frames, still, errors.Join(s.end(), stop())
}

func (s *stage) end() error {
	var err error
	for _, t := range s.seats {
		err = errors.Join(err, t.Close())
	}
	return err
}

const (
	alice = iota
	bob
)

// play is the story.
func (s *stage) play(still *int) error {
	return inTurn(
		func() error { return s.sees(alice, "live 1/1", "bob") },
		func() error { return s.sees(bob, "live 1/1", "alice") },
		func() error {
			return s.says("Two people on two machines. The relay between them need not be trusted.", demoRead)
		},
		func() error { return s.says("alice types what she owes bob", demoKey) },
		func() error { return s.writes(alice, "alice -> bob 12.50 EUR dinner") },
		func() error { return s.sees(alice, "claimed", "sent 1/1") },
		func() error { return s.sees(bob, "claimed") },
		func() error {
			return s.says("It is signed, on her disk, and with bob. So far it is what she claims.", demoRead)
		},
		func() error { return s.nav(bob) },
		func() error { return s.press(bob, "I", "I: bob's inbox, what waits for his word", "dinner", demoRead) },
		func() error { return s.press(bob, "a", "a: he agrees", "is now tallied", demoSee) },
		func() error { return s.sees(alice, "tallied") },
		func() error {
			*still = len(s.frames)
			return s.says("Both have signed it: tallied. Neither can deny that now.", demoRead)
		},
		func() error { return s.press(bob, "I", "bob adds a bill that they share", "dinner", demoKey) },
		func() error { return s.press(bob, "n", "bob adds a bill that they share", "[TYPE]", demoKey) },
		func() error { return s.writes(bob, "bob paid 84.50 EUR for alice, bob: petrol") },
		func() error { return s.sees(alice, "petrol", "claimed") },
		func() error { return s.says("It is split to the cent, and waits for alice.", demoRead) },
		func() error { return s.nav(alice) },
		func() error { return s.press(alice, "a", "a: she agrees", "is now tallied", demoRead) },
		func() error {
			return s.press(alice, "B", "B: balances of what all sides have signed", "Balances", demoRead)
		},
		func() error {
			return s.press(alice, "s", "s: settle up, by the fewest lines that bring all to zero", "Settle", demoRead)
		},
		func() error {
			return s.press(alice, "\r", "alice has paid him: Enter writes that", "is written", demoSee)
		},
		func() error { return s.sees(bob, "1 wait") },
		func() error { return s.nav(bob) },
		func() error { return s.press(bob, "a", "a: bob has the money, and agrees", "is now tallied", demoSee) },
		func() error { return s.press(alice, keyEscape, "Nobody owes anybody.", "Balances", demoRead) },
	)
}

func inTurn(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// says waits until the screens are quiet, and shows them, under the caption, for so long.
func (s *stage) says(caption string, long time.Duration) error {
	s.caption = caption
	for _, t := range s.seats {
		if err := t.Quiet(400*time.Millisecond, patience); err != nil {
			return err
		}
	}
	s.shoot(long)
	if s.text != nil {
		s.text.say("# %s", caption)
		for _, t := range s.seats {
			t.Look(func(scr *terminal.Screen) { s.text.say("%s\n", scr.Text()) })
		}
	}
	return s.ctx.Err()
}

// shoot adds a frame of what is shown now.
func (s *stage) shoot(long time.Duration) {
	f := svg.Frame{For: long, Caption: s.caption, Acts: s.acts}
	for i, t := range s.seats {
		t.Look(func(scr *terminal.Screen) {
			f.Panes = append(f.Panes, svg.Take(scr))
			if _, y := scr.Find("[TYPE]"); i == s.acts && y < 0 {
				f.Acts = -1 // it has no cursor
			}
		})
	}
	s.frames = append(s.frames, f)
}

// sees waits until somebody's screen has all texts, in one row or in several.
func (s *stage) sees(who int, texts ...string) error {
	_, err := s.seats[who].WaitScreen(patience, func(scr *terminal.Screen) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { _, y := scr.Find(text); return y < 0 })
	})
	if err != nil {
		return fmt.Errorf("%s: %q: %w", demoNames()[who], texts, err)
	}
	return s.ctx.Err()
}

// writes types a line, which a frame for every key shows, and Enter.
func (s *stage) writes(who int, line string) error {
	s.acts = who
	typed := ""
	for _, key := range split(line) {
		if _, err := s.seats[who].Send(key); err != nil {
			return err
		}
		if typed += key; key != " " { // a blank at the end is not seen
			if err := s.sees(who, typed); err != nil {
				return err
			}
		}
		s.shoot(demoKey)
	}
	if err := s.says(s.caption, demoSee); err != nil {
		return err
	}
	_, err := s.seats[who].Send("\r")
	return err
}

// press presses a key, after which a text is to be seen, and shows that for so long.
func (s *stage) press(who int, key, caption, see string, long time.Duration) error {
	s.acts = who
	if _, err := s.seats[who].Send(key); err != nil {
		return err
	}
	if err := s.sees(who, see); err != nil {
		return fmt.Errorf("key %q: %w", key, err)
	}
	return s.says(caption, long)
}

// nav leaves the input line.
func (s *stage) nav(who int) error {
	s.acts = who
	if err := toNav(s.seats[who]); err != nil {
		return fmt.Errorf("%s: %w", demoNames()[who], err)
	}
	s.shoot(demoSee / 2)
	return nil
}
