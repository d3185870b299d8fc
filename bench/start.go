package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"time"

	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/transport"
)

func startWork(flags *flag.FlagSet) func(context.Context, *run) error {
	changes := numbers{100_000}
	flags.Var(&changes, "changes", "start: `N,…` changes of the stores that are opened")
	return func(ctx context.Context, r *run) error {
		for _, n := range changes {
			r.say("start: %d changes", n)
			if err := r.start(ctx, n); err != nil {
				return fmt.Errorf("start: %w", err)
			}
		}
		return nil
	}
}

// startTimes are the parts of opening a node. Reading, hashing and signatures are made one by one, as OpenNode makes them
// together; opened is OpenNode itself, after the store was opened.
type startTimes struct {
	store, records, load, tips, opened, usable []time.Duration
	heap                                       []float64 // bytes a change, live
}

// start measures opening a node on a store of n changes.
func (r *run) start(ctx context.Context, n int) error {
	alice := sample.People()[0]
	room, err := sample.NewRoom("start", sample.People(), n, 1)
	if err != nil {
		return err
	}
	home, err := r.home(alice, room)
	if err != nil {
		return err
	}
	charter, path := room.Charter, home.Person(alice).RoomPath(room.Charter.ID())
	room = nil
	runs := 7
	if n > 300_000 {
		runs = 3
	}
	var t startTimes
	for range runs {
		if err := t.parts(path, charter); err != nil {
			return err
		}
		if err := t.node(ctx, path, charter, alice, n); err != nil {
			return err
		}
	}
	t.report(r, n)
	return nil
}

func timed(to *[]time.Duration, f func() error) error {
	start := time.Now()
	err := f()
	*to = append(*to, time.Since(start))
	return err
}

// parts takes opening apart.
func (t *startTimes) parts(path string, charter crdt.Charter) (err error) {
	var s *store.Store
	if err := timed(&t.store, func() error { s, err = store.Open(path); return err }); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var frames [][]byte
	err = timed(&t.records, func() error {
		return s.Records(func(_ uint64, frame []byte) error {
			frames = append(frames, append([]byte(nil), frame...))
			return nil
		})
	})
	if err != nil {
		return err
	}
	replica, err := crdt.NewReplica(charter)
	if err != nil {
		return err
	}
	err = timed(&t.load, func() error {
		for _, f := range frames {
			if err := replica.Load(f); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return timed(&t.tips, replica.VerifyTips)
}

// node opens a node as the program does, and reads the page of rows that it shows first.
func (t *startTimes) node(ctx context.Context, path string, charter crdt.Charter, p sample.Person, n int) (err error) {
	before := liveHeap()
	start := time.Now()
	s, err := store.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	opening := time.Now()
	node, err := transport.OpenNode(ctx, transport.NodeConfig{Charter: charter, Key: p.Key, Store: s, Last: noLast{}})
	if err != nil {
		return err
	}
	t.opened = append(t.opened, time.Since(opening))
	v := node.Snapshot().View
	const page = 36
	for i := max(0, v.Len()-page); i < v.Len(); i++ {
		v.Row(i)
	}
	t.usable = append(t.usable, time.Since(start))
	if v.Len() != n {
		return fmt.Errorf("%d rows, not %d", v.Len(), n)
	}
	t.heap = append(t.heap, (liveHeap()-before)/float64(n))
	runtime.KeepAlive(node)
	return nil
}

// noLast remembers nothing: nothing is written.
type noLast struct{}

func (noLast) ID() (id [32]byte, ok bool) { return id, false }
func (noLast) Set([32]byte) error         { return errors.New("bench: nothing is to be written") }

// liveHeap is what is in use after a collection, in bytes.
func liveHeap() float64 {
	runtime.GC()
	runtime.GC() // what the first one has swept
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func (t *startTimes) report(r *run, n int) {
	limit := 1000.0 // of a list that can be used; tui.md has the whole program, in work screen
	if n > 100_000 {
		limit = 1500
	}
	add := func(name, unit string, s stat.Summary, note string, budgets ...report.Budget) {
		r.add(report.Figure{Work: "start", Case: report.Number(float64(n)) + " changes", Name: name, Unit: unit, Summary: s, Note: note, Budgets: budgets})
	}
	add("node open, first page read", "ms", stat.Durations(t.usable), "in a process that runs", report.AtMost("p50", limit))
	add("of it OpenNode", "ms", stat.Durations(t.opened), "all hashes and tip signatures checked")
	add("part: open and check the file", "ms", stat.Durations(t.store), "")
	add("part: read the records", "ms", stat.Durations(t.records), "")
	add("part: decode, hash, link, apply", "ms", stat.Durations(t.load), "")
	add("part: tip signatures", "ms", stat.Durations(t.tips), "")
	add("live heap", "B/change", stat.Of(t.heap), "log, document and payloads")
}
