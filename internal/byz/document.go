package byz

import (
	"math"
	"strings"

	"github.com/tallystick/tallystick/crdt"
)

// Document: ops that are well-formed and make no sense, or too much. They are void, or have the one result that
// docs/protocol.md §5 defines, whatever came first. In the ancestor a register held for ever what had the greatest number (hole 4), a
// value of the wrong type won as nothing (hole 5), and an element could not be told from another by its path (hole 19).
var documentAttacks = []Attack{
	inJSON(Document, "document/counter-overflow", "a counter is driven over both ends of int64", 5, func(c *Crew) [][]byte {
		made := c.Run(0, c.Root(), c.Ops(List{List{3, 0, "count", List{}, 4}}))
		packs := Packs(made)
		for i, n := range []int64{math.MaxInt64, math.MaxInt64, math.MinInt64, -1} {
			packs = append(packs, Pack(c.Run(1+i, c.Root(), c.Ops(List{List{10, List{-1, 0}, n}}, made.Last()))))
		}
		return packs
	}),
	inJSON(Document, "document/wrong-types", "every op on every object and value that it is not for", 2, func(c *Crew) [][]byte {
		zoo := c.zoo()
		var ops List
		for thing := range zooThings {
			at := List{1, thing}
			ops = append(ops,
				List{0, at, 1}, List{2, at, "key", List{}, 1}, List{2, at, nil, List{}, 1}, List{3, at, "key", List{}, 0}, List{3, at, nil, List{}, 2},
				List{4, at, "key", List{at}}, List{4, at, nil, List{at}}, List{5, at, "x"}, List{5, at, List{1}}, List{6, at, "x"}, List{6, at, 0},
				List{7, at, "x"}, List{7, at, List{1}}, List{7, at, 4}, List{9, at, 1}, List{9, at, 9}, List{10, at, 1})
		}
		return Packs(zoo, zoo.After(0, c.Ops(ops)))
	}),
	void(accepted(Document, "document/void-targets", "names that lead nowhere: past the beginning, beyond the links, out of range, to nothing fixed", 2, 0,
		func(c *Crew) [][]byte {
			first := c.Run(1, c.Root(), c.Ops(nil))
			return Packs(first, c.Run(0, c.Root(), c.Ops(nowhere(), first.Last())))
		})),
	void(accepted(Document, "document/unknown-codes", "codes that are reserved, unknown, negative, no numbers", 1, 0, func(c *Crew) [][]byte {
		var ops List
		for _, code := range []any{11, 12, 13, 14, 255, uint64(math.MaxInt64), -1, "0", nil, 0.5, List{}} {
			ops = append(ops, List{code, 1, "x"}, List{code}, List{code, 0, "k", List{}, 1})
		}
		return one(c, c.Ops(append(ops, List{}, 7, nil, "op", Raw{0xa0})))
	})),
	void(accepted(Document, "document/ill-formed-ops", "ops with too few fields, too many, and fields of the wrong type", 1, 0, func(c *Crew) [][]byte {
		return one(c, c.Ops(List{
			List{0, 1}, List{0, 1, 2, 3}, List{1, 0}, List{2, 0, 7, List{}, 1}, List{2, 0, "k", 7, 1}, List{2, 0, "k", List{7.5}, 1},
			List{3, 0, "k", List{}, 5}, List{3, 0, "k", List{}, -1}, List{3, 0, "k", List{}, "map"}, List{4, 0, "k"}, List{5, List{0, 0}, ""},
			List{5, List{0, 0}, List{}}, List{5, List{0, 0}, 5}, List{8}, List{8, ""}, List{8, nil}, List{9, List{1, 0}, 0}, List{9, List{1, 0}, -1},
			List{9, List{1, 0}, crdt.MaxDeleteRange + 1}, List{10, 0, 0.5}, List{10, 0, "1"}, List{2, List{-1, 0, 0}, "k", List{}, 1},
			List{2, List{1, 0, 1}, "k", List{}, 1}, List{2, List{1, -1}, "k", List{}, 1}, List{2, List{}, "k", List{}, 1},
		}))
	})),
	ofKind(crdt.Ledger, void(accepted(Document, "document/json-in-a-ledger", "every op of JSON rooms in a ledger", 2, 0, func(c *Crew) [][]byte {
		return Packs(c.zoo(), c.zoo().After(0, c.Ops(List{List{2, 0, "k", List{}, 1}, List{5, List{1, 6}, "x"}, List{9, List{1, 6}, 1}, List{10, List{1, 4}, 1}})))
	}))),
	ofKind(crdt.JSON, void(accepted(Document, "document/feed-in-json", "appending to a feed that a JSON room has not", 1, 0,
		func(c *Crew) [][]byte { return one(c, c.Ops(List{List{0, 1, "x"}, List{0, 0, "x"}, List{1, 1, "x"}})) }))),
	inJSON(Document, "document/nesting", "maps in maps, 40 deep: those beyond 32 are void", 2, func(c *Crew) [][]byte {
		ops := List{List{3, 0, "deep", List{}, 0}}
		for i := range 39 {
			ops = append(ops, List{3, List{0, i}, "deep", List{}, 0})
		}
		first := c.Run(0, c.Root(), c.Ops(ops))
		return Packs(first, first.After(0, c.Ops(List{
			List{2, List{1, 30}, "at 32", List{}, 1}, List{2, List{1, 31}, "at 33", List{}, 1}, List{2, List{1, 39}, "at 41", List{}, 1},
		})))
	}),
	inJSON(Document, "document/most-replaces", "a set that replaces 257 values, which is void, and one that replaces 256", 3, func(c *Crew) [][]byte {
		var ops, names List
		for i := range crdt.MaxReplaces + 1 {
			ops = append(ops, List{2, 0, "crowded", List{}, i})
			names = append(names, List{1, i})
		}
		first := c.Run(0, c.Root(), c.Ops(ops))
		second := first.After(0, c.Ops(List{List{2, 0, "crowded", names, "all"}}))
		for i := range names {
			names[i] = List{2, i}
		}
		return Packs(first, second, second.After(0, c.Ops(List{List{2, 0, "crowded", names[:crdt.MaxReplaces], "most"}})))
	}),
	inJSON(Document, "document/odd-replaces", "sets that replace a value twice, a dead one, one of another key, an object, an element", 2, func(c *Crew) [][]byte {
		zoo := c.zoo()
		at := func(i int) List { return List{1, i} }
		return Packs(zoo, zoo.After(0, c.Ops(List{
			List{2, 0, "value", List{at(5), at(5)}, "twice"}, List{2, 0, "value", List{at(5)}, "dead"}, List{2, 0, "other", List{at(5)}, "another key"},
			List{2, 0, "map", List{at(0)}, "instead of the map"}, List{3, 0, "text", List{at(2)}, 2}, List{4, 0, "value", List{at(6)}},
			List{4, 0, "value", List{0}}, List{2, 0, "value", List{List{0, 0}, List{0, 1}}, "both"}, List{2, at(3), nil, List{at(5)}, "of a map"},
		})))
	}),
	inJSON(Document, "document/conflict-flood", "six authors set one key 2,000 times each and replace nothing", 6, func(c *Crew) [][]byte {
		var packs [][]byte
		for a := range 6 {
			var ops List
			for i := range 2000 {
				ops = append(ops, List{2, 0, "mine", List{}, i})
			}
			packs = append(packs, Pack(c.Run(a, c.Root(), c.Ops(ops))))
		}
		return packs
	}),
	inJSON(Document, "document/object-flood", "8,000 empty objects of all kinds in six bytes each: what costs most memory for its bytes", 6, func(c *Crew) [][]byte {
		made := c.Run(0, c.Root(), c.Ops(List{List{3, 0, "text", List{}, 1}}))
		packs := Packs(made)
		for kind := range 5 {
			packs = append(packs, Pack(c.Run(1+kind, c.Root(), c.Ops(c.times(1600, func(int) List { return List{7, List{-1, 0}, kind} }), made.Last()))))
		}
		return packs
	}),
	inJSON(Document, "document/replace-chain", "4,000 sets of one key, each replacing the one before it", 1, func(c *Crew) [][]byte {
		ops := List{List{2, 0, "key", List{}, 0}}
		for i := range 3999 {
			ops = append(ops, List{2, 0, "key", List{List{0, i}}, i})
		}
		return one(c, c.Ops(ops))
	}),
	inJSON(Document, "document/odd-keys", "keys that are empty, long, alike, full of controls, and 4,000 others", 2, func(c *Crew) [][]byte {
		var many List
		for i := range 4000 {
			many = append(many, List{2, 0, string(rune('一' + i)), List{}, 0})
		}
		var odd List
		for _, key := range []string{
			"", "\x00", "\x1b[2J", "said\u0000", "\u202egnp.exe", "e\u0301", "\u00e9", "__proto__", "../..", strings.Repeat("k", 40_000), "\ufeff", "\U0010ffff",
		} {
			odd = append(odd, List{2, 0, key, List{}, key == ""})
		}
		return Packs(c.Run(0, c.Root(), c.Ops(many)), c.Run(1, c.Root(), c.Ops(odd)))
	}),
	accepted(Document, "document/heavy-literals", "literals 30 deep, with 9,000 items, with 6,000 keys, and of 60,000 bytes", 4, 0, func(c *Crew) [][]byte {
		var wide List
		var keys Dict
		for i := range 9000 {
			wide = append(wide, i)
		}
		for i := range 6000 {
			keys = append(keys, string(rune('一'+i)), i)
		}
		return Packs(c.Run(0, c.Root(), c.Say(deep(crdt.MaxDepth-3, 1)), c.Say(wide), c.Say(keys), c.Say(strings.Repeat("x", 60_000))))
	}),
	accepted(Document, "document/extreme-numbers", "the greatest, the least and the smallest numbers, and the zeros", 1, 0, func(c *Crew) [][]byte {
		return one(c, c.Say(List{
			math.MaxInt64, math.MinInt64, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, math.Copysign(0, -1), 0.0, 0, 65504.0, 0.1,
		}))
	}),
	accepted(Document, "document/mark-flood", "60 authors mark the root map 10 times each, and what does not exist", 60, 0, func(c *Crew) [][]byte {
		var runs []Run
		for a := range 60 {
			var ops List
			for i := range 10 {
				ops = append(ops, List{1, 0, i}, List{1, List{0, i}, i}, List{1, List{-1, 0}, i})
			}
			runs = append(runs, c.Run(a, c.Root(), c.Ops(ops)))
		}
		return [][]byte{Pack(runs...)}
	}),
	{
		Class: Document, Name: "document/marks-of-a-fork", What: "both branches of a fork mark one thing, at equal height",
		Peers: anyOrder("document/marks-of-a-fork", func(c *Crew) [][]byte {
			begun := c.Run(0, c.Root(), c.Ops(List{List{1, 0, "begun"}}))
			return Packs(begun, begun.After(0, c.Ops(List{List{1, 0, "yes"}})), begun.After(0, c.Ops(List{List{1, 0, "no"}})))
		}),
		Want: Want{Accepted: 3, Forks: 1},
	},
	{
		Class: Document, Name: "document/names-across-a-fork", What: "names that go back from both branches of a fork, and across", Kind: crdt.JSON,
		Peers: anyOrder("document/names-across-a-fork", func(c *Crew) [][]byte {
			zoo := c.zoo()
			left := zoo.After(0, c.Ops(List{List{7, List{1, 2}, "left"}}), c.Ops(List{List{5, List{1, 3}, "l"}, List{2, List{2, 0}, "k", List{}, "l"}}))
			right := zoo.After(0, c.Ops(List{List{7, List{1, 2}, "right"}}), c.Ops(List{List{5, List{1, 3}, "r"}, List{2, List{2, 0}, "k", List{}, "r"}}))
			links := Sorted(left.Last(), right.Last())
			var ops List
			for link := range links {
				for back := 1; back < 5; back++ {
					ops = append(ops, List{5, List{-1 - link, 0, back}, "x"}, List{9, List{-1 - link, 0, back}, 2}, List{2, List{-1 - link, 0, back}, "k", List{}, back})
				}
			}
			return Packs(zoo, left, right, c.Run(1, c.Root(), c.Ops(ops, links...)))
		}),
		Want: Want{Accepted: 6, Forks: 1},
	},
}

// zooThings is how many things a zoo makes.
const zooThings = 8

// zoo is a change of author 0 that makes, in this order, a map, a list, a text, a register, a counter, a value, an element of the
// text and one of the list.
func (c *Crew) zoo() Run {
	var ops List
	for kind, key := range []string{"map", "list", "text", "register", "counter"} {
		ops = append(ops, List{3, 0, key, List{}, kind})
	}
	return c.Run(0, c.Root(), c.Ops(append(ops, List{2, 0, "value", List{}, 1}, List{7, List{0, 2}, "x"}, List{7, List{0, 1}, List{1}})))
}

// nowhere is every op on names that lead nowhere, for a change with one link and nothing before it.
func nowhere() (ops List) {
	for _, name := range []any{
		2, uint64(math.MaxInt64), List{0, 0}, List{0, 1 << 40}, List{1, 0}, List{math.MaxInt64, 0}, List{-1, 0}, List{-1, math.MaxInt64}, List{-2, 0},
		List{-1025, 0}, List{math.MinInt64, 0}, List{-1, 0, 1}, List{-1, 0, math.MaxInt64}, List{math.MinInt64, math.MaxInt64, math.MaxInt64},
	} {
		ops = append(ops,
			List{0, name, 1}, List{1, name, 1}, List{2, name, "k", List{}, 1}, List{2, 0, "k", List{name}, 1}, List{3, name, "k", List{}, 2}, List{4, name, "k", List{}},
			List{5, name, "x"}, List{6, name, List{1}}, List{7, name, 2}, List{8, "x"}, List{9, name, 1}, List{9, name, crdt.MaxDeleteRange}, List{10, name, 1})
	}
	return ops
}

// ofKind is an attack in a room of that kind.
func ofKind(kind crdt.Kind, a Attack) Attack {
	a.Kind = kind
	return a
}
