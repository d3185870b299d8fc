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

// CheckEvidence checks what [Replica.Evidence] wrote, trusting nobody: it
// recomputes the ids of both branches and verifies both signatures. It returns
// the room and the fork, or an error that wraps [ErrEvidence] and says what is
// wrong.
func CheckEvidence(b []byte) (RoomID, Fork, error) {
	var room RoomID
	var f Fork
	bad := func(err error) (RoomID, Fork, error) {
		return RoomID{}, Fork{}, fmt.Errorf("%w: %w", ErrEvidence, err)
	}
	if len(b) > MaxPackBytes {
		return bad(overLimit("bytes", MaxPackBytes, len(b)))
	}
	r := dcbor.NewReader(b)
	r.ArrayN(8)
	if label := r.Text(); r.Err() == nil && label != labelEvidence {
		return bad(fmt.Errorf("label %q, want %q", label, labelEvidence))
	}
	room = r.Bytes32()
	key := r.BytesN(32)
	prev := ChangeID(r.Bytes32())
	if r.Err() != nil {
		return bad(r.Err())
	}
	author, err := ParseAuthor(key)
	if err != nil {
		return bad(err)
	}
	prefix := newChainPrefix(room, author)
	var first [2]ChangeID
	for k := range first {
		id := prev
		n := r.Array()
		if r.Err() == nil && (n == 0 || n > MaxPackChanges) {
			return bad(fmt.Errorf("a branch of %d changes", n))
		}
		for j := range n {
			id = prefix.id(id, r.Bytes32())
			if j == 0 {
				first[k] = id
			}
		}
		sig := r.BytesN(64)
		if r.Err() != nil {
			return bad(r.Err())
		}
		if !verify(room, author, id, sig) {
			return bad(ErrBadSignature)
		}
	}
	if err := r.Done(); err != nil {
		return bad(err)
	}
	if first[0] == first[1] {
		return bad(fmt.Errorf("both branches begin with %v", first[0]))
	}
	f = Fork{Author: author, A: first[0], B: first[1]}
	if prev != ChangeID(room) {
		f.Prev = prev
	}
	return room, f, nil
}
