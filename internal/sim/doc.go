// Package sim runs whole networks in one goroutine from one seed: real replicas, sessions, nodes and relays
// ([transport.Core]) on machines with disks that fail, over links that stall and break, with a clock of its own.
// Nothing is left to the scheduler or the time of day: the same [Scenario] gives the same trace, byte for byte.
//
// A [Scenario] is data: machines, links, and what happens when. [Generate] makes one of a seed, [Parse] reads what
// [Scenario.String] wrote, [Shrink] makes one that fails smaller. [Run] plays one and checks what docs/threats.md §4
// promises; a program that wants other scenarios drives a [Sim] itself ([New], [Sim.Do], [Sim.RunFor], [Sim.Quiet]).
//
// # What is modelled
//
//   - A machine has a disk (what was written and what was synced), a process with memory (a Core), a clock that is off by
//     some seconds and jumps. A process is killed at any moment, also within a write; writes fail; stores are cut short or
//     replaced by an old backup; a process stops for a while and reads nothing.
//   - A connection carries messages in order, with delay, jitter, bandwidth, bounded queues and a bounded number under way. It
//     stalls, or breaks at any byte: each side gets what had arrived, and notices at once or only by its read timeout, so that one
//     side may dial again while the other still sends into the old connection.
//   - A hostile peer is a [byz.Peer] at the other end of a connection. Machines may share a key.
//
// # What is not
//
// Websocket frames, TLS, HTTP, the hub with several rooms on a connection, goroutines and locks: those are tested over real
// sockets (transport, internal/e2e). A clock that runs backwards within a process: Go's monotonic clock does not.
// A disk that says it has synced and has not: that is a defect which the tests of this package inject, to see it found.
package sim
