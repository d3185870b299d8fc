package proof

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// KindFork is the proof that an author signed two changes after the same one. Its
// body is
//
//	[charter or null, evidence, payload A or null, payload B or null]
//
// where the id of A is less than that of B. The evidence alone proves; a charter
// must be the room's and a payload must have the hash that was signed.
const KindFork = "fork"

// A Source is where a fork's evidence and content come from: a replica, or the node
// that owns one. All of it is checked by who reads the file.
type Source struct {
	Charter crdt.Charter
	// Evidence encodes a fork, as [crdt.Replica.Evidence] does.
	Evidence func(crdt.Fork) ([]byte, error)
	// Payload is the payload of a change; nil if it is not at hand.
	Payload func(crdt.ChangeID) []byte
}

// OfReplica is the source that reads r. r must not change while it is used.
func OfReplica(r *crdt.Replica) Source {
	return Source{Charter: r.Charter(), Evidence: r.Evidence, Payload: func(id crdt.ChangeID) []byte {
		if i, ok := r.Index(id); ok {
			return r.At(i).Payload
		}
		return nil
	}}
}

// AppendFork appends the proof file of a fork. Which of the two changes was accepted
// first does not show in it: replicas whose runs end alike write the same file.
// The error is that of s.Evidence.
func AppendFork(dst []byte, s Source, f crdt.Fork) ([]byte, error) {
	f = ordered(f)
	evidence, err := s.Evidence(f)
	if err != nil {
		return dst, err
	}
	body := dcbor.AppendArray(nil, 4)
	body = dcbor.AppendBytes(body, s.Charter.Append(nil))
	body = dcbor.AppendBytes(body, evidence)
	for _, id := range []crdt.ChangeID{f.A, f.B} {
		if p := s.Payload(id); p != nil {
			body = dcbor.AppendBytes(body, p)
		} else {
			body = dcbor.AppendNull(body)
		}
	}
	return file{KindFork, kinds[KindFork].version, body}.append(dst), nil
}

// ordered names the change with the lesser id first.
func ordered(f crdt.Fork) crdt.Fork {
	if bytes.Compare(f.A[:], f.B[:]) > 0 {
		f.A, f.B = f.B, f.A
	}
	return f
}

// FileName is what the file of a fork is called, by the day of writing: the same
// for nobody else's key.
func FileName(f crdt.Fork, day string) string {
	f = ordered(f)
	return fmt.Sprintf("fork-%s-%x-%x-%x.proof", day, f.Author[:4], f.A[:4], f.B[:4])
}

// A ForkStatement is what the proof of a fork says.
type ForkStatement struct {
	Fork    crdt.Fork
	Changes [2]ForkChange // A, B
}

// A ForkChange is one of the two changes.
type ForkChange struct {
	ID   crdt.ChangeID
	Hash [32]byte // SHA-256 of its payload
	// Content is what it says; nil if the file holds its hash alone, or if what was
	// signed is no change that a replica accepts (Refused says why).
	Content *crdt.Payload
	Refused error
}

func checkFork(body []byte) (*Statement, error) {
	r := dcbor.NewReader(body)
	r.ArrayN(4)
	charter := optional(&r)
	evidence := r.Bytes()
	payloads := [2][]byte{optional(&r), optional(&r)}
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	e, err := crdt.ParseEvidence(evidence)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	f := &ForkStatement{Fork: e.Fork}
	if f.Fork != ordered(f.Fork) {
		return nil, fmt.Errorf("%w: its changes stand in the wrong order", ErrInvalid)
	}
	s := &Statement{
		RoomID: e.Room, Keys: []crdt.Author{e.Fork.Author}, Fork: f,
		Proved: "the author signed two different changes after the same one, and so told two stories",
		NotProved: []string{
			"who the person behind the key is: compare the key with them",
			"whether it was meant: a copied or stolen key, or a restored backup, does the same",
			"when the changes were made: times are the author's own claims",
			"which of the two came first, and who has seen which",
			"that either entry counts: that follows from the whole room",
		},
	}
	if e.Fork.Prev == (crdt.ChangeID{}) {
		s.Proved = "the author began its chain twice, and so told two stories"
	}
	if charter != nil {
		c, err := crdt.ParseCharter(charter)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		if c.ID() != e.Room {
			return nil, fmt.Errorf("%w: the charter is of room %v, the evidence of room %v", ErrInvalid, c.ID(), e.Room)
		}
		s.Room = &c.Name
	}
	for k, id := range []crdt.ChangeID{e.Fork.A, e.Fork.B} {
		f.Changes[k] = ForkChange{ID: id, Hash: e.Hashes[k]}
		if payloads[k] == nil {
			continue
		}
		if err := f.Changes[k].read(payloads[k], e); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// read takes up what the change says, if those are the bytes that were signed.
func (c *ForkChange) read(payload []byte, e crdt.Evidence) error {
	if sha256.Sum256(payload) != c.Hash {
		return fmt.Errorf("%w: the content given for change %v is not what was signed", ErrInvalid, c.ID)
	}
	p, err := crdt.ReadPayload(payload, e.Room, e.Fork.Prev)
	if err != nil {
		c.Refused = err // the fork is proved all the same
		return nil
	}
	c.Content = &p
	return nil
}

// optional reads a byte string or null.
func optional(r *dcbor.Reader) []byte {
	if r.Kind() == dcbor.KindNull {
		r.Null()
		return nil
	}
	return r.Bytes()
}
