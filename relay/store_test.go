package relay

import (
	"crypto/ed25519"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
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
	path := filepath.Join(t.TempDir(), "room.db")
	open := func() *roomStore {
		s, err := openRoomStore(path, charter, limit, func() { kicks++ }, nil)
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

// A room fills by the memory that its changes take, also where a segment of them is a fraction of that.
func TestSegmentsFillRoomAsPacks(t *testing.T) {
	t.Parallel()
	charter := crdt.OpenLedger("main")
	replica, err := crdt.NewReplica(charter)
	if err != nil {
		t.Fatal(err)
	}
	w, err := replica.Writer(ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	row, err := crdt.EncodeLiteral(strings.Repeat("the same again ", 2000))
	if err != nil {
		t.Fatal(err)
	}
	for range 30 {
		if _, err := w.Change(1, func(tx *crdt.Tx) error { _, err := tx.Append(row); return err }); err != nil {
			t.Fatal(err)
		}
	}
	w.Sign()
	frame, _ := replica.PackFrom(0, nil)
	segment, _ := replica.RecordFrom(0)
	held := func(record []byte) int64 {
		s, err := openRoomStore(filepath.Join(t.TempDir(), "room.db"), charter, 1<<30, func() {}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.Append([][]byte{record}); err != nil {
			t.Fatal(err)
		}
		return s.held.Load()
	}
	if len(segment) > len(frame)/50 || held(segment) < int64(len(frame))*9/10 {
		t.Fatalf("a frame of %d bytes holds %d, its segment of %d bytes %d", len(frame), held(frame), len(segment), held(segment))
	}
}
