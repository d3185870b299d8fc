package crdt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// A snapshot shows what the replica shows, and passes its check there, at another
// replica of the same log, and when the replica has moved on.
func TestSnapshotShows(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	eachKind(t, func(t *rapid.T, kind crdt.Kind) {
		w := newWorld(t, roomOf(kind), 2, 2)
		w.run(rapid.IntRange(0, 20).Draw(t, "steps"))
		r := w.receiveAll(w.packs)
		b := mustSnapshot(t, r)
		s, err := crdt.OpenSnapshot(b)
		if err != nil {
			t.Fatal(err)
		}
		if s.LogDigest() != r.LogDigest() || s.DocDigest() != r.DocDigest() || s.Changes() != r.Len() || s.Charter().ID() != r.Room() {
			t.Fatal("other digests or number of changes")
		}
		if got, want := s.Value(), r.Value(); !reflect.DeepEqual(got, want) {
			t.Fatalf("value %v, want %v", got, want)
		}
		view, i := r.View(), 0
		for row := range s.Rows {
			want := view.Row(i)
			c := view.ChangeAt(want.Key.Change)
			said, err := r.Doc().Marks(view.NameOf(want.Key))
			if err != nil || row.Author != c.Author || row.Time != c.Time || !bytes.Equal(row.Literal, want.Literal) || len(said) != len(row.Marks) {
				t.Fatalf("row %d: %+v, want %+v of %+v, %v", i, row, want, c, err)
			}
			for k, m := range row.Marks {
				if m.Author != said[k].Author || !bytes.Equal(m.Literal, said[k].Literal) {
					t.Fatalf("row %d, mark %d: %+v, want %+v", i, k, m, said[k])
				}
			}
			i++
		}
		if i != view.Len() {
			t.Fatalf("%d rows, want %d", i, view.Len())
		}
		w.run(rapid.IntRange(0, 5).Draw(t, "more"))
		for name, other := range map[string]*crdt.Replica{
			"the same": r, "another of the same log": load(t, w.charter, exported(r)), "one that moved on": w.receiveAll(w.packs),
		} {
			if err := s.Check(other); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		again, err := crdt.LoadFile(r.Save(nil))
		if err != nil || !bytes.Equal(mustSnapshot(t, again), b) {
			t.Fatal("made again: other bytes")
		}
	})
}

func mustSnapshot(t interface{ Fatal(...any) }, r *crdt.Replica) []byte {
	b, err := r.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A snapshot that says other than the log is refused with the place.
func TestSnapshotForged(t *testing.T) {
	t.Parallel()
	m := newMill(t, crdt.JSON)
	one := func(o ...any) *crdt.Replica {
		r := newReplica(t, m.charter)
		deliver(t, r, refPack{m.run(0, m.room, refPayload(0, nil, refEncode(o)))}.frame(), 1)
		return r
	}
	ledger := newMill(t, crdt.Ledger)
	rows := func(a, b any) *crdt.Replica {
		r := newReplica(t, ledger.charter)
		deliver(t, r, refPack{ledger.run(0, ledger.room, refPayload(0, nil, refEncode([]any{[]any{0, 1, a}, []any{0, 1, b}})))}.frame(), 1)
		return r
	}
	for name, c := range map[string]struct {
		real, shown *crdt.Replica
		place       string
	}{
		"value":   {one(ops{2, 0, "title", ops{}, "yes"}), one(ops{2, 0, "title", ops{}, "no"}), ".title"},
		"missing": {one(ops{2, 0, "title", ops{}, ops{1, 2}}), one(ops{2, 0, "title", ops{}, ops{1}}), ".title[1]"},
		"more":    {one(ops{2, 0, "a", ops{}, 1}), one(ops{2, 0, "a", ops{}, 1}, ops{2, 0, "b", ops{}, 1}), ".b"},
		"digest":  {one(ops{3, 0, "a", ops{}, 0}), one(ops{3, 0, "a", ops{}, 0}, ops{1, 0, 1}), "document digest"},
		"row":     {rows(1, 2), rows(1, 3), "row 1"},
	} {
		t.Run(name, func(t *testing.T) {
			// As a liar would do it: the document of one log under the heads of another.
			got, err := crdt.OpenSnapshot(withHeads(t, mustSnapshot(t, c.shown), c.shown, c.real))
			if err != nil {
				t.Fatal(err)
			}
			err = got.Check(c.real)
			var e *crdt.SnapshotError
			if !errors.Is(err, crdt.ErrSnapshot) || !errors.As(err, &e) || e.Place != c.place {
				t.Fatalf("got %v, want %s", err, c.place)
			}
		})
	}
	s, err := crdt.OpenSnapshot(mustSnapshot(t, one(ops{2, 0, "a", ops{}, 1})))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(newReplica(t, m.charter)); !errors.Is(err, crdt.ErrMissing) {
		t.Errorf("got %v for a replica without those changes", err)
	}
	if err := s.Check(rows(1, 2)); !errors.Is(err, crdt.ErrWrongRoom) {
		t.Errorf("got %v for another room", err)
	}
}

const snapshotLabel = "tallystick snapshot v1\x00"

// withHeads puts the heads of another replica into a snapshot, which must be too
// short to be compressed, or else is unpacked.
func withHeads(t testing.TB, snapshot []byte, of, put *crdt.Replica) []byte {
	s, err := crdt.OpenSnapshot(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	from, to := of.Heads()[0], put.Heads()[0]
	body := bytes.Replace(crdt.SnapshotBody(s), from[:], to[:], 1)
	out := binary.AppendUvarint([]byte(snapshotLabel), uint64(len(body)))
	out = append(append(out, 0), body...)
	return binary.BigEndian.AppendUint32(out, crc32.Checksum(out, crc32.MakeTable(crc32.Castagnoli)))
}

func TestSnapshotRefusals(t *testing.T) {
	race.OneGoroutine(t)
	t.Parallel()
	r := longLedger(t)
	b := mustSnapshot(t, r)
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"nothing":         {nil, crdt.ErrFileTruncated},
		"a room file":     {r.Save(nil), crdt.ErrFileFormat},
		"another version": {[]byte(strings.Replace(string(b), "v1", "v7", 1)), crdt.ErrFileVersion},
		"cut":             {b[:len(b)-1], crdt.ErrFileChecksum},
		"label alone":     {b[:len(snapshotLabel)], crdt.ErrFileTruncated},
		"bytes after it":  {append(bytes.Clone(b), 0), crdt.ErrFileChecksum},
		"altered":         {bytes.Replace(b, b[len(b)/2:len(b)/2+1], []byte{b[len(b)/2] ^ 4}, 1), crdt.ErrFileChecksum},
	} {
		if _, err := crdt.OpenSnapshot(c.file); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	w := mustWriter(t, r, 3)
	if _, err := w.Change(0, func(tx *crdt.Tx) error { _, err := tx.Append(entry(0)); return err }); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Snapshot(); !errors.Is(err, crdt.ErrUnsigned) {
		t.Errorf("got %v with an unsigned change", err)
	}
	keeper, err := crdt.NewKeeper(r.Charter())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keeper.Snapshot(); !errors.Is(err, crdt.ErrKeeper) {
		t.Errorf("got %v of a keeper", err)
	}
}

// FuzzSnapshot opens any bytes, their checksum made right. What opens can be read.
func FuzzSnapshot(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(fileDir, "*.snapshot"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden snapshots: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4 {
			b = bytes.Clone(b)
			binary.BigEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b[:len(b)-4], crc32.MakeTable(crc32.Castagnoli)))
		}
		s, err := crdt.OpenSnapshot(b)
		if err != nil {
			return
		}
		s.Value()
		for range s.Rows {
		}
		r := newReplica(t, s.Charter())
		if err := s.Check(r); err == nil && !reflect.DeepEqual(s.Value(), r.Value()) {
			t.Fatal("a check passes that should not")
		}
	})
}
