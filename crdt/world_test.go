package crdt_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
)

// dice throws what a seed says that rapid drew. Every step of a program draws a
// seed of its own, so that a failing program shrinks by whole steps.
type dice struct {
	t   *rapid.T
	rng *rand.Rand
}

func throw(t *rapid.T) dice {
	d := dice{t: t, rng: rand.New(rand.NewPCG(0, 0))}
	d.step()
	return d
}

// step draws the next seed.
func (d dice) step() { *d.rng = *rand.New(rand.NewPCG(rapid.Uint64().Draw(d.t, "step"), 7)) }

// n is in [0, k).
func (d dice) n(k int) int { return d.rng.IntN(k) }

// chance is true in percent of 100 throws.
func (d dice) chance(percent int) bool { return d.rng.IntN(100) < percent }

func pick[T any](d dice, from []T) T { return from[d.n(len(from))] }

// shuffled is a permutation of from.
func shuffled[T any](d dice, from []T) []T {
	out := slices.Clone(from)
	for i := len(out) - 1; i > 0; i-- {
		j := d.n(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// testKey is the key of test author number n.
func testKey(n int) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(fmt.Sprintf("tallystick test author %d", n)))
	return ed25519.NewKeyFromSeed(seed[:])
}

func authorOf(key ed25519.PrivateKey) hash32 { return hash32(key.Public().(ed25519.PublicKey)) }

var emptyParams = crdt.Literal{0xa0}

func roomOf(kind crdt.Kind) crdt.Charter {
	return crdt.Charter{Name: "test", Kind: kind, Params: emptyParams}
}

// A world is a room in which a random program of honest and hostile authors
// runs. It knows everything that was ever made.
type world struct {
	dice
	charter crdt.Charter
	room    hash32
	keys    []ed25519.PrivateKey
	honest  []*honest
	ref     *refLog // all changes that could be accepted
	packs   []refPack
	seq     bool            // hand-made ops are mostly on lists and texts
	good    map[string]bool // verdicts on signatures, by what was signed and how
}

// An honest author writes through a Writer in a replica of its own.
type honest struct {
	replica *crdt.Replica
	writer  *crdt.Writer
	sent    int
}

func newWorld(t *rapid.T, charter crdt.Charter, honestAuthors, hostile int) *world {
	w := &world{
		dice: throw(t), charter: charter, room: hash32(charter.ID()), good: map[string]bool{},
		ref: newRefLog(hash32(charter.ID()), string(charter.Kind)),
	}
	for i := range honestAuthors + hostile {
		w.keys = append(w.keys, testKey(i))
	}
	for i := range honestAuthors {
		r := newReplica(t, charter)
		writer, err := r.Writer(w.keys[i])
		if err != nil {
			t.Fatal(err)
		}
		w.honest = append(w.honest, &honest{replica: r, writer: writer})
	}
	return w
}

func newReplica(t interface{ Fatal(...any) }, c crdt.Charter) *crdt.Replica {
	r, err := crdt.NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// run plays steps random steps.
func (w *world) run(steps int) {
	for range steps {
		w.step()
		switch w.n(10) {
		case 0, 1, 2, 3:
			if len(w.honest) > 0 {
				w.edit(pick(w.dice, w.honest))
			}
		case 4, 5:
			if len(w.honest) > 0 && len(w.packs) > 0 {
				w.hear(pick(w.dice, w.honest))
			}
		default:
			w.hostileStep()
		}
	}
	for _, h := range w.honest {
		w.send(h)
	}
}

// edit makes a change through the Tx, and sometimes sends what gathered.
func (w *world) edit(h *honest) {
	voids := w.ref.doc.voids
	id, err := h.writer.Change(int64(w.n(1<<20)), func(tx *crdt.Tx) error {
		for range 1 + w.n(4) {
			if err := w.txOp(h.replica, tx); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, crdt.ErrOwnFork), errors.Is(err, crdt.ErrEmptyChange), errors.Is(err, crdt.ErrBadIndex):
	case err != nil:
		w.t.Fatalf("honest change: %v", err)
	default:
		i, _ := h.replica.Index(id)
		w.know(w.rawOf(h.replica.At(i)))
		if w.ref.doc.voids != voids {
			w.t.Fatalf("change %v made through a Tx has void ops: %x", id, h.replica.At(i).Payload)
		}
	}
	w.check(h.replica)
	if w.chance(60) {
		w.send(h)
	}
}

func (w *world) rawOf(c crdt.Change) rawChange {
	raw := rawChange{hash32(c.Author), hash32(c.Prev), c.Payload}
	if c.Prev == (crdt.ChangeID{}) {
		raw.prev = w.room
	}
	return raw
}

// know adds a change to the reference.
func (w *world) know(raw rawChange) *refChange {
	if c := w.ref.changes[refID(w.room, raw)]; c != nil {
		return c
	}
	e, code := refEnvelope(w.room, raw)
	if code != "" {
		w.t.Fatalf("the reference refuses %x: %s", raw.payload, code)
	}
	return w.ref.add(e)
}

// send signs and publishes what an honest author's replica holds from where it
// last sent.
func (w *world) send(h *honest) {
	h.writer.Sign()
	to := pick(w.dice, w.honest)
	for h.sent < h.replica.Signed() {
		frame, next := h.replica.PackFrom(h.sent, func(i int) bool {
			at, has := to.replica.Index(h.replica.ID(i))
			return has && to != h && at < to.sent
		})
		h.sent = next
		if frame != nil {
			w.packs = append(w.packs, parseRefPack(w.t, frame))
		}
	}
}

// hear gives an honest author a pack.
func (w *world) hear(h *honest) {
	h.writer.Sign()
	deliver(w.t, h.replica, pick(w.dice, w.packs).frame(), 1)
	w.check(h.replica)
}

func (w *world) check(r *crdt.Replica) { checkReplica(w.t, r) }

func checkReplica(t interface {
	Helper()
	Fatalf(string, ...any)
}, r *crdt.Replica,
) {
	t.Helper()
	if err := r.CheckInvariants(); err != nil {
		t.Fatalf("invariant: %v", err)
	}
}

// sortedChanges are the ids of all changes of an author.
func (w *world) chainOf(a hash32) []hash32 {
	return slices.DeleteFunc(w.ref.ids(), func(id hash32) bool { return w.ref.changes[id].author != a })
}

// hostileStep writes one to three raw changes on one chain, anywhere on it, and
// sends them as one run.
func (w *world) hostileStep() {
	key := w.keys[len(w.honest)+w.n(len(w.keys)-len(w.honest))]
	if w.chance(5) {
		key = pick(w.dice, w.keys) // an honest author's second device
	}
	r := refRun{author: authorOf(key), prev: w.room}
	if chain := w.chainOf(r.author); len(chain) > 0 && !w.chance(8) {
		if r.prev = pick(w.dice, chain); w.chance(70) {
			for at, c := 0, chain; at < len(c); at++ { // go to a tip
				if w.ref.changes[c[at]].prev == r.prev {
					r.prev, at = c[at], -1
				}
			}
		}
	}
	prev := r.prev
	for range 1 + w.n(3) {
		raw := w.rawChange(r.author, prev)
		if w.ref.changes[refID(w.room, raw)] != nil {
			continue
		}
		r.payloads = append(r.payloads, raw.payload)
		prev = w.know(raw).id
	}
	if len(r.payloads) > 0 {
		w.sign(&r)
		w.packs = append(w.packs, refPack{r})
	}
}

// rawChange is a change with a sound envelope, made by hand.
func (w *world) rawChange(author, prev hash32) rawChange {
	links := w.links(prev)
	ops := w.rawOps(author, prev, links)
	return rawChange{author, prev, refPayload(int64(w.n(1<<20)), links, ops)}
}

func refPayload(time int64, links []hash32, ops []byte) []byte {
	items := []any{}
	for _, l := range links {
		items = append(items, l[:])
	}
	return refEncode([]any{time, items, ops})
}

// links are mostly the heads, sometimes anything.
func (w *world) links(prev hash32) []hash32 {
	from := w.ref.heads()
	if w.chance(30) {
		from = w.ref.ids()
	}
	var links []hash32
	for _, id := range from {
		if id != prev && len(links) < 6 && w.chance(60) {
			links = append(links, id)
		}
	}
	return links
}

func (w *world) sign(r *refRun) {
	for _, key := range w.keys {
		if authorOf(key) == r.author {
			r.sig = ed25519.Sign(key, refSigned(w.room, r.last(w.room)))
			return
		}
	}
	panic("no key of that author")
}

// judged is the verdict on author and signature.
func (w *world) judged(r refRun) bool {
	if w.charter.Closed() && !slices.Contains(w.charter.Writers, crdt.Author(r.author)) {
		return false
	}
	last := r.last(w.room)
	key := string(last[:]) + string(r.author[:]) + string(r.sig)
	good, known := w.good[key]
	if !known {
		good = ed25519.Verify(r.author[:], refSigned(w.room, last), r.sig)
		w.good[key] = good
	}
	return good
}

// segment is a run of one to max changes that ends with id, signed anew.
func (w *world) segment(id hash32, maxLen int) refRun {
	c := w.ref.changes[id]
	r := refRun{author: c.author}
	for n := 1 + w.n(maxLen); n > 0 && c != nil; n-- {
		r.payloads = slices.Insert(r.payloads, 0, c.payload)
		r.prev = c.prev
		c = w.ref.changes[c.prev]
	}
	w.sign(&r)
	return r
}

// repack adds n packs of random segments of random chains, which mostly do not
// overlap.
func (w *world) repack(n int) {
	ids := w.ref.ids()
	for range n {
		if len(ids) == 0 {
			return
		}
		var p refPack
		in := map[hash32]bool{}
		for range 1 + w.n(4) {
			r := w.segment(pick(w.dice, ids), 6)
			twice := false
			for _, raw := range r.raws(w.room) {
				twice = twice || in[refID(w.room, raw)]
			}
			if twice && !w.chance(5) {
				continue
			}
			for _, raw := range r.raws(w.room) {
				in[refID(w.room, raw)] = true
			}
			p = append(p, r)
		}
		if len(p) > 0 {
			w.packs = append(w.packs, p)
		}
	}
}

func parseRefPack(t interface{ Fatalf(string, ...any) }, frame []byte) refPack {
	tree, ok := refDecode(frame, 100)
	if !ok {
		t.Fatalf("a pack that the reference cannot read: %x", frame)
	}
	var p refPack
	for _, item := range tree.([]any) {
		f := item.([]any)
		r := refRun{author: hash32(f[0].([]byte)), prev: hash32(f[1].([]byte)), sig: f[3].([]byte)}
		for _, payload := range f[2].([]any) {
			r.payloads = append(r.payloads, payload.([]byte))
		}
		p = append(p, r)
	}
	return p
}

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
