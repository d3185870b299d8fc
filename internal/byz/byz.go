// Package byz is a library of Byzantine peers and authors: what somebody may do who holds keys of its own, speaks the
// protocol and follows none of its rules. A behaviour is a pure state machine (messages and time in, messages out), so that the
// same one attacks a simulated network (internal/sim) and real processes over websockets (internal/e2e).
//
// An [Attack] says which class of docs/threats.md it belongs to and what has to come of it. [Attacks] lists them all. Most are made
// of two things: a [Crew] says by hand, byte for byte, what honest code never would; a [Speaker] is a whole peer whose messages are
// looked at, replaced and added to. The tests of this package run each against three honest cores, alone and among honest
// traffic, and then several at once; internal/sim and internal/e2e do the same in networks with faults and to real processes.
package byz

import (
	"math/rand/v2"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// Class is a class of attacks, as docs/threats.md names them.
type Class string

// The classes.
const (
	Codec        Class = "codec"
	Change       Class = "change"
	Key          Class = "key and signature"
	Chain        Class = "chain and fork"
	Dependencies Class = "dependencies"
	Document     Class = "document"
	Sequence     Class = "sequence"
	Sync         Class = "sync"
	Transport    Class = "relay and transport"
	Withholding  Class = "withholding"
	Store        Class = "store and crash"
	Terminal     Class = "terminal"
	Config       Class = "config and keys"
	Oracle       Class = "oracle"
)

// A Peer is one hostile end of one connection about one room. It is called from one goroutine at a time.
type Peer interface {
	// Receive takes a whole message of the victim. It does not keep msg.
	Receive(now time.Time, msg []byte)
	// Next returns the next message for the victim, false if there is none now. The caller does not change it.
	Next(now time.Time) ([]byte, bool)
	// Deadline is when Next may have something although nothing arrives; zero if never.
	Deadline() time.Time
}

// A Room is what the attackers of one room know together: they collude. Its methods are in room.go. It is used by one goroutine at
// a time, and so are the peers that are made in it.
type Room struct {
	Charter crdt.Charter
	Rand    *rand.Rand // all randomness: the same seed makes the same attack
	Now     time.Time  // when the attack began

	secret  [32]byte // that all keys are made of; drawn from Rand when first asked for
	secrets bool
}

// Want is what has to come of an attack at every honest victim, besides the epilogue that all attacks share: the victim lives,
// its memory and disk stay within bounds, then an honest edit travels end to end and all honest digests are equal, also after a restart.
type Want struct {
	// Refused are the codes (transport.Code) under which the victim counts refused packs of the attacker's connections, or ends
	// them for the attacker's fault (bad-sync, over-window, slow-reader, …): each at least once, and no other.
	Refused []string
	// Closed says that the victim closes an attacker's connection: the one that was refused something.
	Closed bool
	// Accepted is how many changes of the attackers every honest replica ends up with.
	Accepted int
	// Forks is how many authors every honest replica can prove to be forked.
	Forks int
	// Void says that nothing of it is seen in the document: every op of the attackers is void.
	Void bool
	// Withholds says that a victim, which a real process is, says that the attacker no longer shows what it said to have stored.
	Withholds bool
	// Pending says that changes may wait at the end; they count as neither accepted nor refused.
	Pending bool
}

// An Attack is one concrete attack over the protocol.
type Attack struct {
	Class Class
	Name  string // unique: "codec/trailing-bytes"
	What  string // what is tried, in a line
	// Kind is the kind of room in which it bites; zero: any. What has to come of it is the same in all.
	Kind crdt.Kind
	// Charter founds the room that it needs, in which these honest authors write; nil: any open room of that kind.
	Charter func(rm *Room, honest []crdt.Author) crdt.Charter
	// Spread says that the connections go to different victims in turn, where there are several; else all go to one victim.
	Spread bool
	// Peers makes the attackers' connections. Called again with the same Room it makes further connections of the same attackers,
	// for another victim: they say the same changes, in another order where order is free. Some need that somebody honest has
	// written before.
	Peers func(*Room) []Peer
	Want  Want
	// Slow says that it waits for a timeout of the victim of ten seconds or more: on a real clock it takes that long.
	Slow bool
}
