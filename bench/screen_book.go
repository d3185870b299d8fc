package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/internal/collect"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/transport"
)

// book measures from the closed file to the standings and balances of all entries, as the program opens a room: all hashes and the
// signatures of the tips are checked. What the book takes is told for each entry, since it is the only part of the screen that
// grows with the room.
func (s *screenRun) book(ctx context.Context) error {
	defer collect.AsAtStart()()
	runs := min(7, s.runs)
	path := s.home.Person(s.me).RoomPath(s.room.Charter.ID())
	var all, alone, names []time.Duration
	var heap []float64
	balances := 0
	for range runs {
		runtime.GC() // of the run before
		start := time.Now()
		st, err := store.Open(path)
		if err != nil {
			return err
		}
		node, err := transport.OpenNode(ctx, transport.NodeConfig{Charter: s.room.Charter, Key: sample.NewPerson("reader").Key, Store: st, Last: noLast{}})
		if err != nil {
			return errors.Join(err, st.Close())
		}
		opened := time.Now()
		v := node.Snapshot().View
		book := ledger.NewBook(s.me.Author())
		book.Update(v)
		balances = 0
		for _, unit := range book.Units() {
			balances += len(book.Balances(unit))
		}
		booked := time.Now()
		all, alone = append(all, booked.Sub(start)), append(alone, booked.Sub(opened))
		people := ledger.NewPeople(book.Authors(), book.Name, ledger.Contacts{}, s.me.Author(), s.me.Name)
		names = append(names, time.Since(booked))
		runtime.KeepAlive(people)
		with := liveHeap()
		if book.Changes() != s.room.Changes {
			return errors.Join(fmt.Errorf("book of %d changes, not %d", book.Changes(), s.room.Changes), st.Close())
		}
		book, people = nil, nil
		heap = append(heap, (with-liveHeap())/float64(s.rows))
		runtime.KeepAlive(node)
		if err := st.Close(); err != nil {
			return err
		}
	}
	note := fmt.Sprintf("%s changes of %s people, %s balances", report.Number(float64(s.room.Changes)), report.Number(float64(len(s.room.Newest))), report.Number(float64(balances)))
	var budgets []report.Budget
	if s.rows <= 100_000 {
		budgets = append(budgets, report.AtMost("p50", 300))
	}
	s.figure("standings and balances from a cold open", "ms", stat.Durations(all), note, budgets...)
	s.figure("of it the book", "ms", stat.Durations(alone), "standings, sums, inbox")
	s.figure("names brought together", "ms", stat.Durations(names), "off the screen's goroutine")
	s.figure("memory of the book", "B/entry", stat.Of(heap), "standings, sums and who said what, with names: live heap")
	return nil
}
