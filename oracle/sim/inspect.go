package sim

import (
	"crypto/sha256"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/oracle"
)

// Seen is one change, as the viewer's replica holds it.
type Seen struct {
	ID, Prev     crdt.ChangeID // Prev is zero for the first of a chain
	Links        []crdt.ChangeID
	Author       crdt.Author
	Oracle       int // −1: not of the committee
	Seq, Lamport uint64
	TimeMS       int64 // that it claims
	PayloadHash  [32]byte
	Bytes        int   // of the payload
	SeenMS       int64 // log time of its ancestors; 0: none yet
	Attestations []SeenAttestation
}

// A SeenAttestation is one literal of a change.
type SeenAttestation struct {
	oracle.Attestation                    // zero if it is none
	Commitment         *oracle.Commitment // instead
	Void               oracle.Reason      // NotVoid, or why it has no effect
	Literal            crdt.Literal
}

// Attestation is the change of that id with all that it says; false if the viewer's replica has none.
func (r *Run) Attestation(id crdt.ChangeID) (Seen, bool) {
	p := r.viewer()
	if p == nil {
		return Seen{}, false
	}
	i, ok := p.node.Core().Replica().Index(id)
	if !ok {
		return Seen{}, false
	}
	v := p.viewOf()
	c := v.ChangeAt(i)
	s := Seen{
		ID: c.ID, Prev: c.Prev, Author: c.Author, Oracle: -1, Seq: c.Seq, Lamport: c.Lamport, TimeMS: c.Time * 1000,
		PayloadHash: sha256.Sum256(c.Payload), Bytes: len(c.Payload),
	}
	for k := range c.Links.Len() {
		s.Links = append(s.Links, c.Links.At(k))
	}
	in, known := p.log.Inspect(id)
	if known {
		s.Oracle, s.SeenMS = in.Oracle, in.Seen
	}
	for k, row := range v.RowsOf(i) {
		a := SeenAttestation{Literal: row.Literal}
		if at, err := oracle.ParseAttestation(row.Literal); err == nil {
			a.Attestation = at
		} else if of, err := oracle.ParseCommitment(row.Literal); err == nil {
			a.Commitment = &of
		}
		if k < len(in.Reasons) {
			a.Void = in.Reasons[k]
		}
		s.Attestations = append(s.Attestations, a)
	}
	return s, true
}
