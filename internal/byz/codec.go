package byz

import (
	"bytes"
	"slices"

	"github.com/tallystick/tallystick/crdt"
)

// Codec: bytes that are not the one deterministic encoding of something. In the frame and in the envelope they are refused, under one
// reason; in ops they void all ops of that change, on every replica alike. Nothing is allocated by a claimed count, and nothing
// recurses by a claimed depth. The ancestor re-encoded what it received, and stopped where the result differed (hole 12); its ids
// hung on a rendering of the content (hole 2).
var codecAttacks = slices.Concat(codecFrames, codecEnvelopes, codecOps())

// well is the frame of an ordinary pack.
func well(c *Crew) []byte { return Pack(c.Chain(0, 3)) }

// one is one pack of one run: of author 0, from the beginning.
func one(c *Crew, first []byte, more ...[]byte) [][]byte {
	return Packs(c.Run(0, c.Root(), append([][]byte{first}, more...)...))
}

var codecFrames = []Attack{
	refused(Codec, "codec/pack-trailing-byte", "a byte after the end of a pack", "malformed", 0,
		func(c *Crew) [][]byte { return [][]byte{append(well(c), 0)} }),
	refused(Codec, "codec/pack-truncated", "a pack without its last byte", "malformed", 0,
		func(c *Crew) [][]byte { return [][]byte{well(c)[:len(well(c))-1]} }),
	refused(Codec, "codec/pack-indefinite", "a pack as an array of indefinite length", "malformed", 0,
		func(c *Crew) [][]byte { return [][]byte{append(append([]byte{0x9f}, well(c)[1:]...), 0xff)} }),
	refused(Codec, "codec/pack-long-head", "the count of runs in eight bytes", "malformed", 0,
		func(c *Crew) [][]byte { return [][]byte{append(long(4, 1), well(c)[1:]...)} }),
	refused(Codec, "codec/pack-huge-count", "2^62 runs announced, none there", "malformed", 0,
		func(c *Crew) [][]byte { return [][]byte{long(4, 1<<62)} }),
	refused(Codec, "codec/run-huge-count", "2^40 changes announced in a run, none there", "malformed", 0,
		func(c *Crew) [][]byte {
			a := c.Author(0)
			return [][]byte{Encode(List{List{a[:], c.Room, Raw(long(4, 1<<40)), make([]byte, 64)}})}
		}),
	refused(Codec, "codec/payload-huge-length", "a payload of 2^63 bytes announced, none there", "malformed", 0,
		func(c *Crew) [][]byte {
			a := c.Author(0)
			return [][]byte{Encode(List{List{a[:], c.Room, List{Raw(long(2, 1<<63))}, make([]byte, 64)}})}
		}),
	refused(Codec, "codec/pack-depth-bomb", "a mebibyte of arrays within each other as a pack", "malformed", 0,
		func(c *Crew) [][]byte { return [][]byte{deep(crdt.MaxPackBytes-1, 0)} }),
	refused(Codec, "codec/pack-tagged", "a pack under the tag of embedded CBOR", "malformed", 0,
		func(c *Crew) [][]byte { return [][]byte{append([]byte{0xd8, 0x18}, well(c)...)} }),
	refused(Codec, "codec/segment-for-a-pack", "a record of a store, which only stores may hold", "malformed", 0, func(c *Crew) [][]byte {
		r, err := crdt.NewReplica(c.room.Charter)
		if err == nil {
			err = r.Load(well(c))
		}
		if err != nil {
			panic("byz: internal error: a good pack is refused: " + err.Error())
		}
		record, _ := r.RecordFrom(0)
		return [][]byte{record}
	}),
	refused(Codec, "codec/text-for-bytes", "an author as text", "malformed", 0,
		func(c *Crew) [][]byte {
			return [][]byte{bytes.Replace(well(c), []byte{0x84, 0x58, 0x20}, []byte{0x84, 0x78, 0x20}, 1)}
		}),
}

var codecEnvelopes = []Attack{
	refused(Codec, "codec/time-long-head", "a time that is not in its shortest form", "malformed", 0,
		func(c *Crew) [][]byte {
			return one(c, Encode(List{Raw(long(0, 7)), List{}, Encode(List{})}))
		}),
	refused(Codec, "codec/time-beyond-int64", "a time of 2^63", "malformed", 0,
		func(c *Crew) [][]byte { return one(c, Encode(List{uint64(1 << 63), List{}, Encode(List{})})) }),
	refused(Codec, "codec/time-float", "a time with a fraction", "malformed", 0,
		func(c *Crew) [][]byte { return one(c, Encode(List{0.5, List{}, Encode(List{})})) }),
	refused(Codec, "codec/links-huge-count", "2^50 links announced, none there", "malformed", 0,
		func(c *Crew) [][]byte { return one(c, Encode(List{7, Raw(long(4, 1<<50))})) }),
	refused(Codec, "codec/link-short", "a link of 31 bytes", "malformed", 0,
		func(c *Crew) [][]byte { return one(c, Encode(List{7, List{make([]byte, 31)}, Encode(List{})})) }),
	refused(Codec, "codec/envelope-trailing-byte", "a byte after the end of a payload", "malformed", 0,
		func(c *Crew) [][]byte { return one(c, append(c.Say(1), 0)) }),
	refused(Codec, "codec/envelope-fourth-item", "a fourth item in a payload", "malformed", 0,
		func(c *Crew) [][]byte { return one(c, Encode(List{7, List{}, Encode(List{}), nil})) }),
	refused(Codec, "codec/envelope-indefinite-ops", "ops as a byte string in pieces", "malformed", 0,
		func(c *Crew) [][]byte { return one(c, Encode(List{7, List{}, Raw{0x5f, 0x41, 0x80, 0xff}})) }),
	refused(Codec, "codec/good-then-bad", "good packs, then a bad one: what came before it stays", "malformed", 3,
		func(c *Crew) [][]byte {
			return [][]byte{well(c), append(Pack(c.Run(1, c.Root(), c.Say(1))), 0), Pack(c.Run(2, c.Root(), c.Say(2)))}
		}),
}

// codecOps are ops that break a rule of the encoding. Each comes with an op that would have effect.
func codecOps() (attacks []Attack) {
	for _, o := range []struct {
		name, what string
		bad        Raw // in the place of a literal
	}{
		{"long-integer", "an integer that is not in its shortest form", long(0, 7)},
		{"integer-beyond-int64", "the integer 2^64-1", Raw{0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
		{"indefinite-text", "a text in pieces", Raw{0x7f, 0x61, 'a', 0xff}},
		{"huge-array", "an array of 2^60 items, none there", Raw(long(4, 1<<60))},
		{"huge-map", "a map of 2^63 entries, none there: twice that is 0", Raw(long(5, 1<<63))},
		{"depth-bomb", "60,000 arrays within each other", deep(60_000, 0)},
		{"depth-one-over", "nested one level deeper than the limit", deep(crdt.MaxDepth-1, 0)},
		{"duplicate-keys", "a map that has a key twice", Encode(Dict{"a", 1, "a", 2})},
		{"unsorted-keys", "a map whose keys do not ascend", Encode(Dict{"b", 1, "a", 2})},
		{"integer-key", "a map with a key that is no text", Encode(Dict{1, 2})},
		{"bad-utf8", "a text that is not UTF-8", Raw{0x62, 0xc3, 0x28}},
		{"surrogate", "half a surrogate pair in UTF-8", Raw{0x63, 0xed, 0xa0, 0x80}},
		{"overlong-utf8", "a NUL in two bytes", Raw{0x62, 0xc0, 0x80}},
		{"tag", "a tagged time", Raw{0xc1, 0x01}},
		{"nan", "a NaN with a payload of its own", Raw{0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0xde, 0xad}},
		{"infinity", "an infinity", Raw{0xf9, 0x7c, 0x00}},
		{"wide-float", "a float wider than it needs", Raw{0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0}},
		{"undefined", "undefined", Raw{0xf7}},
		{"simple", "a simple value that means nothing", Raw{0xf8, 0x20}},
		{"reserved-head", "a head that no version of CBOR has", Raw{0x1c}},
		{"break", "a break without a beginning", Raw{0xff}},
	} {
		a := accepted(Codec, "codec/ops-"+o.name, "in ops: "+o.what, 1, 0, func(c *Crew) [][]byte {
			return one(c, c.Ops(List{c.op("good"), List{0, 1, o.bad}}))
		})
		attacks = append(attacks, void(a))
	}
	trailing := accepted(Codec, "codec/ops-trailing-byte", "in ops: a byte after the end", 1, 0, func(c *Crew) [][]byte {
		return one(c, Payload(7, nil, append(Encode(List{List{0, 1, "good"}}), 0)))
	})
	noArray := accepted(Codec, "codec/ops-no-array", "ops that are a map, a number, garbage, a random text", 40, 0, func(c *Crew) [][]byte {
		var payloads [][]byte
		for i := range 40 {
			ops := make([]byte, 1+c.Rand.IntN(40))
			for k := range ops {
				ops[k] = byte(c.Rand.Uint32())
			}
			ops[0] |= 0x60 // no array
			if ops[0]>>5 == 4 {
				ops[0] = 0xa0
			}
			payloads = append(payloads, Payload(int64(i), nil, ops))
		}
		return Packs(c.Run(0, c.Root(), payloads...))
	})
	return append(attacks, void(trailing), void(noArray))
}
