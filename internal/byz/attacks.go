package byz

import (
	"slices"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// Attacks returns all attacks, in the order of the classes. The slice is the caller's.
func Attacks() []Attack {
	return slices.Concat(
		codecAttacks, changeAttacks, keyAttacks, chainAttacks, dependencyAttacks, documentAttacks, sequenceAttacks,
		syncAttacks, withholdingAttacks, terminalAttacks, oracleAttacks,
	)
}

// packs makes the Peers of an attack that sends the packs that build makes, in that order, over one connection.
func packs(name string, build func(c *Crew) [][]byte) func(*Room) []Peer {
	return func(rm *Room) []Peer {
		return []Peer{NewSpeaker(rm).SayPacks(build(rm.Crew(name))...)}
	}
}

// anyOrder is packs in another order for each victim.
func anyOrder(name string, build func(c *Crew) [][]byte) func(*Room) []Peer {
	return func(rm *Room) []Peer {
		all := build(rm.Crew(name))
		rm.Rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return []Peer{NewSpeaker(rm).SayPacks(all...)}
	}
}

// refused is an attack with packs of which the first bad one is refused under that code and closes the connection; accepted
// changes come before it.
func refused(class Class, name, what, code string, accepted int, build func(c *Crew) [][]byte) Attack {
	return Attack{
		Class: class, Name: name, What: what, Peers: packs(name, build),
		Want: Want{Refused: []string{code}, Closed: true, Accepted: accepted},
	}
}

// accepted is an attack with packs that are all accepted, in whatever order, and in which so many authors fork.
func accepted(class Class, name, what string, changes, forks int, build func(c *Crew) [][]byte) Attack {
	return Attack{
		Class: class, Name: name, What: what, Peers: anyOrder(name, build), Want: Want{Accepted: changes, Forks: forks},
	}
}

// inJSON is accepted for a room whose document is JSON.
func inJSON(class Class, name, what string, changes int, build func(c *Crew) [][]byte) Attack {
	a := accepted(class, name, what, changes, 0, build)
	a.Kind = crdt.JSON
	return a
}

// void is an attack that leaves no trace in the document.
func void(a Attack) Attack {
	a.Want.Void = true
	return a
}

// reacting makes the Peers of an attack that answers the first honest change that it hears of with packs.
func reacting(name string, build func(c *Crew, heard crdt.Change) [][]byte) func(*Room) []Peer {
	return func(rm *Room) []Peer {
		s := NewSpeaker(rm)
		s.Hear = func(now time.Time, v *crdt.View) {
			s.Hear = nil
			s.SayPacks(build(rm.Crew(name), v.ChangeAt(0))...)
		}
		return []Peer{s}
	}
}
