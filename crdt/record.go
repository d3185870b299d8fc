package crdt

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// A store keeps records. What is new is appended as the frame of a pack; many old
// packs are kept as one segment of the form that room files have, which is a
// fraction of that (docs/protocol.md §9). A record needs none that was stored before
// it to be read: what its changes name from outside stands in it by id.

// segmentRecord is the first byte of a record that is a segment. That of a frame is
// the head of an array.
const segmentRecord = 0x01

// RecordFrom encodes the packs that log index from lies in and behind, from that
// index on, as one record for a store: as many as fit, at most
// [MaxFileSegmentPacks]. next is the index after them. from must be as that of
// [Replica.PackFrom]. The record has at most [MaxPackBytes]; whoever loads it has the
// packs of which PackFrom would make the frames.
//
// It takes some 10 MB while it runs, and about a microsecond a change.
func (r *Replica) RecordFrom(from int) (record []byte, next int) {
	l := r.log
	pack := l.packAt(int32(from))
	most := MaxFileSegmentPacks
	for n := r.packsFitting(pack, most); n > 0; {
		record = r.segmentRecord(int32(from), pack, pack+n)
		raw := 0
		for _, p := range l.packs[pack : pack+n] {
			raw += int(p.bytes)
		}
		r.packing = float64(len(record)) / float64(raw)
		fits := len(record) <= MaxPackBytes
		if !fits {
			most = n - 1
		}
		better := r.packsFitting(pack, most)
		if fits && better < 2*n {
			return record, int(l.packEnd(pack + n - 1))
		}
		n = better
	}
	return r.PackFrom(from, nil)
}

// packsFitting is how many packs, at most so many, a record may hold if it shrinks them
// as the last one did its own: making one of too many, or far too few, is in vain.
func (r *Replica) packsFitting(pack, most int) (n int) {
	l := r.log
	most = min(most, len(l.packs)-pack)
	for left := float64(MaxPackBytes); n < most; n++ {
		if left -= r.packing * float64(l.packs[pack+n].bytes); left < 0 {
			break
		}
	}
	return max(n, min(most, 1))
}

// segmentRecord encodes packs [from, to) without what lies before first:
//
//	segmentRecord, changes, payload bytes, packs, authors and their keys, changes named from outside and their ids,
//	and the columns
func (r *Replica) segmentRecord(first int32, from, to int) []byte {
	l, end := r.log, r.log.packEnd(to-1)
	payloads := 0
	var outside []int32
	for i := first; i < end; i++ {
		payloads += len(l.payload(i))
		if prev := l.prev(i); prev != none && prev < first {
			outside = append(outside, prev)
		}
		for _, link := range l.links(i) {
			if link < first {
				outside = append(outside, link)
			}
		}
	}
	slices.Sort(outside)
	outside = slices.Compact(outside)
	w := fileWriter{log: l, packer: recordPackers.Get().(*packer), first: first, outside: outside, numbers: make([]uint32, len(l.authors)), parents: make([]uint64, (end-first)/64+1)}
	defer recordPackers.Put(w.packer)
	dst := []byte{segmentRecord}
	dst = binary.AppendUvarint(dst, uint64(end-first))
	dst = binary.AppendUvarint(dst, uint64(payloads))
	dst = binary.AppendUvarint(dst, uint64(to-from))
	dst = w.appendNewcomers(dst, first, end)
	dst = binary.AppendUvarint(dst, uint64(len(outside)))
	for _, i := range outside {
		id := l.id(i)
		dst = append(dst, id[:]...)
	}
	return w.body(dst, from, to)
}

// IsSegment reports whether a record is a segment and no frame.
func IsSegment(record []byte) bool { return len(record) > 0 && record[0] == segmentRecord }

// RecordSize is how many changes a record says that it holds, and how many bytes
// their payloads have, at least, or at most the frame around them. It is true of what
// was loaded or made here.
func RecordSize(record []byte) (changes, payloadBytes int) {
	if IsSegment(record) {
		h, _ := readRecordHead(record)
		return h.changes, h.payloads
	}
	r := dcbor.NewReader(record)
	for range r.Array() {
		r.ArrayN(4)
		r.Bytes() // author
		r.Bytes() // prev
		n := r.Array()
		changes += n
		for range n {
			r.Bytes()
		}
		r.Bytes() // signature
	}
	return changes, len(record)
}

// EachStored reads a record of a replica's own store as [Checker.Stored] reads a
// frame, and calls yield with its packs in order, for [Replica.LoadStored]. It stops at
// the first error, yield's or its own, and returns it. Like Stored it may run anywhere.
// The packs keep a record that is a frame, and nothing of one that is a segment.
func (c *Checker) EachStored(record []byte, yield func(*StoredPack) error) error {
	if !IsSegment(record) {
		p, err := c.Stored(record)
		if err != nil {
			return err
		}
		return yield(&StoredPack{pack: p})
	}
	refuse := func(a Author, err error) error { return &RefusedError{Author: a, Offset: -1, Err: err} }
	h, err := readRecordHead(record)
	if err != nil {
		return refuse(Author{}, err)
	}
	ids := make(recordIDs, 0, len(h.outside)/32+h.changes)
	for id := range slices.Chunk(h.outside, 32) {
		ids = append(ids, ChangeID(id))
	}
	f := packReader{room: c.room, earlier: &ids, keys: make(map[Author]bool), unpacker: unpackers.Get().(*unpacker)}
	defer unpackers.Put(f.unpacker)
	if !f.newcomers(h.keys) {
		return refuse(Author{}, ErrFileColumns)
	}
	if err := f.unpack(h.body); err != nil {
		return refuse(Author{}, err)
	}
	shared := &storedRecord{outside: int32(len(ids))}
	for k := range f.authors {
		shared.authors = append(shared.authors, f.authors[k].key)
	}
	end := int32(len(ids) + h.changes)
	for range h.packs {
		from := len(ids)
		if bad, err := f.decode(int32(from), end); err != nil {
			return refuse(f.authorAt(bad), err)
		}
		ids = append(ids, f.pack.ids...)
		p := &StoredPack{room: c.room, record: shared, placed: ids, filePack: f.pack}
		p.ids = ids[from:]
		h.payloads -= p.bare
		if err := yield(p); err != nil {
			return err
		}
		f.pack = filePack{ // p keeps the rest; packs of one record are alike
			ids: f.pack.ids, changes: make([]fileChange, 0, len(p.changes)), links: make([]int32, 0, len(p.links)),
			payload: make([]byte, 0, len(p.payload)+len(p.payload)/8), runs: make([]fileRun, 0, len(p.runs)),
		}
	}
	if int32(len(ids)) != end || h.payloads != 0 || !f.finished() {
		return refuse(Author{}, ErrFileColumns)
	}
	return nil
}

// authorAt is who made the change at place i of the pack that is being read, or zero.
func (f *packReader) authorAt(i int32) Author {
	if at := int(i - f.pack.base); at < len(f.pack.changes) {
		return f.authors[f.pack.changes[at].author].key
	}
	return Author{}
}

// recordIDs are the ids of what a record names from outside and of its packs so far.
// What it names is judged when the packs are loaded, as of any pack.
type recordIDs []ChangeID

func (ids *recordIDs) idAt(place int32) *ChangeID { return &(*ids)[place] }

// followed says that another change of the pack may follow the same, if its author has
// one there. Whether the log has it is judged where the pack is loaded.
func (ids *recordIDs) followed(a *fileAuthor, _ int32) (bool, error) {
	return int(a.tip) >= len(*ids), nil
}

func (*recordIDs) has(ChangeID) bool { return false }

// A recordHead is what stands before the columns of a segment record.
type recordHead struct {
	changes, payloads, packs int
	keys, outside, body      []byte
}

func readRecordHead(record []byte) (h recordHead, err error) {
	r := columnReader{buf: record[1:]}
	changes, payloads, packs := r.uvarint(), r.uvarint(), r.uvarint()
	switch {
	case r.bad || packs == 0 || packs > MaxFileSegmentPacks || changes < packs || changes > packs*MaxPackChanges || payloads > packs*MaxPackBytes:
		return h, ErrFileColumns
	}
	h.changes, h.payloads, h.packs = int(changes), int(payloads), int(packs)
	h.keys = r.bytes(32 * min(r.uvarint(), changes+1))
	h.outside = r.bytes(32 * min(r.uvarint(), math.MaxInt32))
	if h.body = r.buf; r.bad || len(h.keys) > 32*h.changes {
		return h, ErrFileColumns
	}
	return h, nil
}
