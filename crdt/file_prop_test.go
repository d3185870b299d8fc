package crdt_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
)

// A file makes the replica that it was saved from: the same log at the same
// indexes, the same document, the same packs byte by byte; and is saved again as
// the same bytes.
func TestFileRestores(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *rapid.T, kind crdt.Kind) {
		r := anyReplica(t, kind)
		saved := r.Save(nil)
		loaded, err := crdt.LoadFile(saved)
		if err != nil {
			t.Fatalf("load: %v", err)
		}
		restores(t, loaded, r)
		if again := loaded.Save([]byte("x"))[1:]; !bytes.Equal(again, saved) {
			t.Fatalf("saved again as other bytes: %d, then %d", len(saved), len(again))
		}
		head, err := crdt.ReadFileHead(saved)
		if err != nil || head.Charter.ID() != r.Room() || head.Changes != r.Signed() {
			t.Fatalf("head %+v, %v", head, err)
		}
	})
}

// anyReplica holds what came of a random program in a random order.
func anyReplica(t *rapid.T, kind crdt.Kind) *crdt.Replica {
	w := newWorld(t, roomOf(kind), 2, 2)
	w.seq = w.chance(50)
	w.run(rapid.IntRange(0, 30).Draw(t, "steps"))
	w.repack(w.n(6))
	return w.receiveAll(w.packs)
}

func restores(t interface {
	Helper()
	Fatalf(string, ...any)
}, got, want *crdt.Replica,
) {
	t.Helper()
	checkReplica(t, got)
	if got.Len() != want.Signed() {
		t.Fatalf("%d changes, want %d", got.Len(), want.Signed())
	}
	for i := range got.Len() {
		if got.ID(i) != want.ID(i) || !bytes.Equal(got.At(i).Payload, want.At(i).Payload) {
			t.Fatalf("change %d: %v, want %v", i, got.ID(i), want.ID(i))
		}
	}
	if got.LogDigest() != want.LogDigest() || got.DocDigest() != want.DocDigest() {
		t.Fatalf("other digests")
	}
	if !slices.EqualFunc(exported(got), exported(want), bytes.Equal) {
		t.Fatalf("other packs")
	}
}

// A damaged file is refused with the place of the first bad change, and what lies
// before it is kept; or, where the damage spoils nothing, all of it.
func TestFileDamage(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *rapid.T, kind crdt.Kind) {
		r := anyReplica(t, kind)
		saved := r.Save(nil)
		damaged := bytes.Clone(saved)
		at := rapid.IntRange(0, len(saved)-1).Draw(t, "at")
		if rapid.Bool().Draw(t, "truncate") {
			damaged = damaged[:at]
		} else {
			damaged[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
		keepsPrefix(t, damaged, r)
	})
}

// keepsPrefix checks that a damaged file of r gives an error and a front of r.
func keepsPrefix(t interface {
	Helper()
	Fatalf(string, ...any)
}, damaged []byte, r *crdt.Replica,
) (kept int) {
	t.Helper()
	got, err := crdt.LoadFile(damaged)
	var d *crdt.DamageError
	if !errors.As(err, &d) {
		t.Fatalf("got %v, want a DamageError", err)
	}
	if got == nil {
		if d.Change != 0 {
			t.Fatalf("nothing is kept before change %d", d.Change)
		}
		return 0
	}
	checkReplica(t, got)
	if got.Len() > d.Change || d.Change > r.Signed() {
		t.Fatalf("%d changes are kept, %d were there, and %v", got.Len(), r.Signed(), err)
	}
	for i := range got.Len() {
		if got.ID(i) != r.ID(i) {
			t.Fatalf("change %d is another, and %v", i, err)
		}
	}
	if d.Change < r.Signed() && d.Author != (crdt.Author{}) {
		c := r.At(d.Change)
		if d.Author != c.Author || d.Prev != c.Prev {
			t.Fatalf("%v, but change %d is by %v after %v", err, d.Change, c.Author, c.Prev)
		}
	}
	if err := got.VerifyTips(); err != nil {
		t.Fatalf("what was kept is not proved: %v", err)
	}
	return got.Len()
}
