package store

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// Records calls yield with every record in order, checked anew. The frame is valid during the call only; yield must not
// call the store. It stops at the first error and returns it: yield's own as it is, damage as [*DamageError].
func (s *Store) Records(yield func(n uint64, frame []byte) error) (err error) {
	if s.closed {
		return fmt.Errorf("store %s: read: %w", s.path, ErrClosed)
	}
	if s.broken {
		return s.fatal
	}
	if err := s.whole(); err != nil {
		return err
	}
	s.reading = true
	defer func() { s.reading = false }()

	var tx *bbolt.Tx
	if err := s.guard(func() (err error) { tx, err = s.db.Begin(false); return err }); err != nil {
		return fmt.Errorf("store %s: read: %w", s.path, err)
	}
	defer func() {
		if s.broken {
			return // bbolt's state is not to be relied on
		}
		if e := s.guard(tx.Rollback); err == nil && e != nil {
			err = e
		}
	}()

	// Each step is guarded by itself, and yields a copy: a panic of yield's is not ours to catch, and yield must not touch
	// the map, which faults if the disk cannot be read.
	var (
		cursor *bbolt.Cursor
		n      uint64
		buf    []byte
		done   bool
	)
	step := func() error {
		var key, value []byte
		if cursor == nil {
			cursor = tx.Bucket(bucketRecords).Cursor()
			key, value = cursor.First()
		} else {
			key, value = cursor.Next()
		}
		switch {
		case key == nil && n == s.header.count:
			done = true
			return nil
		case key == nil:
			return s.damageAt(n, fmt.Sprintf("there are %d records, there should be %d", n, s.header.count))
		case len(key) != keyBytes || [keyBytes]byte(key) != recordKey(n):
			return s.damageAt(n, fmt.Sprintf("record %x stands in its place", key))
		}
		buf = append(append(buf[:0], key...), value...)
		if _, reason := parseRecord(buf[:keyBytes], buf[keyBytes:]); reason != "" {
			return s.damageAt(n, reason)
		}
		return nil
	}
	for ; ; n++ {
		if err := s.guard(step); err != nil {
			return s.place(err, n)
		}
		if done {
			return nil
		}
		if err := yield(n, buf[keyBytes+recordHead:]); err != nil {
			return err
		}
	}
}

func (s *Store) damageAt(n uint64, reason string) error {
	return &DamageError{Path: s.path, Record: n, Offset: -1, Reason: reason}
}

// place looks for the damage again, in the file itself, to say at which byte it is. If the file is sound now, err says what was seen.
func (s *Store) place(err error, n uint64) error {
	if damage, ok := err.(*DamageError); ok && damage.Record == NoRecord {
		damage.Record = n
	}
	if info, statErr := s.file.Stat(); statErr == nil {
		if _, found := check(s.file, info.Size(), s.path); found != nil {
			return found
		}
	}
	return err
}
