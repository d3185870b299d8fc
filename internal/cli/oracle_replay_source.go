package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/replay"
	"github.com/tallystick/tallystick/oracle/source"
)

// replayer gives recorded prices in place of present ones, a recorded moment at a time.
type replayer struct {
	rec    *replay.Recording
	pair   string
	maxAge int64
	venues []int
	at     int   // the next moment
	now    int64 // the one that was given last
}

// readRecording opens the file of --replay.
func (n *oracleNode) readRecording(pairs []oracle.Pair) error {
	if len(pairs) != 1 {
		return usage("--replay is of one pair: give --pair once")
	}
	path, venue := n.flags.replay, ""
	if i := strings.LastIndexByte(path, ':'); i > 0 {
		path, venue = path[:i], path[i+1:]
	}
	o := replay.Options{Expo: pairs[0].Expo}
	if venue != "" {
		o.Venues = []string{venue}
	}
	f, err := disk.OpenRegular(path, os.O_RDONLY)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	defer f.Close() // only read
	rec, err := replay.Read(path, f, o)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	n.reporter.flags |= oracle.FlagReplayed
	p := n.reporter.pairs[0]
	r := &replayer{rec: rec, pair: p.Name, maxAge: n.terms.Policy.MaxAgeMS}
	for i, name := range rec.Venues() {
		if len(name) > oracle.MaxSourceNameBytes {
			return fmt.Errorf("replay: %s: venue %q has a name of more than %d bytes", path, name, oracle.MaxSourceNameBytes)
		}
		p.addSource(name)
		r.venues = append(r.venues, i)
	}
	n.replay = r
	return nil
}

// skip goes on after t: what was said before is not said again.
func (r *replayer) skip(t int64) {
	for r.at < len(r.rec.Moments()) && r.rec.Moments()[r.at] <= t {
		r.at++
	}
}

// next gives to the reporter what was known at the next moment. It is false at the end.
func (r *replayer) next(to *reporter) bool {
	if r.at >= len(r.rec.Moments()) {
		return false
	}
	r.now = r.rec.Moments()[r.at]
	r.at++
	p := to.pair(r.pair)
	for _, v := range r.venues {
		if row, ok := r.rec.Known(v, r.now); ok {
			p.read[v] = source.Reading{Name: r.rec.Venues()[v], Price: row.Price, Low: row.Price, High: row.Price, Rounded: row.Rounded, T: row.T}
		}
	}
	return true
}
