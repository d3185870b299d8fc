package crdt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"runtime"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// What a snapshot claims is not allocated: lists of what takes a byte each, where ids,
// authors or marks should be, cost no more than a few times their size.
func TestSnapshotClaimsAllocateNothing(t *testing.T) {
	const n = 1 << 20
	junk := append(dcbor.AppendArray(nil, n), bytes.Repeat(dcbor.AppendNull(nil), n)...)
	id := make([]byte, 32)
	body := func(heads, content []byte) []byte {
		b := dcbor.AppendBytes(dcbor.AppendArray(nil, 5), roomOf(crdt.Ledger).Append(nil))
		b = dcbor.AppendUint(b, 1)
		b = append(b, heads...)
		return append(dcbor.AppendBytes(b, id), content...)
	}
	none := dcbor.AppendArray(nil, 0)
	row := slices.Concat(
		dcbor.AppendArray(nil, 2), dcbor.AppendBytes(dcbor.AppendArray(nil, 1), id),
		dcbor.AppendArray(nil, 1), dcbor.AppendArray(nil, 4), dcbor.AppendUint(nil, 0), dcbor.AppendUint(nil, 0), dcbor.AppendNull(nil), junk)
	for name, b := range map[string][]byte{
		"heads":   body(junk, none),
		"authors": body(none, slices.Concat(dcbor.AppendArray(nil, 2), junk, none)),
		"marks":   body(none, row),
	} {
		file := binary.AppendUvarint([]byte(snapshotLabel), uint64(len(b)))
		file = append(append(file, 0), b...)
		file = binary.BigEndian.AppendUint32(file, crc32.Checksum(file, crc32.MakeTable(crc32.Castagnoli)))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := crdt.OpenSnapshot(file)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, crdt.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > uint64(8*len(file)) {
			t.Errorf("%s: %d bytes allocated for %d", name, n, len(file))
		}
	}
}
