package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// keptRecord is one record of a sound file, and where it stands.
type keptRecord struct {
	number   uint64
	from, to int64
	frame    []byte
}

// recordsOf finds the records of a sound file as check does: by the tree.
func recordsOf(t testing.TB, content []byte) (out []keptRecord) {
	t.Helper()
	m, err := checkMetas(bytes.NewReader(content), int64(len(content)), "")
	if err != nil {
		t.Fatal(err)
	}
	c := &checker{pager: newPager(bytes.NewReader(content), m.pages, int64(len(content)))}
	if err := c.tree(m.root, NoRecord, func(e element) error {
		if !bytes.Equal(e.key, bucketRecords) {
			return nil
		}
		return c.bucket(e.value, e.at, 0, func(e element) error {
			out = append(out, keptRecord{
				binary.BigEndian.Uint64(e.key), e.at, e.at + int64(len(e.key)+len(e.value)), bytes.Clone(e.value[recordHead:]),
			})
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// wantIntact scans damaged, which was content, and fails unless every record whose bytes are as they were is found, and
// nothing that never was one.
func wantIntact(t testing.TB, content, damaged []byte, records []keptRecord, what string) *scanned {
	t.Helper()
	s := scan(bytes.NewReader(damaged), int64(len(damaged)))
	found := map[uint64]bool{}
	for _, p := range s.places {
		at := int(p.at)
		if p.number >= uint64(len(records)) || !bytes.Equal(damaged[at+foundHead:at+foundHead+p.size], records[p.number].frame) {
			t.Fatalf("%s: found record %d at byte %d, which never was one", what, p.number, p.at)
		}
		found[p.number] = true
	}
	for _, r := range records {
		if r.to <= int64(len(damaged)) && bytes.Equal(damaged[r.from:r.to], content[r.from:r.to]) && !found[r.number] {
			t.Fatalf("%s: record %d is intact, at byte %d, and was not found", what, r.number, r.from)
		}
	}
	return s
}

// TestScanEveryRegion damages a store everywhere: every byte, every cut, whole pages and sectors. What is intact is found.
func TestScanEveryRegion(t *testing.T) {
	t.Parallel()
	content, _ := small(t)
	records := recordsOf(t, content)
	if s := wantIntact(t, content, content, records, "sound"); !s.counted || s.count != uint64(len(records)) || !s.hasRoom || s.room != testMeta.Room {
		t.Fatalf("sound: got %+v", s)
	}
	step := 13
	if testing.Short() {
		step = 61
	}
	inUse := used(t, content)
	for at := range content {
		if !inUse[at/pageSize] && at%61 != 0 || inUse[at/pageSize] && at%step != 0 {
			continue
		}
		damaged := slices.Clone(content)
		damaged[at] ^= 1 << (at % 8)
		wantIntact(t, content, damaged, records, fmt.Sprintf("flip at %d", at))
	}
	for at := 0; at < len(content); at += 512 {
		for n := max(0, at-1); n <= at+1; n++ {
			wantIntact(t, content, content[:n], records, fmt.Sprintf("cut to %d", n))
		}
	}
	for page := range len(content) / pageSize {
		for name, fill := range map[string]func([]byte){
			"zeros": func(b []byte) { clear(b) },
			"ones":  func(b []byte) { copy(b, bytes.Repeat([]byte{0xff}, len(b))) },
			"other": func(b []byte) { copy(b, content[:pageSize]) },
		} {
			damaged := slices.Clone(content)
			fill(damaged[page*pageSize : (page+1)*pageSize])
			wantIntact(t, content, damaged, records, fmt.Sprintf("page %d %s", page, name))
		}
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	for round := range 4000 / step {
		damaged := slices.Clone(content)
		for range 1 + rnd.IntN(5) {
			size := 1 << rnd.IntN(13)
			at := rnd.IntN(len(damaged))
			part := damaged[at:min(at+size, len(damaged))]
			switch rnd.IntN(3) {
			case 0:
				clear(part)
			case 1:
				copy(part, damaged[rnd.IntN(len(damaged)):])
			default:
				for i := range part {
					part[i] = byte(rnd.Uint32())
				}
			}
		}
		wantIntact(t, content, damaged, records, fmt.Sprintf("round %d", round))
	}
}

// TestScanLarge: records larger than a page, more than a window of them, and one of the greatest size at a window's end.
func TestScanLarge(t *testing.T) {
	t.Parallel()
	s := create(t)
	for n := range 10 {
		mustAppend(t, s, [][]byte{bytes.Repeat([]byte{byte(n + 1)}, MaxFrameBytes-n), {byte(n)}})
	}
	mustClose(t, s)
	content := readFile(t, s.path)
	records := recordsOf(t, content)
	wantIntact(t, content, content, records, "sound")
	for i, r := range records {
		if testing.Short() && i%4 > 1 {
			continue // a large one and a small one of every four
		}
		damaged := slices.Clone(content)
		damaged[r.to-1] ^= 1
		wantIntact(t, content, damaged, records, fmt.Sprintf("record %d", r.number))
	}
	// With nothing that leads to them.
	damaged := slices.Clone(content)
	clear(damaged[:2*pageSize])
	if found := wantIntact(t, content, damaged, records, "both meta pages"); len(found.places) != len(records) {
		t.Errorf("got %d records, want %d", len(found.places), len(records))
	}
}

// TestStray tells what a committed state leads to from what it does not.
func TestStray(t *testing.T) {
	t.Parallel()
	s := create(t)
	mustAppend(t, s, frames(0, 50, 300))
	if err := s.Replace(40, frames(100, 103, 300)); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	content := readFile(t, s.path)
	live := func(content []byte) (live, stray []uint64) {
		for _, p := range scan(bytes.NewReader(content), int64(len(content))).places {
			if p.live {
				live = append(live, p.number)
			} else {
				stray = append(stray, p.number)
			}
		}
		slices.Sort(live)
		slices.Sort(stray)
		return live, stray
	}
	got, stray := live(content)
	if len(got) != 43 || got[42] != 42 {
		t.Fatalf("live: got %v", got)
	}
	for _, n := range stray {
		if n < 40 {
			t.Errorf("record %d, which is the same on a live page, is called stray", n)
		}
	}
	// The newest meta page is broken: the state before it is whole, and what came last is stray.
	m, err := checkMetas(bytes.NewReader(content), int64(len(content)), "")
	if err != nil {
		t.Fatal(err)
	}
	content[int(m.tx%2)*pageSize+pageHead+40] ^= 1
	if got, stray = live(content); len(got) != 50 || len(stray) != 3 {
		t.Errorf("one transaction back: got %d live and %d stray, want 50 and 3", len(got), len(stray))
	}
	content[int((m.tx+1)%2)*pageSize+pageHead+40] ^= 1
	if got, stray = live(content); len(got) != 0 || len(stray) != 53 {
		t.Errorf("without meta pages: got %d live and %d stray, want 0 and 53", len(got), len(stray))
	}
}

// TestScanHostile: a peer fills a payload with beginnings of records, and then a bit of it goes bad. What follows is found,
// and the work is bounded.
func TestScanHostile(t *testing.T) {
	t.Parallel()
	// Each beginning says that a frame follows that is as long as can be.
	var hostile []byte
	for len(hostile) < 900_000 {
		hostile = append(hostile, make([]byte, foundHead)...)
		binary.BigEndian.PutUint32(hostile[len(hostile)-4:], uint32(950_000-len(hostile)))
	}
	// And a whole record of its own, which none is as long as the one around it is intact.
	_, key, record := appendRecord(nil, 3, []byte("planted"))
	planted := append(append(bytes.Repeat([]byte{1}, 100), key...), record...)
	s := create(t)
	mustAppend(t, s, [][]byte{[]byte("first"), planted, hostile, hostile, hostile, hostile})
	mustAppend(t, s, frames(6, 40, 300))
	mustClose(t, s)
	content := readFile(t, s.path)
	records := recordsOf(t, content)
	wantIntact(t, content, content, records, "sound")
	damaged := slices.Clone(content)
	for _, r := range records[2:6] {
		damaged[r.to-1] ^= 1
	}
	sc := newScanner(bytes.NewReader(damaged), int64(len(damaged)))
	spent := int64(0)
	for at := int64(0); at < int64(len(damaged)); {
		was := sc.budget
		next := sc.step(at)
		spent += was - sc.budget
		sc.budget = min(sc.budget+scanRefill*(next-at), scanBudget)
		at = next
	}
	if most := int64(scanBudget + scanRefill*len(damaged)); spent > most || !sc.out.partial {
		t.Errorf("%d bytes were summed in vain, at most %d are; partial %v", spent, most, sc.out.partial)
	}
	wantIntact(t, content, damaged, records, "hostile")
}

// TestScanWithSectorsThatCannotBeRead: an error of the disk costs the pages that it is about.
func TestScanWithSectorsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	content, _ := small(t)
	records := recordsOf(t, content)
	for page := range len(content) / pageSize {
		r := &badSector{bytes.NewReader(content), int64(page) * pageSize}
		found := map[uint64]bool{}
		for _, p := range scan(r, int64(len(content))).places {
			found[p.number] = true
		}
		for _, k := range records {
			if (k.to <= r.at || k.from >= r.at+pageSize) && !found[k.number] {
				t.Errorf("page %d cannot be read: record %d, which is not on it, was not found", page, k.number)
			}
		}
	}
}

type badSector struct {
	*bytes.Reader
	at int64
}

func (b *badSector) ReadAt(p []byte, at int64) (int, error) {
	if at < b.at+pageSize && at+int64(len(p)) > b.at {
		return 0, errors.New("input/output error")
	}
	return b.Reader.ReadAt(p, at)
}

// salvageAll salvages the file at path and keeps every record as it is.
func salvageAll(t testing.TB, path string, step func(string) error) (s *Store, kept string, err error) {
	t.Helper()
	w, err := OpenWreck(path)
	if err != nil {
		t.Fatal(err)
	}
	w.step = step
	return w.Rebuild(testMeta, func(add func([]byte) error) error {
		return w.Each(func(_ Intact, frame []byte) error { return add(frame) })
	})
}

// damagedStore makes a store, damages record 5 of it and wants Open to say so.
func damagedStore(t testing.TB) (path string, content []byte, want [][]byte) {
	t.Helper()
	s, err := Create(filepath.Join(t.TempDir(), "room.db"), testMeta)
	if err != nil {
		t.Fatal(err)
	}
	want = frames(0, 30, 300)
	mustAppend(t, s, want)
	mustClose(t, s)
	content = readFile(t, s.path)
	content[recordsOf(t, content)[5].to-1] ^= 1
	if err := os.WriteFile(s.path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(s.path)
	wantError(t, err, ErrDamaged)
	return s.path, content, slices.Delete(want, 5, 6)
}

func TestRebuild(t *testing.T) {
	t.Parallel()
	path, content, want := damagedStore(t)
	w, err := OpenWreck(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrLocked) {
		t.Errorf("beside the wreck: got %v, want %v", err, ErrLocked)
	}
	lost, of, ok := w.Lost()
	if !ok || of != 30 || len(lost) != 1 || lost[0] != (Range{5, 6}) || lost[0].String() != "5" {
		t.Errorf("got %v of %d, %v, want record 5 of 30", lost, of, ok)
	}
	mustCloseWreck(t, w)
	s, kept, err := salvageAll(t, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	closeAndCheck(t, s)
	wantRecords(t, s, want)
	if kept != path+".damaged-1" || !bytes.Equal(readFile(t, kept), content) {
		t.Errorf("%s is not the damaged file", kept)
	}
	if s.Path() != path || !s.Moved() {
		t.Errorf("got path %s, moved %v: want it to be Moved", s.Path(), s.Moved())
	}
	mustAppend(t, s, frames(7, 9, 200))
	s = reopen(t, s)
	if !s.Moved() {
		t.Error("not Moved any more after a restart")
	}
	if err := s.Adopt(); err != nil {
		t.Fatal(err)
	}
	if s = reopen(t, s); s.Moved() {
		t.Error("Moved after it was adopted")
	}
	if s.Meta().Room != testMeta.Room || !bytes.Equal(s.Meta().Charter, testMeta.Charter) {
		t.Errorf("got %+v", s.Meta())
	}
}

// TestDisown: a store that was put together from elsewhere is Moved until it is adopted.
func TestDisown(t *testing.T) {
	t.Parallel()
	s := create(t)
	mustAppend(t, s, frames(0, 3, 100))
	if err := s.Disown(); err != nil || !s.Moved() {
		t.Fatalf("got %v, moved %v", err, s.Moved())
	}
	if s = reopen(t, s); !s.Moved() {
		t.Fatal("not Moved after a restart")
	}
	wantRecords(t, s, frames(0, 3, 100))
	if err := s.Adopt(); err != nil || s.Moved() {
		t.Fatalf("got %v, moved %v", err, s.Moved())
	}
	mustClose(t, s)
	wantError(t, s.Disown(), ErrFatal)
}

func mustCloseWreck(t testing.TB, w *Wreck) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestKilledSalvage ends a salvage before each of its steps as a kill would, and after the last: what is at the path is the
// damaged file or the whole new store, and the next salvage ends as if nothing had happened.
func TestKilledSalvage(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"fill", "append", "keep", "rename", "sync"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			path, content, want := damagedStore(t)
			_, _, err := salvageAll(t, path, func(step string) error {
				if step == at {
					return errCrash
				}
				return nil
			})
			wantError(t, err, errCrash)
			s, err := Open(path)
			if at == "sync" {
				if err != nil {
					t.Fatal(err)
				}
				wantRecords(t, s, want)
			} else {
				wantError(t, err, ErrDamaged)
				if !bytes.Equal(readFile(t, path), content) {
					t.Fatal("the damaged file was changed")
				}
				if s, _, err = salvageAll(t, path, nil); err != nil {
					t.Fatal(err)
				}
				wantRecords(t, s, want)
			}
			closeAndCheck(t, s)
			if !bytes.Equal(readFile(t, path+".damaged-1"), content) {
				t.Error("the damaged file is not beside it")
			}
			wantFiles(t, filepath.Dir(path), "room.db", "room.db.damaged-1")
		})
	}
}

func wantFiles(t testing.TB, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got files %q, want %q", got, want)
	}
}

// TestManyDamagedFiles: no damaged file is ever replaced, and there is an end to them.
func TestManyDamagedFiles(t *testing.T) {
	t.Parallel()
	path, content, _ := damagedStore(t)
	for n := range MaxDamaged {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s, kept, err := salvageAll(t, path, nil)
		if want := fmt.Sprintf("%s.damaged-%d", path, n+1); err != nil || kept != want {
			t.Fatalf("got %s, %v, want %s", kept, err, want)
		}
		mustClose(t, s)
		if err := os.Remove(path); err != nil { // the next one is another file
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := salvageAll(t, path, nil)
	wantError(t, err, ErrTooManyDamaged)
	if !bytes.Equal(readFile(t, path), content) {
		t.Error("the damaged file was changed")
	}
	if _, err := os.Lstat(path + ".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a new file was left: %v", err)
	}
}

// TestOpenWreckOfAnything: only what may have been a store is taken for one.
func TestOpenWreckOfAnything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := makeBolt(filepath.Join(dir, "other.db"), "theirs", 4096); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		want    error
	}{
		"text":        {bytes.Repeat([]byte("alice -> bob 1\n"), 1000), ErrNotStore},
		"a short one": {[]byte("x"), ErrNotStore},
		"other bbolt": {readFile(t, filepath.Join(dir, "other.db")), ErrNotStore},
		"empty":       {nil, nil},
		"zeros":       {make([]byte, 40000), nil},
		"cut to 10":   {readFile(t, filepath.Join(dir, "other.db"))[:10], nil},
		"cut to 3000": {readFile(t, filepath.Join(dir, "other.db"))[:3000], nil},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := OpenWreck(path)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if err == nil {
			mustCloseWreck(t, w)
		}
		if !bytes.Equal(readFile(t, path), c.content) {
			t.Errorf("%s: changed", name)
		}
	}
	if _, err := OpenWreck(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	if _, err := OpenWreck(dir); !errors.Is(err, ErrNotStore) {
		t.Errorf("folder: got %v", err)
	}
}

// FuzzScan edits a small store as FuzzCheck does, and cuts it: what is intact is found, nothing else is.
func FuzzScan(f *testing.F) {
	content, _ := small(f)
	records := recordsOf(f, content)
	f.Add([]byte{}, uint16(0))
	f.Add([]byte{0, 0x10, 0x10, 0xff, 0, 0, 0x10, 0xff}, uint16(300))
	f.Fuzz(func(t *testing.T, edits []byte, cut uint16) {
		damaged := bytes.Clone(content)
		for ; len(edits) >= 4; edits = edits[4:] {
			at := int(edits[0])<<16 | int(edits[1])<<8 | int(edits[2])
			damaged[at%len(damaged)] = edits[3]
		}
		damaged = damaged[:max(0, len(damaged)-int(cut))]
		s := scan(bytes.NewReader(damaged), int64(len(damaged)))
		found := map[uint64]bool{}
		for _, p := range s.places {
			b := damaged[p.at:][:foundHead+p.size]
			if _, reason := parseRecord(b[:keyBytes], b[keyBytes:]); reason != "" {
				t.Fatalf("record %d at byte %d: %s", p.number, p.at, reason)
			}
			found[p.number] = true
		}
		for _, r := range records {
			if r.to <= int64(len(damaged)) && bytes.Equal(damaged[r.from:r.to], content[r.from:r.to]) && !found[r.number] {
				t.Fatalf("record %d is intact and was not found", r.number)
			}
		}
	})
}
