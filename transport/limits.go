package transport

import (
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// Bounds of the messages, part of protocol version 1: a message beyond one of them is a protocol error.
const (
	Version = 1

	// MaxFrameBytes bounds a websocket message: one MiB of packs and what is around them.
	MaxFrameBytes = crdt.MaxPackBytes + 64<<10
	// MaxControlBytes bounds every message but packs and hello.
	MaxControlBytes = 72 << 10
	// MaxHelloBytes bounds a hello: the charter and what is around it.
	MaxHelloBytes = crdt.MaxCharterBytes + 1<<10

	MaxAgentBytes     = 64
	MaxErrorCodeBytes = 32
	MaxErrorTextBytes = 512
	MaxPresenceBytes  = 1 << 10
	MaxNeedIDs        = 256
	MaxPrefixBytes    = 31
	// MaxRound is the highest round that a peer may open: far from the end of the numbers that can be read.
	MaxRound = 1 << 62
	// MaxBack bounds the ids that a tip names besides its own: 1, 2, 4, … changes before it.
	MaxBack = 32
	// MaxPacksPerMessage bounds the packs of one message; their bytes are bounded by MaxFrameBytes.
	MaxPacksPerMessage = 1024

	// LeafTips is the number of tips up to which a bucket is a leaf: hashed whole, and said by name when it differs.
	LeafTips = 64

	// WindowMessages and WindowBytes bound the packs messages that are sent and not yet credited.
	WindowMessages = 8
	WindowBytes    = 4 << 20
)

// Bounds of what this implementation sends; others may do otherwise within the protocol.
const (
	// tipsChunkBytes is the size at which a statement of tips goes on in a further message.
	tipsChunkBytes = 60 << 10
	// packsMessageBytes is the size at which a packs message is closed: small packs travel together.
	packsMessageBytes = 256 << 10
	// slowestFrame is what the largest message may take on the slowest line that is served, 64 kbit/s.
	slowestFrame = MaxFrameBytes / (8 << 10) * time.Second
	// storedChunkBytes is the size at which a stored message goes on in a further one.
	storedChunkBytes = 48 << 10
)

// Limits are the bounds that a program may set. The zero value of a field means its default.
type Limits struct {
	HelloTimeout time.Duration // from connection to the first hello
	ReadTimeout  time.Duration // without a message, a ping, a pong or 16 KiB of a message: longer than two PingPeriods
	WriteTimeout time.Duration // for one message, or 32 KiB of it: a peer that does not read is closed
	PingPeriod   time.Duration
	DialTimeout  time.Duration // name, TCP, TLS and upgrade together

	BackoffMin time.Duration // before the first dial after a failure, less jitter
	BackoffMax time.Duration

	QueueMessages int // messages that wait for one connection's writer
	QueueBytes    int // bytes that wait for it
	Connections   int // accepted at a time
	RoomsPerConn  int // rooms that one accepted connection may open
	Checkers      int // parts of packs messages that are checked at a time, over all connections; 0: GOMAXPROCS

	RoundTimeout    time.Duration // without an awaited statement of a comparison, or a part of what it may wait behind
	IdleRound       time.Duration // from the last change to the comparison that confirms it
	MaxRoundBackoff time.Duration // between comparisons that bring nothing new
	NeedBackoff     time.Duration // before an id is asked for again at the same peer, doubled each time
	AnswerPeriod    time.Duration // in which one pack answers a need of one peer at most once
	AnswerRate      int           // bytes a second of such answers, a peer
	UselessMessages int           // statements out of place that a peer may make in one round
}

// DefaultLimits returns the limits that a program has if it sets none.
func DefaultLimits() Limits {
	return Limits{
		HelloTimeout: 10 * time.Second,
		ReadTimeout:  60 * time.Second,
		WriteTimeout: 10 * time.Second,
		PingPeriod:   20 * time.Second,
		DialTimeout:  10 * time.Second,

		BackoffMin: 250 * time.Millisecond,
		BackoffMax: 60 * time.Second,

		QueueMessages: 64,
		QueueBytes:    4 << 20,
		Connections:   4096,
		RoomsPerConn:  64,

		RoundTimeout:    30 * time.Second,
		IdleRound:       time.Second,
		MaxRoundBackoff: 5 * time.Minute,
		NeedBackoff:     time.Second,
		AnswerPeriod:    10 * time.Second,
		AnswerRate:      1 << 20,
		UselessMessages: 16,
	}
}

// withDefaults fills in the fields that are zero.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct{ v, d *time.Duration }{
		{&l.HelloTimeout, &d.HelloTimeout},
		{&l.ReadTimeout, &d.ReadTimeout},
		{&l.WriteTimeout, &d.WriteTimeout},
		{&l.PingPeriod, &d.PingPeriod},
		{&l.DialTimeout, &d.DialTimeout},
		{&l.BackoffMin, &d.BackoffMin},
		{&l.BackoffMax, &d.BackoffMax},
		{&l.RoundTimeout, &d.RoundTimeout},
		{&l.IdleRound, &d.IdleRound},
		{&l.MaxRoundBackoff, &d.MaxRoundBackoff},
		{&l.NeedBackoff, &d.NeedBackoff},
		{&l.AnswerPeriod, &d.AnswerPeriod},
	} {
		if *f.v == 0 {
			*f.v = *f.d
		}
	}
	for _, f := range []struct{ v, d *int }{
		{&l.QueueMessages, &d.QueueMessages},
		{&l.QueueBytes, &d.QueueBytes},
		{&l.Connections, &d.Connections},
		{&l.RoomsPerConn, &d.RoomsPerConn},
		{&l.AnswerRate, &d.AnswerRate},
		{&l.UselessMessages, &d.UselessMessages},
	} {
		if *f.v == 0 {
			*f.v = *f.d
		}
	}
	return l
}
