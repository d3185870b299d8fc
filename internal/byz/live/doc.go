// Package live runs the attacks of package byz against real processes: a relay and two nodes in plain mode, each with its own
// files, over real websockets. The attackers sit in the process that calls it.
//
// One [World] serves many attacks: each has a room of its own, two honest nodes, and the one relay. After an attack an honest edit
// travels both ways; then nodes and relay are started again, a newcomer reads the room from the relay alone, and all digests
// must be equal.
package live
