package crdt

import (
	"fmt"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// A Fork is two authentic changes of one author after the same change: proof
// that the author told different people different things. It stops nobody, and
// both branches stay in the log.
type Fork struct {
	Author Author
	Prev   ChangeID // zero if the author began twice
	A, B   ChangeID // A was accepted here first; other replicas may say B, A
}

func newFork(l *log, author uint32, prev, a, b int32) Fork {
	f := Fork{Author: l.keys[author], A: l.id(a), B: l.id(b)}
	if prev != none {
		f.Prev = l.id(prev)
	}
	return f
}

// holds reports whether f is the fork of changes a and b.
func (l *log) holds(f Fork, a, b int32) bool {
	x, y := l.at(a), l.at(b)
	return a != b && l.author(a) == l.author(b) && x.prev == y.prev && newFork(l, l.author(a), x.prev, a, b) == f
}

// Evidence encodes a fork so that [CheckEvidence] convinces a third party
// without this log: for each branch the payload hashes from the fork to the next
// signature, and that signature. The error is [ErrNoTarget] if f is no fork
// that this replica holds.
func (r *Replica) Evidence(f Fork) ([]byte, error) {
	a, okA := r.log.find(f.A)
	b, okB := r.log.find(f.B)
	if !okA || !okB || !r.log.holds(f, a, b) {
		return nil, fmt.Errorf("%w: fork %v, %v", ErrNoTarget, f.A, f.B)
	}
	prev := f.Prev
	if (prev == ChangeID{}) {
		prev = ChangeID(r.room)
	}
	dst := dcbor.AppendArray(nil, 8)
	dst = dcbor.AppendText(dst, labelEvidence)
	dst = dcbor.AppendBytes(dst, r.room[:])
	dst = dcbor.AppendBytes(dst, f.Author[:])
	dst = dcbor.AppendBytes(dst, prev[:])
	for _, i := range []int32{a, b} {
		var hashes []byte
		n := 0
		for ; ; i = r.log.child(i) {
			h := payloadHash(r.log.payload(i))
			hashes = dcbor.AppendBytes(hashes, h[:])
			n++
			if sig, ok := r.log.sigs[i]; ok {
				dst = append(dcbor.AppendArray(dst, n), hashes...)
				dst = dcbor.AppendBytes(dst, sig[:])
				break
			}
		}
	}
	return dst, nil
}

// Evidence is what [ParseEvidence] found proved.
type Evidence struct {
	Room RoomID
	Fork Fork
	// Hashes are the SHA-256 of the payloads of Fork.A and Fork.B: who has a payload
	// can show what was signed, see [ReadPayload].
	Hashes [2][32]byte
}

// CheckEvidence checks what [Replica.Evidence] wrote, trusting nobody: it
// recomputes the ids of both branches and verifies both signatures. It returns
// the room and the fork, or an error that wraps [ErrEvidence] and says what is
// wrong.
func CheckEvidence(b []byte) (RoomID, Fork, error) {
	e, err := ParseEvidence(b)
	return e.Room, e.Fork, err
}

// ParseEvidence is [CheckEvidence] that also returns by which hashes the content
// of both changes can be told. The error wraps [ErrEvidence].
func ParseEvidence(b []byte) (Evidence, error) {
	var e Evidence
	bad := func(err error) (Evidence, error) {
		return Evidence{}, fmt.Errorf("%w: %w", ErrEvidence, err)
	}
	if len(b) > MaxPackBytes {
		return bad(overLimit("bytes", MaxPackBytes, len(b)))
	}
	r := dcbor.NewReader(b)
	r.ArrayN(8)
	if label := r.Text(); r.Err() == nil && label != labelEvidence {
		return bad(fmt.Errorf("label %q, want %q", label, labelEvidence))
	}
	e.Room = r.Bytes32()
	key := r.BytesN(32)
	prev := ChangeID(r.Bytes32())
	if r.Err() != nil {
		return bad(r.Err())
	}
	author, err := ParseAuthor(key)
	if err != nil {
		return bad(err)
	}
	prefix := newChainPrefix(e.Room, author)
	var first [2]ChangeID
	for k := range first {
		id := prev
		n := r.Array()
		if r.Err() == nil && (n == 0 || n > MaxPackChanges) {
			return bad(fmt.Errorf("a branch of %d changes", n))
		}
		for j := range n {
			hash := r.Bytes32()
			id = prefix.id(id, hash)
			if j == 0 {
				first[k], e.Hashes[k] = id, hash
			}
		}
		sig := r.BytesN(64)
		if r.Err() != nil {
			return bad(r.Err())
		}
		if !verify(e.Room, author, id, sig) {
			return bad(ErrBadSignature)
		}
	}
	if err := r.Done(); err != nil {
		return bad(err)
	}
	if first[0] == first[1] {
		return bad(fmt.Errorf("both branches begin with %v", first[0]))
	}
	e.Fork = Fork{Author: author, A: first[0], B: first[1]}
	if prev != ChangeID(e.Room) {
		e.Fork.Prev = prev
	}
	return e, nil
}

// Payload is what the bytes of one change say, read by themselves: whether it had
// an effect in a room nobody can tell from them.
type Payload struct {
	Hash    [32]byte      // SHA-256 of the bytes: what ids and evidence commit to
	Time    int64         // Unix seconds, the author's claim
	Links   Links         // aliases the bytes
	Appends []Literal     // to the feed, in order; they alias the bytes
	Things  []uint32      // of Appends: the number of each among what the change makes
	Marks   []PayloadMark // in order
	Others  int           // well-formed ops that append nothing to the feed, marks included
	Void    bool          // the ops do not decode: void as a whole
}

// A PayloadMark is a mark as a change writes it; not one of what the change itself has
// yet to make, which is void.
type PayloadMark struct {
	Target  Reference
	Literal Literal // aliases the bytes
}

// A Reference is a name as a change writes it (docs/protocol.md §5): of thing Index of
// the change itself if K is 0, of the change K before it on its chain if K is above 0,
// or of the change D before its link -1-K. If it is Fixed, Index is what the kind of the
// room fixes.
type Reference struct {
	Fixed bool
	K     int64
	Index int64
	D     int64
}

// ReadPayload reads the payload of one change of a room, after prev (zero: the
// first of its chain). Whether it belongs to a change its Hash tells. The errors
// are those that refuse an envelope: [ErrMalformed], [ErrOverLimit],
// [ErrBadLinks], [ErrEmptyOps].
func ReadPayload(payload []byte, room RoomID, prev ChangeID) (Payload, error) {
	if prev == (ChangeID{}) {
		prev = ChangeID(room)
	}
	e, err := parseEnvelope(payload, room, prev)
	if err != nil {
		return Payload{}, err
	}
	p := Payload{Hash: payloadHash(payload), Time: e.time, Links: e.links}
	if p.Void = !decodes(e.ops); p.Void {
		return p, nil
	}
	eachOp(e.ops, func(o *op, _, made int) {
		switch {
		case o.appends():
			p.Appends, p.Things = append(p.Appends, o.literal), append(p.Things, uint32(made))
			return
		case o.code == opMark && (o.target.fixed || o.target.k != 0 || o.target.i < int64(made)):
			p.Marks = append(p.Marks, PayloadMark{Reference{o.target.fixed, o.target.k, o.target.i, o.target.d}, o.literal})
		}
		p.Others++
	})
	return p, nil
}
