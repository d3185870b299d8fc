package chaos

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tallystick/tallystick/internal/e2e/proxy"
)

// Kind is a kind of fault.
type Kind string

// The kinds of faults.
const (
	KillNode    Kind = "kill -9 of a node"
	KillRelay   Kind = "kill -9 of a relay"
	FreezeNode  Kind = "node frozen"
	FreezeRelay Kind = "relay frozen"
	Cut         Kind = "line cut"
	HalfClose   Kind = "line half-closed"
	Refuse      Kind = "connections refused"
	Stall       Kind = "line stalled"
	Throttle    Kind = "line throttled"
	Delay       Kind = "line delayed"
	Slice       Kind = "line sliced"
	Corrupt     Kind = "line corrupted"
)

// kinds says of each kind how often it is drawn and how long it lasts at most; zero: it has no end.
var kinds = []struct {
	kind   Kind
	weight int
	most   time.Duration
}{
	{KillNode, 8, 4 * time.Second},
	{KillRelay, 4, 8 * time.Second},
	{FreezeNode, 2, 6 * time.Second},
	{FreezeRelay, 1, 6 * time.Second},
	{Cut, 4, 0},
	{HalfClose, 3, 0},
	{Refuse, 2, 5 * time.Second},
	{Stall, 3, 15 * time.Second},
	{Throttle, 3, 15 * time.Second},
	{Delay, 3, 15 * time.Second},
	{Slice, 2, 15 * time.Second},
	{Corrupt, 2, 10 * time.Second},
}

// Kinds returns all kinds, in the order of a report.
func Kinds() []Kind {
	var all []Kind
	for _, k := range kinds {
		all = append(all, k.kind)
	}
	return all
}

// A fault is one thing that is done at a time, and undone later if it lasts.
type fault struct {
	kind Kind
	on   int             // which node, relay or line
	way  proxy.Direction // of faults of a line that have one
	size int             // of Throttle bytes a second, of Slice bytes, of Corrupt bytes a bit, of Delay microseconds
}

// A step is the beginning or the end of a fault.
type step struct {
	at   time.Duration
	undo bool
	fault
}

func (s step) String() string {
	what := "begins"
	if s.undo {
		what = "ends"
	}
	return fmt.Sprintf("%v: %s %d (way %d, size %d) %s", s.at.Round(time.Millisecond), s.kind, s.on, s.way, s.size, what)
}

// size is how many things of a sort there are.
type size struct{ nodes, relays, lines int }

// plan draws the faults of a run of length span, one each `every` on average, by seed alone. What lasts ends before span. Of
// short runs all faults are shorter, so that some overlap and some do not.
func plan(seed uint64, span, every time.Duration, of size) []step {
	random := rand.New(rand.NewPCG(seed, 1))
	weights := 0
	for _, k := range kinds {
		weights += k.weight
	}
	var steps []step
	for at := pauseBefore(random, every); at < span; at += pauseBefore(random, every) {
		draw := random.IntN(weights)
		i := slices.IndexFunc(kinds, func(k struct {
			kind   Kind
			weight int
			most   time.Duration
		},
		) bool {
			draw -= k.weight
			return draw < 0
		})
		k := kinds[i]
		f := fault{kind: k.kind, way: proxy.Direction(random.IntN(2))}
		switch k.kind {
		case KillNode, FreezeNode:
			f.on = random.IntN(of.nodes)
		case KillRelay, FreezeRelay:
			f.on = random.IntN(of.relays)
		default:
			f.on = random.IntN(of.lines)
		}
		switch k.kind {
		case Throttle:
			f.size = 2_000 + random.IntN(60_000)
		case Slice:
			f.size = 1 + random.IntN(64)
		case Corrupt:
			f.size = 100 + random.IntN(3_000)
		case Delay:
			f.size = 5_000 + random.IntN(800_000)
		}
		steps = append(steps, step{at: at, fault: f})
		if k.most > 0 {
			lasts := time.Duration(random.Int64N(int64(min(k.most, span/3))))
			steps = append(steps, step{at: min(at+lasts, span), undo: true, fault: f})
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	return steps
}

// pauseBefore is the time to the next fault: of a Poisson process, so that some come in bursts.
func pauseBefore(random *rand.Rand, every time.Duration) time.Duration {
	return time.Duration(random.ExpFloat64() * float64(every))
}
