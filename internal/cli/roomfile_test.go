package cli

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// TestFits: what a file claims is bounded before anything of it is unpacked.
func TestFits(t *testing.T) {
	t.Parallel()
	r, err := crdt.NewReplica(crdt.OpenLedger("main"))
	if err != nil {
		t.Fatal(err)
	}
	file := r.Save(nil)
	for _, c := range []struct {
		changes, payloads uint64
		want              string
	}{
		{0, 0, ""},
		{1_000_000, 500 << 20, ""},
		{1_000_000, 3 << 30, "at most 2147483648 are loaded"},
		{20_000_000, 0, "at most 2147483648 are loaded"},
	} {
		// The head: label, charter, changes, payload bytes, checksum; the two numbers of an empty room are one byte each.
		b := append([]byte(nil), file[:len(file)-6]...)
		b = binary.AppendUvarint(binary.AppendUvarint(b, c.changes), c.payloads)
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
		head, err := crdt.ReadFileHead(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := fits("x", head); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d changes with %d bytes: got %v, want %q", c.changes, c.payloads, err, c.want)
		}
	}
}
