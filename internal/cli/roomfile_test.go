package cli

import (
	"encoding/binary"
	"hash/crc32"
	"runtime"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// TestFits: what a file claims is bounded by its size, before anything of it is unpacked.
func TestFits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size, changes int
		payloads      int64
		want          string
	}{
		{100, 0, 0, ""},
		{5160, 200_000, 13_797_200, ""}, // one entry over and over
		{4_600_000, 1_000_000, 70_000_000, ""},
		{1000, 1, 128 << 20, ""},
		{1000, 0, 128<<20 + 256*1000, ""},
		{1000, 0, 128<<20 + 256*1000 + 1, "of a file of 1000 bytes, at most 134473728 are loaded"},
		{1000, 1_000_000, 0, "which take 192000000 bytes"},
		{1 << 29, 1_000_000, 500 << 20, ""},
		{1 << 29, 1_000_000, 3 << 30, "at most 2147483648 are loaded"},
		{1 << 29, 20_000_000, 0, "at most 2147483648 are loaded"},
	} {
		err := fits("x", c.size, crdt.FileHead{Changes: c.changes, PayloadBytes: c.payloads})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}

// A small file that claims much is refused before memory is taken for it: as little as for its head.
func TestUnpackRefusesGreatClaims(t *testing.T) {
	charter := crdt.OpenLedger("main")
	r, err := crdt.NewReplica(charter)
	if err != nil {
		t.Fatal(err)
	}
	file := r.Save(nil)
	// The head: label, charter, changes, payload bytes, checksum; the two numbers of an empty room are one byte each.
	file = binary.AppendUvarint(binary.AppendUvarint(file[:len(file)-6], 1<<20), 1<<30)
	file = binary.BigEndian.AppendUint32(file, crc32.Checksum(file, crc32.MakeTable(crc32.Castagnoli)))
	file = append(file, make([]byte, 1000)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err = unpack("x", file, charter)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "it says that it holds 1048576 changes with 1073741824 bytes") {
		t.Errorf("got %v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
		t.Errorf("%d bytes allocated for a file of %d", n, len(file))
	}
}
