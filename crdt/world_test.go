package crdt_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
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
	if w.charter.Kind == crdt.JSON && len(w.ref.changes) == 0 && steps > 0 && w.chance(70) {
		w.scene()
	}
	for range steps {
		w.step()
		typing := w.charter.Kind == crdt.JSON && w.chance(40)
		switch w.n(10) {
		case 0, 1, 2, 3:
			if h := pick(w.dice, w.honest); typing {
				w.session(h)
			} else {
				w.edit(h)
			}
		case 4, 5:
			for range 1 + w.n(3) {
				if len(w.packs) > 0 {
					w.hear(pick(w.dice, w.honest))
				}
			}
		default:
			if typing {
				w.hostileSession()
			} else {
				w.hostileStep()
			}
		}
	}
	for _, h := range w.honest {
		w.send(h)
	}
}

// scene is a document with something of each kind, which all honest authors know.
func (w *world) scene() {
	w.change(w.honest[0], func(tx *crdt.Tx) error {
		text, err := tx.Make(crdt.Root, "text", crdt.TextObject)
		if err != nil {
			return err
		}
		if _, err := tx.InsertText(text, 0, "the text in which everybody types"); err != nil {
			return err
		}
		for i, key := range []string{"map", "list", "", "register", "counter"} {
			if key != "" {
				if _, err := tx.Make(crdt.Root, key, crdt.ObjectKind(i)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	w.send(w.honest[0])
	for _, h := range w.honest[1:] {
		w.give(h, w.packs[len(w.packs)-1])
	}
}

// edit makes a change of random ops through the Tx, and sometimes sends what gathered.
func (w *world) edit(h *honest) {
	w.change(h, func(tx *crdt.Tx) error {
		for range 1 + w.n(4) {
			if err := w.txOp(h.replica, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if w.chance(60) {
		w.send(h)
	}
}

// change makes a change through the Tx: none of its ops may be void.
func (w *world) change(h *honest, edit func(tx *crdt.Tx) error) {
	voids := w.ref.doc.voids
	id, err := h.writer.Change(int64(w.n(1<<20)), edit)
	switch {
	case errors.Is(err, crdt.ErrOwnFork), errors.Is(err, crdt.ErrEmptyChange), errors.Is(err, crdt.ErrBadIndex), errors.Is(err, crdt.ErrOverLimit):
	case err != nil:
		w.t.Fatalf("honest change: %v", err)
	default:
		i, _ := h.replica.Index(id)
		w.know(rawOf(h.replica, i))
		if w.ref.doc.voids != voids {
			w.t.Fatalf("change %v made through a Tx has void ops: %x", id, h.replica.At(i).Payload)
		}
	}
	w.check(h.replica)
}

// rawOf is the change at log index i as it stands in a run.
func rawOf(r *crdt.Replica, i int) rawChange {
	c := r.At(i)
	raw := rawChange{hash32(c.Author), hash32(c.Prev), c.Payload}
	if c.Prev == (crdt.ChangeID{}) {
		raw.prev = hash32(r.Room())
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

// replayed is the reference of what r holds, in r's order.
func replayed(t interface{ Fatalf(string, ...any) }, r *crdt.Replica) *refLog {
	ref := newRefLog(hash32(r.Room()), string(r.Charter().Kind))
	for i := range r.Len() {
		e, code := refEnvelope(ref.room, rawOf(r, i))
		if code != "" {
			t.Fatalf("accepted what is %s", code)
		}
		ref.add(e)
	}
	return ref
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
	w.give(h, pick(w.dice, w.packs))
}

func (w *world) give(h *honest, p refPack) {
	h.writer.Sign()
	deliver(w.t, h.replica, p.frame(), 1)
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

// hostileRun is the beginning of a run of a hostile author: after a tip mostly, or
// anywhere on its chain, which forks it.
func (w *world) hostileRun() refRun {
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
	return r
}

// tail is the last change of r, or what it begins after.
func (w *world) tail(r refRun) hash32 {
	if len(r.payloads) == 0 {
		return r.prev
	}
	return r.last(w.room)
}

// hostileStep writes one to three raw changes on one chain, anywhere on it, and
// sends them as one run.
func (w *world) hostileStep() {
	r := w.hostileRun()
	for range 1 + w.n(3) {
		raw := w.rawChange(r.author, w.tail(r))
		if w.ref.changes[refID(w.room, raw)] == nil {
			r.payloads = append(r.payloads, raw.payload)
			w.know(raw)
		}
	}
	w.publish(r)
}

// publish sends a run, if there is anything in it.
func (w *world) publish(r refRun) {
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
