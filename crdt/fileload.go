package crdt

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
)

// A FileHead is what a room file says of itself in front. [LoadFile] takes in no
// more than it claims.
type FileHead struct {
	Charter      Charter
	Changes      int
	PayloadBytes int64 // of all changes: what they take in memory at least, besides some 100 bytes each
}

// ReadFileHead reads the head of a room file, so that the caller can see which
// room it is and how much before loading it. data may be the file's first
// MaxCharterBytes + 128 bytes. The error is a *[DamageError].
func ReadFileHead(data []byte) (FileHead, error) {
	h, _, err := readFileHead(data)
	if err != nil {
		return FileHead{}, &DamageError{Err: err}
	}
	return h, nil
}

func readFileHead(data []byte) (h FileHead, size int, err error) {
	if err := checkLabel(data, fileLabel); err != nil {
		return h, 0, err
	}
	r := columnReader{buf: data[len(fileLabel):]}
	n := r.uvarint()
	if n > MaxCharterBytes {
		return h, 0, fmt.Errorf("%w: %w", ErrFileFormat, overLimit("charter bytes", MaxCharterBytes, int(min(n, math.MaxInt32))))
	}
	charter := r.bytes(n)
	changes, payloads := r.uvarint(), r.uvarint()
	covered := len(data) - len(r.buf)
	sum := r.bytes(4)
	if r.bad {
		return h, 0, ErrFileTruncated
	}
	if binary.BigEndian.Uint32(sum) != crc32.Checksum(data[:covered], castagnoli) {
		return h, 0, ErrFileChecksum
	}
	if changes > math.MaxInt32 || payloads > changes*MaxPayloadBytes {
		return h, 0, fmt.Errorf("%w: %d changes of %d bytes", ErrFileFormat, changes, payloads)
	}
	if h.Charter, err = ParseCharter(charter); err != nil {
		return h, 0, err
	}
	h.Changes, h.PayloadBytes = int(changes), int64(payloads)
	return h, covered + 4, nil
}

// LoadFile makes the replica of which [Replica.Save] wrote the file. Every id is
// computed from the payloads, every envelope, parent and key is judged, and the
// signature of every chain's newest change is checked, which covers the chain.
// The other signatures are checked only where a checksum or a tip's signature
// fails.
//
// A file that holds more than its head claims is damaged from there on.
//
// The error is a *[DamageError] for the first bad change. The replica beside it
// has what is intact before that, proved by signatures; it is nil if the head is
// damaged.
func LoadFile(data []byte) (*Replica, error) {
	head, size, err := readFileHead(data)
	if err != nil {
		return nil, &DamageError{Err: err}
	}
	load := func(verify bool) (*Replica, error) {
		r, err := NewReplica(head.Charter)
		if err != nil {
			return nil, err
		}
		f := &fileReader{replica: r, data: data, offset: size, changes: head.Changes, payloads: head.PayloadBytes, verify: verify}
		f.packReader = packReader{room: r.room, earlier: fileLog{r.log}, keys: make(map[Author]bool), unpacker: unpackers.Get().(*unpacker)}
		defer unpackers.Put(f.unpacker)
		return r, f.read()
	}
	r, err := load(false)
	if r == nil || r.VerifyTips() == nil {
		return r, err
	}
	// Some signature is bad: read again and check all of them, so that the first is found.
	return load(true)
}

// A fileReader puts the changes of a file into a replica.
type fileReader struct {
	replica  *Replica
	data     []byte
	offset   int   // of what was not read yet
	changes  int   // of the whole file
	payloads int64 // bytes, of what was not read yet
	verify   bool  // every signature
	packReader
}

// fileLog is the log that a file is read into, as its packs refer to it.
type fileLog struct{ *log }

func (l fileLog) followed(a *fileAuthor, prev int32) (bool, error) {
	if a.number == 0 || l.author(prev) != a.number-1 {
		return false, ErrChainAuthor
	}
	return l.child(prev) != none, nil
}

// A fileAuthor is an author by number in the file or record.
type fileAuthor struct {
	key    Author
	number uint32  // in the log, plus 1; 0 before it has changes there
	tip    int32   // the last change so far
	hasher *hasher // from its first change on
}

// A segmentReader reads the columns of one segment.
type segmentReader struct {
	runs   [columns]openRun
	raw    [columns]columnReader
	gap    uint64 // changes until time is another; noGap if that is not read yet
	trails []trail
	op     op
	time   int64
	bad    bool
}

const noGap = math.MaxUint64

// readTime moves time to that of the next change. Behind the last gap it stays.
func (s *segmentReader) readTime() {
	gaps := &s.raw[colTimeGaps]
	if s.gap == noGap && len(gaps.buf) > 0 {
		s.gap = s.get(colTimeGaps)
	}
	switch s.gap {
	case noGap:
	case 0:
		s.time += unzigzag(s.get(colTimes))
		s.gap = noGap
	default:
		s.gap--
	}
}

// read reads all segments. A segment whose checksum fails and that is proved to
// be intact by its signatures is kept, and so is what follows it.
func (f *fileReader) read() error {
	var late *DamageError
	for int(f.replica.log.n) < f.changes {
		at := f.offset
		sound, err := f.segment()
		if err != nil {
			return err
		}
		if !sound && late == nil {
			late = &DamageError{Offset: at, Err: ErrFileChecksum}
		}
	}
	switch {
	case f.offset != len(f.data):
		return &DamageError{Change: f.changes, Offset: f.offset, Err: ErrFileTrailing}
	case f.payloads != 0:
		return &DamageError{Change: f.changes, Err: ErrFileColumns}
	case late != nil:
		late.Change = f.changes
		return late
	}
	return nil
}

// segment reads one segment. sound is false if its checksum fails.
func (f *fileReader) segment() (sound bool, err error) {
	l := f.replica.log
	d := &DamageError{Change: int(l.n), Offset: f.offset}
	damaged := func(err error) (bool, error) {
		if int(l.n) > d.Change { // the head names the author of the first change alone
			d = &DamageError{Change: int(l.n), Offset: d.Offset}
		}
		d.Err = err
		return false, d
	}
	r := columnReader{buf: f.data[f.offset:]}
	changes, packs, newcomers := r.uvarint(), r.uvarint(), r.uvarint()
	if changes == 0 || changes > uint64(f.changes-int(l.n)) || packs == 0 || packs > MaxFileSegmentPacks || newcomers > changes {
		if r.bad {
			return damaged(ErrFileTruncated)
		}
		return damaged(ErrFileColumns)
	}
	keys := r.bytes(32 * newcomers)
	author, distance, size := r.uvarint(), r.uvarint(), r.uvarint()
	covered := len(f.data) - f.offset - len(r.buf)
	sum := r.bytes(4)
	if r.bad {
		return damaged(ErrFileTruncated)
	}
	if binary.BigEndian.Uint32(sum) != crc32.Checksum(f.data[f.offset:][:covered], castagnoli) {
		return damaged(ErrFileChecksum)
	}
	if !f.newcomers(keys) || author >= uint64(len(f.authors)) || distance > uint64(l.n) {
		return damaged(ErrFileColumns)
	}
	d.Author = f.authors[author].key
	if distance > 0 {
		d.Prev = l.id(l.n - int32(distance))
	}
	body := r.bytes(size)
	sum = r.bytes(4)
	if r.bad {
		return damaged(ErrFileTruncated)
	}
	f.offset = len(f.data) - len(r.buf)
	sound = binary.BigEndian.Uint32(sum) == crc32.Checksum(body, castagnoli)
	unpacked := f.unpack(body)
	if unpacked != nil && sound {
		return damaged(unpacked)
	}
	end := l.n + int32(changes)
	for range packs {
		if err := f.readPack(end, f.verify || !sound); err != nil {
			if sound {
				err.Offset = d.Offset
				return true, err
			}
			// Columns that are damaged may name anybody.
			return damaged(fmt.Errorf("%w: %w", ErrFileChecksum, err.Err))
		}
	}
	if l.n != end || unpacked != nil || !f.finished() {
		return damaged(ErrFileColumns)
	}
	return sound, nil
}

// newcomers numbers the authors of these keys; false if one has a number already.
func (f *packReader) newcomers(keys []byte) bool {
	for key := range slices.Chunk(keys, 32) {
		if f.keys[Author(key)] {
			return false
		}
		f.keys[Author(key)] = true
		f.authors = append(f.authors, fileAuthor{key: Author(key), tip: none})
	}
	return true
}

// unpack reads the columns. Those of a damaged body are read as far as they go.
func (f *packReader) unpack(body []byte) (first error) {
	f.segmentReader = segmentReader{gap: noGap, trails: slices.Grow(f.trails[:0], len(f.authors))[:len(f.authors)]}
	clear(f.trails)
	r := columnReader{buf: body}
	limit := MaxFileColumnBytes
	for c := range columns {
		raw, err := f.unpacker.column(&r, f.unpacker.columns[c], &limit)
		if err != nil && first == nil {
			first = fmt.Errorf("%w: %w", ErrFileColumns, err)
		}
		f.unpacker.columns[c] = raw
		f.raw[c].buf = raw
	}
	if first == nil && !r.done() {
		first = ErrFileColumns
	}
	return first
}

// failed reports whether some column ended early.
func (s *segmentReader) failed() bool {
	for c := range columns {
		s.bad = s.bad || s.raw[c].bad
	}
	return s.bad
}

// finished reports whether all columns were read, and nothing beyond.
func (s *segmentReader) finished() bool {
	for c := range columns {
		if !s.raw[c].done() || s.runs[c].times > 0 {
			return false
		}
	}
	return !s.bad && s.gap == noGap
}
