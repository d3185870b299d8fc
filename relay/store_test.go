package relay

import (
	"path/filepath"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
	"github.com/tallystick/tallystick/internal/store"
)

// Changes of a few bytes each fill a room by the memory that they take, not by their bytes; also when it is opened again.
func TestSmallChangesFillRoom(t *testing.T) {
	t.Parallel()
	const changes, limit = crdt.MaxPackChanges, 512 << 10
	frame := dcbor.AppendArray(dcbor.AppendArray(nil, 1), 4)
	frame = dcbor.AppendBytes(frame, make([]byte, 32))
	frame = dcbor.AppendBytes(frame, make([]byte, 32))
	frame = dcbor.AppendArray(frame, changes)
	for range changes {
		frame = dcbor.AppendBytes(frame, make([]byte, 5))
	}
	frame = dcbor.AppendBytes(frame, make([]byte, 64))

	kicks := 0
	charter := crdt.OpenLedger("main")
	meta := store.Meta{Room: charter.ID(), Charter: charter.Append(nil)}
	path := filepath.Join(t.TempDir(), "room.db")
	open := func() *roomStore {
		s, err := openRoomStore(path, meta, limit, func() { kicks++ })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	s := open()
	if _, err := s.Append([][]byte{frame}); err != nil {
		t.Fatal(err)
	}
	size, held := s.size.Load(), s.held.Load()
	if size >= limit || held != size+changes*changeBytes || !s.full.Load() || kicks != 1 {
		t.Fatalf("%d bytes, %d held, full %v, %d kicks", size, held, s.full.Load(), kicks)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	if err := s.Records(func(uint64, []byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if s.held.Load() != held || !s.full.Load() || kicks != 2 {
		t.Fatalf("opened again: %d held, full %v, %d kicks", s.held.Load(), s.full.Load(), kicks)
	}
}
