package sim

import (
	"fmt"
	"strings"
)

// A teller collects what is to be told of a run: what the log shows, and what was done.
type teller struct {
	all []FrameFinding // the newest maxFindings are shown; a prefix that nobody sees any more is cut now and then
	seq uint64
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

// look tells what the viewer's log has found since it was asked last.
func (t *teller) look(*Run) {}

// of are the kinds of what was found of an oracle.
func (t *teller) of(int) []string { return []string{} }
