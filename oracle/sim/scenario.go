package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tallystick/tallystick/oracle"
)

// A Scenario is all that a run depends on. [Parse] reads it from a file, [Scenario.JSON] writes it; a field that a file leaves out
// has the value of its default tag, else zero. The tags also hold the limits: docs/oracle.md lists them.
type Scenario struct {
	V          int64  `json:"v" range:"1,1"`
	Name       string `json:"name" len:"1,64"`
	About      string `json:"about" len:"0,400"`
	Seed       uint64 `json:"seed" range:"0,9007199254740991"`
	DurationMS int64  `json:"duration_ms" range:"1,86400000" default:"30000"`
	IntervalMS int64  `json:"interval_ms" range:"10,600000" default:"1000"` // of attestations; a slot, unless the policy says otherwise

	Pairs   []Pair   `json:"pairs" count:"1,16"`
	Oracles []Group  `json:"oracles" count:"1,64"`
	Network Network  `json:"network"`
	Events  []Event  `json:"events" count:"0,1024"` // in order of time
	Policy  Policy   `json:"policy"`
	Compare []string `json:"compare" count:"0,7" len:"1,16"` // strategies that are computed besides
	Expect  Expect   `json:"expect"`
}

// A Pair is what is reported on, and its true price.
type Pair struct {
	Pair  string `json:"pair" len:"3,32"`
	Expo  int64  `json:"expo" range:"-18,0" default:"-8"`
	Truth Truth  `json:"truth"`
}

// The kinds of truth.
const (
	Walk   = "walk"   // each slot a normal step of step_ppm
	Jump   = "jump"   // a walk, and at at_ms a step of jump_ppm
	OU     = "ou"     // a walk that is pulled back to start by pull_ppm of the distance each slot (Ornstein & Uhlenbeck, 1930)
	Replay = "replay" // none: what venues said, as recorded
)

var truthKinds = []string{Walk, Jump, OU, Replay}

// Truth is how the true price of a pair moves.
type Truth struct {
	Kind    string `json:"kind" len:"1,16"`
	Start   string `json:"start" len:"0,32"` // decimal
	StepPPM int64  `json:"step_ppm" range:"0,100000"`
	JumpPPM int64  `json:"jump_ppm" range:"-900000,10000000"`
	AtMS    int64  `json:"at_ms" range:"0,86400000"`
	PullPPM int64  `json:"pull_ppm" range:"0,1000000"`

	// Of replay: the name of a recording, which of its columns is this pair (empty: a venue of the oracle's), which of its moments the
	// run begins at (Unix ms), and how many milliseconds of it pass in one of the run.
	Recording string `json:"recording" len:"0,64"`
	Column    string `json:"column" len:"0,32"`
	StartMS   int64  `json:"start_ms" range:"0,281474976710655"`
	Speed     int64  `json:"speed" range:"1,3600" default:"1"`
}

// A Group is some oracles that are alike.
type Group struct {
	Count          int64      `json:"count" range:"1,64" default:"1"`
	Name           string     `json:"name" len:"0,24"` // of several: with a number; empty: o and their number
	Noise          Noise      `json:"noise"`
	ReliabilityPPM int64      `json:"reliability_ppm" range:"0,1000000" default:"1000000"` // how likely it reports in a slot
	ClockMS        int64      `json:"clock_ms" range:"-3600000,3600000"`                   // how far its clock is ahead
	Venue          string     `json:"venue" len:"0,32"`                                    // of the recording, that it reads
	Byzantine      *Byzantine `json:"byzantine"`
}

// The kinds of noise.
const (
	Uniform = "uniform" // between −ppm and ppm
	Gauss   = "gauss"   // with standard deviation ppm; a sum of twelve uniform ones, so within 6 of them
	T2      = "t2"      // Student's t with 2 degrees of freedom, times ppm: fat tails, cut at 20 of them
)

var noiseKinds = []string{Uniform, Gauss, T2}

// Noise is what an honest oracle's reading is off.
type Noise struct {
	Kind string `json:"kind" len:"0,16" default:"uniform"`
	PPM  int64  `json:"ppm" range:"0,500000"`
}

// A Kind is a way to lie.
type Kind string

// The kinds.
const (
	Plus         Kind = "plus"          // ppm above what it reads
	Minus        Kind = "minus"         // ppm below
	Drift        Kind = "drift"         // a little above, always
	Ramp         Kind = "ramp"          // ppm more above each second
	Edge         Kind = "edge"          // waits, and says the highest that it saw of honest oracles
	Alternate    Kind = "alternate"     // ppm above and below in turn
	Mix          Kind = "mix"           // in 30 % of slots 5 % above, in 30 % 20 %, else honest
	Copy         Kind = "copy"          // waits, and says what another said
	StaleCopy    Kind = "stale_copy"    // says what another said some time ago
	Flood        Kind = "flood"         // ppm above, many times a slot
	ClockForward Kind = "clock_forward" // ppm above, from the future
	ClockBack    Kind = "clock_back"    // ppm above, from the past
	Early        Kind = "early"         // ppm above, a little more than skew_max ahead
	Late         Kind = "late"          // ppm above, more than late_max behind
	Equivocate   Kind = "equivocate"    // ppm above to one half of the others, ppm below to the other half
	Silent       Kind = "silent"        // says nothing
	Withhold     Kind = "withhold"      // ppm above, given out only some time after
	Malformed    Kind = "malformed"     // breaks a rule, another one each slot
)

// Kinds are all ways to lie, in the order of the specification.
func Kinds() []Kind {
	return []Kind{
		Plus, Minus, Drift, Ramp, Edge, Alternate, Mix, Copy, StaleCopy, Flood, ClockForward, ClockBack, Early, Late, Equivocate, Silent,
		Withhold, Malformed,
	}
}

// Byzantine is how an oracle lies.
type Byzantine struct {
	Kind    Kind   `json:"kind" len:"1,16"`
	PPM     int64  `json:"ppm" range:"0,1000000000"` // 0: the kind's own, see DefaultPPM
	Collude bool   `json:"collude"`                  // all that do say one value at one moment
	StartMS int64  `json:"start_ms" range:"0,86400000"`
	EndMS   int64  `json:"end_ms" range:"0,86400000"`     // 0: never
	Pair    string `json:"pair" len:"0,32"`               // of which it lies; empty: of all
	Of      int64  `json:"of" range:"-1,63" default:"-1"` // whom copy and stale_copy copy; −1: the first honest one
	MS      int64  `json:"ms" range:"0,3600000"`          // how far clocks are off, how old a stale copy is, how long one withholds; 0: the kind's own
	Times   int64  `json:"times" range:"0,500"`           // of a flood, a slot and pair; 0: 50
}

// DefaultPPM is by how much a kind lies if it is not said.
func DefaultPPM(k Kind) int64 {
	switch k {
	case Drift:
		return 20_000
	case Ramp:
		return 5_000
	case Edge, Mix, Copy, StaleCopy, Silent, Malformed:
		return 0
	default:
		return 200_000
	}
}

// The topologies.
const (
	Full   = "full"
	Ring   = "ring"
	Relays = "relays" // every oracle with every relay, and with no oracle
)

var topologies = []string{Full, Ring, Relays}

// Network is what oracles talk over.
type Network struct {
	LatencyMS    int64  `json:"latency_ms" range:"0,10000" default:"50"` // one way
	JitterMS     int64  `json:"jitter_ms" range:"0,10000"`               // at most so much more
	LossPPM      int64  `json:"loss_ppm" range:"0,500000"`               // of segments; lost ones are sent again
	DuplicatePPM int64  `json:"duplicate_ppm" range:"0,500000"`
	ReorderPPM   int64  `json:"reorder_ppm" range:"0,500000"`                        // those that take twice as long
	Bandwidth    int64  `json:"bandwidth" range:"1000,1000000000" default:"1000000"` // bytes a second, of each connection and way
	Topology     string `json:"topology" len:"1,16" default:"full"`
	Relays       int64  `json:"relays" range:"0,8"`      // that forward; numbered after the oracles
	Withholding  int64  `json:"withholding" range:"0,8"` // relays besides, that take and never forward
}

// The kinds of events.
const (
	EventPartition = "partition" // groups; who is in none is with the first
	EventHeal      = "heal"
	EventCrash     = "crash"     // node: its process ends
	EventRestart   = "restart"   // node
	EventRestore   = "restore"   // node: its process ends, its disk is as it was at from_ms, and it starts again
	EventByzantine = "byzantine" // node, byzantine: it lies from now on
	EventHonest    = "honest"    // node: it no longer lies
	EventStrategy  = "strategy"  // strategy: what consumers compute from now on
)

// eventFields says what each kind of event has besides at_ms and kind.
var eventFields = map[string][]string{
	EventPartition: {"groups"},
	EventHeal:      {},
	EventCrash:     {"node"},
	EventRestart:   {"node"},
	EventRestore:   {"node", "from_ms"},
	EventByzantine: {"node", "byzantine"},
	EventHonest:    {"node"},
	EventStrategy:  {"strategy"},
}

var eventKinds = []string{EventPartition, EventHeal, EventCrash, EventRestart, EventRestore, EventByzantine, EventHonest, EventStrategy}

// An Event is something that happens. Fields that its kind does not have are ignored by [Run.Do], and refused in a file.
type Event struct {
	AtMS      int64      `json:"at_ms" range:"0,86400000"`
	Kind      string     `json:"kind" len:"1,16"`
	Groups    [][]int64  `json:"groups" count:"1,16" range:"0,79" optional:"yes"`
	Node      int64      `json:"node" range:"0,63" default:"-1"`
	FromMS    int64      `json:"from_ms" range:"0,86400000"`
	Byzantine *Byzantine `json:"byzantine"`
	Strategy  string     `json:"strategy" len:"1,16" optional:"yes"`
}

// Policy is what the room's charter fixes besides committee and pairs. See [oracle.Policy] for what each means.
type Policy struct {
	Strategy      string `json:"strategy" len:"1,16" default:"median"`
	VoteK         int64  `json:"vote_k" range:"1,64" default:"5"`
	SlotMS        int64  `json:"slot_ms" range:"0,86400000"` // 0: as interval_ms
	MaxAgeMS      int64  `json:"max_age_ms" range:"1,86400000" default:"10000"`
	VoteSpanMS    int64  `json:"vote_span_ms" range:"1,86400000" default:"10000"`
	SkewMaxMS     int64  `json:"skew_max_ms" range:"0,86400000" default:"2000"`
	LateMaxMS     int64  `json:"late_max_ms" range:"0,86400000" default:"5000"`
	Fence         int64  `json:"fence" range:"1,100" default:"3"`
	FenceFloorPPM int64  `json:"fence_floor_ppm" range:"0,1000000" default:"1000"`
	WidePPM       int64  `json:"wide_ppm" range:"0,1000000000" default:"20000"`
	FloodMax      int64  `json:"flood_max" range:"1,4096" default:"10"`
	DeviationPPM  int64  `json:"deviation_ppm" range:"0,1000000000" default:"5000"`
	HeartbeatMS   int64  `json:"heartbeat_ms" range:"1,86400000" default:"60000"`
	HaltPPM       int64  `json:"halt_ppm" range:"0,1000000000" default:"100000"`
	MaxGapMS      int64  `json:"max_gap_ms" range:"0,86400000" default:"30000"`
	CommitReveal  bool   `json:"commit_reveal"`
	MinSources    int64  `json:"min_sources" range:"1,16" default:"1"`
}

// Expect is what has to come of it. What a file leaves out is not asked; the report lists each that was, and whether it was met.
type Expect struct {
	MaxErrorPPM     int64    `json:"max_error_ppm" range:"0,1000000000" default:"-1"`     // of every price of every honest replica at the end of every slot
	MaxRMSPPM       int64    `json:"max_rms_ppm" range:"0,1000000000" default:"-1"`       // of them on average
	DigestsEqual    bool     `json:"digests_equal"`                                       // whenever heads are
	InHonestRange   bool     `json:"in_honest_range"`                                     // every price lies between honest votes
	Convicted       []int64  `json:"convicted" count:"0,64" range:"0,63"`                 // these, and no others, at every honest replica
	Status          string   `json:"status" len:"1,16" optional:"yes"`                    // of the first pair at the end
	InsufficientMin int64    `json:"insufficient_slots_min" range:"0,86400" default:"-1"` // of the first pair, at some honest replica
	WithinMS        int64    `json:"converged_within_ms" range:"1,60000" optional:"yes"`  // after each healing, all honest replicas hold what was there
	Findings        []string `json:"findings" count:"0,16" len:"1,32"`                    // kinds that are found, each at least once
}

// oracles is the size of the committee.
func (sc *Scenario) oracles() (n int64) {
	for _, g := range sc.Oracles {
		n += g.Count
	}
	return n
}

// copies is about how many attestations all machines together hold at the end.
func (sc *Scenario) copies() int64 {
	says := func(b *Byzantine) int64 {
		switch {
		case b == nil || b.Kind != Flood:
			return 1
		case b.Times == 0:
			return floodTimes
		}
		return b.Times
	}
	slot := int64(0)
	for _, g := range sc.Oracles {
		slot += g.Count * says(g.Byzantine)
	}
	for _, e := range sc.Events {
		if e.Byzantine != nil {
			slot += says(e.Byzantine) - 1
		}
	}
	n := sc.oracles()
	return slot * int64(len(sc.Pairs)) * (sc.DurationMS / sc.IntervalMS) * (n + sc.Network.Relays + n*sc.Network.Withholding)
}

// floodTimes is how often a flood says it if it is not said.
const floodTimes = 50

func (sc *Scenario) pair(name string) int {
	return slices.IndexFunc(sc.Pairs, func(p Pair) bool { return p.Pair == name })
}

// Parse reads a scenario from a file of that name, which errors begin with. An error is a *[PlaceError]: it says the line, the column
// and the path of what is wrong. Unknown and repeated fields are refused, and so is what breaks a limit.
func Parse(name string, b []byte) (Scenario, error) {
	var sc Scenario
	r, err := readJSON(name, b, &sc)
	if err != nil {
		return Scenario{}, err
	}
	if path, text := sc.wrong(); text != "" {
		return Scenario{}, r.at(path, text)
	}
	return sc, nil
}

// Validate checks what [Parse] does. The error is a *[PlaceError] without a line.
func (sc *Scenario) Validate() error {
	if path, text := limitsBroken(sc); text != "" {
		return &PlaceError{Path: path, Text: text}
	}
	if path, text := sc.wrong(); text != "" {
		return &PlaceError{Path: path, Text: text}
	}
	return nil
}

// JSON is the scenario as a file that [Parse] reads back to the same.
func (sc Scenario) JSON() []byte { return writeJSON(&sc) }

func oneOf(word string, words []string) string {
	if slices.Contains(words, word) {
		return ""
	}
	return fmt.Sprintf("%q is none of %s", word, strings.Join(words, ", "))
}

// wrong is the first thing that is wrong with values that each are within their limits: where, and what; empty if nothing is.
func (sc *Scenario) wrong() (path, text string) {
	n := sc.oracles()
	if n > maxOracles {
		return "oracles", fmt.Sprintf("%d oracles, at most %d", n, maxOracles)
	}
	if slots := sc.DurationMS / sc.IntervalMS; slots < 1 || slots > maxSlots || sc.DurationMS%sc.IntervalMS != 0 {
		return "duration_ms", fmt.Sprintf("%d ms is not 1 to %d intervals of %d ms", sc.DurationMS, maxSlots, sc.IntervalMS)
	}
	if copies := sc.copies(); copies > maxCopies {
		return "duration_ms", fmt.Sprintf("all machines together would hold %d attestations, at most %d: fewer slots, oracles, pairs or floods", copies, maxCopies)
	}
	for _, check := range []func() (string, string){sc.wrongPairs, sc.wrongOracles, sc.wrongNetwork, sc.wrongEvents, sc.wrongPolicy, sc.wrongExpect} {
		if path, text = check(); text != "" {
			return path, text
		}
	}
	return "", ""
}

func (sc *Scenario) wrongPairs() (path, text string) {
	for i, p := range sc.Pairs {
		at := fmt.Sprintf("pairs[%d].", i)
		if sc.pair(p.Pair) != i {
			return at + "pair", fmt.Sprintf("%q is there twice", p.Pair)
		}
		if _, err := oracle.ParsePairName(p.Pair); err != nil {
			return at + "pair", err.Error()
		}
		if text := oneOf(p.Truth.Kind, truthKinds); text != "" {
			return at + "truth.kind", text
		}
		if p.Truth.Kind == Replay {
			if text := sc.wrongReplay(p); text != "" {
				return at + "truth.recording", text
			}
			continue
		}
		if p.Truth.Recording != "" {
			return at + "truth.recording", "only kind replay has one"
		}
		if _, rounded, err := oracle.ParsePrice(p.Truth.Start, int(p.Expo)); err != nil {
			return at + "truth.start", err.Error()
		} else if rounded {
			return at + "truth.start", fmt.Sprintf("%s has more digits than expo %d allows", p.Truth.Start, p.Expo)
		}
	}
	return "", ""
}

func (sc *Scenario) wrongOracles() (path, text string) {
	for i, g := range sc.Oracles {
		at := fmt.Sprintf("oracles[%d].", i)
		if text := oneOf(g.Noise.Kind, noiseKinds); text != "" {
			return at + "noise.kind", text
		}
		if text := sc.wrongVenue(g.Venue); text != "" {
			return at + "venue", text
		}
		if g.Byzantine != nil {
			if field, text := sc.wrongLiar(g.Byzantine); text != "" {
				return at + "byzantine." + field, text
			}
		}
	}
	return "", ""
}

func (sc *Scenario) wrongLiar(b *Byzantine) (field, text string) {
	switch {
	case !slices.Contains(Kinds(), b.Kind):
		return "kind", fmt.Sprintf("%q is none of %s", b.Kind, kindList())
	case b.EndMS != 0 && b.EndMS <= b.StartMS:
		return "end_ms", fmt.Sprintf("%d is not after start_ms, %d", b.EndMS, b.StartMS)
	case b.Pair != "" && sc.pair(b.Pair) < 0:
		return "pair", fmt.Sprintf("%q is none of pairs", b.Pair)
	case b.Of >= sc.oracles():
		return "of", fmt.Sprintf("there are oracles 0 to %d", sc.oracles()-1)
	case (b.Kind == Minus || b.Kind == Alternate || b.Kind == Equivocate) && b.PPM >= 1_000_000:
		return "ppm", fmt.Sprintf("%d below is nothing: less than 1000000", b.PPM)
	}
	return "", ""
}

func kindList() string {
	var words []string
	for _, k := range Kinds() {
		words = append(words, string(k))
	}
	return strings.Join(words, ", ")
}

func (sc *Scenario) wrongNetwork() (path, text string) {
	if text := oneOf(sc.Network.Topology, topologies); text != "" {
		return "network.topology", text
	}
	if sc.Network.Topology == Relays {
		if sc.Network.Relays+sc.Network.Withholding == 0 {
			return "network.relays", "topology relays needs one at least"
		}
	} else if sc.Network.Relays+sc.Network.Withholding > 0 {
		return "network.relays", "only topology relays has relays"
	}
	return "", ""
}

func (sc *Scenario) wrongEvents() (path, text string) {
	var last int64
	for i := range sc.Events {
		e := &sc.Events[i]
		at := fmt.Sprintf("events[%d].", i)
		if e.AtMS < last {
			return at + "at_ms", fmt.Sprintf("%d is before the event before it, at %d", e.AtMS, last)
		}
		last = e.AtMS
		if e.AtMS > sc.DurationMS {
			return at + "at_ms", fmt.Sprintf("%d is after the end, %d", e.AtMS, sc.DurationMS)
		}
		if field, text := sc.wrongEvent(e); text != "" {
			return at + field, text
		}
	}
	return "", ""
}

func (sc *Scenario) wrongEvent(e *Event) (field, text string) {
	fields, ok := eventFields[e.Kind]
	if !ok {
		return "kind", oneOf(e.Kind, eventKinds)
	}
	if slices.Contains(fields, "node") && (e.Node < 0 || e.Node >= sc.oracles()) {
		if e.Node == -1 {
			return "node", "is missing"
		}
		return "node", fmt.Sprintf("%d: there are oracles 0 to %d", e.Node, sc.oracles()-1)
	}
	switch e.Kind {
	case EventPartition:
		return sc.wrongGroups(e.Groups)
	case EventRestore:
		if e.FromMS >= e.AtMS {
			return "from_ms", fmt.Sprintf("%d is not before at_ms, %d", e.FromMS, e.AtMS)
		}
	case EventByzantine:
		if e.Byzantine == nil {
			return "byzantine", "is missing"
		}
		if field, text := sc.wrongLiar(e.Byzantine); text != "" {
			return "byzantine." + field, text
		}
	case EventStrategy:
		if _, err := strategyOf(e.Strategy); err != nil {
			return "strategy", err.Error()
		}
	}
	return "", ""
}

func (sc *Scenario) wrongGroups(groups [][]int64) (field, text string) {
	if len(groups) == 0 {
		return "groups", "is missing"
	}
	nodes := sc.oracles() + sc.Network.Relays + sc.Network.Withholding
	seen := make(map[int64]bool)
	for g, group := range groups {
		for k, n := range group {
			at := fmt.Sprintf("groups[%d][%d]", g, k)
			if n < 0 || n >= nodes {
				return at, fmt.Sprintf("%d: there are 0 to %d", n, nodes-1)
			}
			if seen[n] {
				return at, fmt.Sprintf("%d is there twice", n)
			}
			seen[n] = true
		}
	}
	return "", ""
}

func (sc *Scenario) wrongPolicy() (path, text string) {
	if _, err := strategyOf(sc.Policy.Strategy); err != nil {
		return "policy.strategy", err.Error()
	}
	for i, name := range sc.Compare {
		if _, err := strategyOf(name); err != nil {
			return fmt.Sprintf("compare[%d]", i), err.Error()
		}
		if slices.Index(sc.Compare, name) != i {
			return fmt.Sprintf("compare[%d]", i), fmt.Sprintf("%q is there twice", name)
		}
	}
	if _, err := sc.charter(nil); err != nil {
		return "policy", err.Error()
	}
	return "", ""
}

func (sc *Scenario) wrongExpect() (path, text string) {
	n := sc.oracles()
	for i, who := range sc.Expect.Convicted {
		if who >= n {
			return fmt.Sprintf("expect.convicted[%d]", i), fmt.Sprintf("%d: there are oracles 0 to %d", who, n-1)
		}
	}
	return "", ""
}
