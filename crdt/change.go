package crdt

import (
	"bytes"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// A Change is what a replica knows of one accepted change. Links and Payload
// alias the replica's log: read only.
type Change struct {
	ID      ChangeID
	Author  Author
	Prev    ChangeID // of the chain's first change: zero
	Seq     uint64   // 1 for the chain's first change; derived, not in the bytes
	Lamport uint64   // 1 + the greatest of its parents'; counts changes; derived
	Time    int64    // Unix seconds, the author's claim
	Links   Links
	Payload []byte
}

// Links are the changes that a change names besides prev, sorted.
type Links struct{ raw []byte }

const linkBytes = 2 + 32 // the head of a 32-byte string, and the id

// Len is the number of links.
func (l Links) Len() int { return len(l.raw) / linkBytes }

// At is link i.
func (l Links) At(i int) ChangeID {
	return ChangeID(l.raw[i*linkBytes+2 : (i+1)*linkBytes])
}

// envelope is a payload read as far as everybody judges it: [time, links, ops].
type envelope struct {
	time  int64
	links Links
	ops   []byte // undecoded
}

// plainOps is where the ops begin in a payload that is encoded as nearly every one
// is: a time of these days, no links, fewer than 256 bytes of ops. What it says of
// those it recognises is what parseEnvelope says; of others it says nothing.
func plainOps(payload []byte) (start int, ok bool) {
	const (
		array3, uint32Head, noLinks = 0x83, 0x1a, 0x80
		opsHead                     = 7 // its place
	)
	if len(payload) <= opsHead+1 || payload[0] != array3 || payload[1] != uint32Head || payload[2]|payload[3] == 0 || payload[6] != noLinks {
		return 0, false
	}
	switch head, n := payload[opsHead], len(payload)-opsHead-1; {
	case head > 0x40 && head < 0x40+24:
		return opsHead + 1, n == int(head-0x40)
	case head == 0x58 && payload[opsHead+1] >= 24:
		return opsHead + 2, n-1 == int(payload[opsHead+1])
	}
	return 0, false
}

// judgeEnvelope is parseEnvelope for a caller that wants no more than its links,
// and the ops.
func judgeEnvelope(payload []byte, room RoomID, prev ChangeID) (ops []byte, links int, err error) {
	if start, ok := plainOps(payload); ok {
		return payload[start:], 0, nil
	}
	e, err := parseEnvelope(payload, room, prev)
	return e.ops, e.links.Len(), err
}

// parseEnvelope reads the payload of a change that follows prev. What it refuses
// depends on these bytes alone.
func parseEnvelope(payload []byte, room RoomID, prev ChangeID) (envelope, error) {
	var e envelope
	if len(payload) > MaxPayloadBytes {
		return e, overLimit("payload bytes", MaxPayloadBytes, len(payload))
	}
	r := dcbor.NewReader(payload)
	r.ArrayN(3)
	e.time = r.Int()
	n := r.Array()
	if n > MaxLinks {
		return e, overLimit("links", MaxLinks, n)
	}
	start := r.Offset()
	for range n {
		r.BytesN(32)
	}
	end := r.Offset()
	e.ops = r.Bytes()
	if err := r.Done(); err != nil {
		return e, malformed(err)
	}
	e.links = Links{payload[start:end:end]}
	var last ChangeID
	for i := range n {
		link := e.links.At(i)
		if i > 0 && bytes.Compare(last[:], link[:]) >= 0 || link == prev || link == ChangeID(room) {
			return e, ErrBadLinks
		}
		last = link
	}
	if len(e.ops) == 0 {
		return e, ErrEmptyOps
	}
	return e, nil
}

// reparse is parseEnvelope for a payload that was accepted before.
func reparse(payload []byte) envelope {
	r := dcbor.NewReader(payload)
	r.Array()
	e := envelope{time: r.Int()}
	n := r.Array()
	start := r.Offset()
	end := start + n*linkBytes
	e.links = Links{payload[start:end:end]}
	r = dcbor.NewReader(payload[end:])
	e.ops = r.Bytes()
	return e
}

// opsOf are the ops of reparse, in less time.
func opsOf(payload []byte) []byte {
	if start, ok := plainOps(payload); ok {
		return payload[start:]
	}
	_, at := headAt(payload, 1) // the time
	links, at := headAt(payload, at)
	_, at = headAt(payload, at+uint32(links)*linkBytes)
	return payload[at:]
}
