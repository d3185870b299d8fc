package crdt_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
)

// epoch is when every test happens: nothing here reads a clock.
var epoch = time.Unix(1_700_000_000, 0)

var kinds = []crdt.Kind{crdt.JSON, crdt.Ledger, crdt.Oracle}

// eachKind runs a property in a room of every kind; json rooms, which have every
// op, most often.
func eachKind(t *testing.T, property func(t *rapid.T, kind crdt.Kind)) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) { property(t, kind) })
		})
	}
}

// Whatever the order, the doubling and the cutting in which the packs of a random
// program arrive, a replica ends with the set that the reference says, and says
// of it what the reference says.
func TestConvergence(t *testing.T) {
	t.Parallel()
	did := map[crdt.Kind]*seen{}
	for _, kind := range kinds {
		did[kind] = &seen{n: map[string]int{}}
		did[kind].atLeast(t, floors[kind])
	}
	eachKind(t, func(t *rapid.T, kind crdt.Kind) { converges(t, kind, did[kind]) })
}

// floors are about a sixth of what the programs of TestConvergence do.
var floors = map[crdt.Kind]map[string]int{
	crdt.JSON: {
		"ill-formed": 35, "all ops void": 3, "too deep": 1,
		"op 1": 30, "op 2": 40, "op 3": 200, "op 4": 10, "op 5": 45, "op 6": 130, "op 7": 60, "op 8": 170, "op 9": 120, "op 10": 90,
		"op 1 void": 1, "op 2 void": 5, "op 3 void": 9, "op 4 void": 1, "op 5 void": 12, "op 6 void": 12, "op 7 void": 25, "op 8 void": 30, "op 9 void": 25, "op 10 void": 8,
		"mark again": 1, "mark on a fixed object": 2, "mark on an element": 15, "mark on an object": 2, "mark on the dead": 2,
		"conflict": 20, "conflict in a register": 1, "conflict of three": 2, "replaces several": 3, "replaces the dead": 3, "counter wraps": 25,
		"sibling": 55, "third sibling": 9, "insert at a dead element": 25, "insert at another author's element": 50, "object as an element": 12,
		"typing on from change to change": 160, "long paste": 45, "astral code point": 200,
		"delete again": 20, "delete across changes": 10, "delete across three changes": 4, "delete across changes towards a link": 1, "delete back from a link": 15,
	},
	crdt.Ledger: feedFloors,
	crdt.Oracle: feedFloors,
}

var feedFloors = map[string]int{
	"op 0": 180, "op 0 void": 50, "op 1": 120, "op 1 void": 8, "mark again": 25, "mark on a fixed object": 30, "mark on a value or entry": 60, "ill-formed": 15, "all ops void": 4,
}

// FuzzConvergence is TestConvergence with programs that coverage guides.
func FuzzConvergence(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { converges(t, crdt.JSON, &seen{n: map[string]int{}}) }))
}

func converges(t *rapid.T, kind crdt.Kind, did *seen) {
	charter := roomOf(kind)
	if rapid.IntRange(0, 4).Draw(t, "closed") == 4 { // to all but the last hostile author
		for a := range 3 {
			charter.Writers = append(charter.Writers, crdt.Author(authorOf(testKey(a))))
		}
		slices.SortFunc(charter.Writers, func(a, b crdt.Author) int { return compareHashes(a, b) })
	}
	w := newWorld(t, charter, 2, 2)
	w.seq = w.chance(50)
	w.run(steps(t, kind))
	for _, h := range w.honest { // before they have heard of everything
		equalsReference(t, h.replica, replayed(w.t, h.replica))
	}
	w.repack(w.n(6))
	if w.chance(30) && len(w.packs) > 0 { // withhold one
		i := w.n(len(w.packs))
		w.packs = append(w.packs[:i], w.packs[i+1:]...)
	}
	w.spoil()
	want := newRefLog(w.room, string(kind))
	want.settle(w.packs, w.judged)
	did.add(want.doc)

	first := w.receiveAll(w.packs)
	equalsReference(t, first, want)
	viewEqualsReplica(t, first)

	// What the first replica stored and merged, cut and mixed with the rest.
	packs := w.packs
	for _, frame := range exported(first) {
		packs = append(packs, parseRefPack(t, frame))
	}
	equalsReference(t, w.receiveAll(packs), want)
	equalsReference(t, w.receiveAll([]refPack{}, exported(first)...), want)
	loaded := load(t, w.charter, exported(first))
	equalsReference(t, loaded, want)
	sameLog(t, loaded, first)
	keeps(t, w.charter, first)
}

// steps is how long a program is: a few, to shrink well, or many, so that ops meet.
func steps(t *rapid.T, kind crdt.Kind) int {
	n := rapid.IntRange(0, 30).Draw(t, "steps")
	if kind == crdt.JSON && rapid.Bool().Draw(t, "long") {
		n += 25
	}
	return n
}

// keeps checks that a keeper, which makes no document, has the log of r.
func keeps(t *rapid.T, c crdt.Charter, r *crdt.Replica) {
	keeper, err := crdt.NewKeeper(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, frame := range exported(r) {
		if code := deliver(t, keeper, frame, 1); code != "" {
			t.Fatalf("a keeper finds %s what a replica accepted", code)
		}
		checkReplica(t, keeper)
	}
	if keeper.LogDigest() != r.LogDigest() || len(keeper.Forks()) != len(r.Forks()) || len(exported(keeper)) != len(exported(r)) {
		t.Fatalf("a keeper has another log than a replica")
	}
}

// spoil adds packs that are refused, or wait for one that is.
func (w *world) spoil() {
	for range w.n(4) {
		if len(w.packs) == 0 {
			return
		}
		base := pick(w.dice, w.packs)
		p := make(refPack, len(base))
		copy(p, base)
		r := p[w.n(len(p))]
		switch w.n(5) {
		case 0: // a bad signature, beside a good one
			sig := append([]byte{}, r.sig...)
			sig[w.n(64)] ^= 1 << w.n(8)
			r.sig = sig
			p = append(refPack{r}, p[:w.n(len(p))]...)
		case 1: // a child of what nobody has
			raw := w.rawChange(r.author, r.prev)
			tree, _ := refDecode(raw.payload, 100)
			list := tree.([]any)
			gone := make([]byte, 32)
			gone[0], gone[31] = byte(w.n(256)), 1
			list[1] = []any{gone}
			p = refPack{{author: r.author, prev: r.prev, payloads: [][]byte{refEncode(list)}}}
			w.sign(&p[0])
		case 2: // prev of another author
			author := authorOf(pick(w.dice, w.keys))
			prev := r.last(w.room)
			p = refPack{{author: author, prev: prev, payloads: [][]byte{refPayload(1, nil, refEncode([]any{}))}}}
			w.sign(&p[0])
		case 3: // refused by its envelope, and a child of it
			author := authorOf(pick(w.dice, w.keys))
			bad := refRun{author: author, prev: w.room, payloads: [][]byte{refPayload(int64(w.n(99)), nil, []byte{})}}
			w.sign(&bad)
			child := refRun{author: r.author, prev: r.prev, payloads: [][]byte{refPayload(1, []hash32{bad.last(w.room)}, refEncode([]any{}))}}
			w.sign(&child)
			w.packs = append(w.packs, refPack{child})
			p = refPack{bad}
		case 4: // twice the same
			p = append(p, r)
		}
		w.packs = append(w.packs, p)
	}
}

// receiveAll gives all packs to a new replica in random order, some twice, again
// and again until nothing new comes of it.
func (w *world) receiveAll(packs []refPack, frames ...[]byte) *crdt.Replica {
	for _, p := range packs {
		frames = append(frames, p.frame())
	}
	w.step()
	r := newReplica(w.t, w.charter)
	for range w.n(3) {
		if len(frames) > 0 {
			frames = append(frames, pick(w.dice, frames))
		}
	}
	for rounds := 0; ; rounds++ {
		before := r.Len()
		for _, frame := range shuffled(w.dice, frames) {
			deliver(w.t, r, frame, uint64(w.n(3)))
			w.check(r)
			switch {
			case rounds > 1:
			case w.chance(3):
				r.Expire(epoch.Add(crdt.PendingExpiry))
				w.check(r)
			case w.chance(3):
				r.DropPeer(uint64(w.n(3)))
				w.check(r)
			}
		}
		if r.Len() == before && rounds > 0 {
			return r
		}
		if rounds > 20 {
			w.t.Fatalf("still growing after %d rounds", rounds)
		}
	}
}

// exported is the whole log as it stands in packs.
func exported(r *crdt.Replica) (frames [][]byte) {
	for from := 0; from < r.Signed(); {
		var frame []byte
		frame, from = r.PackFrom(from, nil)
		frames = append(frames, frame)
	}
	return frames
}

func load(t interface {
	Helper()
	Fatalf(string, ...any)
	Fatal(...any)
}, c crdt.Charter, frames [][]byte,
) *crdt.Replica {
	t.Helper()
	r := newReplica(t, c)
	for i, frame := range frames {
		if err := r.Load(frame); err != nil {
			t.Fatalf("load record %d: %v", i, err)
		}
		checkReplica(t, r)
	}
	if err := r.VerifyTips(); err != nil {
		t.Fatalf("verify tips: %v", err)
	}
	return r
}

// sameLog compares what two replicas say of one log that both hold in the same
// packs.
func sameLog(t interface {
	Helper()
	Fatalf(string, ...any)
}, a, b *crdt.Replica,
) {
	t.Helper()
	if a.LogDigest() != b.LogDigest() || a.DocDigest() != b.DocDigest() {
		t.Fatalf("digests differ")
	}
	fa, fb := exported(a), exported(b)
	if len(fa) != len(fb) {
		t.Fatalf("%d packs and %d", len(fa), len(fb))
	}
	for i := range fa {
		if x, y := packIDs(t, hash32(a.Room()), fa[i]), packIDs(t, hash32(b.Room()), fb[i]); !slices.Equal(x, y) {
			t.Fatalf("pack %d: changes %x and %x", i, x, y)
		}
	}
}

// packIDs are the changes of a pack, sorted.
func packIDs(t interface{ Fatalf(string, ...any) }, room hash32, frame []byte) (ids []hash32) {
	for _, r := range parseRefPack(t, frame) {
		for _, raw := range r.raws(room) {
			ids = append(ids, refID(room, raw))
		}
	}
	slices.SortFunc(ids, compareHashes)
	return ids
}

// viewEqualsReplica compares a View with its replica.
func viewEqualsReplica(t interface {
	Helper()
	Fatalf(string, ...any)
}, r *crdt.Replica,
) {
	t.Helper()
	v := r.View()
	if v.LogDigest() != r.LogDigest() || v.DocDigest() != r.DocDigest() {
		t.Fatalf("the view's digests differ from the replica's")
	}
	if v.Changes() != r.Len() || fmt.Sprint(v.Heads()) != fmt.Sprint(r.Heads()) || fmt.Sprint(v.Forks()) != fmt.Sprint(r.Forks()) {
		t.Fatalf("the view has other changes, heads or forks than the replica")
	}
	for i := range r.Len() {
		if a, b := v.ChangeAt(i), r.At(i); a.ID != b.ID || a.Seq != b.Seq || a.Lamport != b.Lamport || a.Prev != b.Prev {
			t.Fatalf("change %d: the view says %v, the replica %v", i, a.ID, b.ID)
		}
	}
	n := 0
	for row := range v.Rows {
		if got := v.Row(n); got.Key != row.Key || string(got.Literal) != string(row.Literal) {
			t.Fatalf("row %d: got %v, want %v", n, got, row)
		}
		if at, ok := v.IndexOf(row.Key); !ok || at != n {
			t.Fatalf("index of row %d: got %d, %v", n, at, ok)
		}
		n++
	}
	if n != v.Len() {
		t.Fatalf("rows: got %d, want %d", n, v.Len())
	}
}
