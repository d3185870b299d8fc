package crdt

import (
	"bytes"
	"testing"

	"github.com/tallystick/tallystick/crdt/dcbor"
	"pgregory.net/rapid"
)

// The ops of an accepted payload are found where its envelope has them, whatever the
// lengths of the heads before them.
func TestOpsOf(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		time := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-300, 300), rapid.Int64Range(1_700_000_000, 1_900_000_000)).Draw(t, "time")
		links := rapid.SampledFrom([]int{0, 0, 1, 2, 23, 24, MaxLinks}).Draw(t, "links")
		want := bytes.Repeat([]byte{0x01}, rapid.SampledFrom([]int{1, 23, 24, 255, 256, 70_000}).Draw(t, "bytes"))
		payload := dcbor.AppendArray(dcbor.AppendInt(dcbor.AppendArray(nil, 3), time), links)
		for i := range links {
			payload = dcbor.AppendBytes(payload, append([]byte{byte((i + 1) >> 8), byte(i + 1)}, make([]byte, 30)...))
		}
		payload = dcbor.AppendBytes(payload, want)
		if e, err := parseEnvelope(payload, RoomID{}, ChangeID{}); len(payload) <= MaxPayloadBytes && (err != nil || !bytes.Equal(e.ops, want)) {
			t.Fatalf("%d bytes of ops, %v", len(e.ops), err)
		}
		if got := opsOf(payload); !bytes.Equal(got, want) {
			t.Fatalf("%d bytes of ops, want %d", len(got), len(want))
		}
	})
}
