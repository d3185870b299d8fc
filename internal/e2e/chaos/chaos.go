// Package chaos runs real nodes and relays under load while it kills and freezes them and spoils their lines, by a schedule that
// follows from a seed. Then the faults stop, and it holds them to what must be true: what was acknowledged is there, everybody
// has the same, nobody has forked, every store is sound, and what the processes hold is bounded.
package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/tallystick/tallystick/internal/e2e/fleet"
	"github.com/tallystick/tallystick/internal/e2e/proxy"
	"github.com/tallystick/tallystick/internal/program"
)

// Config says what is run.
type Config struct {
	Binary string        // the built program
	Home   string        // an empty folder
	Seed   uint64        // of the schedule and of what is random in the lines
	For    time.Duration // how long there are faults
	Every  time.Duration // from one fault to the next, on average
	Rate   float64       // entries a second that each node writes, in bursts
	// Patience bounds the wait until all have the same, from the end of the faults.
	Patience time.Duration
	// CutAtEnd cuts all lines when the faults end. Without it a connection whose stream was corrupted may hang until its
	// read times out, as it does in life.
	CutAtEnd bool
	Log      func(format string, args ...any) // told of each step; may be nil
}

// Report is what happened.
type Report struct {
	Steps        int
	Faults       map[Kind]int // that took effect, by kind
	Tally        fleet.Tally
	Lines        proxy.Counts  // of all lines together
	ToEqual      time.Duration // from the end of the faults until all nodes showed the same
	Typed        int
	Rows         int
	LogDigest    string
	Memory       [2]int64 // most that a node and a relay held, bytes
	Files        [2]int   // as Memory: open descriptors
	Threads      [2]int
	StoreChecked int // times that the store of a killed node was read, to find all that it had acknowledged
}

// Bounds of what a process may hold in a run; measured values are in docs/testing.md.
const (
	maxFiles       = 48
	maxMemoryBytes = 64 << 20
	maxChangeBytes = 2 << 10 // and as many for each change: the log, the list, what a start prints
)

// world is a run under way.
type world struct {
	Config
	fleet  *fleet.Fleet
	book   *fleet.Book
	nodes  []*fleet.Node
	relays []*fleet.Relay
	lines  []*proxy.Proxy
	down   map[Kind]map[int]bool // KillNode, KillRelay: which are not running
	report Report

	usage  sync.Mutex // guards report.Memory, Files, Threads
	begins time.Time
}

// Run runs one. The report is not nil and holds what happened until an error; an error says what was wrong, and the seed.
func Run(ctx context.Context, cfg Config) (_ *Report, err error) {
	w := &world{
		Config: cfg, fleet: &fleet.Fleet{Binary: cfg.Binary, Home: cfg.Home}, book: fleet.NewBook(),
		down: map[Kind]map[int]bool{KillNode: {}, KillRelay: {}},
	}
	w.report.Faults = make(map[Kind]int)
	w.book.Lies = w.lies
	if w.Log == nil {
		w.Log = func(string, ...any) {}
	}
	defer func() {
		w.stop()
		for _, p := range w.lines {
			c := p.Counts()
			w.report.Lines.Connections += c.Connections
			w.report.Lines.Refused += c.Refused
			w.report.Lines.Bytes += c.Bytes
			w.report.Lines.Flipped += c.Flipped
			err = errors.Join(err, p.Close())
		}
		w.report.Tally = w.book.Tally()
		if err != nil {
			err = fmt.Errorf("seed %d: %w", cfg.Seed, err)
		}
	}()
	return &w.report, w.run(ctx)
}

func (w *world) run(ctx context.Context) error {
	if err := w.build(ctx); err != nil {
		return err
	}
	if err := w.storm(ctx); err != nil {
		return err
	}
	if err := w.heal(ctx); err != nil {
		return err
	}
	if err := w.judge(ctx); err != nil {
		return err
	}
	return w.bounded()
}

// build starts everything, and waits until every node has said something and heard the others:
//
//	anna ── relay1 ── bert ── relay2 ── cleo ══ dora ── emil
//	                                     └──────────────┘
//
// cleo, dora and emil listen; cleo and dora dial each other. dora and emil know no relay.
func (w *world) build(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.Patience)
	defer cancel()
	for i := range 2 {
		r, err := w.fleet.Relay(fmt.Sprintf("relay%d", i+1), w.book)
		if err != nil {
			return err
		}
		if err := r.Start(ctx); err != nil {
			return err
		}
		w.relays = append(w.relays, r)
	}
	var listens [3]string // of cleo, dora, emil
	for i := range listens {
		var err error
		if listens[i], err = program.FreeAddr(); err != nil {
			return err
		}
	}
	for _, n := range []struct {
		name   string
		listen string
		dials  []string
	}{
		{"anna", "", []string{w.relays[0].Addr}},
		{"bert", "", []string{w.relays[0].Addr, w.relays[1].Addr}},
		{"cleo", listens[0], []string{w.relays[1].Addr, listens[1]}},
		{"dora", listens[1], []string{listens[0]}},
		{"emil", listens[2], []string{listens[1], listens[0]}},
	} {
		args := []string{"--wait", w.Patience.String()}
		if n.listen != "" {
			args = append(args, "--listen", n.listen)
		}
		for _, target := range n.dials {
			p, err := proxy.Listen(target, w.Seed<<8+uint64(len(w.lines)))
			if err != nil {
				return err
			}
			w.lines = append(w.lines, p)
			args = append(args, "--connect", "ws://"+p.Addr())
		}
		w.nodes = append(w.nodes, w.fleet.Node(n.name, w.book, args...))
	}
	for _, n := range w.nodes {
		if err := n.Start(); err != nil {
			return err
		}
		n.Type()
	}
	if err := w.book.Shown(ctx, len(w.nodes)); err != nil {
		return err
	}
	return w.book.Complete(ctx, w.nodes...)
}

// lies reports whether bits were flipped on the way to a peer: on the line that has its address, or, of a peer that has dialled
// and whose address tells nothing, on any.
func (w *world) lies(peer string) bool {
	known, flipped := false, 0
	for _, p := range w.lines {
		n := p.Counts().Flipped
		if strings.Contains(peer, p.Addr()) {
			known = true
			if n > 0 {
				return true
			}
		}
		flipped += n
	}
	return !known && flipped > 0
}

// storm runs the schedule under load.
func (w *world) storm(ctx context.Context) error {
	steps := plan(w.Seed, w.For, w.Every, size{len(w.nodes), len(w.relays), len(w.lines)})
	loading, stop := context.WithCancel(ctx)
	var load sync.WaitGroup
	for i, n := range w.nodes {
		load.Go(func() { w.write(loading, n, rand.New(rand.NewPCG(w.Seed, uint64(2+i)))) })
	}
	load.Go(func() { w.sample(loading) })
	defer load.Wait()
	defer stop()

	w.begins = time.Now()
	for _, s := range steps {
		if !sleep(ctx, time.Until(w.begins.Add(s.at))) {
			return ctx.Err()
		}
		if err := w.book.Err(); err != nil {
			return err
		}
		w.Log("%v", s)
		if err := w.apply(ctx, s); err != nil {
			return err
		}
		w.report.Steps++
	}
	sleep(ctx, time.Until(w.begins.Add(w.For)))
	return ctx.Err()
}

// behind is how many entries a node may have typed and not acknowledged.
const behind = 64

// write types entries into a node, alive or not, some alone and some in bursts, until ctx ends.
func (w *world) write(ctx context.Context, n *fleet.Node, random *rand.Rand) {
	for {
		burst := 1
		if random.IntN(20) == 0 {
			burst = 1 + random.IntN(behind)
		}
		if !sleep(ctx, time.Duration(random.ExpFloat64()*float64(burst)/w.Rate*float64(time.Second))) {
			return
		}
		for ; burst > 0 && n.Behind() < behind && n.Type(); burst-- {
		}
	}
}

// apply begins or ends a fault.
func (w *world) apply(ctx context.Context, s step) error {
	if !s.undo {
		w.report.Faults[s.kind]++
	}
	switch s.kind {
	case KillNode:
		return w.killNode(s)
	case KillRelay:
		if !s.undo && !w.down[KillRelay][s.on] {
			w.relays[s.on].Kill()
			w.down[KillRelay][s.on] = true
		} else if s.undo && w.down[KillRelay][s.on] {
			w.down[KillRelay][s.on] = false
			return w.relays[s.on].Start(ctx)
		} else if !s.undo {
			w.report.Faults[s.kind]--
		}
	case FreezeNode:
		freeze(w.nodes[s.on], s.undo)
	case FreezeRelay:
		freeze(w.relays[s.on], s.undo)
	case Cut:
		w.lines[s.on].Cut()
	case HalfClose:
		w.lines[s.on].HalfClose(s.way)
	case Refuse:
		w.lines[s.on].Refuse(!s.undo)
	default:
		weather, size := w.lines[s.on].Weather(s.way), s.size
		if s.undo {
			size = 0
		}
		switch s.kind {
		case Stall:
			weather.Stall = !s.undo
		case Throttle:
			weather.Rate = size
		case Delay:
			weather.Delay = time.Duration(size) * time.Microsecond
		case Slice:
			weather.Slice = size
		case Corrupt:
			weather.Corrupt = size
		}
		w.lines[s.on].Set(s.way, weather)
	}
	return nil
}

func freeze(p interface {
	Freeze()
	Thaw()
}, undo bool,
) {
	if undo {
		p.Thaw()
	} else {
		p.Freeze()
	}
}

// killNode kills a node and reads its store, or starts it again.
func (w *world) killNode(s step) error {
	n, down := w.nodes[s.on], w.down[KillNode]
	switch {
	case s.undo && down[s.on]:
		down[s.on] = false
		return n.Start()
	case s.undo:
	case down[s.on]:
		w.report.Faults[s.kind]--
	default:
		n.Kill()
		down[s.on] = true
		w.report.StoreChecked++
		return n.Kept()
	}
	return nil
}

// sample notes the most that processes hold, until ctx ends.
func (w *world) sample(ctx context.Context) {
	for {
		for _, n := range w.nodes {
			w.use(0, n.PID())
		}
		for _, r := range w.relays {
			w.use(1, r.PID())
		}
		if !sleep(ctx, time.Second) {
			return
		}
	}
}

func (w *world) use(role, pid int) {
	u, err := fleet.ReadUsage(pid)
	if err != nil {
		return // it is dead just now
	}
	w.usage.Lock()
	defer w.usage.Unlock()
	w.report.Memory[role] = max(w.report.Memory[role], u.Memory)
	w.report.Files[role] = max(w.report.Files[role], u.Files)
	w.report.Threads[role] = max(w.report.Threads[role], u.Threads)
}

// heal ends all faults and waits until everybody shows the same.
func (w *world) heal(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.Patience)
	defer cancel()
	for _, p := range w.lines {
		p.Set(proxy.Up, proxy.Weather{})
		p.Set(proxy.Down, proxy.Weather{})
		p.Refuse(false)
		if w.CutAtEnd {
			p.Cut()
		}
	}
	for i, r := range w.relays {
		r.Thaw()
		if w.down[KillRelay][i] {
			if err := r.Start(ctx); err != nil {
				return err
			}
		}
	}
	for i, n := range w.nodes {
		n.Thaw()
		if w.down[KillNode][i] {
			if err := n.Start(); err != nil {
				return err
			}
		}
	}
	healed := time.Now()
	w.Log("the faults end")
	for _, n := range w.nodes { // what was typed last may not be acknowledged yet
		if err := n.Settled(ctx); err != nil {
			return err
		}
	}
	if err := w.book.Complete(ctx, w.nodes...); err != nil {
		return fmt.Errorf("after the faults: %w", err)
	}
	w.report.ToEqual = time.Since(healed)
	w.Log("equal after %v", w.report.ToEqual)
	return w.book.Err()
}

// judge checks that nodes, relays and stores hold the same, the relays' also after another kill.
func (w *world) judge(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.Patience)
	defer cancel()
	for _, n := range w.nodes {
		w.report.Typed += n.Typed()
	}
	all := append([]*fleet.Node(nil), w.nodes...)
	for i, r := range w.relays {
		r.Kill()
		if err := r.Start(ctx); err != nil {
			return err
		}
		reader := w.fleet.Node(fmt.Sprintf("reader%d", i+1), w.book, "--connect", "ws://"+r.Addr)
		if err := reader.Start(); err != nil {
			return err
		}
		all = append(all, reader)
	}
	defer func() {
		for _, n := range all {
			n.Kill()
		}
	}()
	if err := w.book.Complete(ctx, all...); err != nil {
		return fmt.Errorf("newcomers at the relays: %w", err)
	}
	ends := make([]fleet.End, len(all))
	for i := len(all) - 1; i >= 0; i-- { // who dials others ends before them
		var err error
		if ends[i], err = all[i].Finish(w.Patience); err != nil {
			return err
		}
	}
	first := ends[0]
	w.report.Rows, w.report.LogDigest = first.Rows, first.LogDigest
	for i, n := range all {
		e := ends[i]
		switch {
		case e.LogDigest != first.LogDigest || e.DocDigest != first.DocDigest || len(e.LogDigest) != 64:
			return fmt.Errorf("digests differ: %s %+v, %s %+v", all[0].Name, first, n.Name, e)
		case e.Rows != w.book.Tally().Entries:
			return fmt.Errorf("%s has %d rows; %d were shown", n.Name, e.Rows, w.book.Tally().Entries)
		case e.Forks != 0:
			return fmt.Errorf("%s sees %d forks where everybody is honest", n.Name, e.Forks)
		}
		if err := n.Verify(e); err != nil {
			return err
		}
	}
	return w.book.Err()
}

// bounded checks what the processes held.
func (w *world) bounded() error {
	w.usage.Lock()
	defer w.usage.Unlock()
	limit := int64(maxMemoryBytes + maxChangeBytes*w.report.Rows)
	for role, name := range []string{"a node", "a relay"} {
		if m := w.report.Memory[role]; m > limit {
			return fmt.Errorf("%s held %d bytes of memory, over %d", name, m, limit)
		}
		if n := w.report.Files[role]; n > maxFiles {
			return fmt.Errorf("%s held %d descriptors, over %d", name, n, maxFiles)
		}
	}
	return nil
}

// stop kills what runs.
func (w *world) stop() {
	for _, n := range w.nodes {
		n.Kill()
	}
	for _, r := range w.relays {
		r.Kill()
	}
}

// sleep waits; false if ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Total is the number of faults that took effect.
func (r *Report) Total() int {
	n := 0
	for count := range maps.Values(r.Faults) {
		n += count
	}
	return n
}
