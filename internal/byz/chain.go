package byz

import (
	"slices"

	"github.com/tallystick/tallystick/crdt"
)

// Chain and fork: authors that tell different people different things, and chains that lead through what is not theirs. Forks are
// accepted by all alike, with evidence; nobody honest is stopped, and nothing is written off. The ancestor had no chain (hole 11),
// and one author with two ops of one number made its replicas differ for ever (hole 6).
var chainAttacks = []Attack{
	accepted(Chain, "chain/fork-at-genesis", "an author begins twice", 2, 1, func(c *Crew) [][]byte {
		return Packs(c.Run(0, c.Root(), c.Say("yes")), c.Run(0, c.Root(), c.Say("no")))
	}),
	accepted(Chain, "chain/fork-in-one-pack", "both branches in one pack, children before parents", 4, 1, func(c *Crew) [][]byte {
		begun := c.Chain(0, 2)
		return [][]byte{Pack(begun.After(0, c.Say("yes")), begun.After(0, c.Say("no")), begun)}
	}),
	accepted(Chain, "chain/many-branches", "400 changes after one", 401, 1, func(c *Crew) [][]byte {
		begun := c.Chain(0, 1)
		var runs []Run
		for i := range 400 {
			runs = append(runs, begun.After(0, c.Say(i)))
		}
		packs := Packs(begun)
		for batch := range slices.Chunk(runs, 50) {
			packs = append(packs, Pack(batch...))
		}
		return packs
	}),
	accepted(Chain, "chain/fork-of-forks", "each branch forks again, six times", 127, 1, func(c *Crew) [][]byte {
		level := []Run{c.Run(0, c.Root(), c.Say("root"))}
		packs := Packs(level...)
		for range 6 {
			var next []Run
			for _, r := range level {
				next = append(next, r.After(0, c.Say("left")), r.After(0, c.Say("right")))
			}
			packs = append(packs, Pack(next...))
			level = next
		}
		return packs
	}),
	accepted(Chain, "chain/rejoined", "a branch links the other, and both go on", 6, 1, func(c *Crew) [][]byte {
		left, right := c.Run(0, c.Root(), c.Say("left")), c.Run(0, c.Root(), c.Say("right"))
		joined := left.After(0, c.Say("joined", right.Last()))
		return Packs(left, right, joined, right.After(0, c.Say("joined too", left.Last(), joined.Last())),
			joined.After(0, c.Say("on")), c.Run(1, c.Root(), c.Say("seen by another", left.Last(), right.Last())))
	}),
	accepted(Chain, "chain/shared-half", "two runs share their first half, and each signs its own end", 15, 1, func(c *Crew) [][]byte {
		whole := c.Chain(0, 10)
		other := slices.Clone(whole.Payloads)
		for i := 5; i < 10; i++ {
			other[i] = c.Say("otherwise")
		}
		return Packs(whole, c.Run(0, c.Root(), other...))
	}),
	accepted(Chain, "chain/late-fork", "a chain of 3,000 forks at its first change", 3001, 1, func(c *Crew) [][]byte {
		whole := c.Chain(0, 3000)
		return Packs(whole, Run{whole.Author, whole.Prev, whole.Payloads[:1], nil, c}.After(0, c.Say("otherwise")))
	}),
	accepted(Chain, "chain/crowd-of-forks", "40 authors fork, and link each other's branches", 120, 40, func(c *Crew) [][]byte {
		var begun, left, right []Run
		for i := range 40 {
			begun = append(begun, c.Chain(i, 1))
		}
		for i := range 40 {
			other := begun[(i+1)%40].Last()
			left = append(left, begun[i].After(i, c.Say("left", other)))
			right = append(right, begun[i].After(i, c.Say("right", other)))
		}
		return [][]byte{Pack(begun...), Pack(left...), Pack(right...)}
	}),
	accepted(Chain, "chain/fronts", "one chain in 30 overlapping pieces, each signed", 120, 0, func(c *Crew) [][]byte {
		var packs [][]byte
		for i := range 30 {
			packs = append(packs, Pack(c.Chain(0, 4*(i+1)).Cut(2*i)))
		}
		return packs
	}),
	{
		Class: Chain, Name: "chain/branch-for-each", What: "each victim is told another branch, of 20 changes", Spread: true,
		Peers: func(rm *Room) []Peer {
			c := rm.Crew("chain/branch-for-each")
			begun := c.Chain(0, 10)
			branch := func(what string) []byte {
				return Pack(begun.After(0, slices.Repeat([][]byte{c.Say(what)}, 20)...))
			}
			return []Peer{
				NewSpeaker(rm).SayPacks(Pack(begun), branch("yes")),
				NewSpeaker(rm).SayPacks(Pack(begun), branch("no")),
			}
		},
		Want: Want{Accepted: 50, Forks: 1},
	},
	refused(Chain, "chain/through-another", "a chain that goes on from another author's change", "chain-author", 2,
		func(c *Crew) [][]byte { return Packs(c.Chain(0, 2), c.Chain(0, 2).After(1, c.Say("mine now"))) }),
	refused(Chain, "chain/through-another-in-one-pack", "the same within one pack: nothing of it is kept", "chain-author", 0,
		func(c *Crew) [][]byte {
			return [][]byte{Pack(c.Chain(0, 2).After(1, c.Say("mine now")), c.Chain(0, 2))}
		}),
	{
		Class: Chain, Name: "chain/through-the-honest", What: "a chain that goes on from an honest author's change",
		Peers: reacting("chain/through-the-honest", func(c *Crew, heard crdt.Change) [][]byte {
			return Packs(c.Run(0, heard.ID, c.Say("mine now")))
		}),
		Want: Want{Refused: []string{"chain-author"}, Closed: true},
	},
	{
		Class: Chain, Name: "chain/through-what-comes-later", What: "a chain through a change that arrives after it and turns out to be another's",
		Spread: true, // whoever has that change before refuses at once
		Peers: packs("chain/through-what-comes-later", func(c *Crew) [][]byte {
			return Packs(c.Chain(0, 2).After(1, c.Say("mine now")), c.Chain(0, 2))
		}),
		Want: Want{Accepted: 2},
	},
}
