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
	for n := min(MaxFileSegmentPacks, len(l.packs)-pack); n > 0; n /= 2 {
		end := l.packEnd(pack + n - 1)
		if record = r.segmentRecord(int32(from), pack, pack+n); len(record) <= MaxPackBytes {
			return record, int(end)
		}
	}
	return r.PackFrom(from, nil)
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
// frame, and calls yield with its packs in order, for [Replica.LoadPack]. It stops at
// the first error, yield's or its own, and returns it. Like Stored it may run anywhere.
// The packs keep a record that is a frame, and nothing of one that is a segment.
func (c *Checker) EachStored(record []byte, yield func(*Pack) error) error {
	if !IsSegment(record) {
		p, err := c.Stored(record)
		if err != nil {
			return err
		}
		return yield(p)
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
	end := int32(len(ids) + h.changes)
	for range h.packs {
		if bad, err := f.decode(int32(len(ids)), end); err != nil {
			return refuse(f.authorAt(bad), err)
		}
		ids = append(ids, f.pack.ids...)
		p := f.packed(ids[f.pack.base:])
		h.payloads -= p.bareBytes()
		if err := p.checkUnique(); err != nil {
			return err
		}
		if err := yield(p); err != nil {
			return err
		}
	}
	if int32(len(ids)) != end || h.payloads != 0 || !f.finished() {
		return refuse(Author{}, ErrFileColumns)
	}
	return nil
}

// bareBytes are those of the payloads of the frame.
func (p *Pack) bareBytes() (n int) {
	for i := range p.places {
		start, end := byteStringAt(p.frame, p.places[i]&placeBits)
		n += int(end - start)
	}
	return n
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

func (*recordIDs) followed(*fileAuthor, int32) (bool, error) { return false, nil }

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

// packed is the pack that was read last, as its frame would be read. ids are those of
// its changes, and it may keep them.
func (f *packReader) packed(ids []ChangeID) *Pack {
	s := &f.pack
	p := &Pack{runs: make([]run, len(s.runs)), ids: ids, places: make([]uint32, len(ids)), changes: len(ids), links: len(s.links)}
	if len(s.runs) > 1 {
		p.ids = make([]ChangeID, len(ids))
	}
	sizes := make([]int, len(s.runs)) // of each run's payloads with their heads
	for k, end := 0, 0; k < len(s.changes); k = end {
		end = s.stretch(k)
		sizes[s.changes[k].run] += int(s.placeOf(end) - s.changes[k].place)
	}
	frame := dcbor.AppendArray(make([]byte, 0, packOverheadBytes+runOverheadBytes*len(s.runs)+len(s.payload)), len(s.runs))
	next := make([]struct{ number, place uint32 }, len(s.runs)) // of the change of each run
	number := int32(0)
	for k := range s.runs {
		from, to := &s.runs[k], &p.runs[k]
		first := &s.changes[from.first-s.base]
		*to = run{author: f.authors[first.author].key, prev: *f.id(first.prev), first: number, n: int32(from.changes), sig: from.sig, offset: len(frame)}
		frame = appendRunHead(frame, to.author, to.prev, from.changes)
		next[k].number, next[k].place = uint32(number), uint32(len(frame))
		frame = frame[:len(frame)+sizes[k]]
		frame = dcbor.AppendBytes(frame, to.sig[:])
		number += to.n
	}
	links := int32(0)
	for k, end := 0, 0; k < len(s.changes); k = end {
		end = s.stretch(k)
		to := &next[s.changes[k].run]
		moved := to.place - s.changes[k].place // modulo 2^32
		to.place += uint32(copy(frame[to.place:], s.payload[s.changes[k].place:s.placeOf(end)]))
		if len(s.runs) > 1 {
			copy(p.ids[to.number:], ids[k:end])
		}
		for i := k; i < end; i++ {
			c := &s.changes[i]
			place := c.place + moved
			if c.decodes {
				place |= flagDecodes
			}
			if c.links > links {
				place |= flagLinks
			}
			links = c.links
			p.places[to.number] = place
			to.number++
		}
	}
	p.frame = frame
	return p
}

// stretch is the number of the first change behind k that is in another run.
func (p *filePack) stretch(k int) int {
	for run := p.changes[k].run; k < len(p.changes) && p.changes[k].run == run; {
		k++
	}
	return k
}

// placeOf is where the payload of change k begins, or those of all end.
func (p *filePack) placeOf(k int) uint32 {
	if k == len(p.changes) {
		return uint32(len(p.payload))
	}
	return p.changes[k].place
}
