// Package oracle makes one price of what many oracles say, without a round of consensus:
// N oracles append signed attestations to the feed of a room, and every replica computes
// the price from the log alone. Equal heads give equal prices, byte for byte. Up to
// f = ⌊(N−1)/3⌋ of them may lie, flood, copy, stall, forge their clocks or fork their
// chains: what comes out lies within the range of what honest oracles said.
//
// [Terms] are what the room's charter fixes: the committee, the pairs and the [Policy].
// An [Attestation] is one literal of the feed. A [Log] takes in changes, one by one or
// from a [crdt.View], and answers: [Log.Time] is the time by the log, [Log.Price] the
// price, [Log.Votes] what it is made of, [Log.Oracles] how each oracle stands.
//
// Nothing here reads a clock, does I/O or starts a goroutine, and no float enters what is
// digested. A Log belongs to one goroutine; Terms, attestations, votes and prices are
// values. docs/oracle.md says all of it without Go.
package oracle
