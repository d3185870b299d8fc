package crdt_test

import (
	"bytes"
	"slices"

	"github.com/tallystick/tallystick/crdt"
)

// A story is a pack in which each author has one run.
type story struct {
	*mill
	runs  []refRun
	byWho []int
}

type ops = []any

func (m *maker) story(kind crdt.Kind) *story { return &story{mill: newMill(m.t, kind)} }

// change adds a change to the run of author a and returns its id. Links need not
// be sorted.
func (s *story) change(a int, links []hash32, o ...any) hash32 {
	return s.raw(a, links, refEncode(append(ops{}, o...)))
}

func (s *story) raw(a int, links []hash32, opsBytes []byte) hash32 {
	slices.SortFunc(links, compareHashes)
	i := slices.Index(s.byWho, a)
	if i < 0 {
		i = len(s.runs)
		s.byWho = append(s.byWho, a)
		s.runs = append(s.runs, refRun{author: authorOf(testKey(a)), prev: s.room})
	}
	r := &s.runs[i]
	r.payloads = append(r.payloads, refPayload(int64(len(r.payloads)), links, opsBytes))
	return r.last(s.room)
}

// link is -1-k for the place of id among links.
func link(links []hash32, id hash32) int {
	return -1 - slices.Index(slices.SortedFunc(slices.Values(links), compareHashes), id)
}

// add makes the vector. A void story must leave the document as if it had only
// the changes before.
func (m *maker) add(s *story, name, comment string) {
	p := refPack{}
	for i, r := range s.runs {
		p = append(p, s.run(s.byWho[i], r.prev, r.payloads...))
	}
	m.pack(name, comment, "accepted", s.charter, p.frame())
}

func (m *maker) documents() {
	s := m.story(crdt.JSON)
	first := s.change(0, nil, ops{2, 0, "k", ops{}, 1}, ops{2, 0, "long key", ops{}, "x"}, ops{2, 0, "", ops{}, nil}, ops{2, 0, "gone", ops{}, true})
	s.change(0, nil, ops{2, 0, "k", ops{ops{1, 0}}, 2}, ops{4, 0, "gone", ops{ops{1, 3}}})
	s.change(1, []hash32{first}, ops{2, 0, "k", ops{ops{-1, 0}}, 3}, ops{2, 0, "k", ops{}, 4})
	m.add(s, "doc-map", "Set and unset; two authors in conflict over k; keys in the order of their encodings.")

	s = m.story(crdt.JSON)
	first = s.change(0, nil, ops{3, 0, "r", ops{}, 3}, ops{2, ops{0, 0}, nil, ops{}, "old"}, ops{3, ops{0, 0}, nil, ops{ops{0, 1}}, 4})
	s.change(1, []hash32{first}, ops{2, ops{-1, 0}, nil, ops{ops{-1, 1}}, "replaces what is dead"})
	m.add(s, "doc-register", "A register with a literal that died, an object and a literal in conflict.")

	s = m.story(crdt.JSON)
	first = s.change(0, nil, ops{3, 0, "n", ops{}, 4}, ops{10, ops{0, 0}, uint64(1<<63 - 1)}, ops{10, ops{0, 0}, 1})
	s.change(1, []hash32{first}, ops{10, ops{-1, 0}, -7})
	m.add(s, "doc-counter", "A counter wraps modulo 2^64.")

	s = m.story(crdt.JSON)
	first = s.change(0, nil, ops{3, 0, "l", ops{}, 1}, ops{7, ops{0, 0}, ops{"a", "b", "c"}}, ops{6, ops{0, 2}, ops{"before b"}},
		ops{5, ops{0, 1}, 0}, ops{2, ops{0, 5}, "in", ops{}, "the map in the list"})
	s.change(1, []hash32{first}, ops{7, ops{-1, 0}, ops{"second first"}}, ops{5, ops{-1, 3}, ops{"z"}}, ops{9, ops{-1, 2}, 2})
	s.change(2, []hash32{first}, ops{5, ops{-1, 3}, ops{"y"}}, ops{6, ops{-1, 1}, ops{"x"}})
	m.add(s, "doc-list", "Left and right children, siblings by change id, an object as an element, a delete of two.")

	s = m.story(crdt.JSON)
	first = s.change(0, nil, ops{3, 0, "t", ops{}, 2}, ops{7, ops{0, 0}, "hé日𝄞"})
	tail := s.change(0, nil, ops{8, " on"}, ops{8, "!"})
	s.change(1, []hash32{tail}, ops{9, ops{-1, 3, 1}, 3}, ops{5, ops{-1, 4, 1}, "end"})
	s.change(2, []hash32{first}, ops{5, ops{-1, 4}, "concurrent"})
	m.add(s, "doc-text", "A text: one element a scalar value, op 8 over a change's end, a delete that spans changes, a concurrent run that does not interleave.")

	s = m.story(crdt.JSON)
	nest := ops{ops{3, 0, "d", ops{}, 0}}
	for i := range 30 {
		nest = append(nest, ops{3, ops{0, i}, "d", ops{}, 0})
	}
	nest = append(nest, ops{3, ops{0, 30}, "too deep", ops{}, 0}, ops{2, ops{0, 30}, "bottom", ops{}, 32})
	s.change(0, nil, nest...)
	m.add(s, "doc-nesting", "32 maps in one another; the 33rd is void, and counts as a thing.")

	s = m.story(crdt.JSON)
	first = s.change(0, nil, ops{3, 0, "l", ops{}, 1}, ops{7, ops{0, 0}, ops{"e"}}, ops{2, 0, "v", ops{}, 1}, ops{4, 0, "v", ops{ops{0, 2}}},
		ops{1, 0, "root"}, ops{1, ops{0, 0}, "object"}, ops{1, ops{0, 1}, "element"}, ops{1, ops{0, 2}, "dead value"}, ops{1, ops{0, 2}, "the last stands"})
	s.change(1, []hash32{first}, ops{1, ops{-1, 0}, "another's"}, ops{1, 1, "no feed here"})
	m.add(s, "doc-marks", "Marks by target and author; of one author's the greatest stands.")

	s = m.story(crdt.JSON)
	root := s.change(0, nil, ops{3, 0, "n", ops{}, 4})
	s.change(0, nil)
	tail = s.change(0, nil, ops{10, ops{2, 0}, 1})
	both := []hash32{root, tail}
	s.change(1, both, ops{10, ops{link(both, tail), 0, 2}, 10}, ops{10, ops{link(both, root), 0}, 100})
	m.add(s, "doc-names", "A counter by each form of name: so far back, by a link, and back from a link.")

	s = m.story(crdt.Ledger)
	first = s.change(0, nil, ops{0, 1, map[string]any{"n": 1}}, ops{0, 1, "b"})
	s.change(0, nil, ops{0, 1, "later"})
	s.change(1, nil, ops{0, 1, "concurrent"}, ops{1, 1, "the feed"}, ops{1, 0, "the root"})
	s.change(2, []hash32{first}, ops{0, 1, "after"}, ops{1, ops{-1, 1}, true}, ops{1, ops{0, 0}, false})
	m.add(s, "doc-feed", "A feed in order of lamport, change id and thing; marks on entries, feed and root.")
}

// voids are stories with ops that have no effect.
func (m *maker) voids() {
	whole := func(name, comment string, b []byte) {
		s := m.story(crdt.Ledger)
		s.change(0, nil, ops{0, 1, "stays"})
		s.raw(0, nil, b)
		m.add(s, "void-whole-"+name, comment)
	}
	good := refEncode(ops{ops{0, 1, "x"}})
	whole("not-cbor", "Ops that are no item.", []byte{0xff})
	whole("ciphertext", "Ops that only others can read.", []byte("sealed: no CBOR at all"))
	whole("trailing", "A byte after the end.", append(slices.Clone(good), 0))
	whole("not-an-array", "A map of ops.", refEncode(map[string]any{"0": 1}))
	whole("long-head", "A head longer than needed, in the last op.", append(append([]byte{0x82}, good[1:]...), 0x83, 0x00, 0x01, 0x18, 0x01))
	whole("tag", "A tag.", []byte{0x81, 0x83, 0x00, 0x01, 0xc1, 0x00})
	whole("float", "1.5 in 64 bits.", []byte("\x81\x83\x00\x01\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00"))
	whole("keys", "Keys out of order.", []byte("\x81\x83\x00\x01\xa2\x61b\x00\x61a\x00"))
	whole("utf8", "Text that is not UTF-8.", []byte("\x81\x83\x00\x01\x61\xff"))
	whole("depth", "33 levels.", refEncode(nested(33)))
	count := func(n int) []byte { // the last has an effect if not all are void
		b := append([]byte{0x99, byte(n >> 8), byte(n)}, bytes.Repeat([]byte{0x00}, n-1)...)
		return append(b, refEncode(ops{0, 1, "the last"})...)
	}
	whole("count", "4097 ops.", count(4097))
	s := m.story(crdt.Ledger)
	s.raw(0, nil, count(4096))
	m.add(s, "doc-count", "4096 ops are no more than enough.")
	s = m.story(crdt.Ledger)
	s.raw(0, nil, refEncode(nested(32)))
	m.add(s, "doc-depth", "32 levels are no more than enough.")

	s = m.story(crdt.JSON)
	s.change(0, nil, ops{3, 0, "l", ops{}, 1}, ops{7, ops{0, 0}, ops{"a"}})
	s.change(0, nil, ops{7, ops{1, 0}, ""}, ops{7, ops{1, 0}, ops{}}, ops{7, ops{1, 0}, 5}, ops{11, ops{1, 0}, "x"}, ops{12}, ops{13, ops{1, 0}}, ops{uint64(1) << 62, 0, 0},
		ops{9, ops{1, 1}, 0}, ops{9, ops{1, 1}, 65537}, ops{9, ops{1, 1}, -1}, ops{2, 0, "k", ops{}}, ops{2, 0, 1, ops{}, 1}, ops{2, 0, "k", ops{"n"}, 1}, ops{3, 0, "k", ops{}, 5},
		ops{5, ops{-1, 1, 0}, ops{"x"}}, ops{5, ops{1, 1, 0}, ops{"x"}}, ops{5, ops{1, -1}, ops{"x"}}, ops{1, ops{1}, 1}, ops{}, "text", ops{"0"}, ops{-1}, ops{10, ops{1, 0}, 0.5},
		ops{2, 0, "k", manyNames(257), 1}, ops{7, ops{1, 0}, ops{"the only one with effect, thing 0"}}, ops{1, ops{0, 0}, "thing 0"})
	m.add(s, "void-ill-formed", "Ops that do not fit the table, or have an unknown code: they make nothing.")

	s = m.story(crdt.JSON)
	other := s.change(1, nil, ops{2, 0, "other", ops{}, 1}, ops{3, 0, "n", ops{}, 4})
	s.change(0, nil, ops{3, 0, "l", ops{}, 1}, ops{7, ops{0, 0}, ops{"a"}}, ops{3, 0, "t", ops{}, 2}, ops{3, 0, "r", ops{}, 3})
	s.change(0, []hash32{other},
		ops{2, ops{1, 0}, "k", ops{}, 1}, ops{2, 0, nil, ops{}, 1}, ops{2, ops{1, 3}, "k", ops{}, 1}, ops{2, ops{1, 1}, "k", ops{}, 1}, ops{2, ops{-1, 0}, "k", ops{}, 1}, // 0–4
		ops{7, 0, ops{"x"}}, ops{7, ops{1, 0}, "text in a list"}, ops{7, ops{1, 2}, ops{"literal in a text"}}, ops{7, ops{1, 2}, 0}, // 5 …
		ops{5, ops{1, 0}, ops{"an object is no element here"}}, ops{10, ops{1, 0}, 1}, ops{9, ops{1, 0}, 1}, ops{9, ops{-1, 0}, 1}, ops{0, 1, "append"}, ops{0, 0, "append"},
		ops{2, 0, "l", ops{ops{1, 1}}, "an element is no value"}, ops{2, 0, "k", ops{ops{-1, 0}}, "value of another key"}, ops{2, 0, "other", ops{ops{-1, 0}, ops{1, 0}}, "one good, one bad"},
		ops{4, 0, "other", ops{ops{-1, 1}}})
	m.add(s, "void-type", "Ops on things of the wrong type, kinds that do not fit, replaced values of another key; each void by itself.")

	s = m.story(crdt.JSON)
	other = s.change(1, nil, ops{3, 0, "n", ops{}, 4})
	s.change(0, nil, ops{3, 0, "m", ops{}, 4}, ops{2, ops{0, 0}, "k", ops{}, "void: thing 1"})
	bad := ops{}
	for _, name := range []any{
		ops{0, 0},
		ops{0, 1},
		ops{2, 0},
		ops{uint64(1<<63 - 1), 0},
		ops{1, 2},
		ops{1, uint64(1<<63 - 1)},
		ops{-2, 0},
		ops{-1 << 63, 0},
		ops{-1, 0, 1},
		ops{-1, 0, uint64(1<<63 - 1)},
		ops{-1, 1},
		1, 2, uint64(1<<63 - 1),
	} {
		bad = append(bad, ops{1, name, "void"})
	}
	bad = append(bad, ops{1, ops{1, 1}, "void: names a void thing"}, ops{1, ops{1, 0}, "effect"})
	s.change(0, []hash32{other}, bad...)
	m.add(s, "void-names", "Names that lead past a chain, beyond the links, out of what was made, to what comes later or is void.")

	s = m.story(crdt.JSON)
	s.change(0, nil, ops{3, 0, "t", ops{}, 2}, ops{7, ops{0, 0}, "abc"}, ops{2, ops{0, 0}, "x", ops{}, "void: thing 4"}, ops{8, "not on what is void"}, ops{5, ops{0, 3}, "def"})
	s.change(0, nil, ops{10, ops{1, 0}, 1})
	s.change(0, nil, ops{8, "after a change that made nothing"})
	s.change(0, nil, ops{9, ops{3, 2}, 3}, ops{9, ops{3, 1}, 99}, ops{9, ops{3, 24}, 4}, ops{9, ops{3, 1}, 2})
	m.add(s, "void-sequence", "Op 8 on a void thing and after a change that made nothing; deletes over a void thing, over a change that made nothing, and over the end.")

	s = m.story(crdt.JSON)
	s.change(0, nil, ops{3, 0, "t", ops{}, 2}, ops{7, ops{0, 0}, "abc"})
	s.change(0, nil)
	s.change(0, nil, ops{5, ops{2, 3}, "def"})
	s.change(0, nil, ops{9, ops{3, 2}, 3}, ops{9, ops{3, 1}, 1})
	m.add(s, "void-delete-gap", "A delete from b on over a change that made nothing is void; that of a alone is not.")

	s = m.story(crdt.JSON)
	s.change(0, nil, ops{3, 0, "l", ops{}, 1}, ops{7, ops{0, 0}, ops{"a", "b"}})
	s.change(0, nil, ops{9, ops{1, 0}, 65535}, ops{9, ops{1, 1}, 2}, ops{9, ops{1, 1}, 1}, ops{9, ops{1, 2}, 1})
	m.add(s, "void-delete-range", "Void deletes count too: the second and the fourth would exceed 65,536 elements and are ill-formed.")

	s = m.story(crdt.Ledger)
	s.change(0, nil, ops{2, 0, "k", ops{}, 1}, ops{3, 0, "k", ops{}, 0}, ops{4, 0, "k", ops{}}, ops{7, 1, ops{"x"}}, ops{8, "x"}, ops{9, ops{0, 0}, 1}, ops{10, 0, 1},
		ops{0, 0, "the root is no feed"}, ops{0, ops{0, 0}, "no feed"}, ops{1, ops{0, 0}, "void value"}, ops{1, 2, "no such"}, ops{0, 1, "the only one with effect"})
	m.add(s, "void-ledger", "In a ledger only append and mark have effect.")
}

func manyNames(n int) any {
	names := ops{}
	for range n {
		names = append(names, ops{1, 0})
	}
	return names
}
