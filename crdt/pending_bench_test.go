package crdt_test

import (
	"fmt"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// A further pack of a peer whose share of the buffer is full of packs of many
// authors: it is added, and the heaviest gives way.
func BenchmarkPendingFull(b *testing.B) {
	for _, authors := range []int{1, 256} {
		b.Run(fmt.Sprintf("authors=%d", authors), func(b *testing.B) {
			m := newMill(b, crdt.Ledger)
			full := crdt.MaxPendingPeerBytes / (crdt.MaxPendingBytes / crdt.MaxPendingPacks)
			packs := make([]*crdt.Pack, 2*full)
			for i := range packs {
				packs[i] = m.check(refPack{m.run(i%authors, m.room, refPayload(int64(i), []hash32{{1}}, noOps))}...)
			}
			r := newReplica(b, m.charter)
			for _, p := range packs[:full] {
				r.Receive(p, 1, epoch)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				r.Receive(packs[i%len(packs)], 1, epoch)
			}
		})
	}
}
