package crdt

import (
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/tallystick/tallystick/internal/race"
)

// The saved state gives the very ids that the plain way gives, for payloads of
// every length about a block's; and this Go's states are as known.
func TestHasher(t *testing.T) { // not parallel: it counts allocations
	fast := newHasher()
	if fast.plain {
		t.Error("ids are hashed in the plain way: the state of SHA-256 is another here")
	}
	plain := &hasher{plain: true}
	var b [200 + 96]byte
	for n := range 200 {
		rand.Read(b[:])
		room, author, prev, payload := RoomID(b[:32]), Author(b[32:64]), ChangeID(b[64:96]), b[96:96+n]
		want := newChainPrefix(room, author)
		for _, h := range []*hasher{fast, plain} {
			h.chainOf(room, author)
			for range 2 {
				if got := h.id(&prev, payload); got != want.id(prev, sha256.Sum256(payload)) {
					t.Fatalf("%d bytes, plain %v: %v", n, h.plain, got)
				}
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { fast.id(&ChangeID{}, b[:15]) }); n != 0 && !race.Enabled {
		t.Errorf("%v allocations an id", n)
	}
}

func BenchmarkID(b *testing.B) {
	payload := make([]byte, 15)
	for _, c := range []struct {
		name string
		h    *hasher
	}{{"saved", newHasher()}, {"plain", &hasher{plain: true}}} {
		b.Run(c.name, func(b *testing.B) {
			c.h.chainOf(RoomID{}, Author{})
			var prev ChangeID
			b.ReportAllocs()
			for b.Loop() {
				prev = c.h.id(&prev, payload)
			}
		})
	}
}
