package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testJournalBytes is the length of journals in tests: short ones are full soon, and cost less to make.
const testJournalBytes = 128 << 10

// newJournal makes a store with a journal whose file is there, and returns the records of both.
func newJournal(t testing.TB, path string) (*Journal, [][]byte) {
	t.Helper()
	s, err := Create(path, testMeta)
	if err != nil {
		t.Fatal(err)
	}
	j, err := openJournalAs(s, testJournalBytes, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() }) // where the test has not
	var all [][]byte
	for n := range uint64(journalAfter) {
		all = append(all, journalAppend(t, j, numbered(n, n+1, 100))...)
	}
	if j.file != nil || len(j.waiting) > 0 {
		t.Fatal("the first few appends made a journal")
	}
	return j, all
}

// numbered are frames no two of which are equal: of equal ones a journal keeps one, after a crash.
func numbered(from, to uint64, most int) (out [][]byte) {
	for n := from; n < to; n++ {
		f := binary.BigEndian.AppendUint64(nil, n)
		out = append(out, append(f, frame(n, most)...)[:min(8+len(frame(n, most)), MaxFrameBytes)])
	}
	return out
}

func journalAppend(t testing.TB, j *Journal, frames [][]byte) [][]byte {
	t.Helper()
	first, err := j.Append(frames)
	if err != nil {
		t.Fatal(err)
	}
	if want := j.Len() - uint64(len(frames)); first != want {
		t.Fatalf("append: got first %d, want %d", first, want)
	}
	return frames
}

// openJournal opens store and journal at path.
func openJournal(t testing.TB, path string) *Journal {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	j, err := openJournalAs(s, testJournalBytes, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() }) // where the test has not
	return j
}

func journalRecords(t testing.TB, j *Journal) (out [][]byte) {
	t.Helper()
	if err := j.Records(func(n uint64, f []byte) error {
		if n != uint64(len(out)) {
			t.Errorf("got record %d, want %d", n, len(out))
		}
		out = append(out, bytes.Clone(f))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func wantFrames(t testing.TB, what string, got, want [][]byte) {
	t.Helper()
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Fatalf("%s: got %d records, want %d, or others", what, len(got), len(want))
	}
}

func noFile(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: got %v, want no file", path, err)
	}
}

// crashed copies store and journal as they are, which is what a killed process leaves, and returns the store's new path.
// change may write over the journal's content.
func crashed(t testing.TB, j *Journal, change func(journal []byte)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "room.db")
	content := readFile(t, j.path)
	if change != nil {
		change(content)
	}
	if err := errors.Join(os.WriteFile(path, readFile(t, j.store.path), 0o600), os.WriteFile(path+JournalInfix, content, 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// reopenCrashed opens what a crash has left, and wants the records, nothing to be damaged, and the next appends to work.
func reopenCrashed(t testing.TB, what, path string, want ...[][]byte) {
	t.Helper()
	j := openJournal(t, path)
	if j.Found() != nil {
		t.Fatalf("%s: a crash is taken for damage: %v", what, j.Found().Damage)
	}
	noFile(t, path+JournalInfix)
	got := journalRecords(t, j)
	if !slices.ContainsFunc(want, func(w [][]byte) bool { return slices.EqualFunc(got, w, bytes.Equal) }) {
		t.Fatalf("%s: got %d records, want %d, or others", what, len(got), len(want[0]))
	}
	j.after = 1
	for n := range uint64(3) {
		got = append(got, journalAppend(t, j, numbered(1_000_000+n, 1_000_001+n, 50))...)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	noFile(t, path+JournalInfix)
	wantFrames(t, what, records(t, open(t, path)), got)
}

// TestJournal appends batches of all sizes, many times what the journal holds, and now and then closes or is killed.
func TestJournal(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	path := filepath.Join(t.TempDir(), "room.db")
	j, all := newJournal(t, path)
	n, flushed, direct := uint64(len(all)), 0, 0
	for round := range 200 {
		most := []int{20, 300, 60_000}[rnd.IntN(3)]
		to := n + 1 + rnd.Uint64N(20)
		if round%60 == 30 {
			to, most = n+1, MaxFrameBytes
		}
		waited := len(j.waiting)
		all = append(all, journalAppend(t, j, numbered(n, to, most))...)
		n = to
		switch {
		case waited > 0 && len(j.waiting) == 0:
			flushed++
		case len(j.waiting) == 0:
			direct++
		}
		switch rnd.IntN(80) {
		case 0:
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			noFile(t, j.path)
			s := open(t, path)
			wantFrames(t, "closed", records(t, s), all)
			mustClose(t, s)
		case 1:
			if j.file != nil {
				path = crashed(t, j, nil)
			} else if err := j.Close(); err != nil {
				t.Fatal(err)
			}
		case 2:
			wantFrames(t, "read", journalRecords(t, j), all)
			continue
		case 3: // as a merge at opening
			from := j.Len() - min(j.Len(), 3)
			if err := j.Replace(from, all[from:]); err != nil {
				t.Fatal(err)
			}
			continue
		default:
			continue
		}
		j = openJournal(t, path)
		if j.Found() != nil {
			t.Fatalf("round %d: %v", round, j.Found().Damage)
		}
		wantFrames(t, "opened", journalRecords(t, j), all)
	}
	if flushed < 3 || direct < 3 {
		t.Errorf("the journal was full %d times, and %d appends went by it: too few to mean anything", flushed, direct)
	}
}

// TestJournalTorn builds what a power cut within an append can leave of the journal: any part of the sectors of the newest
// batch, over what stood there, zeros or older batches. All before it is there; it is there whole or not at all.
func TestJournalTorn(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} { // it was full before: older batches stand behind
		rnd := rand.New(rand.NewPCG(7, 7))
		j, all := newJournal(t, filepath.Join(t.TempDir(), "room.db"))
		n := uint64(len(all))
		add := func(count uint64, most int) {
			all = append(all, journalAppend(t, j, numbered(n, n+count, most))...)
			n += count
		}
		for wrapped := false; full && !wrapped; {
			at := j.at
			add(40, 2000)
			wrapped = j.at < at
		}
		for round := range 8 {
			before, was := slices.Clone(all), []byte(nil)
			if j.file != nil {
				was = readFile(t, j.path)
			}
			start := j.at
			add(1+rnd.Uint64N(4), []int{30, 900, 9000}[round%3])
			if was == nil || j.at <= start {
				continue
			}
			path := crashed(t, j, func(b []byte) {
				for at := start / 512 * 512; at < j.at; at += 512 {
					if rnd.IntN(2) == 0 {
						copy(b[at:at+512], was[at:])
					}
				}
			})
			reopenCrashed(t, "torn", path, before, all)
		}
		if j.file == nil {
			t.Fatal("there was no journal")
		}
	}
}

// TestJournalCrashInFlush kills where the journal goes into the store: before its transaction, and after it.
func TestJournalCrashInFlush(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		j, all := newJournal(t, filepath.Join(t.TempDir(), "room.db"))
		for n := uint64(len(all)); n < 50; n++ {
			all = append(all, journalAppend(t, j, numbered(n, n+1, 500))...)
		}
		if after {
			j.store.hook.after = func() error { return errBroken }
		} else {
			j.store.hook.before = func() error { return errBroken }
		}
		wantError(t, j.flush(numbered(50, 52, 10)), ErrFatal)
		_, err := j.Append(numbered(52, 53, 10))
		wantError(t, err, ErrFatal)
		want := all
		if after { // nobody was told of them
			want = append(slices.Clone(all), numbered(50, 52, 10)...)
		}
		reopenCrashed(t, "flush", crashed(t, j, nil), want)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(j.path); err != nil {
			t.Error("the journal is gone though its frames could not be put into the store")
		}
	}
}

// TestJournalRot flips a byte in every batch and in the head: all other batches are found, and the damaged file is kept as it
// is. What stands behind damage is found too.
func TestJournalRot(t *testing.T) {
	t.Parallel()
	j, all := newJournal(t, filepath.Join(t.TempDir(), "room.db"))
	kept := len(all)
	var starts []int64
	for n := uint64(len(all)); len(starts) < 12; n++ {
		if j.file != nil {
			starts = append(starts, j.at)
		}
		all = append(all, journalAppend(t, j, numbered(n, n+1, 500))...)
		if j.file != nil && len(starts) == 0 {
			starts = append(starts, journalHead)
		}
	}
	inJournal := len(starts)
	for k := -1; k < inJournal; k++ {
		at, want := int64(3), slices.Clone(all)
		if k >= 0 {
			at = starts[k] + batchHead + 5
			want = slices.Delete(want, kept+k, kept+k+1)
		}
		path := crashed(t, j, func(b []byte) { b[at] ^= 4 })
		damaged := readFile(t, path+JournalInfix)
		o := openJournal(t, path)
		wantFrames(t, "rotten", journalRecords(t, o), want)
		if k == inJournal-1 {
			// The newest cannot be told from one that was never finished.
			if o.Found() != nil {
				t.Errorf("the newest: got %v, want nothing", o.Found().Damage)
			}
			continue
		}
		found := o.Found()
		if found == nil {
			t.Fatalf("batch %d: nothing was found", k)
		}
		wantError(t, found.Damage, ErrDamaged)
		if k >= 0 && (found.Damage.Offset != starts[k] || found.Frames != inJournal-1-k) {
			t.Errorf("batch %d at %d: got damage at %d, %d frames behind it", k, starts[k], found.Damage.Offset, found.Frames)
		}
		if !strings.HasPrefix(found.Kept, path+JournalInfix+DamagedInfix) || !bytes.Equal(readFile(t, found.Kept), damaged) {
			t.Errorf("batch %d: %s is not the damaged file", k, found.Kept)
		}
		noFile(t, path+JournalInfix)
	}
}

// TestJournalOfAnother: a journal is of the room that it was made for, whatever has become of the store.
func TestJournalOfAnother(t *testing.T) {
	t.Parallel()
	j, all := newJournal(t, filepath.Join(t.TempDir(), "room.db"))
	older := readFile(t, j.store.path)
	inStore := len(all)
	for n := uint64(len(all)); n < 20; n++ {
		all = append(all, journalAppend(t, j, numbered(n, n+1, 100))...)
	}
	path := crashed(t, j, nil)
	mustDo(t, os.Remove(path)) // the store is gone, and what waits is not
	s, err := Create(path, testMeta)
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	reopenCrashed(t, "a new store", path, all[inStore:])

	path = crashed(t, j, nil)
	mustDo(t, os.WriteFile(path, older, 0o600)) // a backup
	reopenCrashed(t, "an older store", path, all)

	// Of another room: nothing of it is taken, and it is not thrown away.
	other := filepath.Join(t.TempDir(), "other.db")
	s, err = Create(other, Meta{Room: [32]byte{9}})
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, numbered(0, 1, 10))
	mustClose(t, s)
	if err := os.WriteFile(other+JournalInfix, readFile(t, j.path), 0o600); err != nil {
		t.Fatal(err)
	}
	o := openJournal(t, other)
	if o.Found() == nil || o.Len() != 1 {
		t.Errorf("the journal of another room: got %v, %d records, want damage, 1", o.Found(), o.Len())
	}
}

// TestJournalWriteFails: after a failed write nothing more is taken, and what was acknowledged is there.
func TestJournalWriteFails(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(t *testing.T, j *Journal){
		"before": func(_ *testing.T, j *Journal) { j.fault = func(string) error { return errBroken } },
		"after": func(_ *testing.T, j *Journal) {
			j.fault = func(step string) error {
				if step == "answer" {
					return errBroken
				}
				return nil
			}
		},
		"cut":     func(t *testing.T, j *Journal) { mustDo(t, os.Truncate(j.path, testJournalBytes-1)) },
		"deleted": func(t *testing.T, j *Journal) { mustDo(t, os.Remove(j.path)) },
		"store":   func(t *testing.T, j *Journal) { mustDo(t, os.Remove(j.store.path)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, all := newJournal(t, filepath.Join(t.TempDir(), "room.db"))
			for n := uint64(len(all)); n < 20; n++ {
				all = append(all, journalAppend(t, j, numbered(n, n+1, 100))...)
			}
			path := crashed(t, j, nil)
			breaks(t, j)
			for range 2 {
				_, err := j.Append(numbered(20, 21, 10))
				wantError(t, err, ErrFatal)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			reopenCrashed(t, name, path, all)
		})
	}
}

// TestJournalLimits: a frame out of bounds leaves all as it was.
func TestJournalLimits(t *testing.T) {
	t.Parallel()
	j, all := newJournal(t, filepath.Join(t.TempDir(), "room.db"))
	for n := uint64(len(all)); n < 20; n++ {
		all = append(all, journalAppend(t, j, numbered(n, n+1, 100))...)
	}
	for _, bad := range [][]byte{nil, make([]byte, MaxFrameBytes+1)} {
		_, err := j.Append([][]byte{{1}, bad})
		wantError(t, err, ErrFrameSize)
	}
	if _, err := j.Append(nil); err != nil {
		t.Error(err)
	}
	wantFrames(t, "after", journalRecords(t, j), all)
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
