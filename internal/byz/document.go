package byz

import "math"

// Document: ops that are well-formed and make no sense, or too much. They are void, or have the one result that
// docs/protocol.md §5 defines, whatever came first.
var documentAttacks = []Attack{
	inJSON(Document, "document/counter-overflow", "a counter is driven over both ends of int64", 4, func(c *Crew) [][]byte {
		made := c.Run(0, c.Root(), c.Ops(List{List{3, 0, "count", List{}, 4}}))
		at := func(n int64) []byte { return c.Ops(List{List{10, List{1, 0}, n}}) }
		one := made.After(0, at(math.MaxInt64))
		two := c.Run(1, c.Root(), c.Ops(List{List{10, List{-1, 0}, math.MaxInt64}}, made.Last()))
		three := c.Run(2, c.Root(), c.Ops(List{List{10, List{-1, 0}, math.MinInt64}}, made.Last()))
		return Packs(made, one, two, three)
	}),
}
