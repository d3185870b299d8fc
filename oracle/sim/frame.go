package sim

import (
	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/oracle"
)

// A Frame is what is to be seen of a [Run] at one moment: what a screen draws. It is immutable, and so are the slices in it, which
// frames of one run may share: read it on any goroutine.
//
// Prices are in units of 10^Expo of their pair; 0 is no price. Parts are in millionths (ppm). Times are milliseconds since the
// run began.
type Frame struct {
	Name       string
	About      string // what the scenario shows, in a sentence
	Seed       uint64
	AtMS       int64
	DurationMS int64
	IntervalMS int64
	Slot       int64 // slots that have ended
	Ended      bool
	N, F       int // the committee, and how many of it may lie
	Strategy   oracle.Strategy

	Oracles  []FrameOracle
	Pairs    []FramePair
	Net      FrameNet
	Findings []FrameFinding // the newest 256, oldest first

	// Agree of Replicas say the same: the honest replicas that run, and of them the largest group with one digest of every pair.
	Agree, Replicas int

	Changes   int     // in the log that Viewer holds
	Bytes     int64   // that its store holds
	PerSecond float64 // attestations that it has accepted, a second of virtual time
	Viewer    int     // the oracle whose replica all of this is read from: the first honest one that runs; −1: none runs
}

// A FrameOracle is one of the committee.
type FrameOracle struct {
	Name   string
	Author crdt.Author
	// Kind is how it lies now; empty: it is honest. The scenario knows it, the log does not. PPM is by how much.
	Kind Kind
	PPM  int64
	Up   bool

	State     string        // voted, stale, early, silent, convicted: of the first pair
	Vote      int64         // what it counts with there, docs/oracle.md; 0: nothing
	Price     int64         // what it says of the first pair: its vote, else its newest attestation
	GapPPM    int64         // of Price to the price
	Said      []FrameSaid   // of each pair, as Pairs
	ScorePPM  int64         // the least over its pairs
	Votes     int           // slots in which it has voted on the first pair
	Flags     uint64        // of its newest attestation
	Convicted bool          // it has shown two chains
	Last      crdt.ChangeID // its newest change; zero: none
}

// FrameSaid is what an oracle says of one pair.
type FrameSaid struct {
	State  string // as FrameOracle.State
	Vote   int64  // what it counts with; 0: nothing
	Price  int64  // of its newest attestation; 0: none
	GapPPM int64  // of Price to the price
}

// A FramePair is what is known of one pair, as the Viewer has it.
type FramePair struct {
	Name string
	Expo int

	Truth int64 // 0: there is none, in a recording
	// Price is that of Status: 0 if there is no new one, and then Carried is the newest there was, of the time CarriedAtMS.
	Price, Low, High int64
	Status           oracle.Status
	Carried          int64
	CarriedAtMS      int64
	Naive            int64 // the ancestor's rule, mean_iqr
	Votes, Need      int
	Digest           [32]byte

	// How far prices were from the truth: the newest, on average over slots with a price, at most. In a recording: how far outside
	// of what honest venues said.
	ErrorPPM, RMSPPM, MaxPPM int64
	NaiveRMSPPM, NaiveMaxPPM int64

	Series []Point     // of the newest 600 slots, oldest first
	Sides  []SidePrice // what each side of a partition has; nil while there is none
}

// A Point is one slot of a chart. 0 is no value.
type Point struct{ AtMS, Truth, Price, Low, High, Naive int64 }

// A SidePrice is what one side of a partition has, as its first honest running oracle sees it.
type SidePrice struct {
	Nodes       []int
	Price       int64 // 0: no new one
	Status      oracle.Status
	Carried     int64
	CarriedAtMS int64
}

// A FrameNet is the state of the network.
type FrameNet struct {
	Relays    int     // numbered after the oracles
	Groups    [][]int // nil: it is whole
	Links     []Link
	LatencyMS int64
	JitterMS  int64
	LossPPM   int64
	Messages  int // that were delivered so far
	Bytes     int
	Lost      int // segments that were lost on the way and sent again
}

// A Link joins oracles or relays A and B.
type Link struct {
	A, B    int
	Up      bool // a connection stands, and nothing holds it up
	LossPPM int64
}

// A FrameFinding is what the log shows of an oracle, or what was done to the network.
type FrameFinding struct {
	Seq    uint64 // grows by one from finding to finding
	AtMS   int64
	Kind   string // of oracle.Finding; or an event's
	Oracle int    // −1: of none
	Pair   string // empty: of all
	Text   string
	Change crdt.ChangeID // that shows it; zero: none
}
