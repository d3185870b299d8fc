package crdt_test

import (
	"crypto/sha256"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// ParseEvidence tells by which hashes the content of both changes can be shown, and
// ReadPayload shows it.
func TestEvidenceAndItsContent(t *testing.T) {
	t.Parallel()
	l := newMill(t, crdt.Ledger)
	r := newReplica(t, l.charter)
	chain, ids := l.chain(0, 3)
	five, three := lit(t, "I owe you 5"), lit(t, "I owe you 3")
	ops := func(said ...crdt.Literal) []byte {
		b := []byte{0x80 | byte(len(said)+1)}
		for _, s := range said {
			b = append(append(b, 0x83, 0, 1), s...)
		}
		return append(b, 0x83, 1, 0, 0xf6) // a mark on the root
	}
	rivals := [][]byte{refPayload(70, nil, ops(five)), refPayload(80, nil, ops(three, five)), refPayload(90, nil, []byte{0xff})}
	code := deliver(t, r, refPack{chain, l.run(0, ids[0], rivals[0]), l.run(0, ids[1], rivals[1], refPayload(81, nil, noOps)), l.run(0, l.room, rivals[2])}.frame(), 1)
	if code != "" {
		t.Fatal(code)
	}
	want := map[[32]byte]crdt.Payload{
		sha256.Sum256(rivals[0]): {Time: 70, Appends: []crdt.Literal{five}, Others: 1},
		sha256.Sum256(rivals[1]): {Time: 80, Appends: []crdt.Literal{three, five}, Others: 1},
		sha256.Sum256(rivals[2]): {Time: 90, Void: true},
	}
	seen := 0
	for _, f := range r.Forks() {
		for _, fork := range []crdt.Fork{f, {Author: f.Author, Prev: f.Prev, A: f.B, B: f.A}} { // whichever is named first
			b, err := r.Evidence(fork)
			if err != nil {
				t.Fatal(err)
			}
			e, err := crdt.ParseEvidence(b)
			if err != nil || e.Fork != fork || e.Room != r.Room() {
				t.Fatalf("got %v, %v, want %v", e, err, fork)
			}
			for k, id := range []crdt.ChangeID{fork.A, fork.B} {
				i, _ := r.Index(id)
				p, err := crdt.ReadPayload(r.At(i).Payload, e.Room, fork.Prev)
				if err != nil || p.Hash != e.Hashes[k] {
					t.Fatalf("change %v: hash %x, proved %x: %v", id, p.Hash, e.Hashes[k], err)
				}
				w, ok := want[p.Hash]
				if !ok {
					continue
				}
				seen++
				if p.Time != w.Time || p.Others != w.Others || p.Void != w.Void || len(p.Appends) != len(w.Appends) {
					t.Errorf("got %+v, want %+v", p, w)
				}
				for j := range w.Appends {
					if string(p.Appends[j]) != string(w.Appends[j]) {
						t.Errorf("literal %d: got %x, want %x", j, p.Appends[j], w.Appends[j])
					}
				}
			}
		}
	}
	if seen != 6 {
		t.Errorf("saw %d rival changes, want 6", seen)
	}
	if _, err := crdt.ReadPayload(refPayload(1, []hash32{l.room}, noOps), crdt.RoomID(l.room), crdt.ChangeID{}); crdt.Code(err) != "bad-links" {
		t.Errorf("a link to the room: %v", err)
	}
}
