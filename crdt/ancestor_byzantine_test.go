package crdt_test

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// The ancestor's tests of Byzantine authors.

// said has a text "list" made by author 0 and a, then b appended by it, each a change;
// run is all of them with one signature.
func said(t *testing.T) (p []*peer, m *mill, run refRun, frames [][]byte) {
	t.Helper()
	p, m = newPeers(t, 2), newMill(t, crdt.JSON)
	first, _ := p[0].do(func(tx *crdt.Tx) error { _, err := tx.Make(crdt.Root, "list", crdt.TextObject); return err })
	frames = append(frames, first)
	for i, c := range []string{"a", "b"} {
		frame, _ := p[0].do(func(tx *crdt.Tx) error { _, err := tx.InsertText(p[0].at("list"), i, c); return err })
		frames = append(frames, frame)
	}
	for _, f := range frames {
		r := parseRefPack(t, f)[0]
		run = refRun{author: r.author, prev: m.room, payloads: append(run.payloads, r.payloads...), sig: r.sig}
	}
	return p, m, run, frames
}

// There: an op with the id of another and other content, or another sequence number, is
// refused since its id is no hash of it. Here neither can be stated: ids and sequence
// numbers are derived from the bytes. What an equivocating author can do is
//   - alter what was signed: refused for the signature, and the author's true bytes
//     are accepted afterwards;
//   - sign two changes after one: two faces, of which each replica got another first.
//     Both are accepted by all, documents are equal, and everybody holds evidence that
//     convinces who has no log.
func TestAncestorEquivocation(t *testing.T) {
	t.Parallel()
	p, m, run, frames := said(t)
	content := slices.Clone(run.payloads)
	if content[2] = bytes.Replace(content[2], []byte{0x61, 'b'}, []byte{0x61, 'c'}, 1); bytes.Equal(content[2], run.payloads[2]) {
		t.Fatal("nothing was altered")
	}
	for _, p := range p {
		p.refuses(refPack{refRun{run.author, run.prev, content, run.sig}}.frame(), crdt.ErrBadSignature)
	}
	for at := range run.payloads[2] { // any other byte of the change
		payloads := slices.Clone(run.payloads)
		payloads[2] = bytes.Clone(payloads[2])
		payloads[2][at] ^= 1
		code := deliver(t, newReplica(t, m.charter), refPack{refRun{run.author, run.prev, payloads, run.sig}}.frame(), 1)
		if !slices.Contains([]string{"bad-signature", "malformed", "empty-ops"}, code) {
			t.Fatalf("byte %d flipped: %q", at, code)
		}
	}
	p[1].hears(frames...)
	p[1].shows(`{"list":"ab"}`)
	agree(t, p...)

	// Two faces. Author 2 tells each of the two something else after one change.
	tip := m.ids(run)[2]
	begun := m.run(2, m.room, refPayload(0, []hash32{tip}, refEncode(ops{ops{2, 0, "owes", ops{}, 5}})))
	prev := begun.last(m.room)
	face := func(n int) refRun {
		return m.run(2, prev, refPayload(1, nil, refEncode(ops{ops{2, 0, "owes", ops{ops{1, 0}}, n}})))
	}
	faces := []refRun{face(50), face(500)}
	for i, p := range p {
		p.hears(refPack{begun}.frame(), refPack{faces[i]}.frame())
		if len(p.Forks()) != 0 {
			t.Fatal("a fork before anybody can know")
		}
	}
	if p[0].DocDigest() == p[1].DocDigest() {
		t.Fatal("the two faces are one")
	}
	for i, p := range p {
		p.hears(refPack{faces[1-i]}.frame())
	}
	agree(t, p...)
	for _, p := range p {
		if held, err := p.Values(crdt.Root, "owes"); err != nil || len(held) != 2 {
			t.Fatalf("both faces stand as a conflict: %v, %v", held, err)
		}
		forks := p.Forks()
		if len(forks) != 1 || hash32(forks[0].Author) != begun.author || hash32(forks[0].Prev) != prev {
			t.Fatalf("forks: %v", forks)
		}
		proof, err := p.Evidence(forks[0])
		if err != nil {
			t.Fatal(err)
		}
		room, fork, err := crdt.CheckEvidence(proof)
		if err != nil || hash32(room) != m.room || fork != forks[0] {
			t.Fatalf("evidence proves %v in %v: %v", fork, room, err)
		}
	}
	// An honest author goes on, and what it writes is accepted by all.
	next, _ := p[0].do(func(tx *crdt.Tx) error { _, err := tx.InsertText(p[0].at("list"), 2, "!"); return err })
	p[1].hears(next)
	agree(t, p...)
}

// There: an op with a sound hash and another's name, signed by one's own key, is refused.
// Here too, for its signature and for nothing else: the same bytes under the true
// author's signature are accepted afterwards, so the forger cannot condemn them.
func TestAncestorForgeUpdate(t *testing.T) {
	t.Parallel()
	p, m, run, frames := said(t)
	tip := run.last(m.room)
	forged := refRun{author: run.author, prev: tip, payloads: [][]byte{refPayload(9, nil, refEncode(ops{ops{8, "forged"}}))}}
	forged.sig = ed25519.Sign(testKey(3), refSigned(m.room, forged.last(m.room)))
	for _, p := range p {
		p.refuses(refPack{forged}.frame(), crdt.ErrBadSignature)
	}
	p[1].hears(frames...)
	for _, p := range p {
		p.refuses(refPack{forged}.frame(), crdt.ErrBadSignature)
		p.shows(`{"list":"ab"}`)
	}
	// Nor is a true signature good for another room, another author, or another change.
	other := m.charter
	other.Name = "another room"
	elsewhere := &mill{t: t, charter: other, room: hash32(other.ID())}
	moved := elsewhere.run(0, tip, forged.payloads...)
	p[1].refuses(refPack{moved}.frame(), crdt.ErrBadSignature)
	moved = refRun{authorOf(testKey(1)), run.prev, run.payloads, run.sig}
	p[1].refuses(refPack{moved}.frame(), crdt.ErrBadSignature)

	forged.sig = m.signature(0, forged.last(m.room))
	for _, p := range p {
		p.hears(refPack{forged}.frame())
		p.shows(`{"list":"abforged"}`)
	}
	agree(t, p...)
}

// There: an op whose path leads nowhere is refused, and one whose path was altered after
// it was signed, too. Here the first is void on every replica alike (void or not depends
// on the change and its ancestors alone), and the second is refused for its signature.
func TestAncestorPathUpdate(t *testing.T) {
	t.Parallel()
	p, m, run, frames := said(t)
	p[1].hears(frames...)
	tip := run.last(m.room)
	doc := p[0].DocDigest()
	lost := m.run(0, tip, refPayload(0, nil, refEncode(ops{
		ops{2, ops{1, 7}, "b", ops{}, true},  // nothing of that number
		ops{2, ops{9, 0}, "b", ops{}, true},  // before the first change
		ops{2, ops{-1, 0}, "b", ops{}, true}, // no such link
		ops{2, ops{1, 0}, "b", ops{}, true},  // an element, no map
		ops{2, 1, "b", ops{}, true},          // nothing fixed here
	})))
	for _, p := range p {
		p.hears(refPack{lost}.frame())
		if p.DocDigest() != doc {
			t.Fatal("a path that leads nowhere leads somewhere")
		}
	}
	agree(t, p...)

	tip = lost.last(m.room)
	signed := m.run(0, tip, refPayload(0, nil, refEncode(ops{ops{2, 0, "x", ops{}, false}})))
	altered := refRun{signed.author, signed.prev, [][]byte{refPayload(0, nil, refEncode(ops{ops{2, 0, "a", ops{}, false}}))}, signed.sig}
	for _, p := range p {
		p.refuses(refPack{altered}.frame(), crdt.ErrBadSignature)
		p.hears(refPack{signed}.frame())
		p.shows(`{"list":"ab","x":false}`)
	}
	agree(t, p...)
}
