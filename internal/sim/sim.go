package sim

import (
	"container/heap"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/byz"
)

// Config is what a simulation is made of.
type Config struct {
	Scenario Scenario
	// Attacks are those that verb attack may name.
	Attacks []byz.Attack
	// Dir is a folder for machines with real files; empty: they have none, and memory instead.
	Dir string
	// Trace gets what happens, a line each; nil: it is not written down.
	Trace io.Writer
	// Mutant puts a defect into the machines, to see that it is found: see mutants.
	Mutant string
	// Charter founds the room; nil: one is made of the scenario. Its writers, if it has any, are then the caller's matter.
	Charter *crdt.Charter
	// Key is the key that [NodeSpec.Key] numbers; nil: the simulation's own keys.
	Key func(n int) ed25519.PrivateKey
	// Trusting leaves out the checks of what is promised, which take most of the time: for who only wants to see what happens, of machines
	// whose writes do not fail and who are not attacked.
	Trusting bool
	// MaxEvents is how many events may happen; more means that the network does not come to rest. 0: as many as a scenario of tests needs.
	MaxEvents int
}

// The mutants.
const (
	mutantLazyStore = "lazy-store" // a store that acknowledges what a crash takes back
	mutantDropFrame = "drop-frame" // a store that loses a record that it acknowledged
	mutantLazyLast  = "lazy-last"  // a last file that is not synced
	mutantSendEarly = "send-early" // a node that sends its own changes before they are on disk
	mutantNoGuard   = "no-guard"   // a node that has no last file and trusts its store
	mutantLossy     = "lossy"      // a stream that loses a message and goes on
	mutantStale     = "stale"      // a store that, when opened, has all but the newest record
	mutantTwice     = "twice"      // a stream that brings a message twice
)

// A Failure is a promise that was broken.
type Failure struct {
	Kind string // a word for the promise: what Shrink keeps
	At   time.Duration
	Text string
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s at %.6f s: %s", f.Kind, f.At.Seconds(), f.Text)
}

// epoch is when every simulation begins.
var epoch = time.Unix(1_800_000_000, 0).UTC()

// A Sim is a network under way. It is used by one goroutine.
type Sim struct {
	cfg     Config
	charter crdt.Charter
	checker *crdt.Checker
	attacks map[string]byz.Attack
	rand    *rand.Rand // of what happens to the network as a whole

	now    time.Time
	events events
	seq    uint64

	nodes    []*Node
	links    []*link
	conns    int
	hostile  []*hostile
	assaults []*assault
	room     *byz.Room // of all who attack
	founder  string    // the attack that a closed room was made for
	quiet    int       // how often Quiet was called: it ends what goes on
	split    int       // machines on one side, as bits
	healAt   time.Time // of split
	sides    []int     // by machine: on which side of a partition it is; nil: there is none
	parted   int       // how often sides have changed

	liars   map[crdt.Author]bool // keys that may show two chains: copied ones, and those of whom a backup was put back whole
	trace   *tracer
	failure *Failure
	stats   Stats
}

// Stats counts what a simulation has done.
type Stats struct {
	Events, Messages, Changes, Crashes, Connections, Attacks int
	Undisturbed                                              int // attacks of which all was checked, once each quiet point
	Bytes                                                    int
	Lost, Duplicated, Reordered                              int           // segments that were sent again, came twice, or overtook others
	Verified                                                 int           // changes that were new and good when they arrived: their signatures were checked
	Settled                                                  time.Duration // the longest that a Quiet took
}

// New makes a network and starts its machines; nothing has happened yet. An error is the scenario's fault.
func New(cfg Config) (*Sim, error) {
	sc := cfg.Scenario
	if err := sc.validate(); err != nil {
		return nil, err
	}
	s := &Sim{
		cfg: cfg, now: epoch, rand: rand.New(rand.NewPCG(sc.Seed, 1)), liars: make(map[crdt.Author]bool),
		attacks: make(map[string]byz.Attack), trace: newTracer(cfg.Trace),
	}
	if s.cfg.MaxEvents == 0 {
		s.cfg.MaxEvents = defaultEvents
	}
	for _, a := range cfg.Attacks {
		s.attacks[a.Name] = a
	}
	s.charter = s.found()
	if cfg.Charter != nil {
		s.charter, s.room.Charter = *cfg.Charter, *cfg.Charter
	}
	if err := s.charter.Validate(); err != nil {
		return nil, err
	}
	s.checker = crdt.NewChecker(s.charter)
	s.checker.Remember(maxRemembered)
	keys := make(map[int]int)
	for i, spec := range sc.Nodes {
		n, err := s.newNode(i, spec)
		if err != nil {
			return nil, err
		}
		s.nodes = append(s.nodes, n)
		if spec.Role == Author {
			if keys[spec.Key]++; keys[spec.Key] > 1 {
				s.liars[n.author] = true
			}
		}
	}
	for i, spec := range sc.Links {
		if sc.Nodes[spec.From].Role != Absent && sc.Nodes[spec.To].Role != Absent {
			s.links = append(s.links, s.newLink(i, spec))
		} else {
			s.links = append(s.links, nil)
		}
	}
	for _, n := range s.nodes {
		n.start()
	}
	return s, nil
}

// charter is that of the scenario's room.
func (sc Scenario) charter() crdt.Charter {
	c := crdt.Charter{Name: "sim", Kind: sc.Kind}
	if sc.Kind == "" {
		c.Kind = crdt.Ledger
	}
	if sc.Closed {
		for _, n := range sc.Nodes {
			if n.Role == Author {
				c.Writers = append(c.Writers, authorOf(keyOf(n.Key)))
			}
		}
		slices.SortFunc(c.Writers, func(a, b crdt.Author) int { return slices.Compare(a[:], b[:]) })
		c.Writers = slices.Compact(c.Writers)
	}
	return c
}

// keyOf is the key number n.
func keyOf(n int) ed25519.PrivateKey {
	seed := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("tallystick sim key"), uint64(n)))
	return ed25519.NewKeyFromSeed(seed[:])
}

func authorOf(key ed25519.PrivateKey) crdt.Author {
	return crdt.Author(key.Public().(ed25519.PublicKey))
}

// key is the key number n.
func (s *Sim) key(n int) ed25519.PrivateKey {
	if s.cfg.Key != nil {
		return s.cfg.Key(n)
	}
	return keyOf(n)
}

// stream is a source of random numbers for one thing of the scenario, which no other thing disturbs: so a scenario that
// was made smaller stays much the same.
func (s *Sim) stream(of string, n int) *rand.Rand {
	h := sha256.Sum256(fmt.Appendf(nil, "%d %s %d", s.cfg.Scenario.Seed, of, n))
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])))
}

// Now is the virtual time; it began at the same moment in every simulation.
func (s *Sim) Now() time.Time { return s.now }

// Elapsed is the virtual time since the beginning.
func (s *Sim) Elapsed() time.Duration { return s.now.Sub(epoch) }

// Nodes are the machines, in the order of the scenario.
func (s *Sim) Nodes() []*Node { return s.nodes }

// Stats counts what was done so far.
func (s *Sim) Stats() Stats { return s.stats }

// Failure is the first promise that was broken, nil if none was.
func (s *Sim) Failure() *Failure { return s.failure }

// fail notes that a promise was broken. The first counts.
func (s *Sim) fail(kind, format string, args ...any) {
	if s.failure == nil {
		s.failure = &Failure{Kind: kind, At: s.Elapsed(), Text: fmt.Sprintf(format, args...)}
		s.tracef("sim", "BROKEN %s: %s", kind, s.failure.Text)
	}
}

// An event is something that is to happen at a time; of equal ones, the first that was asked for comes first.
type event struct {
	at  time.Time
	seq uint64
	do  func()
}

type events []event

func (e events) Len() int      { return len(e) }
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].seq < e[j].seq
}
func (e *events) Push(x any) { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	(*e)[len(*e)-1] = event{}
	*e = (*e)[:len(*e)-1]
	return last
}

// At calls do at a time, or now if that has passed.
func (s *Sim) At(at time.Time, do func()) {
	if at.Before(s.now) {
		at = s.now
	}
	s.seq++
	heap.Push(&s.events, event{at, s.seq, do})
}

// After calls do in d.
func (s *Sim) After(d time.Duration, do func()) { s.At(s.now.Add(d), do) }

// maxRemembered is of how many signatures it is remembered that they are good: all that the machines bring one another are checked
// by every one of them. What checkLog judges anew it judges without.
const maxRemembered = 1 << 14

// defaultEvents is Config.MaxEvents if that is not set.
const defaultEvents = 4_000_000

// step does the next event, if it is not after end.
func (s *Sim) step(end time.Time) bool {
	if s.failure != nil || len(s.events) == 0 || s.events[0].at.After(end) {
		return false
	}
	e := heap.Pop(&s.events).(event)
	s.now = e.at
	if s.stats.Events++; s.stats.Events > s.cfg.MaxEvents {
		s.fail("busy", "%d events and no rest", s.stats.Events)
		return false
	}
	e.do()
	return true
}

// RunFor lets d pass. It returns false if a promise was broken.
func (s *Sim) RunFor(d time.Duration) bool { return s.runUntil(s.now.Add(d), nil) && s.failure == nil }

// runUntil lets time pass until done, which is asked after each event, or the end. It reports whether the network goes on.
func (s *Sim) runUntil(end time.Time, done func() bool) bool {
	for done == nil || !done() {
		if !s.step(end) {
			if s.failure == nil {
				s.now = end
			}
			return s.failure == nil && done == nil
		}
	}
	return s.failure == nil
}

// Run plays a scenario to its end, and checks that all promises were kept. The error is a *[Failure], or says what is wrong
// with cfg.
func Run(cfg Config) (Stats, error) {
	if cfg.Dir == "" && slices.ContainsFunc(cfg.Scenario.Nodes, func(n NodeSpec) bool { return n.Files }) {
		dir, err := os.MkdirTemp("", "sim")
		if err != nil {
			return Stats{}, err
		}
		defer os.RemoveAll(dir)
		cfg.Dir = dir
	}
	s, err := New(cfg)
	if err != nil {
		return Stats{}, err
	}
	defer s.Close()
	for _, a := range cfg.Scenario.Do {
		if !s.RunFor(a.Wait) {
			break
		}
		s.Do(a)
	}
	if s.failure != nil {
		return s.stats, s.failure
	}
	return s.stats, nil
}

// Close lets go of the files of a simulation.
func (s *Sim) Close() {
	for _, n := range s.nodes {
		if n.disk != nil {
			n.disk.release()
		}
	}
}

// medium makes the disk of a machine.
func (s *Sim) medium(i int, spec NodeSpec) (medium, error) {
	if !spec.Files || s.cfg.Dir == "" {
		return &memory{lazy: s.cfg.Mutant == mutantLazyStore}, nil
	}
	dir := filepath.Join(s.cfg.Dir, fmt.Sprint("n", i))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return newFiles(dir, s.charter, spec.Role == Relay)
}
