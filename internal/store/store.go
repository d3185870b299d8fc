package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"

	"go.etcd.io/bbolt"

	"github.com/tallystick/tallystick/internal/disk"
)

// Meta is what a store says of itself, fixed when it is made.
type Meta struct {
	Room    [32]byte
	Charter []byte // at most MaxCharterBytes
}

// Store is one open file. It is not safe for concurrent use.
type Store struct {
	path string
	db   *bbolt.DB
	file *os.File // bbolt's own; kept to lock it, to look at its size, and to let go of it when bbolt cannot

	header header
	moved  bool
	size   int64 // length of the file at the last transaction; it never shrinks

	fatal   error // set by the first write that went wrong
	broken  bool  // bbolt panicked: its locks may be held for ever
	closed  bool
	reading bool   // within Records
	buf     []byte // of Append

	hook hooks
}

// hooks break transactions in tests; nil in a program.
type hooks struct {
	before func() error // everything is in the transaction, nothing on disk
	after  func() error // all is durable
}

// Create makes the store of a room at path, with mode 0600, and its folders, with 0700. It is durable on return and open.
// A process killed meanwhile leaves no file at path, or a whole one.
//
// Errors: [ErrExists], [ErrLocked] (another process is creating it), [ErrCharterSize], or that of the file system.
func Create(path string, m Meta) (*Store, error) {
	if len(m.Charter) > MaxCharterBytes {
		return nil, fmt.Errorf("store %s: %w: %d bytes, at most %d", path, ErrCharterSize, len(m.Charter), MaxCharterBytes)
	}
	if err := disk.MkdirAll(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("store %s: create: %w", path, err)
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("store %s: create: %w", path, ErrExists)
	}
	tmp := path + ".new"
	f, err := createLocked(tmp)
	if err != nil {
		return nil, createError(path, err)
	}
	s := &Store{path: path, file: f}
	if err := s.fill(m, true); err != nil {
		_ = os.Remove(tmp) // while the lock is held; a left-over blocks nothing, the next Create takes it away
		s.abandon()
		return nil, createError(path, err)
	}
	// Commit point. A crash before it leaves path.new, which is nothing to Open and is removed by the next Create; a crash
	// after it leaves a whole store without records. The name is synced last, so nobody was told of either.
	if err := disk.Publish(tmp, path); err != nil {
		_ = os.Remove(tmp) // as above
		s.abandon()
		return nil, createError(path, err)
	}
	return s, nil
}

// fill makes the empty s.file a store without records and checks it. If it is not to be its own file, it is Moved from the
// start.
func (s *Store) fill(m Meta, own bool) error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	id, err := disk.Stat(info)
	if err != nil {
		return err
	}
	if !own {
		id = disk.Identity{} // no file has it
	}
	if err := s.openBolt(); err != nil {
		return err
	}
	err = s.transact(func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucket(bucketRecords); err != nil {
			return err
		}
		meta, err := tx.CreateBucket(bucketMeta)
		if err != nil {
			return err
		}
		for _, e := range []struct{ name, value []byte }{
			{keyFormat, []byte{Version}}, {keyRoom, m.Room[:]}, {keyCharter, m.Charter}, {keyFile, fileIdentity(id.Device, id.Inode)},
		} {
			if err := meta.Put(e.name, appendSealed(nil, e.name, e.value)); err != nil {
				return err
			}
		}
		state, err := tx.CreateBucket(bucketState)
		if err != nil {
			return err
		}
		return putCount(state, 0)
	})
	if err != nil {
		return err
	}
	return s.verify()
}

// createLocked makes the file tmp anew and takes its lock. What a killed process left there is removed.
func createLocked(tmp string) (*os.File, error) {
	for range 3 {
		f, err := disk.OpenRegular(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL)
		created := err == nil
		if errors.Is(err, fs.ErrExist) {
			f, err = disk.OpenRegular(tmp, os.O_RDWR)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // it went away between the two calls
		}
		if err != nil {
			return nil, err
		}
		err = disk.Lock(f)
		if err == nil {
			if created {
				return f, nil
			}
			// Nobody holds it, so its maker is dead. It is unlinked and never written: until a killed Create has taken the
			// name tmp away, it is a second name of the store itself.
			err = removeIfSame(tmp, f)
		}
		if err := errors.Join(err, disk.Release(f)); err != nil {
			return nil, err
		}
	}
	return nil, &fs.PathError{Op: "create", Path: tmp, Err: disk.ErrLocked}
}

// removeIfSame removes the name path if it still is that of f.
func removeIfSame(path string, f *os.File) error {
	ours, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(path)
	if err != nil || !os.SameFile(ours, there) {
		return nil // gone already, or another's: the next round sees
	}
	return os.Remove(path)
}

func createError(path string, err error) error {
	switch {
	case errors.Is(err, disk.ErrLocked):
		return fmt.Errorf("store %s: create: %w", path, ErrLocked)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("store %s: create: %w", path, ErrExists)
	}
	return fmt.Errorf("store %s: create: %w", path, err)
}

// Open opens the store at path, takes its lock and checks all of it: it reads the whole file once.
//
// Errors: [fs.ErrNotExist], [ErrLocked], [ErrNotStore], [ErrVersion], [*DamageError], or that of the file system. After
// any of them the file is as it was.
func Open(path string) (*Store, error) {
	f, err := disk.OpenRegular(path, os.O_RDWR)
	if err != nil {
		if errors.Is(err, disk.ErrNotRegular) {
			return nil, fmt.Errorf("store %s: %w: %w", path, ErrNotStore, disk.ErrNotRegular)
		}
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	if err := disk.Lock(f); err != nil {
		_ = f.Close() // nothing was written
		if errors.Is(err, disk.ErrLocked) {
			return nil, fmt.Errorf("store %s: %w", path, ErrLocked)
		}
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	s := &Store{path: path, file: f}
	if err := s.verify(); err != nil {
		s.abandon()
		return nil, err
	}
	if err := s.openBolt(); err != nil {
		s.abandon()
		return nil, err
	}
	return s, nil
}

// openBolt gives s.file, locked, to bbolt. If it is not empty it must have passed check: bbolt walks its tree on a goroutine
// of its own, and a panic there would end the process.
func (s *Store) openBolt() error {
	return s.guard(func() (err error) {
		s.db, err = bbolt.Open(s.path, 0o600, &bbolt.Options{
			OpenFile:       func(string, int, os.FileMode) (*os.File, error) { return s.file, nil },
			Timeout:        1, // the lock is ours already: this never waits
			PageSize:       pageSize,
			NoFreelistSync: true, // written with each transaction it would grow with the file; Open scans anyway
			FreelistType:   bbolt.FreelistMapType,
			NoStatistics:   true,
		})
		if err != nil {
			err = fmt.Errorf("store %s: open: %w", s.path, err)
		}
		return err
	})
}

// verify checks the file and sets the fields that say what is in it.
func (s *Store) verify() error {
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("store %s: %w", s.path, err)
	}
	id, err := disk.Stat(info)
	if err != nil {
		return fmt.Errorf("store %s: %w", s.path, err)
	}
	h, err := check(s.file, info.Size(), s.path)
	if err != nil {
		return err
	}
	s.header, s.size = *h, info.Size()
	s.moved = h.device != id.Device || h.inode != id.Inode
	return nil
}

// abandon gives up a store that nobody has seen.
func (s *Store) abandon() {
	_ = s.Close() // what matters is the error that led here
}

// guard calls f, which calls bbolt, and makes a panic or a memory fault (a page of the map that the file does not hold any
// more, or that the disk cannot read) a [*DamageError].
func (s *Store) guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			s.broken = true
			err = &DamageError{Path: s.path, Record: NoRecord, Offset: -1, Reason: fmt.Sprintf("bbolt: %v", p)}
		}
	}()
	return f()
}

// Meta returns what the store was made with. The caller may keep and change it.
func (s *Store) Meta() Meta {
	return Meta{Room: s.header.meta.Room, Charter: bytes.Clone(s.header.meta.Charter)}
}

// Path returns the file's name as it was given.
func (s *Store) Path() string { return s.path }

// Len returns how many records there are: their numbers are 0 to Len()-1. After a failed write it is that of before.
func (s *Store) Len() uint64 { return s.header.count }

// Size returns the length of the file in bytes. bbolt grows it in steps, doubling up to 16 MiB and by 16 MiB from there;
// what is not yet used takes no room on most file systems.
func (s *Store) Size() (int64, error) {
	if s.closed {
		return 0, ErrClosed
	}
	size, _, err := disk.Look(s.file)
	if err != nil {
		return 0, fmt.Errorf("store %s: %w", s.path, err)
	}
	return size, nil
}

// Moved says whether the file is another than the one it was made as, by device and inode: a copy, restored from a backup,
// or moved to another disk. Whoever writes own changes into a copy forks its author. [Store.Adopt] ends it.
func (s *Store) Moved() bool { return s.moved }

// Close lets go of the file and its lock. Everything written is durable already. A second Close does nothing.
func (s *Store) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.db == nil || s.broken {
		// bbolt could not open the file, or panicked: then db.Close would wait for locks that it never gave back, and its
		// map stays until the process ends.
		err = disk.Release(s.file)
	} else {
		err = s.guard(s.db.Close)
	}
	if err != nil {
		return fmt.Errorf("store %s: close: %w", s.path, err)
	}
	return nil
}
