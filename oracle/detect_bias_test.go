package oracle

import (
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// An oracle is biased that is on one side of the median in 28 of 32 slots, by more than
// half a robust deviation on average: in no slot fewer, and by no less.
func TestBias(t *testing.T) {
	t.Parallel()
	const slots, judged = 38, 32 // the last six are not final
	for _, c := range []struct {
		name      string
		gap       int64 // above the middle, in slots above; else as much below
		above     int
		biased    bool
		count, of int
	}{
		{"28 of 32", 20_000, 28, true, 28, 32},
		{"27 of 32", 20_000, 27, false, 0, 0},
		{"all, a little", 800, 32, false, 0, 0},
		{"all", 1_200, 32, true, 32, 32},
		{"29 below", -20_000, 29, true, 29, 32},
	} {
		r := newRoom(t, 4, nil)
		var heard []crdt.ChangeID
		for s := range int64(slots) {
			var said []crdt.ChangeID
			at := 1_000_000 + 1000*s
			for o := range 3 { // honest ones are in turn below, at and above the middle
				said = append(said, r.say(o, heard, r.at(1_000_000+1000*((int64(o)+s)%3-1), at)))
			}
			gap := c.gap
			if s < int64(judged-c.above) {
				gap = -gap
			}
			heard = append(said, r.say(3, heard, r.at(1_000_000+gap, at)))
		}
		found := slices.DeleteFunc(slices.Clone(r.Findings()), func(f Finding) bool { return f.Kind != Bias })
		if !c.biased && len(found) == 0 {
			continue
		}
		if !c.biased || len(found) != 1 || found[0].Oracle != 3 || !found[0].Now || found[0].Count != c.count || found[0].Of != c.of ||
			(found[0].PPM > 0) != (c.gap > 0) || len(found[0].Changes) != maxFindingChanges {
			t.Errorf("%s: %+v", c.name, found)
		}
	}
}
