package sim

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/sim"
	"github.com/tallystick/tallystick/oracle"
)

// baseMS is when every run begins, Unix ms.
const baseMS = 1_800_000_000_000

// A Run is a scenario under way. It is used by one goroutine, and depends on nothing but its scenario and what [Run.Do] did.
type Run struct {
	sc       Scenario
	terms    oracle.Terms
	keys     []ed25519.PrivateKey
	interval time.Duration
	strategy oracle.Strategy   // what consumers compute
	compare  []oracle.Strategy // besides, at the viewer
	net      *sim.Sim
	players  []*player
	behind   [][]*sim.Node // by relay, numbered after the oracles: its machines

	markets    []*market
	recordings []*recording // by pair; nil: it has a truth

	slot    int64 // slots that have ended
	next    int   // of sc.Events
	backups []backup
	err     error

	groups  [][]int64 // nil: the network is whole
	divided time.Duration
	healed  *healing

	pairs    []pairState
	tell     teller
	agree    agreement
	asked    int64 // prices that were computed for agree
	counters counters
}

// A backup is a disk that is to be copied, for an event that will restore it.
type backup struct {
	at   int64
	node int
}

// counters are what the report counts of the network.
type counters struct {
	partitions, crashes int
	partitionMS         int64
}

// pairState is what is kept of one pair over a run.
type pairState struct {
	series  []Point
	errors  figures   // of every new price of every honest replica
	by      []figures // by strategy, of those of the viewer; as Run.compare
	newest  int64     // error of the viewer's newest price
	outside int64     // prices that were not between honest votes
	judged  int64     // prices of which that was asked
}

// figures are how far prices were off.
type figures struct {
	n    int64
	hi   uint64
	lo   uint64 // with hi the sum of squares
	most int64
}

// New makes the network of a scenario. Nothing has happened yet but events of time 0. The error is a *[PlaceError].
func New(sc Scenario) (*Run, error) {
	if err := sc.Validate(); err != nil {
		return nil, err
	}
	sc.Events = slices.Clone(sc.Events)
	r := &Run{sc: sc, interval: time.Duration(sc.IntervalMS) * time.Millisecond, keys: sc.keys(), pairs: make([]pairState, len(sc.Pairs))}
	charter, err := sc.charter(r.keys)
	if err != nil {
		return nil, err
	}
	if r.terms, err = oracle.ParseTerms(charter); err != nil {
		return nil, err
	}
	r.strategy = r.terms.Policy.Strategy
	for _, name := range append([]string{sc.Policy.Strategy}, append(sc.Compare, oracle.MeanIQR.String())...) {
		s, err := strategyOf(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(r.compare, s) {
			r.compare = append(r.compare, s)
		}
	}
	for i := range sc.Pairs {
		m, err := sc.newMarket(i)
		if err != nil {
			return nil, err
		}
		r.markets = append(r.markets, m)
		r.pairs[i].by = make([]figures, len(r.compare))
	}
	if r.recordings, err = sc.newRecordings(); err != nil {
		return nil, err
	}
	if err := r.build(charter); err != nil {
		return nil, err
	}
	if err := r.newPlayers(); err != nil {
		return nil, err
	}
	for _, e := range sc.Events {
		if e.Kind == EventRestore {
			r.backups = append(r.backups, backup{e.FromMS, int(e.Node)})
		}
	}
	for _, p := range r.players {
		if b := p.group.Byzantine; b != nil && b.StartMS > 0 {
			r.net.After(time.Duration(b.StartMS)*time.Millisecond, func() { r.corrupt(p, b) })
		}
	}
	slices.SortStableFunc(r.backups, func(a, b backup) int { return int(a.at - b.at) })
	r.due()
	return r, r.err
}

// broken notes that the simulation itself went wrong.
func (r *Run) broken(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("simulation: "+format, args...)
	}
}

// Err is what went wrong with the simulation itself: nothing, unless it has a defect.
func (r *Run) Err() error {
	if r.err == nil && r.net.Failure() != nil {
		return r.net.Failure()
	}
	return r.err
}

// elapsedMS is the time of the run.
func (r *Run) elapsedMS() int64 { return r.net.Elapsed().Milliseconds() }

// Slots is how many slots the run has.
func (r *Run) slots() int64 { return r.sc.DurationMS / r.sc.IntervalMS }

// Step plays to the end of the next slot. It returns false at the end of the run, and when [Run.Err] says something. The end itself
// takes longer than a slot: the network goes on until all that holds no secrets is everywhere.
func (r *Run) Step() bool {
	if r.slot >= r.slots() || r.Err() != nil {
		return false
	}
	begin := time.Duration(r.slot) * r.interval
	for _, p := range r.players {
		slot := r.slot
		r.net.At(startOf(r).Add(begin+p.moment()), func() { p.act(slot) })
	}
	end := r.slot + 1
	for r.Err() == nil {
		at := r.nextEvent(end * r.sc.IntervalMS)
		r.until(at)
		if at == end*r.sc.IntervalMS {
			break
		}
		r.due()
	}
	r.slot = end
	r.sample()
	r.due()
	if r.slot == r.slots() {
		r.settle()
	}
	return r.Err() == nil
}

func startOf(r *Run) time.Time { return r.net.Now().Add(-r.net.Elapsed()) }

// until lets the network go on to a moment of the run, and looks how far a healing has come.
func (r *Run) until(ms int64) {
	end := time.Duration(ms) * time.Millisecond
	for r.net.Elapsed() < end && r.Err() == nil {
		next := end
		if r.healed != nil {
			next = min(end, r.net.Elapsed()+healingStep)
		}
		if !r.net.Until(startOf(r).Add(next)) {
			return
		}
		r.watchHealing()
	}
}

// nextEvent is when something of the scenario happens next, at most end.
func (r *Run) nextEvent(end int64) int64 {
	if r.next < len(r.sc.Events) {
		end = min(end, r.sc.Events[r.next].AtMS)
	}
	if len(r.backups) > 0 {
		end = min(end, r.backups[0].at)
	}
	for _, p := range r.players {
		if p.lie != nil && p.until > 0 {
			end = min(end, max(p.until.Milliseconds(), r.elapsedMS()))
		}
	}
	return end
}

// due does what is to happen now.
func (r *Run) due() {
	now := r.elapsedMS()
	for len(r.backups) > 0 && r.backups[0].at <= now {
		r.players[r.backups[0].node].node.Backup()
		r.backups = r.backups[1:]
	}
	for _, p := range r.players {
		if p.lie != nil && p.until > 0 && p.until.Milliseconds() <= now {
			r.convert(p)
		}
	}
	for r.next < len(r.sc.Events) && r.sc.Events[r.next].AtMS <= now {
		e := r.sc.Events[r.next]
		r.next++
		r.happen(e)
	}
}

// ErrEnded is what [Run.Do] says after the end.
var ErrEnded = errors.New("the run has ended")

// Do interferes now: e happens at once, whatever its AtMS, and is part of what [Run.Recorded] returns. The error is a *[PlaceError] for an
// event that makes no sense, [ErrEnded], or says that the kind is for files alone (restore).
func (r *Run) Do(e Event) error {
	if r.slot >= r.slots() {
		return ErrEnded
	}
	if e.Kind == EventRestore {
		return &PlaceError{Path: "kind", Text: "a disk is restored from a moment that was chosen before the run: write it into a scenario file"}
	}
	e.AtMS = r.elapsedMS()
	if !slices.Contains(eventFields[e.Kind], "node") {
		e.Node = -1
	}
	if path, text := limitsBroken(&e); text != "" {
		return &PlaceError{Path: path, Text: text}
	}
	if field, text := r.sc.wrongEvent(&e); text != "" {
		return &PlaceError{Path: field, Text: text}
	}
	if len(r.sc.Events) >= maxEvents {
		return &PlaceError{Path: "events", Text: fmt.Sprintf("there are %d, which is the most", maxEvents)}
	}
	r.sc.Events = slices.Insert(r.sc.Events, r.next, e)
	r.next++
	r.happen(e)
	return r.Err()
}

// happen does one event.
func (r *Run) happen(e Event) {
	switch e.Kind {
	case EventPartition:
		r.partition(e.Groups)
	case EventHeal:
		r.heal()
	case EventCrash:
		r.crash(r.players[e.Node])
	case EventRestart:
		r.restart(r.players[e.Node])
	case EventRestore:
		p := r.players[e.Node]
		r.crash(p)
		if p.node.Rollback() {
			p.fallen = true
			r.restart(p)
		}
	case EventByzantine:
		b := *e.Byzantine
		r.corrupt(r.players[e.Node], &b)
	case EventHonest:
		r.convert(r.players[e.Node])
	case EventStrategy:
		s, err := strategyOf(e.Strategy)
		if err != nil {
			r.broken("%v", err)
			return
		}
		r.strategy = s
	}
	r.tell.event(r, e)
}

func (r *Run) crash(p *player) {
	if p.up() {
		r.counters.crashes++
	}
	p.node.Kill()
	if p.twin != nil {
		p.twin.Kill()
	}
	p.log, p.eyes, p.watch = nil, nil, nil
}

// restart runs a process again. It says at once what it reads: it has been silent.
func (r *Run) restart(p *player) {
	if p.up() {
		return
	}
	p.node.Start()
	if p.twin != nil {
		p.twin.Start()
	}
	if p.lie != nil && (p.lie.Kind == Edge || p.lie.Kind == Copy || p.lie.Kind == StaleCopy) {
		p.eyes = newEyes(r)
	}
	if r.slot < r.slots() {
		slot := r.elapsedMS() / r.sc.IntervalMS
		r.net.After(time.Millisecond, func() { p.act(slot) })
	}
}

// Recorded is the scenario with what [Run.Do] has done: a run of it comes to the same, byte for byte.
func (r *Run) Recorded() Scenario {
	sc := r.sc
	sc.Events = slices.Clone(sc.Events)
	return sc
}

// Terms are those of the room.
func (r *Run) Terms() oracle.Terms { return r.terms }

// viewer is the oracle whose replica frames and reports are read from: the first honest one that runs; nil: none runs.
func (r *Run) viewer() *player {
	for _, p := range r.players {
		if p.honest() && p.up() && p.log != nil {
			return p
		}
	}
	return nil
}

// viewOf is what a player's replica holds.
func (p *player) viewOf() *crdt.View { return p.node.Core().Replica().View() }
