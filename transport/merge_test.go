package transport

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
	"github.com/tallystick/tallystick/internal/store"
)

// typist types changes into a replica and a store, each a record.
type typist struct {
	t       *testing.T
	path    string
	store   *store.Store
	replica *crdt.Replica
	writer  *crdt.Writer
}

func newTypist(t *testing.T) *typist {
	ty := &typist{t: t, path: filepath.Join(t.TempDir(), "room.db")}
	var err error
	if ty.store, err = store.Create(ty.path, store.Meta{Room: testCharter.ID(), Charter: testCharter.Append(nil)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ty.store.Close() })
	if ty.replica, err = crdt.NewReplica(testCharter); err != nil {
		t.Fatal(err)
	}
	if ty.writer, err = ty.replica.Writer(testKey(1)); err != nil {
		t.Fatal(err)
	}
	return ty
}

func (ty *typist) types(n int) {
	ty.t.Helper()
	for range n {
		from := ty.replica.Len()
		if _, err := ty.writer.Change(int64(from), func(tx *crdt.Tx) error {
			_, err := tx.Append(crdt.Literal{0x01})
			return err
		}); err != nil {
			ty.t.Fatal(err)
		}
		ty.writer.Sign()
		frame, _ := ty.replica.PackFrom(from, nil)
		if _, err := ty.store.Append([][]byte{frame}); err != nil {
			ty.t.Fatal(err)
		}
	}
}

// opens opens the room as it is on disk, with so many records afterwards.
func (ty *typist) opens(want uint64) {
	ty.t.Helper()
	ty.reopen()
	core, err := OpenCore(context.Background(), NodeConfig{Charter: testCharter, Store: ty.store})
	if err != nil {
		ty.t.Fatal(err)
	}
	if got := ty.store.Len(); got != want {
		ty.t.Errorf("the store has %d records, want %d", got, want)
	}
	if core.replica.LogDigest() != ty.replica.LogDigest() || core.replica.DocDigest() != ty.replica.DocDigest() {
		ty.t.Error("the room is another one")
	}
	for i := 0; i < core.replica.Len(); {
		ours, next := ty.replica.PackFrom(i, nil)
		frame, _ := core.replica.PackFrom(i, nil)
		if !bytes.Equal(frame, ours) {
			ty.t.Fatalf("the pack at change %d is another one", i)
		}
		i = next
	}
}

func (ty *typist) reopen() {
	ty.t.Helper()
	if err := ty.store.Close(); err != nil {
		ty.t.Fatal(err)
	}
	var err error
	if ty.store, err = store.Open(ty.path); err != nil {
		ty.t.Fatal(err)
	}
}

// segments is how many of the records are segments, and the bytes of all.
func (ty *typist) segments() (n, size int) {
	ty.t.Helper()
	if err := ty.store.Records(func(_ uint64, record []byte) error {
		size += len(record)
		if crdt.IsSegment(record) {
			n++
		}
		return nil
	}); err != nil {
		ty.t.Fatal(err)
	}
	return n, size
}

// A room that was typed change by change becomes a segment when it is opened, which grows with what is typed later, and is
// the same room at all times.
func TestOpenMergesSmallRecords(t *testing.T) {
	race.OneGoroutine(t)
	const typed = 2 * mergeRecords
	ty := newTypist(t)
	ty.types(typed)
	_, before := ty.segments()
	ty.opens(1)
	if n, size := ty.segments(); n != 1 || size > before/5 {
		t.Errorf("%d segments, %d bytes of %d", n, size, before)
	}
	ty.opens(1) // left alone
	ty.types(10)
	ty.opens(11) // too few
	ty.types(mergeRecords - 10)
	ty.opens(2) // the segment before is larger
	ty.types(mergeRecords)
	ty.opens(1) // as large as all before it
}

// A merge that fails leaves the room as it was, and nothing more is written.
func TestOpenMergeFails(t *testing.T) {
	race.OneGoroutine(t)
	ty := newTypist(t)
	ty.types(mergeRecords)
	broken := brokenMerger{ty.store}
	_, err := OpenCore(context.Background(), NodeConfig{Charter: testCharter, Store: broken})
	if !errors.Is(err, ErrFatal) || !errors.Is(err, errBroken) {
		t.Fatalf("got %v", err)
	}
	ty.opens(1)
}

var errBroken = errors.New("broken")

type brokenMerger struct{ Store }

func (brokenMerger) Replace(uint64, [][]byte) error { return errBroken }

// A segment that is not what it was is named by its record, and the store is not written to, though there is much to merge.
func TestOpenDamagedSegment(t *testing.T) {
	race.OneGoroutine(t)
	ty := newTypist(t)
	ty.types(mergeRecords)
	ty.opens(1)
	var segment []byte
	if err := ty.store.Records(func(_ uint64, record []byte) error { segment = bytes.Clone(record); return nil }); err != nil {
		t.Fatal(err)
	}
	ty.types(mergeRecords)
	intact, err := os.ReadFile(ty.path)
	if err != nil {
		t.Fatal(err)
	}

	// By bits on disk: the store says where.
	damaged := bytes.Clone(intact)
	at := bytes.Index(damaged, segment)
	if at < 0 {
		t.Fatal("the segment is not in the file")
	}
	damaged[at+len(segment)/2] ^= 1
	other := filepath.Join(t.TempDir(), "room.db")
	if err := os.WriteFile(other, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	var damage *store.DamageError
	if _, err := store.Open(other); !errors.As(err, &damage) || damage.Record != 0 {
		t.Fatalf("got %v", err)
	}

	// By what was written: the room says which record.
	for name, record := range map[string][]byte{
		"cut":     segment[:len(segment)-1],
		"flipped": append(append(bytes.Clone(segment[:len(segment)-20]), segment[len(segment)-20]^1), segment[len(segment)-19:]...),
	} {
		t.Run(name, func(t *testing.T) {
			ty := newTypist(t)
			if _, err := ty.store.Append([][]byte{record}); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(ty.path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = OpenCore(context.Background(), NodeConfig{Charter: testCharter, Store: ty.store})
			var refused *crdt.RefusedError
			if !errors.As(err, &refused) || name == "cut" && !strings.Contains(err.Error(), "record 0: ") {
				t.Fatalf("got %v", err)
			}
			after, err := os.ReadFile(ty.path)
			if err != nil || !bytes.Equal(after, before) {
				t.Fatalf("the store was written to, %v", err)
			}
		})
	}
}
