package crdt_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"

	"github.com/tallystick/tallystick/crdt"
)

// equalsReference compares everything that a replica says with the reference.
func equalsReference(t interface {
	Helper()
	Fatalf(string, ...any)
}, r *crdt.Replica, ref *refLog,
) {
	t.Helper()
	if r.Len() != len(ref.changes) {
		t.Fatalf("got %d changes, want %d", r.Len(), len(ref.changes))
	}
	for i := range r.Len() {
		got := r.At(i)
		want := ref.changes[hash32(got.ID)]
		if want == nil {
			t.Fatalf("change %v is not in the reference", got.ID)
		}
		if int(got.Seq) != want.seq || int(got.Lamport) != want.lamport || got.Time != want.time {
			t.Fatalf("change %v: got seq %d, lamport %d, time %d, want %d, %d, %d", got.ID, got.Seq, got.Lamport, got.Time, want.seq, want.lamport, want.time)
		}
		if got.Links.Len() != len(want.links) {
			t.Fatalf("change %v: got %d links, want %d", got.ID, got.Links.Len(), len(want.links))
		}
		for k := range want.links {
			if hash32(got.Links.At(k)) != want.links[k] {
				t.Fatalf("change %v: link %d is %v", got.ID, k, got.Links.At(k))
			}
		}
		k := 0
		for j := range func(yield func(int) bool) { r.Links(i, yield) } {
			if r.ID(j) != got.Links.At(k) {
				t.Fatalf("change %v: link %d is at %d, which is %v", got.ID, k, j, r.ID(j))
			}
			k++
		}
		if k != got.Links.Len() {
			t.Fatalf("change %v: %d of %d links have a place", got.ID, k, got.Links.Len())
		}
	}
	if got, want := r.LogDigest(), ref.logDigest(); got != want {
		t.Fatalf("log digest: got %x, want %x", got[:4], want[:4])
	}
	if got, want := r.DocDigest(), ref.doc.digest(); got != want {
		t.Fatalf("doc digest: got %x, want %x; state %x", got[:4], want[:4], refEncode(ref.doc.state()))
	}
	forksEqual(t, r, ref)
}

func forksEqual(t interface {
	Helper()
	Fatalf(string, ...any)
}, r *crdt.Replica, ref *refLog,
) {
	t.Helper()
	want := ref.forks()
	for _, f := range r.Forks() {
		at := refFork{hash32(f.Author), hash32(f.Prev)}
		if f.Prev == (crdt.ChangeID{}) {
			at.prev = ref.room
		}
		branches := want[at]
		if f.A == f.B || !slices.Contains(branches, hash32(f.A)) || !slices.Contains(branches, hash32(f.B)) {
			t.Fatalf("fork %v is none, or shown twice", f)
		}
		delete(want, at)
	}
	if len(want) > 0 {
		t.Fatalf("forks not shown: %v", slices.Collect(maps.Keys(want)))
	}
}

// deliver checks a frame and gives it to r as a node would. It returns the code
// of the refusal, "" if accepted, or "pending".
func deliver(t interface {
	Helper()
	Fatalf(string, ...any)
}, r *crdt.Replica, frame []byte, peer uint64,
) string {
	t.Helper()
	known := func(id crdt.ChangeID) bool { _, ok := r.Index(id); return ok }
	p, err := crdt.NewChecker(r.Charter()).Check(bytes.Clone(frame), known)
	if err != nil {
		var refused *crdt.RefusedError
		if !errors.As(err, &refused) || crdt.Code(err) == "" {
			t.Fatalf("untyped refusal %v", err)
		}
		r.Condemn(err)
		return crdt.Code(err)
	}
	out := r.Receive(p, peer, epoch)
	switch {
	case out.Err != nil:
		if crdt.Code(out.Err) == "" {
			t.Fatalf("untyped refusal %v", out.Err)
		}
		return crdt.Code(out.Err)
	case len(out.Missing) > 0:
		return "pending"
	}
	return ""
}
