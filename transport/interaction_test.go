package transport

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tallystick/tallystick/crdt"
)

// TestInteraction plays the scripts of testdata/interaction: networks of a few nodes, message by message. After a change
// of the protocol run it with -rewrite, and commit the difference only if you understand each line of it.
func TestInteraction(t *testing.T) {
	datadriven.Walk(t, "testdata/interaction", func(t *testing.T, path string) {
		e := &stage{testNet: newTestNet(t, 1), names: make(map[string]*testNode)}
		e.slots = 100
		e.trace = func(from, to int, msg []byte) {
			m, err := DecodeMessage(msg)
			if err != nil {
				t.Fatal(err)
			}
			if _, grease := m.Body.(Grease); !grease {
				fmt.Fprintf(&e.out, "%s -> %s  %s\n", e.nameOf(from), e.nameOf(to), describe(m.Body))
			}
		}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			verb, ok := verbs[d.Cmd]
			if !ok {
				t.Fatalf("%s: unknown verb %q", d.Pos, d.Cmd)
			}
			e.out.Reset()
			verb(e, d)
			if e.out.Len() == 0 {
				return "ok\n"
			}
			return e.out.String()
		})
	})
}

// A stage is a network with names.
type stage struct {
	*testNet
	names map[string]*testNode
	out   strings.Builder
}

var verbs = map[string]func(e *stage, d *datadriven.TestData){
	"add-node":  (*stage).addNode,
	"edit":      (*stage).edit,
	"connect":   (*stage).connectVerb,
	"drop":      (*stage).dropVerb,
	"crash":     (*stage).crash,
	"restart":   (*stage).restart,
	"turn":      (*stage).turnVerb,
	"stabilize": (*stage).stabilize,
	"digest":    (*stage).digest,
	"status":    (*stage).status,
	"wait":      (*stage).wait,
}

func (e *stage) nameOf(number int) string {
	for name, n := range e.names {
		if n.name == number {
			return name
		}
	}
	return "?"
}

// arg is the node named by argument i.
func (e *stage) arg(d *datadriven.TestData, i int) *testNode {
	n := e.names[d.CmdArgs[i].Key]
	if n == nil {
		e.t.Fatalf("%s: no node %q", d.Pos, d.CmdArgs[i].Key)
	}
	return n
}

func intArg(e *stage, d *datadriven.TestData, name string, otherwise int) int {
	n := otherwise
	if d.HasArg(name) {
		d.ScanArgs(e.t.(*testing.T), name, &n)
	}
	return n
}

// add-node NAME [key=N]: without key it is a relay.
func (e *stage) addNode(d *datadriven.TestData) {
	e.names[d.CmdArgs[0].Key] = e.add(&memStore{}, intArg(e, d, "key", -1))
}

// edit NAME [n=COUNT]
func (e *stage) edit(d *datadriven.TestData) {
	n := e.arg(d, 0)
	for range intArg(e, d, "n", 1) {
		l, err := crdt.EncodeLiteral(fmt.Sprintf("%s %d", d.CmdArgs[0].Key, n.core.replica.Len()))
		if err != nil {
			e.t.Fatal(err)
		}
		n.core.Edit(e.now, AppendIntent(e.now.Unix(), l, func(r Receipt) {
			if r.Err != nil {
				fmt.Fprintf(&e.out, "refused: %v\n", r.Err)
			}
		}))
	}
	if err := n.core.Commit(e.now); err != nil {
		fmt.Fprintf(&e.out, "%v\n", err)
	}
}

// connect DIALLER LISTENER
func (e *stage) connectVerb(d *datadriven.TestData) { e.connect(e.arg(d, 0), e.arg(d, 1)) }

// drop A B: the connection breaks, what is on its way is lost.
func (e *stage) dropVerb(d *datadriven.TestData) {
	a, b := e.arg(d, 0), e.arg(d, 1)
	for _, l := range e.links {
		if !l.cut && (l.ends == [2]*testNode{a, b} || l.ends == [2]*testNode{b, a}) {
			e.drop(l)
		}
	}
}

// crash NAME: all connections break, and only the store is left.
func (e *stage) crash(d *datadriven.TestData) {
	n := e.arg(d, 0)
	for _, l := range e.links {
		if !l.cut && (l.ends[0] == n || l.ends[1] == n) {
			e.drop(l)
		}
	}
	n.core = nil
}

// restart NAME
func (e *stage) restart(d *datadriven.TestData) { e.open(e.arg(d, 0)) }

// turn NAME [n=TURNS]: the node takes all that has arrived, commits, and sends.
func (e *stage) turnVerb(d *datadriven.TestData) {
	n := e.arg(d, 0)
	for range intArg(e, d, "n", 1) {
		e.turn(n)
	}
}

// stabilize: everybody takes turns until all is quiet, later rounds of comparison included.
func (e *stage) stabilize(*datadriven.TestData) {
	began := e.now
	all := e.nodes
	e.nodes = nil
	for _, n := range all {
		if n.core != nil {
			e.nodes = append(e.nodes, n)
		}
	}
	e.rand = rand.New(rand.NewPCG(1, 1))
	e.settle()
	e.nodes = all
	if took := e.now.Sub(began); took > 0 {
		fmt.Fprintf(&e.out, "quiet after %v\n", took.Round(100*time.Millisecond))
	}
}

// digest: what everybody holds; equal digests have the same letter.
func (e *stage) digest(*datadriven.TestData) {
	letters := make(map[[32]byte]rune)
	for _, n := range e.nodes {
		if n.core == nil {
			fmt.Fprintf(&e.out, "%s down\n", e.nameOf(n.name))
			continue
		}
		r := n.core.replica
		letter, ok := letters[r.LogDigest()]
		if !ok {
			letter = rune('A' + len(letters))
			letters[r.LogDigest()] = letter
		}
		fmt.Fprintf(&e.out, "%s %d changes, digest %c, %d forks\n", e.nameOf(n.name), r.Len(), letter, len(r.Forks()))
	}
}

// status NAME: what its screen would show.
func (e *stage) status(d *datadriven.TestData) {
	s := e.arg(d, 0).core.Snapshot(e.now)
	link := [...]string{"offline", "connecting", "catching up", "live"}[s.Link]
	writing := [...]string{"open", "no author", "guarded", "store error", "self-fork"}[s.Writing]
	fmt.Fprintf(&e.out, "%s %d/%d, %d unsent, %d pending, writing: %s\n", link, s.Live, s.Of, s.Unsent, s.Pending, writing)
	for _, p := range s.Peers {
		fmt.Fprintf(&e.out, "  %s %s, ours %d, theirs %d, behind %d", p.Address, p.State, p.Ours, p.Theirs, p.Behind)
		if p.Withheld > 0 {
			fmt.Fprintf(&e.out, ", withheld %d", p.Withheld)
		}
		if p.Reason.Code != "" {
			fmt.Fprintf(&e.out, ", %s", p.Reason.Code)
		}
		fmt.Fprintln(&e.out)
	}
}

// wait DURATION
func (e *stage) wait(d *datadriven.TestData) {
	w, err := time.ParseDuration(d.CmdArgs[0].Key)
	if err != nil {
		e.t.Fatal(err)
	}
	e.now = e.now.Add(w)
}

// describe tells what a message says, in words.
func describe(b Body) string {
	more := func(m bool) string {
		if m {
			return ", more"
		}
		return ""
	}
	switch b := b.(type) {
	case *Hello:
		return fmt.Sprintf("hello, %d changes", b.Count)
	case *Tips:
		at := fmt.Sprintf("tips, round %d, bucket [%x]: ", b.Round, b.Prefix)
		switch b.Form {
		case formFingerprint:
			return at + fmt.Sprintf("fingerprint of all, %d changes", b.Count)
		case formBuckets:
			return at + "256 fingerprints"
		case formTips:
			return at + fmt.Sprintf("%d tips%s", len(b.Tips), more(b.More))
		default:
			return at + fmt.Sprintf("%d of yours held%s", len(b.Held), more(b.More))
		}
	case Packs:
		changes := 0
		for _, p := range b {
			pack, err := crdt.NewChecker(testCharter).Check(p, nil)
			if err != nil {
				return "packs: " + err.Error()
			}
			changes += pack.Changes()
		}
		return fmt.Sprintf("packs: %d, of %d changes", len(b), changes)
	case Need:
		return fmt.Sprintf("need: %d", len(b))
	case *Stored:
		n := 0
		for i := range b.Ends {
			n += len(b.Ends[i].IDs)
		}
		return fmt.Sprintf("stored: credit %d, %d ends of %d authors", b.Credit, n, len(b.Ends))
	case *PeerError:
		return "error: " + b.ErrorCode
	default:
		return fmt.Sprintf("%T", b)
	}
}
