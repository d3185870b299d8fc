package store

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tallystick/tallystick/internal/disk"
)

// The file of a journal, JournalInfix behind the name of its store: written over from its beginning each time it is full, and
// never grown, so that a sync of it writes nothing but what was appended.
//
//	head  = magic ‖ room (32) ‖ key (16) ‖ CRC-32C of these (4), and zeros up to journalHead
//	batch = key (16) ‖ length (4) ‖ CRC-32C(key ‖ length ‖ body) (4) ‖ body        body = (length (4) ‖ frame) …, big endian
//
// The key is random and leaves this file for nowhere: nothing that a peer sends can look like a batch.
const (
	journalMagic = "tallystick journal 1\n"
	journalHead  = 4096
	journalKey   = 16
	batchHead    = journalKey + 4 + 4
)

// JournalInfix stands behind the name of a store in that of its journal.
const JournalInfix = ".journal"

// A Journal makes appends to a store durable with one sync instead of two: they go to a file of fixed length first, in order,
// and into the store itself when that is full, or at Close. It is for whoever appends often; the file is made by the
// appends that come after the first few, and removed by Close. Who opens the store otherwise after a crash does not see what
// is in the journal alone. It is not safe for concurrent use.
//
// Invariant: a frame that Append was asked for and has returned is whole in the store or in the journal, or in both.
type Journal struct {
	store *Store
	path  string
	room  [32]byte

	length  int64    // of the file: maxJournalBytes, less in tests
	file    *os.File // nil: there is none
	key     [journalKey]byte
	at      int64    // where the next batch goes
	waiting [][]byte // in the file, and not in the store
	after   int      // appends to the store alone before the file is made
	buf     []byte

	found *JournalDamage
	fatal error
	fault func(step string) error // breaks a step in tests: called before it; nil in a program
}

// JournalDamage is what was wrong with a journal that was found.
type JournalDamage struct {
	Damage *DamageError
	Kept   string // where the damaged file is now
	Frames int    // intact ones behind the place, which were taken
}

// OpenJournal takes over a store that was just created, opened or salvaged. Of a journal that a crash has left it puts into the
// store what is not there, in one transaction, and removes it; a damaged one stays beside it under another name (see Found).
// Of frames that are equal it puts one there. It does so too if the store is a new one, or an older copy, in the place of the one
// that the journal was made for: frames that were acknowledged are kept, whatever has become of what came before them.
//
// Errors are those of the file system, [ErrTooManyDamaged], and of [Store.Append]. After any of them the store is to be
// closed, and the next OpenJournal finds the journal, or all of it in the store.
func OpenJournal(s *Store) (*Journal, error) { return openJournalAs(s, maxJournalBytes, nil) }

func openJournalAs(s *Store, length int64, fault func(string) error) (*Journal, error) {
	j := &Journal{store: s, path: s.path + JournalInfix, room: s.header.meta.Room, after: journalAfter, length: length, fault: fault}
	if err := j.replay(); err != nil {
		return nil, fmt.Errorf("store %s: journal: %w", s.path, err)
	}
	return j, nil
}

// Always makes the file with the next append, however few came before.
func (j *Journal) Always() { j.after = 0 }

// Found is what was wrong with the journal that OpenJournal found, nil if nothing was.
func (j *Journal) Found() *JournalDamage { return j.found }

func (j *Journal) before(step string) error {
	if j.fault == nil {
		return nil
	}
	return j.fault(step)
}

// unfinished is the file that is to become the journal. What a killed process left of it is of no use.
func (j *Journal) unfinished() string { return j.path + ".new" }

// replay takes in the file that a crash has left.
func (j *Journal) replay() error {
	_ = os.Remove(j.unfinished()) // if it stays it costs its room, and that there is no journal
	read, lacking, err := j.look()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var frames [][]byte
	beyond := 0 // frames that are behind what cannot be read, and were acknowledged after it
	for i, f := range read.frames {
		if !lacking[string(f)] {
			continue
		}
		delete(lacking, string(f)) // once
		frames = append(frames, f)
		if i >= read.before {
			beyond++
		}
	}
	// A crash before the append is durable leaves all as it was. One between it and the removal, or the new name, leaves a
	// journal of frames that the store has: the next replay adds nothing.
	if _, err := j.store.Append(frames); err != nil {
		return err
	}
	if err := j.before("end of replay"); err != nil {
		return err
	}
	reason := read.reason
	if reason == "" && beyond > 0 {
		reason = "a batch is not as it was written, and later ones are"
	}
	if reason == "" {
		return j.remove()
	}
	j.found = &JournalDamage{Frames: beyond, Damage: &DamageError{Path: j.path, Record: NoRecord, Offset: read.end, Reason: reason}}
	if j.found.Kept, err = keepBeside(j.path); err != nil {
		return err
	}
	return disk.SyncDir(filepath.Dir(j.path))
}

// look reads the journal's file, and says which of its frames are no records of the store.
func (j *Journal) look() (read journalRead, lacking map[string]bool, err error) {
	f, err := disk.OpenRegular(j.path, os.O_RDONLY)
	if err != nil {
		return read, nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxJournalBytes+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return read, nil, err
	}
	read = readJournal(content, j.room, j.length)
	lacking, err = j.lacking(read.frames)
	return read, lacking, err
}

// JournalWaits returns how many frames a journal beside the store holds that the store does not: who opens the store
// without it reads less than was acknowledged. It changes nothing. Errors are those of the file system and of [Store.Records].
func JournalWaits(s *Store) (frames int, err error) {
	j := &Journal{store: s, path: s.path + JournalInfix, room: s.header.meta.Room, length: maxJournalBytes}
	_, lacking, err := j.look()
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("store %s: journal: %w", s.path, err)
	}
	return len(lacking), nil
}

// keepBeside gives the damaged file at path another name.
func keepBeside(path string) (string, error) {
	for n := 1; n <= MaxDamaged; n++ {
		name := fmt.Sprintf("%s%s%d", path, DamagedInfix, n)
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return name, os.Rename(path, name)
	}
	return "", fmt.Errorf("%w: %s%s1 to -%d", ErrTooManyDamaged, path, DamagedInfix, MaxDamaged)
}

// lacking are those of frames that are no records of the store.
func (j *Journal) lacking(frames [][]byte) (map[string]bool, error) {
	set := make(map[string]bool, len(frames))
	for _, f := range frames {
		set[string(f)] = true
	}
	if len(set) == 0 {
		return set, nil
	}
	err := j.store.Records(func(_ uint64, record []byte) error {
		delete(set, string(record))
		return nil
	})
	return set, err
}

// journalRead is what a journal was found to hold.
type journalRead struct {
	frames [][]byte // of all intact batches, as they stand in the file
	before int      // how many of them stand before the first place that is no batch
	end    int64    // that place
	reason string   // what is wrong with the head
}

// readJournal reads the content of a journal's file. Where the batches end, the one that was being written may stand in part,
// and older ones behind it, which are in the store since. So what stands there and is not in the store is what follows damage:
// that is for the caller to see.
func readJournal(b []byte, room [32]byte, length int64) (read journalRead) {
	of, key, ok := parseJournalHead(b, length)
	switch {
	case ok && of != room:
		read.reason = fmt.Sprintf("it is of room %x, and the store of room %x", of, room)
		return read
	case !ok:
		read.reason = "the head is not as it was written"
		if len(b) < journalHead+batchHead {
			return read
		}
		key = [journalKey]byte(b[journalHead:]) // if a batch stands there, it is its
	}
	at := journalHead
	for at < len(b) {
		frames, size := parseBatch(b[at:], key)
		if size == 0 {
			break
		}
		read.frames = append(read.frames, frames...)
		at += size
	}
	read.before, read.end = len(read.frames), int64(at)
	for at < len(b) {
		next := bytes.Index(b[at:], key[:])
		if next < 0 {
			break
		}
		at += next
		frames, size := parseBatch(b[at:], key)
		read.frames = append(read.frames, frames...)
		at += max(size, 1)
	}
	return read
}

func parseJournalHead(b []byte, length int64) (room [32]byte, key [journalKey]byte, ok bool) {
	const size = len(journalMagic) + 32 + journalKey
	if int64(len(b)) != length || string(b[:len(journalMagic)]) != journalMagic ||
		crc32.Checksum(b[:size], castagnoli) != binary.BigEndian.Uint32(b[size:]) {
		return room, key, false
	}
	return [32]byte(b[len(journalMagic):]), [journalKey]byte(b[size-journalKey:]), true
}

// parseBatch returns the frames of the batch that b begins with, which alias it, and its length; 0 if there is none.
func parseBatch(b []byte, key [journalKey]byte) (frames [][]byte, size int) {
	if len(b) < batchHead || !bytes.Equal(b[:journalKey], key[:]) {
		return nil, 0
	}
	n := binary.BigEndian.Uint32(b[journalKey:])
	if uint64(n) > uint64(len(b)-batchHead) {
		return nil, 0
	}
	size = batchHead + int(n)
	if batchCRC(b[:size]) != binary.BigEndian.Uint32(b[journalKey+4:]) {
		return nil, 0
	}
	for body := b[batchHead:size]; len(body) > 0; {
		if len(body) < 4 {
			return nil, 0
		}
		n := binary.BigEndian.Uint32(body)
		if n == 0 || n > MaxFrameBytes || uint64(n) > uint64(len(body)-4) {
			return nil, 0
		}
		frames = append(frames, body[4:4+n:4+n])
		body = body[4+n:]
	}
	return frames, size
}

func batchCRC(batch []byte) uint32 {
	return crc32.Update(crc32.Checksum(batch[:journalKey+4], castagnoli), castagnoli, batch[batchHead:])
}

// Append adds records and returns the number of the first. They are durable on return. The frames are not kept. Errors and
// what they mean are those of [Store.Append]. The cost is one sync of the disk; where the journal is full, two or three.
func (j *Journal) Append(frames [][]byte) (first uint64, err error) {
	first = j.Len()
	if j.fatal != nil {
		return first, j.fatal
	}
	if err := checkFrames(frames); err != nil {
		return first, fmt.Errorf("store %s: append: %w", j.store.path, err)
	}
	if len(frames) == 0 || j.file == nil && !j.make() {
		j.after--
		return j.store.Append(frames)
	}
	size := batchHead
	for _, f := range frames {
		size += 4 + len(f)
	}
	if j.at+int64(size) > j.length {
		return first, j.flush(frames)
	}
	if err := j.write(frames, size); err != nil {
		j.fatal = fmt.Errorf("store %s: append %d records at %d: %w: journal: %w", j.store.path, len(frames), first, ErrFatal, err)
		return first, j.fatal
	}
	return first, nil
}

// make makes the file, if that is worth it, and reports whether there is one. That there is none is no error: the store
// itself is as safe.
func (j *Journal) make() bool {
	if j.after > 0 || j.store.fatal != nil || j.store.closed {
		return false
	}
	j.after = journalAfter // if it cannot be made now, not so soon again
	rand.Read(j.key[:])
	content := make([]byte, j.length)
	head := append(append(append(content[:0], journalMagic...), j.room[:]...), j.key[:]...)
	binary.BigEndian.AppendUint32(head, crc32.Checksum(head, castagnoli))
	f, err := j.publish(content)
	if err != nil {
		return false
	}
	j.file, j.at = f, journalHead
	return true
}

// publish makes the file with its content. A crash before it has its name leaves the unfinished one, which the next
// OpenJournal or publish removes; one after it leaves an empty journal.
func (j *Journal) publish(content []byte) (*os.File, error) {
	tmp := j.unfinished()
	_ = os.Remove(tmp) // if it stays, it is known in the next step
	f, err := disk.OpenRegular(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(content); err == nil {
		err = j.before("sync of the new file")
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = disk.Publish(tmp, j.path)
	}
	if err == nil {
		return f, nil
	}
	_ = os.Remove(tmp) // as above
	return nil, errors.Join(err, f.Close())
}

// write makes a batch of frames and makes it durable.
func (j *Journal) write(frames [][]byte, size int) error {
	if j.store.closed {
		return ErrClosed
	}
	if err := j.before("write"); err != nil {
		return err
	}
	if err := j.whole(); err != nil {
		return err
	}
	b := grow(j.buf[:0], size)[:0]
	if cap(b) <= keepBuffer {
		j.buf = b
	}
	b = append(b, j.key[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(size-batchHead))
	b = append(b, 0, 0, 0, 0)
	copies := make([]byte, 0, size-batchHead) // what waits is kept, and the frames are the caller's
	waiting := j.waiting
	for _, f := range frames {
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
		start := len(copies)
		copies = append(copies, f...)
		waiting = append(waiting, copies[start:len(copies):len(copies)])
	}
	binary.BigEndian.PutUint32(b[journalKey+4:], batchCRC(b))
	if _, err := j.file.WriteAt(b, j.at); err != nil {
		return err
	}
	if err := j.before("sync"); err != nil {
		return err
	}
	// Commit point. A crash before it leaves the batches before this one and of this one any part, which its CRC shows: nobody
	// was told of it. An error leaves a state that this process cannot know.
	if err := disk.Datasync(j.file); err != nil {
		return err
	}
	if err := j.before("answer"); err != nil {
		return err
	}
	j.waiting, j.at = waiting, j.at+int64(size)
	return nil
}

// whole finds out that one of the files was cut short or deleted.
func (j *Journal) whole() error {
	if err := j.store.whole(); err != nil {
		return err
	}
	size, id, err := disk.Look(j.file)
	switch {
	case err != nil:
		return err
	case size != j.length:
		return &DamageError{Path: j.path, Record: NoRecord, Offset: size, Reason: "something changed the length of the file, in use"}
	case id.Links == 0:
		return errDeleted
	}
	return nil
}

// flush puts what waits, and then frames, into the store, in one transaction.
func (j *Journal) flush(frames [][]byte) error {
	if j.fatal != nil {
		return j.fatal
	}
	// A crash before the commit leaves all that waits in the journal. A crash after it leaves it in both.
	all := append(j.waiting, frames...)
	if _, err := j.store.Append(all); err != nil {
		j.fatal = err
		return err
	}
	clear(all) // the caller's among them
	j.waiting, j.at = j.waiting[:0], journalHead
	return nil
}

// end flushes, and removes the file.
func (j *Journal) end() error {
	if err := j.flush(nil); err != nil {
		return err
	}
	if j.file == nil {
		return nil
	}
	err := j.before("removal")
	if err == nil {
		err = errors.Join(j.file.Close(), j.remove())
		j.file = nil
	}
	if err != nil { // what stays there must not be added to a store that was merged meanwhile
		j.fatal = fmt.Errorf("store %s: %w: journal: %w", j.store.path, ErrFatal, err)
	}
	return j.fatal
}

// remove removes the file, durably.
func (j *Journal) remove() error {
	err := os.Remove(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return disk.SyncDir(filepath.Dir(j.path))
}

// Len is [Store.Len], with what waits.
func (j *Journal) Len() uint64 { return j.store.Len() + uint64(len(j.waiting)) }

// Meta is [Store.Meta].
func (j *Journal) Meta() Meta { return j.store.Meta() }

// Records is [Store.Records]. What waits is put into the store before.
func (j *Journal) Records(yield func(n uint64, frame []byte) error) error {
	if len(j.waiting) > 0 {
		if err := j.flush(nil); err != nil {
			return err
		}
	}
	return j.store.Records(yield)
}

// Replace is [Store.Replace]. The journal is emptied and its file removed before.
func (j *Journal) Replace(from uint64, frames [][]byte) error {
	if err := j.end(); err != nil {
		return err
	}
	return j.store.Replace(from, frames)
}

// Size is [Store.Size], without the journal's file.
func (j *Journal) Size() (int64, error) { return j.store.Size() }

// FileSize is the length in bytes of the journal's file, 0 if there is none.
func (j *Journal) FileSize() int64 {
	if j.file == nil {
		return 0
	}
	return j.length
}

// Waiting is how many bytes of what waits are in memory, about: less than the file is long.
func (j *Journal) Waiting() int64 {
	if len(j.waiting) == 0 {
		return 0
	}
	return j.at - journalHead
}

// Close puts what waits into the store, removes the file of the journal and closes the store. After a failed write the file
// stays, for the next OpenJournal.
func (j *Journal) Close() error {
	if j.store.closed {
		return nil
	}
	var err error
	if j.fatal == nil && j.store.fatal == nil {
		err = j.end()
	}
	if j.file != nil {
		err = errors.Join(err, j.file.Close())
		j.file = nil
	}
	return errors.Join(err, j.store.Close())
}
