package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/tallystick/tallystick/internal/disk"
)

// Append adds records in one transaction and returns the number of the first. They are durable on return. The frames are
// not kept. Without frames it does nothing.
//
// [ErrFrameSize] leaves the store as it was. Any other error wraps [ErrFatal]: all of the frames may be on disk, or none,
// and the caller must stop writing and must not tell anybody that they are stored. The cost is two or three syncs of
// the disk, whatever the number of frames.
func (s *Store) Append(frames [][]byte) (first uint64, err error) {
	first = s.header.count
	if err := checkFrames(frames); err != nil {
		return first, fmt.Errorf("store %s: append: %w", s.path, err)
	}
	if len(frames) == 0 && s.fatal == nil && !s.closed {
		return first, nil
	}
	what := fmt.Sprintf("append %d records at %d", len(frames), first)
	return first, s.commit(what, func(tx *bbolt.Tx) error {
		return s.put(tx, first, frames)
	}, first+uint64(len(frames)))
}

// Replace puts frames in the place of the records from `from` to the end, in one transaction that is durable on return: the
// way to merge the newest records into fewer. There must be at least one frame.
//
// [ErrFrameSize] and [ErrRange] leave the store as it was; any other error wraps [ErrFatal] as that of Append does.
func (s *Store) Replace(from uint64, frames [][]byte) error {
	if err := checkFrames(frames); err != nil {
		return fmt.Errorf("store %s: replace: %w", s.path, err)
	}
	count := s.header.count
	if from > count || len(frames) == 0 {
		return fmt.Errorf("store %s: replace: %w: %d frames from %d, there are %d records", s.path, ErrRange, len(frames), from, count)
	}
	end := from + uint64(len(frames))
	what := fmt.Sprintf("replace records %d to %d", from, count)
	return s.commit(what, func(tx *bbolt.Tx) error {
		records := tx.Bucket(bucketRecords)
		for n := end; n < count; n++ {
			key := recordKey(n)
			if err := records.Delete(key[:]); err != nil {
				return err
			}
		}
		return s.put(tx, from, frames)
	}, end)
}

// Adopt records the file's present device and inode, durable on return: [Store.Moved] is false from then on. To be called
// when it is known that no other copy is written to. Errors wrap [ErrFatal].
func (s *Store) Adopt() error {
	if s.closed {
		return fmt.Errorf("store %s: adopt: %w: %w", s.path, ErrFatal, ErrClosed)
	}
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("store %s: adopt: %w: %w", s.path, ErrFatal, err)
	}
	id, err := disk.Stat(info)
	if err != nil {
		return fmt.Errorf("store %s: adopt: %w: %w", s.path, ErrFatal, err)
	}
	return s.setFile("adopt", id)
}

// Disown makes the store [Store.Moved] until it is adopted, durable on return. To be called before something is put into it
// that may be older than what was in use elsewhere. Errors wrap [ErrFatal].
func (s *Store) Disown() error { return s.setFile("disown", disk.Identity{}) }

// setFile records which file this is; the zero id is that of none.
func (s *Store) setFile(what string, id disk.Identity) error {
	err := s.commit(what, func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketMeta).Put(keyFile, appendSealed(nil, keyFile, fileIdentity(id.Device, id.Inode)))
	}, s.header.count)
	if err == nil {
		s.moved = id == disk.Identity{}
	}
	return err
}

func checkFrames(frames [][]byte) error {
	for i, f := range frames {
		if len(f) == 0 || len(f) > MaxFrameBytes {
			return fmt.Errorf("%w: frame %d has %d bytes, allowed are 1 to %d", ErrFrameSize, i, len(f), MaxFrameBytes)
		}
	}
	return nil
}

var errDeleted = errors.New("the file was deleted while in use")

// put writes frames as the records from `from` on, and the count that follows.
func (s *Store) put(tx *bbolt.Tx, from uint64, frames [][]byte) error {
	records := tx.Bucket(bucketRecords)
	records.FillPercent = 1 // records come in order: a full page is never split again
	total := 0
	for _, f := range frames {
		total += keyBytes + recordHead + len(f)
	}
	// bbolt reads the values until the transaction ends, not beyond: one buffer for all, kept for the next one.
	buf := s.buf[:0]
	if cap(buf) < total {
		buf = make([]byte, 0, total)
	}
	if cap(buf) <= keepBuffer {
		s.buf = buf
	}
	for i, f := range frames {
		var key, record []byte
		buf, key, record = appendRecord(buf, from+uint64(i), f)
		if err := records.Put(key, record); err != nil {
			return err
		}
	}
	return putCount(tx.Bucket(bucketState), from+uint64(len(frames)))
}

func putCount(state *bbolt.Bucket, n uint64) error {
	return state.Put(keyCount, appendSealed(nil, keyCount, binary.BigEndian.AppendUint64(nil, n)))
}

// commit runs fn in a transaction and makes it durable; then the store has count records.
func (s *Store) commit(what string, fn func(*bbolt.Tx) error, count uint64) error {
	if s.reading {
		panic("store: internal error: a write within Records")
	}
	if s.fatal != nil {
		return s.fatal
	}
	err := s.transact(fn)
	if err != nil {
		s.fatal = fmt.Errorf("store %s: %s: %w: %w", s.path, what, ErrFatal, err)
		return s.fatal
	}
	s.header.count = count
	return nil
}

func (s *Store) transact(fn func(*bbolt.Tx) error) error {
	if s.closed {
		return ErrClosed
	}
	if err := s.whole(); err != nil {
		return err
	}
	err := s.guard(func() error {
		// Not db.Update: after a panic it would walk the whole file on a goroutine of its own, where a second panic, or a
		// fault, ends the process. Here the transaction is left lying, and with it bbolt; see Close.
		tx, err := s.db.Begin(true)
		if err != nil {
			return err
		}
		err = fn(tx)
		if err == nil && s.hook.before != nil {
			err = s.hook.before()
		}
		if err != nil {
			return errors.Join(err, tx.Rollback())
		}
		// Commit point. What Commit does:
		//	grow the file · write pages that the last state does not use · sync · write one meta page · sync
		// A crash before the meta page is written leaves the last state. A crash after it leaves this one or, if the power
		// went before the second sync, the last; nobody was told of it yet. An error anywhere in there, of the second sync
		// above all, leaves a state that this process cannot know.
		return tx.Commit()
	})
	if err == nil && s.hook.after != nil {
		err = s.hook.after()
	}
	if err != nil {
		return err
	}
	return s.whole()
}

// whole finds out what bbolt would not see before it is too late: a file cut short, which it would fill with zeros, and one
// that was deleted, which takes writes that nobody can read again.
func (s *Store) whole() error {
	size, id, err := disk.Look(s.file)
	switch {
	case err != nil:
		return err
	case size < s.size:
		return &DamageError{
			Path: s.path, Record: NoRecord, Offset: size,
			Reason: fmt.Sprintf("something cut the file, in use, from %d to %d bytes", s.size, size),
		}
	case id.Links == 0:
		return errDeleted
	}
	s.size = size
	return nil
}
