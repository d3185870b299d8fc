package crdt_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// Every stretch of every chain proves the ids that the log has, to its next signature; a stretch with any byte changed
// proves none of them.
func TestSignedRun(t *testing.T) {
	t.Parallel()
	r := newReplica(t, roomOf(crdt.Oracle))
	writers := []*crdt.Writer{mustWriter(t, r, 0), mustWriter(t, r, 1)}
	ends := map[int]bool{}
	for i := range 40 {
		w := writers[i/5%2]
		if _, err := w.Change(int64(i), func(tx *crdt.Tx) error {
			_, err := tx.Append(lit(t, fmt.Sprint(i)))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if i%5 == 2 || i%5 == 4 {
			_, to := w.Sign()
			ends[to-1] = true
		}
	}
	if got := crdt.LogDigest(r.Room(), r.Heads()); got != r.LogDigest() {
		t.Errorf("log digest of the heads: %x, want %x", got, r.LogDigest())
	}
	stretches := 0
	for from := range r.Len() {
		for to := range r.Len() {
			run, changes, err := r.SignedRun(from, to)
			if to < from || r.Author(from) != r.Author(to) {
				if !errors.Is(err, crdt.ErrNoTarget) {
					t.Fatalf("%d to %d: %v", from, to, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%d to %d: %v", from, to, err)
			}
			stretches++
			ids, err := run.Check(r.Room())
			if err != nil || len(ids) != len(changes) || changes[0] != from {
				t.Fatalf("%d to %d: %v, changes %v, %d ids", from, to, err, changes, len(ids))
			}
			for k, i := range changes {
				if ids[k] != r.ID(i) || run.Hashes[k] != sha256.Sum256(r.At(i).Payload) {
					t.Fatalf("%d to %d: change %d is not that of the log", from, to, i)
				}
			}
			if last := changes[len(changes)-1]; last < to || !ends[last] { // runs join, so that some ends are none any more
				t.Fatalf("%d to %d: ends at %d", from, to, last)
			}
		}
	}
	if stretches == 0 {
		t.Fatal("no stretch")
	}
	if _, _, err := r.SignedRun(0, r.Len()); !errors.Is(err, crdt.ErrNoTarget) {
		t.Errorf("beyond the log: %v", err)
	}
	run, _, err := r.SignedRun(1, 11)
	if err != nil {
		t.Fatal(err)
	}
	flat := bytes.Join([][]byte{run.Author[:], run.Prev[:], run.Signature[:]}, nil)
	for _, h := range run.Hashes {
		flat = append(flat, h[:]...)
	}
	for at := range flat {
		b := bytes.Clone(flat)
		b[at] ^= 1 << (at % 8)
		s := crdt.SignedRun{Author: crdt.Author(b[:32]), Prev: crdt.ChangeID(b[32:64]), Signature: [64]byte(b[64:128])}
		for k := 128; k < len(b); k += 32 {
			s.Hashes = append(s.Hashes, [32]byte(b[k:k+32]))
		}
		if _, err := s.Check(r.Room()); !errors.Is(err, crdt.ErrBadSignature) && !errors.Is(err, crdt.ErrBadAuthor) {
			t.Fatalf("byte %d flipped: %v", at, err)
		}
	}
	if _, err := run.Check(crdt.RoomID{1}); !errors.Is(err, crdt.ErrBadSignature) {
		t.Errorf("in another room: %v", err)
	}
	if _, err := (crdt.SignedRun{Author: run.Author}).Check(r.Room()); !errors.Is(err, crdt.ErrEmptyChange) {
		t.Errorf("without changes: %v", err)
	}
	w := writers[0]
	if _, err := w.Change(99, func(tx *crdt.Tx) error { _, err := tx.Append(lit(t, "unsigned")); return err }); err != nil {
		t.Fatal(err)
	}
	last := r.Len() - 1
	if _, _, err := r.SignedRun(last, last); !errors.Is(err, crdt.ErrUnsigned) {
		t.Errorf("before it is signed: %v", err)
	}
	w.Sign()
	if _, _, err := r.SignedRun(last, last); err != nil {
		t.Errorf("once it is signed: %v", err)
	}
}
