package crdt

import "fmt"

// A SignedRun is consecutive changes of one chain and the signature that covers them, with a hash in the place of
// each payload: who has a payload of that hash can show to a third party that its author signed it, without the log.
type SignedRun struct {
	Author    Author
	Prev      ChangeID   // what the first change follows; zero if it begins the chain
	Hashes    [][32]byte // SHA-256 of each payload, in order
	Signature [64]byte   // over the last change
}

// SignedRun is the stretch of one chain from log index from to its descendant to, and on to the next signature. changes
// are its log indexes, one for each hash. The error is [ErrNoTarget] if to is not from or a descendant on its chain, and
// [ErrUnsigned] if no signature covers it yet. O(length of the stretch).
func (r *Replica) SignedRun(from, to int) (run SignedRun, changes []int, err error) {
	l := r.log
	if from < 0 || to < from || to >= int(l.n) {
		return run, nil, fmt.Errorf("%w: changes %d to %d of %d", ErrNoTarget, from, to, l.n)
	}
	back := 0
	for i := int32(to); i != int32(from); i = l.prev(i) {
		if i == none || i < int32(from) {
			return run, nil, fmt.Errorf("%w: change %v is not on the chain of %v", ErrNoTarget, l.id(int32(from)), l.id(int32(to)))
		}
		back++
	}
	changes = make([]int, back+1)
	for i, k := int32(to), back; k >= 0; i, k = l.prev(i), k-1 {
		changes[k] = int(i)
	}
	for i := int32(to); ; {
		if sig, ok := l.sigs[i]; ok {
			run.Signature = sig
			break
		}
		if i = l.child(i); i == none {
			return SignedRun{}, nil, ErrUnsigned
		}
		changes = append(changes, int(i))
	}
	run.Author = l.keys[l.author(int32(from))]
	if p := l.prev(int32(from)); p != none {
		run.Prev = l.id(p)
	}
	run.Hashes = make([][32]byte, len(changes))
	for k, i := range changes {
		run.Hashes[k] = payloadHash(l.payload(int32(i)))
	}
	return run, changes, nil
}

// Check judges the author's key, recomputes the ids of the changes and verifies the signature, trusting nobody. The error
// is [ErrBadAuthor], [ErrBadSignature], or [ErrEmptyChange] for a run without changes. Whether the author may write in the room, and whether the
// changes were accepted, it does not say.
func (s SignedRun) Check(room RoomID) ([]ChangeID, error) {
	if _, err := ParseAuthor(s.Author[:]); err != nil {
		return nil, err
	}
	if len(s.Hashes) == 0 {
		return nil, fmt.Errorf("%w: a run of no changes", ErrEmptyChange)
	}
	id := s.Prev
	if id == (ChangeID{}) {
		id = ChangeID(room)
	}
	prefix := newChainPrefix(room, s.Author)
	ids := make([]ChangeID, len(s.Hashes))
	for k, h := range s.Hashes {
		id = prefix.id(id, h)
		ids[k] = id
	}
	if !verify(room, s.Author, id, s.Signature[:]) {
		return nil, ErrBadSignature
	}
	return ids, nil
}

// LogDigest is the digest of the log with these heads, in any order: that of [Replica.LogDigest].
func LogDigest(room RoomID, heads []ChangeID) [32]byte { return logDigest(room, heads) }
