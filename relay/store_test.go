package relay

import (
	"bytes"
	"crypto/ed25519"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
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

// What a killed relay leaves in a room's journal is there when it opens the room again; a damaged journal costs what is damaged.
func TestCrashedJournal(t *testing.T) {
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
	row, err := crdt.EncodeLiteral("a row")
	if err != nil {
		t.Fatal(err)
	}
	const packs = 30
	path := filepath.Join(t.TempDir(), roomFile(charter.ID()))
	s, err := openRoomStore(path, charter, 1<<30, func() {}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() // after its files were copied
	for range packs {
		if _, err := w.Change(1, func(tx *crdt.Tx) error { _, err := tx.Append(row); return err }); err != nil {
			t.Fatal(err)
		}
		from, _ := w.Sign()
		frame, _ := replica.PackFrom(from, func(i int) bool { return i < from })
		if _, err := s.Append([][]byte{frame}); err != nil {
			t.Fatal(err)
		}
	}
	for _, damaged := range []bool{false, true} {
		dir := t.TempDir()
		var log bytes.Buffer
		rs, err := newRooms(t.Context(), dir, Policy{}.withDefaults(), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(dir, filepath.Base(path))
		for _, suffix := range []string{"", store.JournalInfix} {
			content, err := os.ReadFile(path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			if damaged && suffix != "" {
				content[4096+100] ^= 1 // within the first batch
			}
			if err := os.WriteFile(copied+suffix, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r := &room{id: charter.ID()}
		if err := rs.load(t.Context(), r, charter); err != nil || r.err != nil {
			t.Fatal(err, r.err)
		}
		// Behind the damage are changes that wait for the lost one.
		got, want := r.node.Snapshot(), packs
		if damaged {
			want = packs - 1
		}
		if n := got.View.Changes() + got.Pending; n != want || strings.Contains(log.String(), "journal damaged") != damaged {
			t.Errorf("damaged %v: %d changes and %d that wait, want %d in all; the log says %q", damaged, got.View.Changes(), got.Pending, want, &log)
		}
		if err := r.store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A room's file that is gone, and a journal that a crash has left: what was acknowledged and waits there is served, and the bytes
// of both count as long as they are there.
func TestJournalWithoutRoom(t *testing.T) {
	t.Parallel()
	charter := crdt.OpenLedger("main")
	dir := t.TempDir()
	path := filepath.Join(dir, roomFile(charter.ID()))
	s, err := openRoomStore(path, charter, 1<<30, func() {}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() // after its files were copied
	replica, err := crdt.NewReplica(charter)
	if err != nil {
		t.Fatal(err)
	}
	w, err := replica.Writer(ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	row, err := crdt.EncodeLiteral("a row")
	if err != nil {
		t.Fatal(err)
	}
	const packs = 30
	waits := 0
	for range packs {
		if _, err := w.Change(1, func(tx *crdt.Tx) error { _, err := tx.Append(row); return err }); err != nil {
			t.Fatal(err)
		}
		from, _ := w.Sign()
		frame, _ := replica.PackFrom(from, func(i int) bool { return i < from })
		if _, err := s.Append([][]byte{frame}); err != nil {
			t.Fatal(err)
		}
		if s.waiting.Load() > 0 {
			waits++
		}
	}
	journal, err := os.ReadFile(path + store.JournalInfix)
	if err != nil || waits == 0 || s.beside.Load() != int64(len(journal)) {
		t.Fatalf("%d packs wait in a journal of %d bytes, %d are counted: %v", waits, len(journal), s.beside.Load(), err)
	}

	for name, content := range map[string][]byte{"left by a crash": journal, "damaged": append([]byte("?"), journal[1:]...)} {
		dir := t.TempDir()
		copied := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(copied+store.JournalInfix, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		rs, err := newRooms(t.Context(), dir, Policy{}.withDefaults(), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if n, bytes := rs.all(func(*room) bool { return true }); n != 1 || bytes != int64(len(content)) {
			t.Errorf("%s: %d rooms of %d bytes are counted, want 1 of %d", name, n, bytes, len(content))
		}
		r := &room{id: charter.ID()}
		if err := rs.load(t.Context(), r, charter); err != nil || r.err != nil {
			t.Fatal(name, err, r.err)
		}
		if got := r.node.Snapshot(); got.View.Changes()+got.Pending != waits || !strings.Contains(log.String(), "file gone") {
			t.Errorf("%s: %d changes and %d that wait, want %d in all; the log says %q", name, got.View.Changes(), got.Pending, waits, &log)
		}
		want := int64(0)
		if name == "damaged" { // the journal is kept
			want = int64(len(content))
		}
		if got := rs.damaged[r.id]; got != want {
			t.Errorf("%s: %d bytes of damaged files are counted, want %d", name, got, want)
		}
		if err := r.store.Close(); err != nil || r.store.beside.Load() != 0 {
			t.Errorf("%s: %v, %d bytes of a journal are left", name, err, r.store.beside.Load())
		}
		again, err := newRooms(t.Context(), dir, Policy{}.withDefaults(), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if n, bytes := again.all(func(*room) bool { return true }); n != 1 || bytes != want+r.store.size.Load() || again.damaged[r.id] != want {
			t.Errorf("%s: after a restart %d rooms of %d bytes, want 1 of %d", name, n, bytes, want+r.store.size.Load())
		}
	}
}
