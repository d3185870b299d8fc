package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/internal/terminal"
)

func latencyWork(flags *flag.FlagSet) func(context.Context, *run) error {
	n := flags.Int("samples", 200, "latency: transactions that are typed")
	rows := flags.Int("latency-rows", 1000, "latency: transactions that the room has before")
	return func(ctx context.Context, r *run) error {
		r.say("latency: %d transactions", *n)
		if err := r.latency(ctx, *n, *rows); err != nil {
			return fmt.Errorf("latency: %w", err)
		}
		return nil
	}
}

// latency measures from Enter in one terminal to the frame that shows the row in another, over a relay.
func (r *run) latency(ctx context.Context, n, rows int) error {
	people := sample.People()
	room, err := sample.NewRoom("main", people, rows, 1)
	if err != nil {
		return err
	}
	relay, stop, err := r.relayOf(ctx, room)
	if err != nil {
		return err
	}
	var terminals [2]*terminal.Terminal
	var screens [2]*screenRun
	for i := range terminals {
		s := &screenRun{run: r, rows: rows, room: room, me: people[i], relay: relay}
		if s.home, err = r.home(s.me, room); err != nil {
			return err
		}
		if terminals[i], err = s.startLive(terminal.Options{}); err != nil {
			return err
		}
		screens[i] = s
	}
	typist, reader := terminals[0], terminals[1]
	own, other, err := typeAll(ctx, typist, reader, n)
	if err != nil {
		return errors.Join(screens[0].shown(typist, err), screens[1].shown(reader, err))
	}
	const packBytes = 230 // about a pack of one such change
	disk, err := r.measureDisk(n, packBytes)
	if err != nil {
		return err
	}
	r.reportLatency(own, other, disk)
	return errors.Join(typist.Close(), reader.Close(), stop())
}

// typeAll types n transactions. own is how long the typist's terminal takes to show each, other how long the reader's.
func typeAll(ctx context.Context, typist, reader *terminal.Terminal, n int) (own, other []time.Duration, err error) {
	for i := range n {
		memo := fmt.Sprintf("m%04d", i)
		if _, err := typist.Send("alice -> bob 12.50 EUR dinner " + memo); err != nil {
			return nil, nil, err
		}
		// Enter comes from a person who has read the line, not in the same burst; and at any phase of what ticks.
		if err := pause(ctx, 30*time.Millisecond+time.Duration(i%17)*time.Millisecond); err != nil {
			return nil, nil, err
		}
		row := func(scr *terminal.Screen) bool { return listed(scr, memo) }
		mine, theirs := typist.Expect(row), reader.Expect(row)
		at, err := typist.Send(keyEnter)
		if err != nil {
			return nil, nil, err
		}
		f, err := mine.Wait(patience)
		if err != nil {
			return nil, nil, fmt.Errorf("transaction %d in the typist's terminal: %w", i, err)
		}
		own = append(own, f.At.Sub(at))
		if f, err = theirs.Wait(patience); err != nil {
			return nil, nil, fmt.Errorf("transaction %d in the other terminal: %w", i, err)
		}
		other = append(other, f.At.Sub(at))
	}
	return own, other, nil
}

// listed reports whether a row of the list, which is the row of an id, shows the memo.
func listed(scr *terminal.Screen, memo string) bool {
	_, rows := scr.Size()
	for y := range rows {
		row := scr.Row(y)
		if strings.Contains(row, "New transaction") {
			return false
		}
		if strings.Contains(row, memo) && strings.Contains(row, "dinner") {
			return true
		}
	}
	return false
}

// reportLatency holds the latency against what the disk alone takes on the way: the typist's node appends to its store and
// to its last file before it sends; the relay appends before it forwards; the reader's node appends before it shows.
func (r *run) reportLatency(own, other []time.Duration, disk *diskTimes) {
	sync, appended, last := stat.Durations(disk.sync), stat.Durations(disk.append), stat.Durations(disk.last)
	add := func(name, unit string, s stat.Summary, reference float64, note string, budgets ...report.Budget) {
		r.add(report.Figure{Work: "latency", Name: name, Unit: unit, Summary: s, Reference: reference, Note: note, Budgets: budgets})
	}
	total := stat.Durations(other)
	add("Enter to the row in the other terminal", "ms", total, sync.Median, "over a relay; plain: one fsync",
		report.AtMost("p50", 10), report.AtMost("p99", 50))
	add("Enter to the row in the own terminal", "ms", stat.Durations(own), sync.Median, "durable before it is shown")
	add("one fsync of 4 KiB", "ms", sync, 0, "same disk, afterwards, nothing else going on")
	add("one append to a store", "ms", appended, sync.Median, "as large as the pack of one change")
	add("one write of the last file", "ms", last, sync.Median, "")
	add("share of the disk", "%", report.Single(100*(3*appended.Median+last.Median)/total.Median), 0,
		"3 appends (typist, relay, reader) and 1 last file, of the median")
}
