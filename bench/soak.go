package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/internal/e2e/fleet"
	"github.com/tallystick/tallystick/internal/program"
	"github.com/tallystick/tallystick/relay"
)

func soakWork(flags *flag.FlagSet) func(context.Context, *run) error {
	span := flags.Duration("for", time.Hour, "soak: how long")
	rate := flags.Float64("rate", 3, "soak: entries a second, of all nodes together")
	return func(ctx context.Context, r *run) error {
		if *rate <= 0 || *span < time.Minute {
			return errors.New("soak: -rate is above zero, -for a minute or more")
		}
		if err := r.soak(ctx, *span, *rate); err != nil {
			return fmt.Errorf("soak: %w", err)
		}
		return nil
	}
}

const (
	soakSamples = 240             // of every series, in all
	soakVisits  = 7 * time.Second // from one visitor's coming to the next
	// soakPatience is for what must come; it decides nothing but when a stuck run gives up.
	soakPatience = 2 * time.Minute
	// soakChangeBytes is what a change may add to a process's memory: twice the live heap of a change (docs/benchmarks.md), since
	// the collector lets the heap double, and the index of what was printed.
	soakChangeBytes = 640
)

// soaking is a soak under way.
type soaking struct {
	*run
	fleet  *fleet.Fleet
	book   *fleet.Book
	relay  *fleet.Relay
	page   string // URL of the relay's figures
	steady []*fleet.Node
	visits int
	series soakSeries
}

// soak runs a relay and nodes for span, and judges whether what they hold stays the same.
func (r *run) soak(ctx context.Context, span time.Duration, rate float64) (err error) {
	s := &soaking{run: r, fleet: &fleet.Fleet{Binary: r.binary, Home: filepath.Join(r.dir, "soak")}, book: fleet.NewBook()}
	if err := s.start(ctx); err != nil {
		return err
	}
	defer s.kill()
	s.say("soak: %v, %g entries a second", span, rate)

	loading, stop := context.WithTimeout(ctx, span)
	defer stop()
	var load sync.WaitGroup
	for _, n := range s.steady {
		load.Go(func() { typeAt(loading, n, rate/float64(len(s.steady))) })
	}
	var visitErr error
	load.Go(func() { visitErr = s.visitors(loading) })
	err = s.watch(loading, span/soakSamples)
	stop()
	load.Wait()
	if err := errors.Join(err, visitErr, ctx.Err()); err != nil {
		return err
	}
	return errors.Join(s.judge(), s.end(ctx))
}

// start starts the relay and the nodes that stay: two at the relay, of which one listens, and one at that one alone.
func (s *soaking) start(ctx context.Context) (err error) {
	metrics, err := program.FreeAddr()
	if err != nil {
		return err
	}
	s.page = "http://" + metrics + relay.PathMetrics
	if s.relay, err = s.fleet.Relay("relay", s.book, "--metrics", metrics); err != nil {
		return err
	}
	listen, err := program.FreeAddr()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, soakPatience)
	defer cancel()
	if err := s.relay.Start(ctx); err != nil {
		return err
	}
	url := "ws://" + s.relay.Addr
	s.steady = []*fleet.Node{
		s.fleet.Node("anna", s.book, "--connect", url),
		s.fleet.Node("bert", s.book, "--connect", url, "--listen", listen),
		s.fleet.Node("cleo", s.book, "--connect", "ws://"+listen),
	}
	return s.startSteady(ctx)
}

func (s *soaking) startSteady(ctx context.Context) error {
	for _, n := range s.steady {
		if err := n.Start(); err != nil {
			return err
		}
	}
	for _, n := range s.steady {
		if err := n.Remembers(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *soaking) kill() {
	for _, n := range s.steady {
		n.Kill()
	}
	s.relay.Kill()
}

// typeAt types entries at a rate until ctx ends or the node does.
func typeAt(ctx context.Context, n *fleet.Node, rate float64) {
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if !n.Type() {
				return // the book says why
			}
		}
	}
}

// visitors come and go: each starts, says one thing and leaves, every third by kill -9. Every other visits a room of its
// own, which the relay opens and, when nobody has been there for a while, closes again.
func (s *soaking) visitors(ctx context.Context) error {
	url := "ws://" + s.relay.Addr
	book, side := fleet.NewBook(), fleet.NewBook() // of their own: they are shown nothing but what is new
	var guests [4]*fleet.Node
	for i := range guests {
		name := fmt.Sprintf("visitor%d", i)
		if i%2 == 0 {
			guests[i] = s.fleet.Node(name, book, "--connect", url, "--tail", "0", "--wait", "60s")
		} else {
			guests[i] = s.fleet.Node(name, side, "--connect", url, "--tail", "0", "--wait", "60s", "--room", name)
		}
	}
	for s.visits = 0; ; s.visits++ {
		if pause(ctx, soakVisits) != nil {
			return errors.Join(book.Err(), side.Err())
		}
		guest := guests[s.visits%len(guests)]
		if err := guest.Start(); err != nil {
			return err
		}
		guest.Type()
		if s.visits%3 == 2 {
			guest.Kill()
		} else if _, err := guest.Finish(soakPatience); err != nil {
			return err
		}
	}
}

// watch takes samples until ctx ends.
func (s *soaking) watch(ctx context.Context, period time.Duration) error {
	began := time.Now()
	tick := time.NewTicker(period)
	defer tick.Stop()
	for i := 1; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.book.Err(); err != nil {
			return err
		}
		if err := s.sample(); err != nil {
			return err
		}
		if i%(soakSamples/20) == 0 {
			s.tellSample(time.Since(began))
		}
	}
}

// sample reads every process once.
func (s *soaking) sample() error {
	grown := float64(soakChangeBytes * s.book.Tally().Entries)
	const mb = 1e6
	process := func(name string, pid int) error {
		u, err := fleet.ReadUsage(pid)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.series.add(series{name: name + " memory", unit: "MB", share: 0.08, slack: 2}, (float64(u.Memory)-grown)/mb)
		s.series.add(series{name: name + " files", unit: "", slack: 2}, float64(u.Files))
		s.series.add(series{name: name + " threads", unit: "", slack: 3}, float64(u.Threads))
		return nil
	}
	if err := process("relay", s.relay.PID()); err != nil {
		return err
	}
	for _, n := range s.steady {
		if err := process(n.Name, n.PID()); err != nil {
			return err
		}
	}
	figures, err := readMetrics(s.page)
	if err != nil {
		return err
	}
	for _, o := range relaySeries {
		v, ok := figures[o.metric]
		if !ok {
			return fmt.Errorf("%s has no %s", s.page, o.metric)
		}
		if o.grows {
			v -= grown
		}
		s.series.add(o.series, v/o.per)
	}
	return nil
}

// relaySeries are what a relay says of itself.
var relaySeries = []struct {
	series
	metric string
	per    float64 // one of the unit
	grows  bool    // with the log
}{
	{series{name: "relay heap", unit: "MB", share: 0.08, slack: 2}, "go_memstats_heap_alloc_bytes", 1e6, true},
	{series{name: "relay goroutines", slack: 5}, "go_goroutines", 1, false},
	{series{name: "relay descriptors", slack: 2}, "process_open_fds", 1, false},
	{series{name: "relay rooms open", slack: 2}, "tallystick_relay_rooms_open", 1, false},
	{series{name: "relay addresses", slack: 2}, "tallystick_relay_addresses", 1, false},
	{series{name: "relay pending", unit: "kB", slack: 64}, "tallystick_relay_pending_bytes", 1e3, false},
}

// readMetrics reads the values without labels of a Prometheus page.
func readMetrics(url string) (map[string]float64, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	values := make(map[string]float64)
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok {
			if v, err := strconv.ParseFloat(value, 64); err == nil {
				values[name] = v
			}
		}
	}
	return values, lines.Err()
}

// tellSample tells the newest values.
func (s *soaking) tellSample(at time.Duration) {
	text := fmt.Sprintf("soak: %v, %d entries, %d visits:", at.Round(time.Second), s.book.Tally().Entries, s.visits)
	for _, v := range s.series.all {
		text += fmt.Sprintf(" %s %.3g%s", v.name, v.values[len(v.values)-1], v.unit)
	}
	s.say("%s", text)
}

// judge adds a figure for every series and returns those that are not flat.
func (s *soaking) judge() error {
	var failed error
	for _, v := range s.series.all {
		t, err := v.trend()
		if err != nil {
			return err
		}
		limit := t.Middle + t.Allowed
		s.add(report.Figure{
			Work: "soak", Name: v.name + ", last third", Unit: v.unit, Summary: stat.Of(v.values[2*len(v.values)/3:]), Reference: t.Middle,
			Note: "plain: the middle third", Budgets: []report.Budget{report.AtMost("p50", limit)},
		})
		if !t.flat() {
			failed = errors.Join(failed, fmt.Errorf("%s is not flat: %.4g%s in the middle third, %.4g%s in the last, at most %.4g%s", v.name, t.Middle, v.unit, t.Last, v.unit, limit, v.unit))
		}
	}
	return failed
}

// moreGoroutines is how many goroutines more than a new process an old one may have.
const moreGoroutines = 3

// end checks that all have the same; and that no node has gathered goroutines: it is compared with itself started anew.
func (s *soaking) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*soakPatience)
	defer cancel()
	var counts [2][]int
	for i := range counts {
		if err := s.book.Complete(ctx, s.steady...); err != nil {
			return err
		}
		for _, n := range s.steady {
			count, err := n.Goroutines(soakPatience)
			if err != nil {
				return err
			}
			counts[i] = append(counts[i], count)
		}
		if err := s.startSteady(ctx); err != nil {
			return err
		}
	}
	var failed error
	for i, n := range s.steady {
		old, young := counts[0][i], counts[1][i]
		s.add(report.Figure{
			Work: "soak", Name: n.Name + " goroutines at the end", Summary: report.Single(float64(old)), Reference: float64(young),
			Note: "plain: the same node just started", Budgets: []report.Budget{report.AtMost("p50", float64(young+moreGoroutines))},
		})
		if old > young+moreGoroutines {
			failed = errors.Join(failed, fmt.Errorf("%s has %d goroutines; just started, it has %d", n.Name, old, young))
		}
	}
	if err := s.book.Complete(ctx, s.steady...); err != nil {
		return errors.Join(failed, err)
	}
	ends := make([]fleet.End, len(s.steady))
	for i := len(s.steady) - 1; i >= 0; i-- { // who is connected to another ends before it
		var err error
		if ends[i], err = s.steady[i].Finish(soakPatience); err != nil {
			return errors.Join(failed, err)
		}
	}
	for i, n := range s.steady {
		if ends[i].LogDigest != ends[0].LogDigest || ends[i].DocDigest != ends[0].DocDigest {
			failed = errors.Join(failed, fmt.Errorf("digests differ: %+v and %+v", ends[0], ends[i]))
		}
		failed = errors.Join(failed, n.Verify(ends[i]))
	}
	s.say("soak: %d entries, %d visits, equal digests", ends[0].Rows, s.visits)
	return errors.Join(failed, s.book.Err(), s.relay.Finish(soakPatience))
}
