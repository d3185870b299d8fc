package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/source"
)

// What a line of an oracle or of who reads its prices tells, besides those of plain mode.
const (
	kindReport = "report" // what this oracle said is saved
	kindCommit = "commit" // it has committed to a price
	kindSource = "source" // a source fails, or answers again
	kindSilent = "silent" // nothing can be said of a pair, or something again
	kindClock  = "clock"  // this machine's clock differs from the others'
	kindPrice  = "price"  // a price of the room
)

// reportJSON is what an oracle said.
type reportJSON struct {
	Time     string       `json:"time"`
	Kind     string       `json:"kind"`
	ID       string       `json:"id"`
	Pair     string       `json:"pair"`
	Price    string       `json:"price"`
	Spread   string       `json:"spread"`
	T        int64        `json:"t"`
	Rounded  bool         `json:"rounded,omitempty"`
	Replayed bool         `json:"replayed,omitempty"`
	Revealed bool         `json:"revealed,omitempty"`
	Sources  []sourceRead `json:"sources"`
}

type sourceRead struct {
	Name  string `json:"name"`
	Price string `json:"price"`
	T     int64  `json:"t"`
}

// report writes an attestation that is durable as part of a change.
func (w *eventWriter) report(now time.Time, kind string, id crdt.ChangeID, a *oracle.Attestation, expo int) {
	j := reportJSON{
		Time: stamp(now), Kind: kind, ID: fullHex(id), Pair: a.Pair, Price: oracle.FormatPrice(a.Price, expo), Spread: oracle.FormatPrice(a.Spread, expo),
		T: a.T, Rounded: a.Flags&oracle.FlagRounded != 0, Replayed: a.Flags&oracle.FlagReplayed != 0, Revealed: kind == kindReport && a.Flags&oracle.FlagRevealed != 0,
		Sources: []sourceRead{},
	}
	words := []string{}
	for _, s := range a.Src {
		read := sourceRead{s.Name, oracle.FormatPrice(s.Price, expo), s.T}
		j.Sources = append(j.Sources, read)
		words = append(words, read.Name+" "+read.Price)
	}
	if w.json {
		w.object(j)
		return
	}
	w.columns(j.Time, kind, id.String(), "", j.Pair, j.Price, "±"+j.Spread, strings.Join(words, ", "))
}

// sourceJSON is how a source stands.
type sourceJSON struct {
	Time  string `json:"time"`
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Pair  string `json:"pair,omitempty"`
	State string `json:"state"` // "fails" or "answers"
	Code  string `json:"code,omitempty"`
	Text  string `json:"text,omitempty"`
}

// source writes that a source fails with err, or, with nil, answers again.
func (w *eventWriter) source(now time.Time, name, pair string, err error) {
	j := sourceJSON{Time: stamp(now), Kind: kindSource, Name: name, Pair: pair, State: "answers"}
	words := name + " answers"
	if err != nil {
		j.State, j.Code, j.Text = "fails", sourceCode(err), err.Error()
		words = name + " fails: " + j.Code + ": " + j.Text
	}
	if w.json {
		w.object(j)
		return
	}
	w.columns(j.Time, kindSource, "", "", words, "", "", "", pair)
}

// sourceCode is the short word for why a source gives no reading.
func sourceCode(err error) string {
	if code := source.Code(err); code != "" {
		return code
	}
	return "price" // one that the pair's unit does not hold
}

// silentJSON is whether something is said of a pair.
type silentJSON struct {
	Time  string `json:"time"`
	Kind  string `json:"kind"`
	Pair  string `json:"pair"`
	State string `json:"state"` // "silent" or "speaks"
	Code  string `json:"code,omitempty"`
	Text  string `json:"text,omitempty"`
}

// silent writes that nothing can be said of a pair for err, or, with nil, that it can again.
func (w *eventWriter) silent(now time.Time, pair string, err error) {
	j := silentJSON{Time: stamp(now), Kind: kindSilent, Pair: pair, State: "speaks"}
	words := pair + " is reported"
	if err != nil {
		j.State, j.Code, j.Text = kindSilent, source.Code(err), err.Error()
		words = pair + " is not reported: " + j.Text
	}
	if w.json {
		w.object(j)
		return
	}
	w.columns(j.Time, kindSilent, "", "", words)
}

// clockJSON is how this machine's clock stands.
type clockJSON struct {
	Time   string `json:"time"`
	Kind   string `json:"kind"`
	State  string `json:"state"` // "differs" or "agrees"
	Offset int64  `json:"offset_ms"`
	Text   string `json:"text,omitempty"`
}

func (w *eventWriter) clock(now time.Time, offset time.Duration, err error) {
	j := clockJSON{Time: stamp(now), Kind: kindClock, State: "agrees", Offset: offset.Milliseconds()}
	words := "this machine's clock agrees with the other oracles'"
	if err != nil {
		j.State, j.Text = "differs", err.Error()
		words = fmt.Sprintf("%v: by %v", err, offset.Abs())
	}
	if w.json {
		w.object(j)
		return
	}
	w.columns(j.Time, kindClock, "", "", words)
}
