package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tallystick/tallystick/internal/disk"
)

// A Wreck is a damaged store, locked and open for reading. Nothing is ever written to its file. It is not safe for
// concurrent use.
type Wreck struct {
	path  string
	file  *os.File
	found *scanned

	step func(name string) error // in tests: a crash before the step of that name
}

// Intact is one record of a Wreck.
type Intact struct {
	Number uint64 // among the records, as it was written
	Offset int64  // where in the file, in bytes
	// Stray says that nothing leads to it from a state that was committed: it stood there before, or was written by a
	// transaction that never ended, or what led to it is damaged. Which of them cannot be known.
	Stray bool
}

// OpenWreck takes the lock of the file at path and reads all of it, whatever state it is in; a sound store is read as well.
//
// Errors: [fs.ErrNotExist], [ErrLocked], [ErrNotStore] if nothing in it is of a store and something else is, or that of the
// file system. Time and memory are in proportion to the file.
func OpenWreck(path string) (*Wreck, error) {
	f, err := disk.OpenRegular(path, os.O_RDWR)
	if err != nil {
		if errors.Is(err, disk.ErrNotRegular) {
			return nil, fmt.Errorf("store %s: %w: %w", path, ErrNotStore, disk.ErrNotRegular)
		}
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	w := &Wreck{path: path, file: f}
	if err := w.read(); err != nil {
		_ = disk.Release(f) // nothing was written
		return nil, err
	}
	return w, nil
}

func (w *Wreck) read() error {
	if err := disk.Lock(w.file); err != nil {
		if errors.Is(err, disk.ErrLocked) {
			err = ErrLocked
		}
		return fmt.Errorf("store %s: %w", w.path, err)
	}
	info, err := w.file.Stat()
	if err != nil {
		return fmt.Errorf("store %s: %w", w.path, err)
	}
	w.found = scan(w.file, info.Size())
	_, err = check(w.file, info.Size(), w.path)
	switch {
	case errors.Is(err, ErrVersion):
		return err // what this program does not know it cannot tell from damage
	case errors.Is(err, ErrNotStore) && !w.found.hasRoom && len(w.found.places) == 0 && !blank(w.file, info.Size()) && !beginning(w.file, info.Size()):
		return err
	}
	slices.SortStableFunc(w.found.places, func(a, b place) int {
		if a.live != b.live {
			return cmp.Compare(boolInt(b.live), boolInt(a.live))
		}
		return cmp.Compare(a.number, b.number)
	})
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// blank says whether a file holds nothing but zeros: what some file systems leave of one after a power cut.
func blank(f io.ReaderAt, size int64) bool {
	w := window{f: f, size: size}
	for at := int64(0); at < size; at += scanWindow {
		if b := w.bytes(at, scanWindow); leadingZeros(b) < len(b) {
			return false
		}
	}
	return true
}

// beginning says whether a file is as short as two meta pages at most and begins as a store does: it was cut there.
func beginning(f io.ReaderAt, size int64) bool {
	head := make([]byte, pageHead+4) // number 0, and what is counted of a meta page is 0
	native.PutUint16(head[8:], flagMeta)
	native.PutUint32(head[pageHead:], boltMagic)
	head = head[:min(size, int64(len(head)))]
	w := window{f: f, size: size}
	return size <= 2*pageSize && bytes.Equal(w.bytes(0, len(head)), head)
}

// Room returns the room that the file says it is of, false if that part is lost.
func (w *Wreck) Room() (room [32]byte, ok bool) { return w.found.room, w.found.hasRoom }

// Each calls yield with every intact record, first those of the newest state that was committed, in order, then the stray
// ones by their number. Of one number there may be several. The frame is valid during the call only. It stops at the first
// error and returns it: yield's own, or that of reading again what was read before.
func (w *Wreck) Each(yield func(r Intact, frame []byte) error) error {
	var buf []byte
	for _, p := range w.found.places {
		buf = grow(buf[:0], foundHead+p.size)
		if _, err := w.file.ReadAt(buf, p.at); err != nil {
			return fmt.Errorf("store %s: read: %w", w.path, err)
		}
		if err := yield(Intact{Number: p.number, Offset: p.at, Stray: !p.live}, buf[foundHead:]); err != nil {
			return err
		}
	}
	return nil
}

// A Range is the records from From up to To, To not among them.
type Range struct{ From, To uint64 }

// String returns the one number, or the first and the last.
func (r Range) String() string {
	if r.To == r.From+1 {
		return fmt.Sprint(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To-1)
}

// Lost returns the numbers of which no intact record was found, at most maxLostRanges stretches of them, and how many
// records there were. ok is false if that cannot be known: then nothing but what was found is known.
func (w *Wreck) Lost() (lost []Range, of uint64, ok bool) {
	if !w.found.counted {
		return nil, 0, false
	}
	numbers := make([]uint64, 0, len(w.found.places))
	for _, p := range w.found.places {
		numbers = append(numbers, p.number)
	}
	slices.Sort(numbers)
	next := uint64(0)
	for _, n := range append(slices.Compact(numbers), w.found.count) {
		if n = min(n, w.found.count); n > next && len(lost) < maxLostRanges {
			lost = append(lost, Range{next, n})
		}
		next = max(next, n+1)
	}
	return lost, w.found.count, true
}

// Partial says that part of the file was not looked through: so much in it looked like records and was none.
func (w *Wreck) Partial() bool { return w.found.partial }

// Rebuild makes a new store of the records that fill adds, in that order, and puts it in the place of the damaged file,
// which stays beside it, untouched, under the name that is returned. The store is open, and [Store.Moved] until it is
// adopted: it may lack what was sent. The Wreck is closed, also after an error.
//
// A process killed meanwhile leaves at the path the damaged file or the whole new store, never nothing and never a part.
// Errors: fill's own, [ErrTooManyDamaged], or that of the file system; then the damaged file is where it was.
func (w *Wreck) Rebuild(m Meta, fill func(add func(frame []byte) error) error) (_ *Store, kept string, err error) {
	defer func() { err = errors.Join(err, w.Close()) }()
	tmp := w.path + ".new"
	f, err := createLocked(tmp)
	if err != nil {
		return nil, "", createError(w.path, err)
	}
	s := &Store{path: w.path, file: f}
	if err = w.rebuild(s, tmp, m, fill); err == nil {
		if kept, err = w.replace(tmp); err == nil {
			return s, kept, nil
		}
	}
	if !errors.Is(err, errCrash) {
		_ = os.Remove(tmp) // while the lock is held; a left-over blocks nothing, the next Create or Rebuild takes it away
	}
	s.abandon()
	return nil, "", fmt.Errorf("store %s: salvage: %w", w.path, err)
}

// errCrash ends a salvage in tests as a killed process would.
var errCrash = errors.New("killed here by a test")

func (w *Wreck) before(step string) error {
	if w.step == nil {
		return nil
	}
	return w.step(step)
}

// rebuild makes the store s, whose file is tmp.
func (w *Wreck) rebuild(s *Store, tmp string, m Meta, fill func(func([]byte) error) error) error {
	if err := w.before("fill"); err != nil {
		return err
	}
	if err := s.fill(m, false); err != nil {
		return err
	}
	var frames [][]byte
	size := 0
	flush := func() error {
		if err := w.before("append"); err != nil {
			return err
		}
		_, err := s.Append(frames)
		frames, size = frames[:0], 0
		return err
	}
	err := fill(func(frame []byte) error {
		frames, size = append(frames, slices.Clone(frame)), size+len(frame)
		if size < salvageBatchBytes && len(frames) < salvageBatch {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	return nil
}

// replace gives the damaged file its other name, then the path to the file tmp.
func (w *Wreck) replace(tmp string) (kept string, err error) {
	if err := w.before("keep"); err != nil {
		return "", err
	}
	// A crash before the link leaves the damaged file alone. A crash after it leaves both names on it: the next salvage
	// finds the second one and makes no third.
	if kept, err = w.keep(); err != nil {
		return "", err
	}
	if err := w.before("rename"); err != nil {
		return "", err
	}
	// Commit point. Whoever opens the path finds the damaged file before it, the new store after it.
	if err := os.Rename(tmp, w.path); err != nil {
		return "", err
	}
	if err := w.before("sync"); err != nil {
		return "", err
	}
	return kept, disk.SyncDir(filepath.Dir(w.path))
}

// DamagedInfix stands between the name of a store and the number of a damaged file that is kept beside it.
const DamagedInfix = ".damaged-"

// keep gives the damaged file a name of its own, which no other file has.
func (w *Wreck) keep() (string, error) {
	ours, err := w.file.Stat()
	if err != nil {
		return "", err
	}
	if there, err := os.Lstat(w.path); err != nil || !os.SameFile(ours, there) {
		return "", fmt.Errorf("%w: another file has its name now", errors.Join(fs.ErrNotExist, err))
	}
	for n := 1; n <= MaxDamaged; n++ {
		name := fmt.Sprintf("%s%s%d", w.path, DamagedInfix, n)
		if there, err := os.Lstat(name); err == nil {
			if os.SameFile(ours, there) {
				return name, nil // a salvage that was killed
			}
			continue
		}
		switch err := os.Link(w.path, name); {
		case err == nil:
			return name, disk.SyncDir(filepath.Dir(w.path))
		case errors.Is(err, fs.ErrExist):
			continue
		}
		// No hard links here (FAT, some FUSE, Android): a copy is as good, and costs its room.
		return name, w.copyTo(name)
	}
	return "", fmt.Errorf("%w: %s.damaged-1 to -%d", ErrTooManyDamaged, w.path, MaxDamaged)
}

// copyTo makes the file name, whole and durable, with the content of the damaged one.
func (w *Wreck) copyTo(name string) error {
	info, err := w.file.Stat()
	if err != nil {
		return err
	}
	return disk.CopyNew(name, io.NewSectionReader(w.file, 0, info.Size()))
}

// Close lets go of the file and its lock. A second Close does nothing.
func (w *Wreck) Close() error {
	if err := disk.Release(w.file); err != nil {
		return fmt.Errorf("store %s: close: %w", w.path, err)
	}
	return nil
}
