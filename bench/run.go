package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/internal/program"
)

// run is one run of the command: the program that is measured, a folder for what it writes, and the figures so far.
type run struct {
	dir     string
	binary  string
	diag    io.Writer
	figures []report.Figure
	lines   []any          // of a work whose -json is not a line for each figure
	closers []func() error // of processes; last first
}

// newRun builds the program into a new folder within dir.
func newRun(ctx context.Context, dir string, diag io.Writer) (*run, error) {
	if _, err := root(); err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp(dir, "tallystick-bench-")
	if err != nil {
		return nil, fmt.Errorf("folder for stores: %w", err)
	}
	r := &run{dir: scratch, diag: diag}
	if r.binary, err = program.Build(ctx, scratch); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// say tells what is going on.
func (r *run) say(format string, args ...any) { fmt.Fprintf(r.diag, format+"\n", args...) }

func (r *run) add(f report.Figure) { r.figures = append(r.figures, f) }

// onClose has close call f, after what was given later. The returned function does it now instead.
func (r *run) onClose(f func() error) (now func() error) {
	done := false
	once := func() error {
		if done {
			return nil
		}
		done = true
		return f()
	}
	r.closers = append(r.closers, once)
	return once
}

// close ends the processes and removes what they wrote.
func (r *run) close() error {
	var err error
	for i := len(r.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, r.closers[i]())
	}
	return errors.Join(err, os.RemoveAll(r.dir))
}

// home makes a home with a person in it who has the room, nil for none.
func (r *run) home(p sample.Person, room *sample.Room) (sample.Home, error) {
	h, err := sample.NewHome(r.dir)
	if err != nil {
		return "", err
	}
	if err := h.AddPerson(p); err != nil {
		return "", err
	}
	if room != nil {
		err = h.AddRoom(p, room)
	}
	return h, err
}

// relayOf starts a relay that has rooms.
func (r *run) relayOf(ctx context.Context, rooms ...*sample.Room) (relay *program.Relay, stop func() error, err error) {
	h, err := sample.NewHome(r.dir)
	if err != nil {
		return nil, nil, err
	}
	data := filepath.Join(string(h), "relay")
	for _, room := range rooms {
		if err := sample.WriteStore(sample.RelayStorePath(data, room.Charter.ID()), room); err != nil {
			return nil, nil, err
		}
	}
	if relay, err = program.StartRelay(ctx, r.binary, data, h.Env()); err != nil {
		return nil, nil, err
	}
	return relay, r.onClose(relay.Stop), nil
}

// childVariable tells a process of ours what it is to be.
const childVariable = "TALLYSTICK_BENCH_CHILD"

// child starts this command again as something else; see child.
func (r *run) child(role string, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), childVariable+"="+role)
	cmd.Stderr = r.diag
	return cmd, nil
}

// numbers is a flag of whole numbers above zero, parted by commas.
type numbers []int

func (n *numbers) String() string {
	var parts []string
	for _, v := range *n {
		parts = append(parts, strconv.Itoa(v))
	}
	return strings.Join(parts, ",")
}

// Set takes the flag's text.
func (n *numbers) Set(s string) error {
	*n = nil
	for part := range strings.SplitSeq(s, ",") {
		v, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || v < 1 {
			return fmt.Errorf("%q is no number above zero", part)
		}
		*n = append(*n, v)
	}
	return nil
}

// pause waits, so that a process comes to rest or uses a while; it ends early with ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
