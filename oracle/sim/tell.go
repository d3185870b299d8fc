package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallystick/tallystick/oracle"
)

// A teller collects what is to be told of a run: what the log shows, and what was done.
type teller struct {
	all []FrameFinding // the newest maxFindings are shown; a prefix that nobody sees any more is cut now and then
	seq uint64

	known map[told]bool // at most maxTold: what comes then is in the log, and not told
}

func (t *teller) add(f FrameFinding) {
	t.seq++
	f.Seq = t.seq
	t.all = append(t.all, f)
	if len(t.all) > 4*maxFindings {
		t.all = append([]FrameFinding(nil), t.all[len(t.all)-maxFindings:]...)
	}
}

func (t *teller) last() []FrameFinding {
	n := len(t.all)
	return t.all[max(0, n-maxFindings):n:n]
}

// event tells of an event.
func (t *teller) event(r *Run, e Event) {
	f := FrameFinding{AtMS: r.elapsedMS(), Kind: e.Kind, Oracle: -1}
	switch e.Kind {
	case EventPartition:
		var sides []string
		for _, g := range e.Groups {
			sides = append(sides, strings.Trim(fmt.Sprint(g), "[]"))
		}
		f.Text = "the network parts: " + strings.Join(sides, " | ")
	case EventHeal:
		f.Text = "the network is whole again"
	case EventStrategy:
		f.Text = "consumers compute " + e.Strategy
	default:
		p := r.players[e.Node]
		f.Oracle = int(e.Node)
		switch e.Kind {
		case EventCrash:
			f.Text = p.name + " crashes"
		case EventRestart:
			f.Text = p.name + " starts again"
		case EventRestore:
			f.Text = fmt.Sprintf("%s starts again with its disk of %d ms", p.name, e.FromMS)
		case EventByzantine:
			f.Text = fmt.Sprintf("%s lies from now on: %s", p.name, e.Byzantine.Kind)
		case EventHonest:
			f.Text = p.name + " is honest again"
		}
	}
	t.add(f)
}

// A told is what tells one finding from another.
type told struct {
	kind   oracle.FindingKind
	oracle int
	pair   string
	reason oracle.Reason
	from   int64 // 0 of those that stay
}

// look tells what a log has found since it was asked last. Figures are those of the moment in which it is first told.
func (t *teller) look(r *Run) {
	v := r.viewer()
	if v == nil {
		return
	}
	for _, f := range v.log.Findings() {
		key := told{f.Kind, f.Oracle, f.Pair, f.Reason, f.From}
		if f.Kind == oracle.Equivocation || f.Kind == oracle.Flood || f.Kind == oracle.Void {
			key.from = 0
		}
		if t.known[key] || len(t.known) >= maxTold {
			continue
		}
		if t.known == nil {
			t.known = make(map[told]bool)
		}
		t.known[key] = true
		line := FrameFinding{AtMS: r.elapsedMS(), Kind: f.Kind.String(), Oracle: f.Oracle, Pair: f.Pair, Text: f.String()}
		if len(f.Changes) > 0 {
			line.Change = f.Changes[0]
		}
		t.add(line)
	}
}

// kindsOf are the kinds of what a log has found of each oracle.
func (r *Run) kindsOf(v *player) [][]string {
	all := make([][]string, len(r.players))
	for i := range all {
		all[i] = []string{}
	}
	if v == nil {
		return all
	}
	for _, f := range v.log.Findings() {
		if f.Oracle >= 0 && !slices.Contains(all[f.Oracle], f.Kind.String()) {
			all[f.Oracle] = append(all[f.Oracle], f.Kind.String())
		}
	}
	for i := range all {
		slices.Sort(all[i])
	}
	return all
}
