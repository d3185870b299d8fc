package sim

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// A Scenario is a network and what happens in it: all that a run depends on.
type Scenario struct {
	Seed   uint64 // of what is not said below: jitter, back-off, what is written
	Kind   crdt.Kind
	Closed bool // only the authors among Nodes may write
	Nodes  []NodeSpec
	Links  []LinkSpec
	Do     []Action
}

// Role is what a machine is for.
type Role string

// The roles.
const (
	Author Role = "author"
	Reader Role = "reader" // holds the document and writes nothing
	Relay  Role = "relay"  // keeps changes and makes no document of them
	Absent Role = "absent" // not there: what Shrink leaves of a machine
)

// A NodeSpec is one machine.
type NodeSpec struct {
	Role  Role
	Key   int           // of an author; two machines with one key are a copied key
	Skew  time.Duration // of its clock
	Files bool          // a real store in a folder instead of one in memory
}

// A LinkSpec says that one machine dials another whenever it is not connected.
type LinkSpec struct {
	From, To int
	Delay    time.Duration
	Jitter   time.Duration // at most so much is added to Delay
	Rate     int           // bytes a second
	Slots    int           // messages that wait to be sent at each end

	// In millionths of the messages: lost beneath the stream, and sent again after a while; come twice, and dropped by the stream, but
	// the line was taken; overtaken by what was sent after them, which waits for them.
	LossPPM, DuplicatePPM, ReorderPPM int
}

// An Action is one thing that happens, Wait after the one before it. Which fields count follows from Verb (see verbs).
type Action struct {
	Wait time.Duration
	Verb string
	A, B int           // machine or link, and a number
	For  time.Duration // how long it lasts, or by how much
	Name string
}

// verbs says of each verb which of an Action's fields it has: n a machine (A), l a link (A), m a set of machines as bits
// (A), b a number (B), f a time (For), w a word (Name).
var verbs = map[string]string{
	"edit":    "nb",  // machine n makes b changes
	"crash":   "nw",  // the process ends: kill, power (its peers do not notice); or within its next write: before, after, last
	"start":   "n",   // the process is started, if it is not running
	"fail":    "nw",  // its next write fails: none of it is on disk, or all
	"freeze":  "nf",  // the process stands still
	"jump":    "nf",  // its clock jumps forward
	"wall":    "nf",  // what it claims as time is off by this much more
	"backup":  "n",   // the disk is copied
	"restore": "nw",  // the process ends, and the copy is put back: moved (the store is seen to be another file), inplace, all (with the last file, moved), rollback (with all beside it, and nothing shows)
	"cut":     "nb",  // the process ends, and the newest b records are lost to damage, as salvage would leave it
	"lose":    "nb",  // the process ends, and b records anywhere are lost to damage, as salvage would leave it
	"break":   "lw",  // the connection breaks: both (notice), from, to
	"stall":   "lf",  // nothing arrives
	"double":  "lf",  // a second connection beside it
	"split":   "mf",  // nothing arrives between these machines and the others
	"attack":  "nw",  // the hostile peers of an attack connect to n
	"quiet":   "",    // all faults end, all machines run: wait until all are equal, check everything
	"reopen":  "",    // all processes are stopped in order and started again
	"flood":   "nbf", // b changes by n, one every f
}

// String is the scenario as text, one line a machine, link and action; Parse reads it.
func (s Scenario) String() string {
	var b strings.Builder
	who := "open"
	if s.Closed {
		who = "closed"
	}
	fmt.Fprintf(&b, "seed %#x\nroom %s %s\n", s.Seed, s.Kind, who)
	for _, n := range s.Nodes {
		disk := "memory"
		if n.Files {
			disk = "files"
		}
		fmt.Fprintf(&b, "node %s %d %v %s\n", n.Role, n.Key, n.Skew, disk)
	}
	for _, l := range s.Links {
		fmt.Fprintf(&b, "link %d %d %v %v %d %d", l.From, l.To, l.Delay, l.Jitter, l.Rate, l.Slots)
		if l.LossPPM|l.DuplicatePPM|l.ReorderPPM != 0 {
			fmt.Fprintf(&b, " %d %d %d", l.LossPPM, l.DuplicatePPM, l.ReorderPPM)
		}
		b.WriteByte('\n')
	}
	for _, a := range s.Do {
		fmt.Fprintf(&b, "+%v %v\n", a.Wait, a)
	}
	return b.String()
}

// String is the action without its Wait.
func (a Action) String() string {
	text := a.Verb
	for _, f := range verbs[a.Verb] {
		switch f {
		case 'n', 'l', 'm':
			text += " " + strconv.Itoa(a.A)
		case 'b':
			text += " " + strconv.Itoa(a.B)
		case 'f':
			text += " " + a.For.String()
		case 'w':
			text += " " + a.Name
		}
	}
	return text
}

// Parse reads a scenario from what [Scenario.String] wrote. Lines that are empty or begin with # are passed over.
func Parse(text string) (Scenario, error) {
	var s Scenario
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		w := words{left: strings.Fields(lines.Text())}
		if len(w.left) == 0 || w.left[0][0] == '#' {
			continue
		}
		switch first := w.word(); {
		case first == "seed":
			s.Seed = w.uint()
		case first == "room":
			s.Kind, s.Closed = crdt.Kind(w.word()), w.word() == "closed"
		case first == "node":
			s.Nodes = append(s.Nodes, NodeSpec{Role: Role(w.word()), Key: w.int(), Skew: w.duration(), Files: w.word() == "files"})
		case first == "link":
			l := LinkSpec{From: w.int(), To: w.int(), Delay: w.duration(), Jitter: w.duration(), Rate: w.int(), Slots: w.int()}
			if len(w.left) > 0 {
				l.LossPPM, l.DuplicatePPM, l.ReorderPPM = w.int(), w.int(), w.int()
			}
			s.Links = append(s.Links, l)
		case first[0] == '+':
			w.left = append([]string{first[1:]}, w.left...)
			s.Do = append(s.Do, w.action())
		default:
			w.fail(fmt.Errorf("%q begins no line of a scenario", first))
		}
		if len(w.left) > 0 {
			w.fail(fmt.Errorf("%q is too much", w.left[0]))
		}
		if w.err != nil {
			return s, fmt.Errorf("scenario: line %d: %w", n, w.err)
		}
	}
	return s, s.validate()
}

// validate checks that what the scenario names is there.
func (s Scenario) validate() error {
	for i, n := range s.Nodes {
		switch n.Role {
		case Author, Reader, Relay, Absent:
		default:
			return fmt.Errorf("scenario: node %d: role %q", i, n.Role)
		}
	}
	for i, l := range s.Links {
		if l.From < 0 || l.From >= len(s.Nodes) || l.To < 0 || l.To >= len(s.Nodes) || l.From == l.To || l.Rate <= 0 || l.Slots <= 0 || min(l.LossPPM, l.DuplicatePPM, l.ReorderPPM) < 0 || l.LossPPM >= 1_000_000 {
			return fmt.Errorf("scenario: link %d: %+v", i, l)
		}
	}
	for i, a := range s.Do {
		fields, ok := verbs[a.Verb]
		if !ok || strings.Contains(fields, "n") && (a.A < 0 || a.A >= len(s.Nodes)) || strings.Contains(fields, "l") && (a.A < 0 || a.A >= len(s.Links)) {
			return fmt.Errorf("scenario: action %d: %v", i, a)
		}
	}
	return nil
}

// words reads the words of a line; the first error stands.
type words struct {
	left []string
	err  error
}

func (w *words) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *words) word() string {
	if len(w.left) == 0 {
		w.fail(fmt.Errorf("the line ends early"))
		return "-"
	}
	first := w.left[0]
	w.left = w.left[1:]
	return first
}

func (w *words) int() int {
	n, err := strconv.Atoi(w.word())
	if err != nil {
		w.fail(err)
	}
	return n
}

func (w *words) uint() uint64 {
	n, err := strconv.ParseUint(w.word(), 0, 64)
	if err != nil {
		w.fail(err)
	}
	return n
}

func (w *words) duration() time.Duration {
	d, err := time.ParseDuration(w.word())
	if err != nil {
		w.fail(err)
	}
	return d
}

func (w *words) action() Action {
	a := Action{Wait: w.duration(), Verb: w.word()}
	fields, ok := verbs[a.Verb]
	if !ok {
		w.fail(fmt.Errorf("%q is no verb", a.Verb))
	}
	for _, f := range fields {
		switch f {
		case 'n', 'l', 'm':
			a.A = w.int()
		case 'b':
			a.B = w.int()
		case 'f':
			a.For = w.duration()
		case 'w':
			a.Name = w.word()
		}
	}
	return a
}
