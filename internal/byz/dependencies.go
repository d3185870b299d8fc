package byz

import (
	"slices"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// Dependencies: changes whose parents are missing, endless, refused, of another room, or each other's. They wait within bounds that
// are the sender's own, are asked for where they came from, and are released without recursion; what never gets its parents is
// forgotten with the connection. The ancestor queued without bound, and applied by recursion (hole 8); what waited for a failed op
// ran on what was not there (hole 7).
var dependencyAttacks = []Attack{
	waiting("dependencies/missing-prevs", "300 packs that go on from changes that nobody has", func(c *Crew) [][]byte {
		var runs []Run
		for i, id := range c.unknown(300) {
			runs = append(runs, c.Run(i%7, id, c.Say(i)))
		}
		return Packs(runs...)
	}),
	waiting("dependencies/missing-links", "one change that links 1,024 changes that nobody has", func(c *Crew) [][]byte {
		return Packs(c.Run(0, c.Root(), c.Say("after all of them", c.unknown(crdt.MaxLinks)...)))
	}),
	waiting("dependencies/full-share", "1,200 small packs that wait: more than one peer may have waiting", func(c *Crew) [][]byte {
		var packs [][]byte
		for i, id := range c.unknown(1200) {
			packs = append(packs, Pack(c.Run(i%100, id, c.Say(i))))
		}
		return packs
	}),
	waiting("dependencies/full-bytes", "12 packs of a mebibyte that wait: more than one peer may have waiting", func(c *Crew) [][]byte {
		var packs [][]byte
		for i, id := range c.unknown(12) {
			packs = append(packs, Pack(c.Run(i, id, slices.Repeat([][]byte{c.sized(65_000)}, 16)...)))
		}
		return packs
	}),
	waiting("dependencies/wide-waiting", "packs of 4,096 changes of a few bytes that wait: heavier in memory than on the wire", func(c *Crew) [][]byte {
		var packs [][]byte
		for i, id := range c.unknown(8) {
			packs = append(packs, Pack(c.Run(i, id, slices.Repeat([][]byte{c.Ops(nil)}, crdt.MaxPackChanges)...)))
		}
		return packs
	}),
	waiting("dependencies/foreign-links", "links to changes of another room, which are good there", func(c *Crew) [][]byte {
		there := c.elsewhere().Chain(1, 3)
		return Packs(c.Run(0, c.Root(), c.Say("in there", there.IDs()...)))
	}),
	waiting("dependencies/foreign-prev", "a chain that goes on from one of the same author in another room", func(c *Crew) [][]byte {
		return Packs(c.Run(0, c.elsewhere().Chain(0, 3).Last(), c.Say("on")))
	}),
	waiting("dependencies/inside-each-other", "two packs that need each other's inside", func(c *Crew) [][]byte {
		p := c.entangled()
		return [][]byte{Pack(p[0]), Pack(p[1])}
	}),
	{
		Class: Dependencies, Name: "dependencies/inside-each-other-joined", What: "two packs that need each other's inside, then one that holds both",
		Peers: packs("dependencies/inside-each-other-joined", func(c *Crew) [][]byte {
			p := c.entangled()
			return [][]byte{Pack(p[0]), Pack(p[1]), Pack(p[1], p[0])}
		}),
		Want: Want{Accepted: 4},
	},
	{
		Class: Dependencies, Name: "dependencies/backwards", What: "a chain of 600, the last change first: all waits, then all is released",
		Peers: packs("dependencies/backwards", func(c *Crew) [][]byte { return c.backwards(600) }),
		Want:  Want{Accepted: 600},
	},
	{
		Class: Dependencies, Name: "dependencies/parents-last", What: "a pack of 100 authors' runs, each linking the one behind it",
		Peers: packs("dependencies/parents-last", func(c *Crew) [][]byte {
			runs := []Run{c.Chain(0, 1)}
			for i := 1; i < 100; i++ {
				runs = append(runs, c.Run(i, c.Root(), c.Say(i, runs[i-1].Last())))
			}
			slices.Reverse(runs)
			return [][]byte{Pack(runs...)}
		}),
		Want: Want{Accepted: 100},
	},
	accepted(Dependencies, "dependencies/lattice", "two authors who link each other at every step: 2^200 ways back", 400, 0, func(c *Crew) [][]byte {
		a, b := c.Chain(0, 1), c.Chain(1, 1)
		var packs [][]byte
		for i := range 200 {
			packs = append(packs, Pack(a, b))
			a, b = a.After(0, c.Say(i, b.Last())), b.After(1, c.Say(i, a.Last()))
		}
		return packs
	}),
	accepted(Dependencies, "dependencies/replayed-waiting", "a pack that waits, 300 times, and its parent", 2, 0, func(c *Crew) [][]byte {
		first := c.Chain(0, 1)
		return append(slices.Repeat([][]byte{Pack(first.After(0, c.Say("on")))}, 300), Pack(first))
	}),
	{
		Class: Dependencies, Name: "dependencies/ladder", What: "for each change that is asked for, one with a parent that is missing: 300 steps, more than are asked for, and no end",
		Peers: ladder("dependencies/ladder", 300, 1), Want: Want{Pending: true},
	},
	{
		Class: Dependencies, Name: "dependencies/ladder-to-the-ground", What: "a ladder of 200 steps, which ends at a beginning",
		Peers: ladder("dependencies/ladder-to-the-ground", 200, 0), Want: Want{Accepted: 200},
	},
	{
		Class: Dependencies, Name: "dependencies/child-of-refused", What: "a refused change, and over another connection a child of it",
		Peers: func(rm *Room) []Peer {
			c := rm.Crew("dependencies/child-of-refused")
			bad := c.Run(0, c.Root(), c.Say("bad", c.Root()))
			return []Peer{
				NewSpeaker(rm).SayPacks(Pack(bad)),
				NewSpeaker(rm).SayPacksAt(c.Now.Add(2*time.Second), Pack(c.Run(1, c.Root(), c.Say("seen", bad.Last())))),
			}
		},
		Want: Want{Refused: []string{"ancestor-refused", "bad-links"}, Closed: true},
	},
	{
		Class: Dependencies, Name: "dependencies/refused-while-waited-for", What: "a child that waits, a child of that, and then the parent is refused",
		Peers: packs("dependencies/refused-while-waited-for", func(c *Crew) [][]byte {
			bad := c.Run(0, c.Root(), c.Say("bad", c.Root()))
			child := c.Run(1, c.Root(), c.Say("seen", bad.Last()))
			return [][]byte{Pack(c.Run(2, c.Root(), c.Say("seen too", child.Last()))), Pack(child), Pack(bad)}
		}),
		Want: Want{Refused: []string{"bad-links"}, Closed: true},
	},
	{
		Class: Dependencies, Name: "dependencies/beside-the-refused", What: "a child of what only shared a pack with something bad is not condemned with it",
		Peers: func(rm *Room) []Peer {
			c := rm.Crew("dependencies/beside-the-refused")
			good, bad := c.Chain(0, 1), c.Run(1, c.Root(), c.Say("bad", c.Root()))
			return []Peer{
				NewSpeaker(rm).SayPacks(Pack(good, bad)),
				NewSpeaker(rm).SayPacksAt(c.Now.Add(2*time.Second), Pack(c.Run(2, c.Root(), c.Say("seen", good.Last()))), Pack(good)),
			}
		},
		Want: Want{Refused: []string{"bad-links"}, Closed: true, Accepted: 2},
	},
}

// waiting is an attack with packs that wait for ever, in any order.
func waiting(name, what string, build func(c *Crew) [][]byte) Attack {
	return Attack{Class: Dependencies, Name: name, What: what, Peers: anyOrder(name, build), Want: Want{Pending: true}}
}

// entangled is two runs, each of which needs the inside of the other: no order of two packs of one run each is good.
func (c *Crew) entangled() [2]Run {
	a, b := c.Chain(0, 1), c.Chain(1, 1)
	return [2]Run{
		c.Run(0, c.Root(), a.Payloads[0], c.Say("after b", b.Last())),
		c.Run(1, c.Root(), b.Payloads[0], c.Say("after a", a.Last())),
	}
}

// backwards is a chain in packs of one change each, the last first.
func (c *Crew) backwards(n int) [][]byte {
	run := c.Chain(0, 1)
	packs := Packs(run)
	for i := 1; i < n; i++ {
		run = run.After(0, c.Say(i))
		packs = append(packs, Pack(run))
	}
	slices.Reverse(packs)
	return packs
}

// ladder makes the Peers of an attack that sends the last change of a chain of n and then, for each that the victim needs, the one
// before it, but for the first keep.
func ladder(name string, n, keep int) func(*Room) []Peer {
	return func(rm *Room) []Peer {
		packs := rm.Crew(name).backwards(n)
		packs = packs[:len(packs)-keep]
		s := NewSpeaker(rm).SayPacks(packs[0])
		next := 1
		s.In = func(_ time.Time, m transport.Message) bool {
			if _, ok := m.Body.(transport.Need); ok && next < len(packs) {
				s.SayPacks(packs[next])
				next++
			}
			return true
		}
		return []Peer{s}
	}
}
