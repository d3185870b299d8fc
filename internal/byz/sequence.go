package byz

import (
	"strings"

	"github.com/tallystick/tallystick/crdt"
)

// Sequence: origins, siblings, spines and deletes that are chosen to be dear or to tear others' words apart. Work stays
// logarithmic for each element, nothing recurses along a spine, honest runs are not interleaved, and the order is equal everywhere.
// In the ancestor one insert scanned the list and searched it for every parent (hole 9), and siblings of one author had no order
// (hole 6). All texts are thing 0 of the first change of author 0.
var sequenceAttacks = []Attack{
	inJSON(Sequence, "sequence/sibling-flood", "8 authors make 2,000 elements each, all right children of the root", 9, func(c *Crew) [][]byte {
		text := c.text("")
		return c.crowdOn(text, 8, func(int) List { return c.times(2000, func(i int) List { return List{7, List{-1, 0}, "s"} }) })
	}),
	inJSON(Sequence, "sequence/siblings-of-one", "80 authors put a word before and after one and the same character", 81, func(c *Crew) [][]byte {
		text := c.text("abc")
		return c.crowdOn(text, 80, func(int) List { return List{List{5, List{-1, 2}, "after"}, List{6, List{-1, 2}, "before"}} })
	}),
	inJSON(Sequence, "sequence/left-spine", "12,000 elements, each the left child of the one before it", 4, func(c *Crew) [][]byte {
		return c.spine(3, func(i int) any { return 6 })
	}),
	inJSON(Sequence, "sequence/right-spine", "12,000 elements, each by name the right child of the one before it", 4, func(c *Crew) [][]byte {
		return c.spine(3, func(i int) any { return 5 })
	}),
	inJSON(Sequence, "sequence/zigzag", "12,000 elements, left and right child in turn", 4, func(c *Crew) [][]byte {
		return c.spine(3, func(i int) any { return 5 + i%2 })
	}),
	inJSON(Sequence, "sequence/random-tree", "8,000 elements, each a child of a random earlier one", 3, func(c *Crew) [][]byte {
		text := c.text("")
		run := text
		var packs [][]byte
		packs = append(packs, Pack(text))
		for k := range 2 {
			run = run.After(0, c.Ops(c.times(4000, func(i int) List {
				if i == 0 {
					return List{7, List{k + 1, 0}, "r"}
				}
				return List{5 + c.Rand.IntN(2), List{0, c.Rand.IntN(i)}, "t"}
			})))
			packs = append(packs, Pack(run))
		}
		return packs
	}),
	inJSON(Sequence, "sequence/delete-storm", "20 authors delete the same 20,000 characters, in pieces and whole", 21, func(c *Crew) [][]byte {
		text := c.text(strings.Repeat("delete me ", 2000))
		return c.crowdOn(text, 20, func(a int) List {
			if a%2 == 0 {
				return List{List{9, List{-1, 1}, 20_000}}
			}
			return c.times(4000, func(i int) List { return List{9, List{-1, 1 + (i*(a+2))%20_000}, 1} })
		})
	}),
	inJSON(Sequence, "sequence/delete-limits", "deletes of as many elements as one change may, of one more, of none that are there, across changes that made none", 5,
		func(c *Crew) [][]byte {
			text := c.text("some characters")
			empty := text.After(0, c.Ops(nil))
			more := empty.After(0, c.Ops(List{List{7, List{2, 0}, "more"}}))
			return Packs(text, empty, more,
				c.Run(1, c.Root(), c.Ops(List{List{9, List{-1, 1, 2}, crdt.MaxDeleteRange}, List{9, List{-1, 0}, 1}}, more.Last())),
				c.Run(2, c.Root(), c.Ops(List{List{9, List{-1, 0}, 5}, List{9, List{-1, 1, 2}, 19}, List{9, List{-1, 3}, 1}, List{9, List{-1, 1, 2}, 2}}, more.Last())))
		}),
	inJSON(Sequence, "sequence/children-of-the-dead", "a text is deleted, and 50 authors write between the dead", 52, func(c *Crew) [][]byte {
		text := c.text(strings.Repeat("x", 500))
		dead := text.After(0, c.Ops(List{List{9, List{1, 1}, 500}}))
		packs := c.crowdOn(text, 50, func(a int) List {
			return c.times(20, func(i int) List { return List{5 + i%2, List{-1, 1 + (a*i)%500}, "y"} })
		})
		return append(packs, Pack(dead))
	}),
	inJSON(Sequence, "sequence/far-back", "2,000 changes that each name the first, and another author who names each through the last", 2002, func(c *Crew) [][]byte {
		text := c.text("0")
		var payloads [][]byte
		for i := range 2000 {
			payloads = append(payloads, c.Ops(List{List{5 + i%2, List{1 + i, 1}, "b"}}))
		}
		long := text.After(0, payloads...)
		back := c.times(2000, func(i int) List { return List{5, List{-1, 0, 1 + (i*7)%1999}, "f"} })
		return Packs(text, long, c.Run(1, c.Root(), c.Ops(back, long.Last())))
	}),
	inJSON(Sequence, "sequence/hostile-origins", "origins that are later, themselves, of another text, values, objects, the void", 3, func(c *Crew) [][]byte {
		text := c.text("ab")
		other := c.Run(1, c.Root(), c.Ops(List{List{3, 0, "other", List{}, 2}, List{7, List{0, 0}, "cd"}, List{2, 0, "value", List{}, 1}, List{3, 0, "map", List{}, 0}}))
		return Packs(text, other, c.Run(2, c.Root(), c.Ops(List{
			List{5, List{0, 0}, "itself"}, List{6, List{0, 9}, "later"}, List{5, List{-1, 0}, "an object or a text"}, List{5, List{-2, 0}, "the other"},
			List{5, List{-1, 3}, "a value or nothing"}, List{6, List{-2, 3}, "the other"}, List{5, List{-1, 4}, "a map or nothing"}, List{5, List{-2, 4}, List{1}},
			List{8, "on that"}, List{7, List{-1, 1}, "an element"}, List{7, List{-2, 1}, "an element"}, List{5, List{0, 6}, "on the void"}, List{8, "and on"},
		}, text.Last(), other.Last())))
	}),
	inJSON(Sequence, "sequence/interleaving", "while two write a sentence at one place, 60 authors put characters there", 104, func(c *Crew) [][]byte {
		text := c.text("begin. end.")
		sentence := func(author int, s string) Run {
			run := c.Run(author, c.Root(), c.Ops(List{List{5, List{-1, 7}, s[:1]}}, text.Last()))
			for _, r := range s[1:] { // each character a change of its own
				run = Run{run.Author, run.Prev, append(run.Payloads, c.Ops(List{List{8, string(r)}})), nil, c}
			}
			return c.Run(author, c.Root(), run.Payloads...)
		}
		one, two := sentence(1, interleavedOne), sentence(2, interleavedTwo)
		packs := c.crowdOn(text, 60, func(int) List { return List{List{5, List{-1, 7}, "#"}, List{6, List{-1, 8}, "#"}} })
		return append(packs, Pack(one), Pack(two))
	}),
	inJSON(Sequence, "sequence/lists-in-lists", "a list in a list, 31 deep, and in each 30 lists by each of ten authors", 11, func(c *Crew) [][]byte {
		ops := List{List{3, 0, "text", List{}, 1}}
		for i := range 30 {
			ops = append(ops, List{7, List{0, i}, 1})
		}
		lists := c.Run(0, c.Root(), c.Ops(ops))
		return c.crowdOn(lists, 10, func(int) List { return c.times(930, func(i int) List { return List{7, List{-1, i % 31}, 1} }) })
	}),
	inJSON(Sequence, "sequence/shattered", "a text of 30,000 characters of which every second is deleted, and written over", 3, func(c *Crew) [][]byte {
		text := c.text(strings.Repeat("ab", 15_000))
		holes := text.After(0, c.Ops(c.times(4096, func(i int) List { return List{9, List{1, 2 + 2*i}, 1} })))
		return Packs(text, holes, holes.After(0, c.Ops(c.times(4096, func(i int) List { return List{5, List{2, 2 + 2*i}, "c"} }))))
	}),
}

// What two honest authors write at one place in sequence/interleaving.
const (
	interleavedOne = "This is one sentence. "
	interleavedTwo = "And that is another. "
)

// text is a change of author 0 that makes a text, thing 0, under the key "text", with s in it.
func (c *Crew) text(s string) Run {
	ops := List{List{3, 0, "text", List{}, 2}}
	if s != "" {
		ops = append(ops, List{7, List{0, 0}, s})
	}
	return c.Run(0, c.Root(), c.Ops(ops))
}

// crowdOn is a run, and one change each of so many further authors who link its last change, in packs of 50.
func (c *Crew) crowdOn(run Run, authors int, ops func(author int) List) [][]byte {
	packs := [][]byte{Pack(run)}
	var runs []Run
	for a := range authors {
		runs = append(runs, c.Run(10+a, c.Root(), c.Ops(ops(a), run.Last())))
		if len(runs) == 50 || a == authors-1 {
			packs = append(packs, Pack(runs...))
			runs = nil
		}
	}
	return packs
}

// times is so many ops.
func (c *Crew) times(n int, op func(i int) List) List {
	ops := make(List, n)
	for i := range ops {
		ops[i] = op(i)
	}
	return ops
}

// spine is a text and so many changes of 4,000 elements each, each a child, by the code, of the element before it.
func (c *Crew) spine(changes int, code func(i int) any) [][]byte {
	run := c.text("0")
	packs := [][]byte{Pack(run)}
	last := List{1, 1}
	for range changes {
		run = run.After(0, c.Ops(c.times(4000, func(i int) List {
			op := List{code(i), last, "s"}
			last = List{0, i}
			return op
		})))
		packs = append(packs, Pack(run))
		last = List{1, 3999}
	}
	return packs
}
