package relay

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/salvage"
	"github.com/tallystick/tallystick/internal/store"
)

// roomStore is the store of one room as its node sees it: the file is made by the first Append, so that a peer who only
// names rooms costs no disk. The node calls it from one goroutine at a time; the counters are for all.
type roomStore struct {
	path string
	meta store.Meta
	file *store.Journal // nil: nothing was ever appended

	limit    int64
	changes  int64
	payloads int64        // bytes, at least: old records are smaller than these
	size     atomic.Int64 // of the file; 0: there is none
	beside   atomic.Int64 // of the journal's file; 0: there is none
	waiting  atomic.Int64 // bytes that the journal keeps in memory besides
	held     atomic.Int64 // the larger of size and payloads, and what the changes take in memory besides: at least what the room takes there
	full     atomic.Bool  // held has reached limit
	onFull   func()
	metrics  *metrics // nil: nothing is measured

	salvaged *salvage.Report // nil: the file was sound
	gone     bool            // there was a journal, and no file: what the journal holds is in a new one
}

// changeBytes is what an accepted change takes in memory besides its bytes, about: it may have as few as six of these.
const changeBytes = 192

// openRoomStore opens the file at path, if there is one. It reads and checks all of it; a damaged one is salvaged. With why
// it is salvaged in any case.
func openRoomStore(path string, c crdt.Charter, limit int64, onFull func(), why error) (*roomStore, error) {
	meta := store.Meta{Room: c.ID(), Charter: c.Append(nil)}
	s := &roomStore{path: path, meta: meta, limit: limit, onFull: onFull}
	if _, err := os.Lstat(path); os.IsNotExist(err) {
		if _, err := os.Lstat(path + store.JournalInfix); err != nil {
			return s, nil
		}
		s.gone = true
	}
	var f *store.Store
	var err error
	switch {
	case s.gone:
		f, err = store.Create(path, meta)
	case why == nil:
		f, s.salvaged, err = salvage.Open(path, c, nil)
	default:
		f, s.salvaged, err = salvage.Rebuild(path, c, nil, why)
	}
	if err != nil {
		return nil, err
	}
	if got := f.Meta(); got.Room != meta.Room {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("store %s: holds room %x, not the room of its name", path, got.Room)
	}
	if s.file, err = store.OpenJournal(f); err != nil {
		_ = f.Close() // what the journal holds is there still
		return nil, err
	}
	if err := s.measure(); err != nil {
		_ = s.file.Close() // as above
		return nil, err
	}
	return s, nil
}

// foundJournal is what was wrong with the journal that a crash has left, nil if nothing was.
func (s *roomStore) foundJournal() *store.JournalDamage {
	if s.file == nil {
		return nil
	}
	return s.file.Found()
}

// Records implements [transport.Store].
func (s *roomStore) Records(yield func(n uint64, frame []byte) error) error {
	if s.file == nil {
		return nil
	}
	err := s.file.Records(func(n uint64, frame []byte) error {
		s.count(frame)
		return yield(n, frame)
	})
	if err != nil {
		return err
	}
	return s.measure()
}

// count takes in a record that its node has made or read.
func (s *roomStore) count(record []byte) {
	changes, payloads := crdt.RecordSize(record)
	s.changes += int64(changes)
	s.payloads += int64(payloads)
}

// Append implements [transport.Store]. A room that is full still takes what is on its way: accepted changes are never
// left out, and the room is closed as a whole right after.
func (s *roomStore) Append(frames [][]byte) (uint64, error) {
	if s.file == nil {
		f, err := store.Create(s.path, s.meta)
		if err != nil {
			return 0, err
		}
		if s.file, err = store.OpenJournal(f); err != nil {
			return 0, errors.Join(err, f.Close())
		}
	}
	began := time.Now()
	first, err := s.file.Append(frames)
	if err != nil {
		return first, err
	}
	before := s.changes
	for _, f := range frames {
		s.count(f)
	}
	s.metrics.commit(time.Since(began), frames, s.changes-before)
	return first, s.measure()
}

// Replace implements [transport.Merger]: the same changes in fewer records.
func (s *roomStore) Replace(from uint64, frames [][]byte) error {
	if err := s.file.Replace(from, frames); err != nil {
		return err
	}
	return s.measure()
}

// measure takes in the file's size and what the changes take.
func (s *roomStore) measure() error {
	now, err := s.file.Size()
	if err != nil {
		return err
	}
	s.size.Store(now)
	s.beside.Store(s.file.FileSize())
	s.waiting.Store(s.file.Waiting())
	held := max(now, s.payloads) + s.changes*changeBytes
	s.held.Store(held)
	if held >= s.limit && !s.full.Swap(true) {
		s.onFull()
	}
	return nil
}

func (s *roomStore) Close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.waiting.Store(0)
	s.beside.Store(0)
	if info, statErr := os.Lstat(s.path + store.JournalInfix); statErr == nil { // it could not be put into the file
		s.beside.Store(info.Size())
	}
	return err
}
