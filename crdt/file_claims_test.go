package crdt_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"runtime"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// All columns of a segment share one bound, also those that cannot be read: a few
// bytes that claim it in each allocate it once.
func TestFileClaimsShareTheBound(t *testing.T) {
	sum := func(b []byte, from int) []byte {
		return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[from:], crc32.MakeTable(crc32.Castagnoli)))
	}
	charter := roomOf(crdt.Ledger).Append(nil)
	file := binary.AppendUvarint([]byte("tallystick room file v1\x00"), uint64(len(charter)))
	file = sum(append(append(file, charter...), 1, 100), 0) // 1 change of 100 bytes
	var body []byte
	for range 25 {
		body = binary.AppendUvarint(body, crdt.MaxFileColumnBytes)
		body = append(body, 4, 'j', 'u', 'n', 'k')
	}
	head := len(file)
	file = append(file, 1, 1, 1) // changes, packs, newcomers
	key := authorOf(testKey(0))
	file = append(append(file, key[:]...), 0, 0, byte(len(body)), 1)
	file[len(file)-2] |= 0x80 // 252 bytes and more take two
	file[len(file)-1] = byte(len(body) >> 7)
	file = sum(file, head)
	at := len(file)
	file = sum(append(file, body...), at)

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := crdt.LoadFile(file)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, crdt.ErrFileColumns) {
		t.Error(err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 2*crdt.MaxFileColumnBytes && !crdt.RaceDetector {
		t.Errorf("%d bytes allocated for %d", n, len(file))
	}
}
