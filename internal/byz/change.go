package byz

import (
	"math"
	"slices"

	"github.com/tallystick/tallystick/crdt"
)

// Change: one change at and over each limit of the format, and one that contradicts itself. What breaks the envelope is refused
// with the reason of the first broken rule; what breaks a limit of ops is accepted and void as a whole.
var changeAttacks = []Attack{
	refused(Change, "change/empty-ops", "ops of zero length", "empty-ops", 0,
		func(c *Crew) [][]byte { return one(c, Payload(7, nil, nil)) }),
	accepted(Change, "change/no-ops", "an array of no ops, a thousand times", 1000, 0, func(c *Crew) [][]byte {
		return one(c, c.Ops(nil), slices.Repeat([][]byte{c.Ops(nil)}, 999)...)
	}),
	accepted(Change, "change/largest", "a payload of exactly 64 KiB", 1, 0,
		func(c *Crew) [][]byte { return one(c, c.sized(crdt.MaxPayloadBytes)) }),
	refused(Change, "change/too-large", "a payload of 64 KiB and a byte", "over-limit", 0,
		func(c *Crew) [][]byte { return one(c, c.sized(crdt.MaxPayloadBytes+1)) }),
	refused(Change, "change/unsorted-links", "links that do not ascend", "bad-links", 128, func(c *Crew) [][]byte {
		pack, links := c.crowd(2, 64)
		slices.Reverse(links)
		return append(pack, one(c, Payload(7, links, Encode(List{})))...)
	}),
	refused(Change, "change/duplicate-link", "a link that stands twice", "bad-links", 0, func(c *Crew) [][]byte {
		link := c.Chain(1, 1).Last()
		return one(c, Payload(7, []crdt.ChangeID{link, link}, Encode(List{})))
	}),
	refused(Change, "change/prev-among-links", "prev as a link", "bad-links", 0, func(c *Crew) [][]byte {
		first := c.Chain(0, 1)
		return Packs(c.Run(0, c.Root(), first.Payloads[0], c.Say(1, first.Last())))
	}),
	refused(Change, "change/room-among-links", "the room as a link", "bad-links", 0,
		func(c *Crew) [][]byte { return one(c, c.Say(1, c.Root())) }),
	accepted(Change, "change/most-links", "1,024 links, all good", 1025, 0, func(c *Crew) [][]byte {
		packs, links := c.crowd(4, 256)
		return append(packs, one(c, c.Say(1, links...))...)
	}),
	refused(Change, "change/too-many-links", "1,025 links", "over-limit", 0, func(c *Crew) [][]byte {
		return one(c, c.Say(1, c.unknown(crdt.MaxLinks+1)...))
	}),
	accepted(Change, "change/most-ops", "4,096 ops", 1, 0, func(c *Crew) [][]byte { return one(c, c.many(crdt.MaxOps)) }),
	void(accepted(Change, "change/too-many-ops", "4,097 ops: void as a whole", 1, 0,
		func(c *Crew) [][]byte { return one(c, c.many(crdt.MaxOps+1)) })),
	accepted(Change, "change/extreme-times", "times from the first to the last second of int64, backwards", 5, 0, func(c *Crew) [][]byte {
		var payloads [][]byte
		for _, unix := range []int64{math.MaxInt64, 1 << 40, 0, -1, math.MinInt64} {
			payloads = append(payloads, Payload(unix, nil, Encode(List{c.op("late")})))
		}
		return Packs(c.Run(0, c.Root(), payloads...))
	}),
	refused(Change, "change/twice-in-a-pack", "a change that stands twice in a pack", "duplicate-change", 0,
		func(c *Crew) [][]byte { return [][]byte{Pack(c.Chain(0, 2), c.Chain(0, 3))} }),
	refused(Change, "change/pack-of-nothing", "a pack without runs", "malformed", 0,
		func(c *Crew) [][]byte { return [][]byte{Pack()} }),
	refused(Change, "change/run-of-nothing", "a run without changes", "malformed", 0, func(c *Crew) [][]byte {
		run := c.Chain(0, 1)
		run.Payloads = nil
		return [][]byte{Pack(run)}
	}),
	refused(Change, "change/too-many-runs", "a pack of 257 runs", "over-limit", 0, func(c *Crew) [][]byte {
		return [][]byte{Pack(slices.Repeat([]Run{c.Chain(0, 1)}, crdt.MaxPackRuns+1)...)}
	}),
	refused(Change, "change/too-many-changes", "a pack of 4,097 changes", "over-limit", 0, func(c *Crew) [][]byte {
		return [][]byte{Pack(c.Chain(0, crdt.MaxPackChanges+1))}
	}),
	refused(Change, "change/pack-too-large", "a pack of 1 MiB and some bytes: no message holds it", "bad-message", 0, func(c *Crew) [][]byte {
		return one(c, c.sized(crdt.MaxPayloadBytes), slices.Repeat([][]byte{c.sized(crdt.MaxPayloadBytes)}, 15)...)
	}),
	inJSON(Change, "change/against-itself", "ops that undo, replace and name what other ops of the same change make, before and after it", 1,
		func(c *Crew) [][]byte {
			return one(c, c.Ops(List{
				List{5, List{0, 1}, "before it is"},                   // thing 1 comes later
				List{3, 0, "text", List{}, 2},                         // thing 12: the text above counts 12 elements
				List{7, List{0, 12}, "ab"},                            // 13, 14
				List{9, List{0, 13}, 2},                               // kills both
				List{9, List{0, 13}, 2},                               // again
				List{5, List{0, 14}, "c"},                             // after a dead one
				List{2, 0, "text", List{List{0, 12}}, 1},              // 16 replaces the text
				List{2, 0, "text", List{List{0, 12}, List{0, 16}}, 2}, // 17 replaces both
				List{4, 0, "text", List{List{0, 18}}},                 // itself is no value
				List{7, List{0, 12}, "d"},                             // into what is replaced
			}))
		}),
}

// op is an op that has effect in a room of the crew's kind.
func (c *Crew) op(what any) List {
	if c.Kind == crdt.JSON {
		return List{2, 0, "said", List{}, what}
	}
	return List{0, 1, what}
}

// many is a payload of n ops.
func (c *Crew) many(n int) []byte {
	ops := make(List, n)
	for i := range ops {
		ops[i] = c.op(0)
	}
	return c.Ops(ops)
}

// sized is a payload of so many bytes, from 1 KiB on.
func (c *Crew) sized(bytes int) []byte {
	around := len(c.Say(make([]byte, 1<<10))) - 1<<10
	return c.Say(make([]byte, bytes-around))
}

// crowd is packs of so many authors each, from author 1,000 on, with one change each, and the ids of those, sorted.
func (c *Crew) crowd(packs, each int) (frames [][]byte, ids []crdt.ChangeID) {
	for p := range packs {
		var runs []Run
		for i := range each {
			runs = append(runs, c.Chain(1000+p*each+i, 1))
			ids = append(ids, runs[i].Last())
		}
		frames = append(frames, Pack(runs...))
	}
	return frames, Sorted(ids...)
}

// unknown is ids that nobody has, or ever will.
func (c *Crew) unknown(n int) []crdt.ChangeID {
	ids := make([]crdt.ChangeID, n)
	for i := range ids {
		for k := range ids[i] {
			ids[i][k] = byte(c.Rand.Uint32())
		}
	}
	return Sorted(ids...)
}
