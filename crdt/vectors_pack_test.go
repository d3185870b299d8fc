package crdt_test

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// The generator of testdata/vectors. What it expects comes from the reference,
// and for refusals from docs/protocol.md §4, never from the package.

// maker collects vectors.
type maker struct {
	t   *testing.T
	all []*vector
}

func makeVectors(t *testing.T) []*vector {
	m := &maker{t: t}
	m.charters()
	m.accepted()
	m.pending()
	m.refused()
	m.signatures()
	m.evidence()
	m.documents()
	m.voids()
	slices.SortFunc(m.all, func(a, b *vector) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	return m.all
}

// pack adds a vector of a pack. before are accepted by the reference as far as
// they can be.
func (m *maker) pack(name, comment, expect string, c crdt.Charter, frame []byte, before ...refPack) {
	v := &vector{name: name, comment: comment, fields: []field{{"expect", expect}}}
	v.add("charter", c.Append(nil))
	ref := newRefLog(hash32(c.ID()), string(c.Kind))
	judged := func(r refRun) bool { return ed25519.Verify(r.author[:], refSigned(ref.room, r.last(ref.room)), r.sig) }
	for _, p := range before {
		v.add("before", p.frame())
	}
	ref.settle(before, judged)
	v.add("pack", frame)
	if expect == "accepted" || expect == "pending" {
		p := parseRefPack(m.t, frame)
		var ids []byte
		for _, r := range p {
			for _, raw := range r.raws(ref.room) {
				id := refID(ref.room, raw)
				ids = append(ids, id[:]...)
			}
		}
		v.add("ids", ids)
		trust := func(r refRun) bool { return true } // edge signatures, which crypto/ed25519 does not know
		if got := ref.accept(p, trust); got != (expect == "accepted") {
			m.t.Fatalf("%s: the reference accepts it: %v", name, got)
		}
	}
	log, doc := ref.logDigest(), ref.doc.digest()
	v.add("log-digest", log[:])
	v.add("doc-digest", doc[:])
	if expect == "accepted" {
		v.add("state", refEncode(ref.doc.state()))
	}
	m.all = append(m.all, v)
}

func (m *maker) accepted() {
	l := newMill(m.t, crdt.Ledger)
	chain, ids := l.chain(0, 3)
	other := l.run(1, l.room, refPayload(-1, []hash32{ids[1]}, refEncode([]any{[]any{0, 1, "x"}, []any{1, []any{-1, 0}, "seen"}})))
	m.pack("accepted-chain", "Three changes of one author under one signature.", "accepted", l.charter, refPack{chain}.frame())
	m.pack("accepted-no-ops", "An array of no ops is not of zero length.", "accepted", l.charter, refPack{l.run(0, l.room, refPayload(0, nil, noOps))}.frame())
	m.pack("accepted-children-first", "The runs of a pack may stand in any order: the second holds the parents of the first.", "accepted", l.charter, refPack{other, chain}.frame())
	m.pack("accepted-front-left-out", "A run without the front that the receiver has.", "accepted", l.charter, refPack{l.cut(0, chain, 2, 3)}.frame(), refPack{l.cut(0, chain, 0, 2)})
	m.pack("accepted-front-again", "A run whose front the receiver has already.", "accepted", l.charter, refPack{chain}.frame(), refPack{l.cut(0, chain, 0, 2)})
	m.pack("accepted-known-unverified", "A run whose last change is accepted is dropped before its signature is judged.", "accepted", l.charter,
		refPack{{author: chain.author, prev: chain.prev, payloads: chain.payloads, sig: make([]byte, 64)}, other}.frame(), refPack{chain})
	m.pack("accepted-fork", "Two branches after the first change: both are accepted.", "accepted", l.charter,
		refPack{chain, l.run(0, ids[0], refPayload(7, nil, refEncode([]any{[]any{0, 1, "other"}})))}.frame())
	m.pack("accepted-fork-at-the-beginning", "An author that begins twice, in two packs.", "accepted", l.charter,
		refPack{l.run(0, l.room, refPayload(7, nil, noOps))}.frame(), refPack{chain})
	m.pack("accepted-after-a-bad-signature", "A bad signature condemns nothing but its pack.", "accepted", l.charter, refPack{chain}.frame(),
		refPack{{author: chain.author, prev: chain.prev, payloads: chain.payloads, sig: make([]byte, 64)}})
	closed := l.charter
	closed.Writers = []crdt.Author{crdt.Author(authorOf(testKey(0)))}
	c := &mill{t: m.t, charter: closed, room: hash32(closed.ID())}
	m.pack("accepted-writer", "A writer of a closed room.", "accepted", closed, refPack{c.run(0, c.room, refPayload(0, nil, noOps))}.frame())
	m.pack("not-a-writer", "Everybody else.", "not-a-writer", closed, refPack{c.run(1, c.room, refPayload(0, nil, noOps))}.frame())
	o := newMill(m.t, crdt.Oracle)
	m.pack("accepted-oracle", "The feed of an oracle room.", "accepted", o.charter, refPack{o.run(0, o.room, refPayload(0, nil, refEncode([]any{[]any{0, 1, map[string]any{"v": 1.5}}})))}.frame())
}

func (m *maker) pending() {
	l := newMill(m.t, crdt.Ledger)
	chain, ids := l.chain(0, 3)
	m.pack("pending-prev", "The change before is missing.", "pending", l.charter, refPack{l.cut(0, chain, 1, 3)}.frame())
	m.pack("pending-link", "A link is missing; the rest of the pack waits with it.", "pending", l.charter,
		refPack{l.run(1, l.room, refPayload(0, []hash32{ids[0]}, noOps)), l.run(2, l.room, refPayload(0, nil, noOps))}.frame())
	m.pack("pending-on-a-bad-signature", "A parent under a bad signature alone is missing, not refused.", "pending", l.charter, refPack{l.cut(0, chain, 1, 3)}.frame(),
		refPack{{author: chain.author, prev: chain.prev, payloads: chain.payloads[:1], sig: make([]byte, 64)}})
}

// refusedRun is a run of one payload, soundly signed.
func (m *maker) refusedRun(name, comment, expect string, payload []byte) {
	l := newMill(m.t, crdt.Ledger)
	m.pack(name, comment, expect, l.charter, refPack{l.run(0, l.room, payload)}.frame())
}

func (m *maker) refused() {
	l := newMill(m.t, crdt.Ledger)
	chain, ids := l.chain(0, 2)
	frame := refPack{chain}.frame()
	raw := func(name, comment, expect string, frame []byte) { m.pack(name, comment, expect, l.charter, frame) }
	raw("malformed-no-runs", "A pack without runs.", "malformed", []byte{0x80})
	raw("malformed-not-an-array", "A pack that is a map.", "malformed", []byte{0xa0})
	raw("malformed-nothing", "An array head alone that claims a run.", "malformed", []byte{0x81})
	raw("malformed-trailing-byte", "A byte after the end.", "malformed", append(slices.Clone(frame), 0))
	raw("malformed-cut", "The last byte is missing.", "malformed", frame[:len(frame)-1])
	raw("malformed-long-head", "The head of the pack takes two bytes where one does.", "malformed", append([]byte{0x98, 0x01}, frame[1:]...))
	raw("malformed-indefinite", "An array of indefinite length.", "malformed", append(append([]byte{0x9f}, frame[1:]...), 0xff))
	raw("malformed-no-changes", "A run without changes.", "malformed", refEncode([]any{[]any{chain.author[:], l.room[:], []any{}, chain.sig}}))
	raw("malformed-author-length", "An author of 31 bytes.", "malformed", refEncode([]any{[]any{chain.author[:31], l.room[:], []any{chain.payloads[0]}, chain.sig}}))
	raw("malformed-signature-length", "A signature of 65 bytes.", "malformed", refEncode([]any{[]any{chain.author[:], l.room[:], []any{chain.payloads[0]}, append(slices.Clone(chain.sig), 0)}}))
	raw("malformed-fields", "A run of five fields.", "malformed", refEncode([]any{[]any{chain.author[:], l.room[:], []any{chain.payloads[0]}, chain.sig, 0}}))
	raw("malformed-count", "A count of runs that the bytes cannot hold.", "malformed", append([]byte{0x9a, 0xff, 0xff, 0xff, 0xff}, frame[1:]...))
	raw("over-limit-runs", "257 runs; what follows is not read.", "over-limit", append([]byte{0x99, 0x01, 0x01}, make([]byte, 257)...))
	raw("over-limit-changes", "4097 changes; what follows is not read.", "over-limit",
		slices.Concat([]byte{0x81, 0x84, 0x58, 0x20}, chain.author[:], []byte{0x58, 0x20}, l.room[:], []byte{0x99, 0x10, 0x01}, make([]byte, 4097)))

	m.refusedRun("malformed-envelope-not-an-array", "A payload that is an integer.", "malformed", refEncode(0))
	m.refusedRun("malformed-envelope-fields", "A payload of two fields.", "malformed", refEncode([]any{0, []any{}}))
	m.refusedRun("malformed-time", "A time that is a float.", "malformed", refEncode([]any{1.5, []any{}, noOps}))
	m.refusedRun("malformed-time-range", "A time beyond int64.", "malformed", refEncode([]any{uint64(1) << 63, []any{}, noOps}))
	m.refusedRun("malformed-link-length", "A link of 31 bytes.", "malformed", refEncode([]any{0, []any{make([]byte, 31)}, noOps}))
	m.refusedRun("malformed-ops-type", "Ops that are an array, not its bytes.", "malformed", refEncode([]any{0, []any{}, []any{}}))
	m.refusedRun("malformed-envelope-trailing", "A byte after the payload.", "malformed", append(refPayload(0, nil, noOps), 0))
	m.refusedRun("malformed-envelope-head", "A long head within the payload.", "malformed", []byte{0x83, 0x18, 0x01, 0x80, 0x41, 0x80})
	m.refusedRun("over-limit-links", "1025 links.", "over-limit", refPayload(0, manyLinks(1025), noOps))
	m.refusedRun("bad-links-order", "Links in falling order.", "bad-links", refEncode([]any{0, []any{ids[0][:], make([]byte, 32)}, noOps}))
	m.refusedRun("bad-links-twice", "A link twice.", "bad-links", refEncode([]any{0, []any{ids[0][:], ids[0][:]}, noOps}))
	m.refusedRun("bad-links-room", "The room as a link.", "bad-links", refPayload(0, []hash32{l.room}, noOps))
	raw("bad-links-room-later", "The room as a link of a later change.", "bad-links", refPack{l.run(0, l.room, chain.payloads[0], refPayload(0, []hash32{l.room}, noOps))}.frame())
	m.refusedRun("empty-ops", "Ops of zero length.", "empty-ops", refPayload(0, nil, []byte{}))
	raw("bad-links-prev", "prev as a link.", "bad-links", refPack{l.run(0, l.room, chain.payloads[0], refPayload(0, []hash32{ids[0]}, noOps))}.frame())

	raw("duplicate-change", "A change twice in one pack, under different signatures.", "duplicate-change", refPack{chain, l.cut(0, chain, 0, 1)}.frame())
	m.pack("duplicate-change-known", "Twice, though the receiver has it already.", "duplicate-change", l.charter, refPack{chain, l.cut(0, chain, 0, 1)}.frame(), refPack{chain})
	m.pack("chain-author", "prev is a change of another author.", "chain-author", l.charter, refPack{l.run(1, ids[1], refPayload(0, nil, noOps))}.frame(), refPack{chain})
	raw("chain-author-within", "prev is a change of another author in the same pack.", "chain-author", refPack{chain, l.run(1, ids[1], refPayload(0, nil, noOps))}.frame())
	bad := l.run(1, l.room, refPayload(0, nil, []byte{}), refPayload(1, nil, noOps))
	m.pack("ancestor-refused-link", "A link to a change that was refused for its bytes.", "ancestor-refused", l.charter, refPack{l.run(2, l.room, refPayload(0, []hash32{l.ids(bad)[0]}, noOps))}.frame(), refPack{bad})
	m.pack("ancestor-refused-follows", "A link to a change that follows one in its run.", "ancestor-refused", l.charter, refPack{l.run(2, l.room, refPayload(0, []hash32{l.ids(bad)[1]}, noOps))}.frame(), refPack{bad})
	m.pack("ancestor-refused-prev", "prev was refused for its bytes.", "ancestor-refused", l.charter, refPack{l.run(1, l.ids(bad)[1], refPayload(2, nil, noOps))}.frame(), refPack{bad})
}

func manyLinks(n int) (links []hash32) {
	for i := range n {
		links = append(links, hash32{byte(i >> 8), byte(i)})
	}
	return links
}

func (m *maker) charters() {
	add := func(name, comment, expect string, charter []byte) {
		v := &vector{name: "charter-" + name, comment: comment, fields: []field{{"expect", expect}}}
		v.add("charter", charter)
		if expect == "accepted" {
			room := refRoom(charter)
			v.add("room", room[:])
		}
		m.all = append(m.all, v)
	}
	none, params := []any{}, map[string]any{}
	writers := [][]byte{}
	for i := range 3 {
		a := authorOf(testKey(i))
		writers = append(writers, a[:])
	}
	slices.SortFunc(writers, bytes.Compare)
	charter := func(fields ...any) []byte { return refEncode(fields) }
	add("main", "The open ledger that is the same room for everybody.", "accepted", charter(1, "main", "ledger", none, params))
	add("json", "A json room; a name of 64 bytes.", "accepted", charter(1, string(bytes.Repeat([]byte("é"), 32)), "json", none, params))
	add("oracle", "An oracle room with parameters.", "accepted", charter(1, "o", "oracle", none, map[string]any{"period": 60, "name": "x"}))
	add("closed", "Three writers.", "accepted", charter(1, "closed", "ledger", writers, params))
	deep := func(n int) any { // n levels
		var v any = "deep"
		for range n - 1 {
			v = []any{v}
		}
		return map[string]any{"p": v}
	}
	add("params-depth", "Parameters of 32 levels.", "accepted", charter(1, "main", "ledger", none, deep(32)))
	add("params-too-deep", "Parameters of 33 levels.", "bad-charter", charter(1, "main", "ledger", none, deep(33)))
	add("version", "Version 2.", "bad-charter", charter(2, "main", "ledger", none, params))
	add("no-name", "A name of no bytes.", "bad-charter", charter(1, "", "ledger", none, params))
	add("long-name", "A name of 65 bytes.", "bad-charter", charter(1, string(bytes.Repeat([]byte("x"), 65)), "ledger", none, params))
	add("name-type", "A name of bytes.", "bad-charter", charter(1, []byte("main"), "ledger", none, params))
	add("name-utf8", "A name that is not UTF-8.", "bad-charter", []byte("\x85\x01\x61\xff\x66ledger\x80\xa0"))
	add("kind", "An unknown kind.", "bad-charter", charter(1, "main", "list", none, params))
	add("order", "Writers in falling order.", "bad-charter", charter(1, "main", "ledger", [][]byte{writers[1], writers[0]}, params))
	add("twice", "A writer twice.", "bad-charter", charter(1, "main", "ledger", [][]byte{writers[0], writers[0]}, params))
	add("weak-writer", "A writer's key of small order.", "bad-charter", charter(1, "main", "ledger", [][]byte{make([]byte, 32)}, params))
	add("params-type", "Parameters that are an array.", "bad-charter", charter(1, "main", "ledger", none, []any{}))
	add("fields", "Four fields.", "bad-charter", charter(1, "main", "ledger", none))
	add("trailing", "A byte after the end.", "bad-charter", append(charter(1, "main", "ledger", none, params), 0))
	add("params-keys", "Parameters with keys out of order.", "bad-charter", []byte("\x85\x01\x64main\x66ledger\x80\xa2\x61b\x00\x61a\x00"))
}
