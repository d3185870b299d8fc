package crdt_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"runtime"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
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
	if n := after.TotalAlloc - before.TotalAlloc; n > 2*crdt.MaxFileColumnBytes && !race.Enabled {
		t.Errorf("%d bytes allocated for %d", n, len(file))
	}
}

// What a file holds beyond what its head claims is not taken into memory: reading ends in the pack that is too much, whatever
// comes behind it.
func TestFileHoldsNoMoreThanItClaims(t *testing.T) {
	race.OneGoroutine(t)
	const claim = 2 << 20
	r := longLedger(t)
	saved := r.Save(nil)
	charter := r.Charter().Append(nil)
	head := len("tallystick room file v1\x00") + len(binary.AppendUvarint(nil, uint64(len(charter)))) + len(charter)
	n, size := binary.Uvarint(saved[head:])
	_, more := binary.Uvarint(saved[head+size:])
	if n != uint64(r.Len()) {
		t.Fatalf("the head is elsewhere: %d changes", n)
	}
	file := binary.AppendUvarint(append([]byte(nil), saved[:head+size]...), claim)
	file = binary.BigEndian.AppendUint32(file, crc32.Checksum(file, crc32.MakeTable(crc32.Castagnoli)))
	file = append(file, saved[head+size+more+4:]...)

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := crdt.LoadFile(file)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, crdt.ErrFileColumns) || got == nil {
		t.Fatalf("got %v", err)
	}
	held := 0
	for i := range got.Len() {
		held += len(got.At(i).Payload)
	}
	if got.Len() == 0 || held > claim {
		t.Errorf("%d changes of %d bytes loaded, claimed were %d bytes", got.Len(), held, claim)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > crdt.MaxFileColumnBytes+8*claim/2 && !race.Enabled {
		t.Errorf("%d bytes allocated for a claim of %d", n, claim)
	} else {
		t.Logf("%d bytes allocated, %d changes of %d", n, got.Len(), r.Len())
	}
}
