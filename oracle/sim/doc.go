// Package sim plays oracles that lie, fall silent and are cut off from each other, on real replicas and in virtual time. Every
// oracle is a machine of internal/sim: replica, store and sessions are those of the program; the network and the clock are not.
// What each believes is computed from its own replica by an [oracle.Log], as a consumer would.
//
// A [Scenario] is data: [Parse] reads it from a file and says where a mistake is, [Load] knows those that are shipped, [Random] makes
// one of a seed. A [Run] plays one, slot by slot; [Run.Do] interferes, and [Run.Recorded] is the scenario with what was done, which
// plays again to the same bytes. [Run.Report] says what came of it. A Run is used by one goroutine; a [Frame] of it by any.
//
// # What is modelled
//
// Links deliver a stream, as TCP does: what is lost beneath is sent again and costs time, what comes twice is dropped, what overtakes
// waits; all three are counted. A partition holds up everything between its groups, and connections that hear nothing for a minute
// break. A crash ends a process, its disk stays. An oracle that equivocates runs two machines on one key, each
// connected to one half of the others. A relay that withholds keeps what each oracle sends it from all others.
package sim
