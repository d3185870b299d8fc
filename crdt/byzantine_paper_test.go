package crdt_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// Kleppmann, "Making CRDTs Byzantine Fault Tolerant" (PaPoC 2022): with changes named by
// the hash of what they say and of what came before, any number of Byzantine authors does
// not keep correct replicas apart. The claims are those of strong eventual consistency
// (§2) and of Byzantine eventual consistency in Kleppmann and Howard, "Byzantine Eventual
// Consistency and the Fundamental Limits of Peer-to-Peer Databases" (2020): self-update,
// eventual update, convergence, causality, authenticity.

// The network: correct replicas in a row, each connected with its neighbours alone, and
// Byzantine authors who fork themselves, tell each replica something else, withhold, alter
// and repeat. No correct replica hears everything from them.
func TestByzantineEventualConsistency(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, roomOf(crdt.JSON), 3, 3)
		w.run(rapid.IntRange(5, 40).Draw(t, "steps"))
		w.spoil()
		for range w.n(20) {
			w.hear(pick(w.dice, w.honest))
		}
		states := map[hash32]hash32{} // doc digest by log digest
		for _, h := range w.honest {
			h.writer.Sign()
			converged(t, states, h.replica)
			causal(t, h.replica)
		}
		heard := map[crdt.ChangeID]bool{} // by any correct replica
		for _, h := range w.honest {
			for i := range h.replica.Len() {
				heard[h.replica.ID(i)] = true
			}
		}
		made := w.made()

		// Neighbours tell each other what they have, until nobody hears anything new.
		for grown := true; grown; {
			grown = false
			for _, i := range shuffled(w.dice, []int{0, 1, 2}) {
				for _, k := range []int{i - 1, i + 1} {
					if k < 0 || k > 2 {
						continue
					}
					from, to := w.honest[i].replica, w.honest[k].replica
					before := to.Len()
					for _, frame := range exported(from) {
						if code := deliver(t, to, frame, uint64(i)); code != "" {
							t.Fatalf("a correct replica finds %s what another accepted", code)
						}
						converged(t, states, to)
					}
					checkReplica(t, to)
					grown = grown || to.Len() > before
				}
			}
		}
		for _, h := range w.honest {
			// Eventual update: what one correct replica had, all have, and what it let wait
			// besides if its parents came.
			if h.replica.LogDigest() != w.honest[0].replica.LogDigest() {
				t.Fatalf("%d changes and %d", h.replica.Len(), w.honest[0].replica.Len())
			}
			for id := range heard {
				if _, ok := h.replica.Index(id); !ok {
					t.Fatalf("%v did not arrive", id)
				}
			}
			causal(t, h.replica)
			// Authenticity: nothing stands under a key that its owner did not sign, however
			// others lie.
			for i := range h.replica.Len() {
				if id := h.replica.ID(i); !made[id] {
					t.Fatalf("%v was made by nobody", id)
				}
			}
			// Equivocation is evidence, the same for all.
			if len(h.replica.Forks()) != len(w.honest[0].replica.Forks()) {
				t.Fatal("forks that only some know of")
			}
			equalsReference(t, h.replica, replayed(t, h.replica))
		}
	})
}

// made is what the reference accepts of all that anybody signed.
func (w *world) made() map[crdt.ChangeID]bool {
	signed := newRefLog(w.room, string(w.charter.Kind))
	signed.settle(w.packs, w.judged)
	all := map[crdt.ChangeID]bool{}
	for id := range signed.changes {
		all[crdt.ChangeID(id)] = true
	}
	return all
}

// converged checks strong convergence: replicas that have the same set of changes have
// the same document, at every moment and without asking anybody.
func converged(t *rapid.T, states map[hash32]hash32, r *crdt.Replica) {
	log, doc := hash32(r.LogDigest()), hash32(r.DocDigest())
	if other, seen := states[log]; seen && other != doc {
		t.Fatal("the same changes, and two documents")
	}
	states[log] = doc
}

// causal checks that nothing was applied before what it names.
func causal(t *rapid.T, r *crdt.Replica) {
	for i := range r.Len() {
		c := r.At(i)
		for k := range c.Links.Len() {
			if at, ok := r.Index(c.Links.At(k)); !ok || at >= i {
				t.Fatalf("change %d was applied before one that it links", i)
			}
		}
		if at, ok := r.Index(c.Prev); c.Seq > 1 && (!ok || at >= i) {
			t.Fatalf("change %d was applied before the one that it follows", i)
		}
	}
}

// Self-update: an author's own change has its effect at once, whatever it waits for and
// whether anybody hears of it.
func TestSelfUpdate(t *testing.T) {
	t.Parallel()
	p := newPeers(t, 1)[0]
	stranger := newMill(t, crdt.JSON)
	lost := stranger.run(5, stranger.room, refPayload(0, []hash32{{1}}, noOps)) // waits for ever
	if code := p.says(refPack{lost}.frame()); code != "pending" {
		t.Fatal(code)
	}
	for i := range 3 {
		if _, err := p.w.Change(0, func(tx *crdt.Tx) error { _, err := tx.Set(crdt.Root, "n", lit(t, i)); return err }); err != nil {
			t.Fatal(err)
		}
		if got := p.Value().(map[string]any)["n"]; got != int64(i) {
			t.Fatalf("got %v, want %d", got, i)
		}
	}
}

// "Unique IDs": who makes two updates under one name, by telling each side something
// else, has made two names. Two changes that differ in anything, even in the time that
// they claim, have two ids, of which no replica takes one for the other, and what names
// the first does not name the second.
func TestEquivocationMakesTwoNames(t *testing.T) {
	t.Parallel()
	m := newMill(t, crdt.JSON)
	p := newPeers(t, 2)
	text := func(time int64) refRun {
		return m.run(4, m.room, refPayload(time, nil, refEncode(ops{ops{3, 0, "t", ops{}, 2}})))
	}
	faces := []refRun{text(1), text(2)}
	ids := []hash32{faces[0].last(m.room), faces[1].last(m.room)}
	if ids[0] == ids[1] {
		t.Fatal("one name for two changes")
	}
	for i, p := range p {
		p.hears(refPack{faces[i]}.frame())
		if _, err := p.Doc().Kind(crdt.Name{Change: crdt.ChangeID(ids[1-i])}); err == nil {
			t.Fatal("the other face is known by the name of this one")
		}
	}
	// A change that builds on one face waits at the replica that has the other.
	next := m.run(4, ids[0], refPayload(3, nil, refEncode(ops{ops{7, ops{1, 0}, "one"}})))
	p[0].hears(refPack{next}.frame())
	p[1].missing(refPack{next}.frame(), crdt.ChangeID(ids[0]))
	p[1].hears(refPack{faces[0]}.frame())
	p[0].hears(refPack{faces[1]}.frame())
	agree(t, p...)
	for _, p := range p {
		held, err := p.Values(crdt.Root, "t")
		if err != nil || len(held) != 2 {
			t.Fatalf("got %v, %v", held, err)
		}
		for _, h := range held {
			text, err := p.Doc().Text(h.Name)
			if want := map[bool]string{true: "one"}[h.Name.Change == crdt.ChangeID(ids[0])]; err != nil || text != want {
				t.Fatalf("%v: got %q, %v, want %q", h.Name, text, err, want)
			}
		}
	}
	if !slices.EqualFunc(p[0].Forks(), p[1].Forks(), func(a, b crdt.Fork) bool { return a.A == b.B && a.B == b.A }) {
		t.Fatalf("forks: %v and %v", p[0].Forks(), p[1].Forks())
	}
}

// "Consistent validity": whether an update is valid depends on it and what it builds on
// alone, so no order makes one replica take what another leaves out. An op that is void
// because its target was not yet made by an ancestor stays void where the target arrived
// first by chance.
func TestValidityDependsOnAncestorsAlone(t *testing.T) {
	t.Parallel()
	m := newMill(t, crdt.JSON)
	target := m.run(3, m.room, refPayload(0, nil, refEncode(ops{ops{3, 0, "c", ops{}, 4}})))
	// It links nothing and so names nothing: as thing 0 of a link that is not there.
	blind := m.run(4, m.room, refPayload(0, nil, refEncode(ops{ops{10, ops{-1, 0}, 100}})))
	seeing := m.run(4, blind.last(m.room), refPayload(1, []hash32{target.last(m.room)}, refEncode(ops{ops{10, ops{-1, 0}, 1}})))
	packs := []refPack{{target}, {blind}, {seeing}}
	ref := newRefLog(m.room, string(crdt.JSON))
	ref.settle(packs, func(refRun) bool { return true })
	for _, order := range permutations(len(packs)) {
		r := newReplica(t, m.charter)
		for _, i := range order {
			deliver(t, r, packs[i].frame(), 1)
			checkReplica(t, r)
		}
		equalsReference(t, r, ref)
		if got := r.Value().(map[string]any)["c"]; got != int64(1) {
			t.Fatalf("order %v: got %v", order, got)
		}
	}
}
