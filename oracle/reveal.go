package oracle

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

const labelReveal = "tallystick reveal v1\x00"

// A Commitment is what an oracle says of a slot while it lasts, in a room with
// commit_reveal: only who knows price and nonce can tell what it will reveal.
type Commitment struct {
	Pair   string   `crdt:"pair"`
	Slot   int64    `crdt:"slot"` // ⌊t/slot_ms⌋ of the attestation that reveals it
	Commit [32]byte `crdt:"commit"`
}

// Commit is the commitment of an author to a price in a slot:
// SHA-256("tallystick reveal v1\0" ‖ room ‖ author ‖ pair ‖ slot ‖ price ‖ nonce), slot
// and price as 8 bytes, most significant first.
func Commit(room crdt.RoomID, author crdt.Author, pair string, slot, price int64, nonce [NonceBytes]byte) Commitment {
	return Commitment{Pair: pair, Slot: slot, Commit: commitHash(room, author, []byte(pair), slot, price, nonce[:])}
}

func commitHash(room crdt.RoomID, author crdt.Author, pair []byte, slot, price int64, nonce []byte) [32]byte {
	b := make([]byte, 0, len(labelReveal)+32+32+MaxPairBytes+16+NonceBytes)
	b = append(b, labelReveal...)
	b = append(b, room[:]...)
	b = append(b, author[:]...)
	b = append(b, pair...)
	b = binary.BigEndian.AppendUint64(b, uint64(slot))
	b = binary.BigEndian.AppendUint64(b, uint64(price))
	return sha256.Sum256(append(b, nonce...))
}

// Encode is c as it lies in a change. The error is the [Reason] for which it would be
// void.
func (c *Commitment) Encode() (crdt.Literal, error) {
	switch {
	case !validPair(c.Pair):
		return nil, VoidPair
	case c.Slot < 0 || c.Slot > MaxTimeMS:
		return nil, VoidTime
	}
	b := dcbor.AppendMap(make([]byte, 0, 96), 3)
	b = dcbor.AppendText(dcbor.AppendText(b, "pair"), c.Pair)
	b = dcbor.AppendInt(dcbor.AppendText(b, "slot"), c.Slot)
	return dcbor.AppendBytes(dcbor.AppendText(b, "commit"), c.Commit[:]), nil
}

// ParseCommitment reads one literal of the feed. The error is the [Reason] that its
// bytes give for its being void; of an attestation it is VoidMalformed.
func ParseCommitment(l crdt.Literal) (Commitment, error) {
	var r record
	if reason := r.decode(l, nil); reason != NotVoid || !r.commitment {
		if reason == NotVoid {
			reason = VoidMalformed
		}
		return Commitment{}, reason
	}
	return Commitment{Pair: string(r.pair), Slot: r.slot, Commit: [32]byte(r.commit)}, nil
}
