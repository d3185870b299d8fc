package crdt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// A run that goes on after a fork which was accepted first stays the run that it
// was.
func TestFileKeepsRuns(t *testing.T) {
	race.OneGoroutine(t)
	t.Parallel()
	m := newMill(t, crdt.Ledger)
	r := newReplica(t, m.charter)
	if code := deliver(t, r, regrouped(m, 100).frame(), 1); code != "" {
		t.Fatal(code)
	}
	saved := r.Save(nil)
	loaded, err := crdt.LoadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	restores(t, loaded, r)
	if !bytes.Equal(loaded.Save(nil), saved) {
		t.Fatal("saved again as other bytes")
	}
}

// What waits for a signature is not in the file.
func TestFileLeavesOutUnsigned(t *testing.T) {
	t.Parallel()
	r := newReplica(t, crdt.OpenLedger("test"))
	w := mustWriter(t, r, 0)
	for i := range 5 {
		if _, err := w.Change(0, func(tx *crdt.Tx) error { _, err := tx.Append(entry(i)); return err }); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			w.Sign()
		}
	}
	loaded, err := crdt.LoadFile(r.Save(nil))
	if err != nil || loaded.Len() != 3 {
		t.Fatalf("%d changes, %v", loaded.Len(), err)
	}
}

// longLedger is two authors' ledger of some segments: big changes fill its packs.
func longLedger(t testing.TB) *crdt.Replica {
	m := newMill(t, crdt.Ledger)
	r := newReplica(t, m.charter)
	for a := range 2 {
		prev := m.room
		for i := range 9 {
			run := m.run(a, prev, bytesOf(17, func(k int) []byte { return m.payload(61_000 - i - 100*k) })...)
			prev = run.last(m.room)
			if code := deliver(t, r, refPack{run}.frame(), 1); code != "" {
				t.Fatal(code)
			}
		}
	}
	return r
}

// Every region of a long file is damaged in turn: all segments before it are kept,
// and the first change that is not is named.
func TestFileDamageByPlace(t *testing.T) {
	race.OneGoroutine(t)
	t.Parallel()
	r := longLedger(t)
	saved := r.Save(nil)
	most := 0
	for at := 0; at < len(saved); at += 1 + len(saved)/raceless(50, 12) {
		damaged := bytes.Clone(saved)
		damaged[at] ^= 0x10
		kept := keepsPrefix(t, damaged, r)
		cut := keepsPrefix(t, saved[:at], r)
		if kept < cut || cut < most {
			t.Fatalf("byte %d of %d: %d kept if damaged, %d if cut there, %d if cut before", at, len(saved), kept, cut, most)
		}
		most = cut
	}
	if most < r.Len()/2 {
		t.Fatalf("at most %d of %d changes were kept", most, r.Len())
	}
}

// noisyLedger is one author's ledger of many packs, most of which nothing makes
// smaller.
func noisyLedger(t testing.TB) *crdt.Replica {
	m := newMill(t, crdt.Ledger)
	r := newReplica(t, m.charter)
	rng := rand.NewChaCha8([32]byte{})
	prev := m.room
	n := raceless(18, 6)
	for i := range n {
		run := m.run(0, prev, bytesOf(17, func(k int) []byte {
			if i >= n-2 {
				return m.payload(60_000)
			}
			noise := make([]byte, 60_000)
			_, _ = rng.Read(noise) // it never fails
			return refPayload(int64(k), nil, refEncode([]any{[]any{0, 1, noise}}))
		})...)
		prev = run.last(m.room)
		if code := deliver(t, r, refPack{run}.frame(), 1); code != "" {
			t.Fatal(code)
		}
	}
	return r
}

// Loading writes nothing into the file, also where a column that is compressed
// follows one that is not.
func TestFileIsOnlyRead(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	r := noisyLedger(t)
	saved := r.Save(nil)
	intact := bytes.Clone(saved)
	if loaded, err := crdt.LoadFile(saved); err != nil || loaded.LogDigest() != r.LogDigest() {
		t.Fatal(err)
	}
	if !bytes.Equal(saved, intact) {
		t.Fatal("the file is another")
	}
}

// sealAnew makes the checksums of a file right that was tampered with. at is where
// a segment begins.
func sealAnew(file []byte, at int) {
	table := crc32.MakeTable(crc32.Castagnoli)
	for at < len(file) {
		start := at
		uvarint := func() int {
			v, n := binary.Uvarint(file[at:])
			at += n
			return int(v)
		}
		uvarint()
		uvarint()
		at += 32 * uvarint()
		uvarint()
		uvarint()
		size := uvarint()
		binary.BigEndian.PutUint32(file[at:], crc32.Checksum(file[start:at], table))
		at += 4
		binary.BigEndian.PutUint32(file[at+size:], crc32.Checksum(file[at:at+size], table))
		at += size + 4
	}
}

// Nobody can change what somebody signed: a file whose checksums fit and whose
// content was altered keeps what was before the alteration.
func TestFileForged(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	m := newMill(t, crdt.Ledger)
	r := newReplica(t, m.charter)
	a, _ := m.chain(0, 4)
	b, _ := m.chain(1, 4)
	// Packs that do not fit together: the first is filled up.
	big := m.run(2, m.room, bytesOf(16, func(i int) []byte { return m.payload(65_000 - i) })...)
	for _, run := range []refRun{a, big, b} {
		if code := deliver(t, r, refPack{run}.frame(), 1); code != "" {
			t.Fatal(code)
		}
	}
	saved := r.Save(nil)
	for name, of := range map[string]refRun{"first": a, "last": b} {
		t.Run(name, func(t *testing.T) {
			forged := bytes.Clone(saved)
			at := bytes.Index(forged, of.sig)
			if at < 0 {
				t.Fatal("the signature is not in the file")
			}
			forged[at+5] ^= 1
			sealAnew(forged, fileHead(t, forged))
			got, err := crdt.LoadFile(forged)
			var d *crdt.DamageError
			if !errors.As(err, &d) || !errors.Is(err, crdt.ErrBadSignature) || hash32(d.Author) != of.author || d.Prev != (crdt.ChangeID{}) {
				t.Fatalf("got %v", err)
			}
			if want := map[string]int{"first": 0, "last": 20}[name]; d.Change != want || got.Len() > want {
				t.Fatalf("%d kept, %v", got.Len(), err)
			}
		})
	}
}

func bytesOf(n int, f func(int) []byte) (all [][]byte) {
	for i := range n {
		all = append(all, f(i))
	}
	return all
}

// fileHead is the size of a file's head.
func fileHead(t testing.TB, file []byte) int {
	at := len("tallystick room file v1\x00")
	n, k := binary.Uvarint(file[at:])
	at += k + int(n)
	for range 2 {
		_, k = binary.Uvarint(file[at:])
		at += k
	}
	return at + 4
}

func TestFileRefusals(t *testing.T) {
	t.Parallel()
	m := newMill(t, crdt.JSON)
	r := newReplica(t, m.charter)
	chain, _ := m.chain(0, 3)
	deliver(t, r, refPack{chain}.frame(), 1)
	saved := r.Save(nil)
	head := fileHead(t, saved)
	closed := roomOf(crdt.JSON)
	closed.Writers = []crdt.Author{crdt.Author(authorOf(testKey(3)))}
	for name, c := range map[string]struct {
		file []byte
		want error
		kept int // -1: no replica
	}{
		"nothing":          {nil, crdt.ErrFileTruncated, -1},
		"another kind":     {[]byte("SQLite format 3\x00 and so on, and so on"), crdt.ErrFileFormat, -1},
		"another version":  {[]byte(strings.Replace(string(saved), "v1", "v2", 1)), crdt.ErrFileVersion, -1},
		"head cut":         {saved[:head-1], crdt.ErrFileTruncated, -1},
		"head altered":     {append([]byte(strings.Replace(string(saved[:head]), "test", "tess", 1)), saved[head:]...), crdt.ErrFileChecksum, -1},
		"segments missing": {saved[:head], crdt.ErrFileTruncated, 0},
		"cut":              {saved[:len(saved)-1], crdt.ErrFileTruncated, 0},
		"bytes after it":   {append(bytes.Clone(saved), 0), crdt.ErrFileTrailing, 3},
		"another's room":   {reheaded(t, saved, closed), crdt.ErrNotAWriter, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := crdt.LoadFile(c.file)
			var d *crdt.DamageError
			if !errors.Is(err, c.want) || !errors.As(err, &d) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if got == nil != (c.kept < 0) || got != nil && got.Len() != c.kept {
				t.Fatalf("replica %v", got)
			}
			if _, headErr := crdt.ReadFileHead(c.file); (headErr != nil) != (c.kept < 0) {
				t.Fatalf("head: %v", headErr)
			}
		})
	}
}

// reheaded is a file with another charter in its head.
func reheaded(t testing.TB, file []byte, c crdt.Charter) []byte {
	label := len("tallystick room file v1\x00")
	n, k := binary.Uvarint(file[label:])
	rest := file[label+k+int(n) : fileHead(t, file)-4]
	charter := c.Append(nil)
	out := binary.AppendUvarint(bytes.Clone(file[:label]), uint64(len(charter)))
	out = append(append(out, charter...), rest...)
	out = binary.BigEndian.AppendUint32(out, crc32.Checksum(out, crc32.MakeTable(crc32.Castagnoli)))
	return append(out, file[fileHead(t, file):]...)
}

// FuzzLoadFile loads any bytes, with checksums as they are or made right. Whatever
// comes of it is a sound replica, and what it saves loads again as the same.
func FuzzLoadFile(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(fileDir, "*.tallystick"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden files: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, false)
		f.Add(b[:len(b)*2/3], true)
	}
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		if head, err := crdt.ReadFileHead(b); err != nil || head.PayloadBytes > 1<<20 {
			return
		}
		if seal {
			func() {
				defer func() { _ = recover() }() // b is no row of segments
				sealAnew(b, fileHead(t, b))
			}()
		}
		r, err := crdt.LoadFile(b)
		var d *crdt.DamageError
		if err != nil && !errors.As(err, &d) {
			t.Fatalf("untyped error %v", err)
		}
		if r == nil {
			if err == nil {
				t.Fatal("neither replica nor error")
			}
			return
		}
		checkReplica(t, r)
		again, err := crdt.LoadFile(r.Save(nil))
		if err != nil {
			t.Fatalf("saved and loaded: %v", err)
		}
		restores(t, again, r)
	})
}
