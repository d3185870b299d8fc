package crdt

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// fileLabel begins every room file; the digit is the version.
const fileLabel = "tallystick room file v1\x00"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Save appends the file of the whole room: charter, packs in the order of
// acceptance, and every signature; ids, sequence numbers and all else that
// follows from the payloads are left out. [LoadFile] makes the same replica of it:
// same log indexes, same packs. Own changes that wait for [Writer.Sign] are left out,
// since nothing proves them yet.
//
// The same log gives the same bytes. It takes some 40 MB while it runs, and about
// a microsecond a change.
func (r *Replica) Save(dst []byte) []byte {
	l := r.log
	payloads := l.payloadBytes
	for i := l.sealed; i < l.n; i++ {
		payloads -= len(l.payload(i))
	}
	start := len(dst)
	dst = append(dst, fileLabel...)
	charter := r.charter.Append(nil)
	dst = binary.AppendUvarint(dst, uint64(len(charter)))
	dst = append(dst, charter...)
	dst = binary.AppendUvarint(dst, uint64(l.sealed))
	dst = binary.AppendUvarint(dst, uint64(payloads))
	dst = appendSum(dst, start)
	w := fileWriter{log: l, packer: packers.Get().(*packer), numbers: make([]uint32, len(l.authors)), parents: make([]uint64, l.sealed/64+1)}
	for p := 0; p < len(l.packs); p += MaxFileSegmentPacks {
		dst = w.segment(dst, p, min(p+MaxFileSegmentPacks, len(l.packs)))
	}
	packers.Put(w.packer)
	return dst
}

// appendSum appends the checksum of dst from start on.
func appendSum(dst []byte, start int) []byte {
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// A fileWriter writes the segments of one file in order, or one stored record.
// Changes have places there: see packReader.
type fileWriter struct {
	log     *log
	packer  *packer
	first   int32    // log index of the first change
	outside []int32  // log indexes of those before it that changes name, in order; nil in a file, where first is 0
	numbers []uint32 // in the file by number in the log, plus 1: by first change
	tips    []int32  // by number in the file: the author's last change so far
	parents []uint64 // bit by log index less first: a change so far has it as prev
	segmentWriter
}

// place is that of the change at log index i.
func (w *fileWriter) place(i int32) int32 {
	if i >= w.first {
		return i - w.first + int32(len(w.outside))
	}
	at, _ := slices.BinarySearch(w.outside, i)
	return int32(at)
}

// A segmentWriter gathers the columns of one segment.
type segmentWriter struct {
	runs    [columns]openRun
	gap     uint64 // changes since time was another
	raw     [columns][]byte
	trails  []trail
	links   []int32
	op      op
	scratch []byte
}

func (s *segmentWriter) reset(authors int) {
	for c := range columns {
		s.runs[c] = openRun{}
		s.raw[c] = s.raw[c][:0]
	}
	s.gap = 0
	s.trails = slices.Grow(s.trails[:0], authors)[:authors]
	clear(s.trails)
}

// segment appends packs [from, to):
//
//	head  changes, packs, new authors and their keys, author of the first change and its distance to prev,
//	      length of the body, checksum of all that
//	body  the columns, and their checksum
func (w *fileWriter) segment(dst []byte, from, to int) []byte {
	l := w.log
	first, end := l.packs[from].start, l.packEnd(to-1)
	head := len(dst)
	dst = binary.AppendUvarint(dst, uint64(end-first))
	dst = binary.AppendUvarint(dst, uint64(to-from))
	dst = w.appendNewcomers(dst, first, end)
	dst = binary.AppendUvarint(dst, uint64(w.numbers[l.author(first)]-1))
	dst = binary.AppendUvarint(dst, w.distance(first, l.prev(first)))
	body := w.body(nil, from, to)
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	dst = appendSum(dst, head)
	at := len(dst)
	return appendSum(append(dst, body...), at)
}

// appendNewcomers numbers the authors of changes [first, end) who have no number
// yet, and appends how many they are and their keys.
func (w *fileWriter) appendNewcomers(dst []byte, first, end int32) []byte {
	before := len(w.tips)
	var keys []byte
	for i := first; i < end; i++ {
		if a := w.log.author(i); w.numbers[a] == 0 {
			w.tips = append(w.tips, none)
			w.numbers[a] = uint32(len(w.tips))
			keys = append(keys, w.log.keys[a][:]...)
		}
	}
	return append(binary.AppendUvarint(dst, uint64(len(w.tips)-before)), keys...)
}

// distance is how far prev lies before i; 0 is the room.
func (w *fileWriter) distance(i, prev int32) uint64 {
	if prev == none {
		return 0
	}
	return uint64(w.place(i) - w.place(prev))
}

// body appends the columns of packs [from, to), without what lies before first.
func (w *fileWriter) body(body []byte, from, to int) []byte {
	l := w.log
	w.reset(len(w.tips))
	time := int64(0)
	for p := from; p < to; p++ {
		start, end := max(l.packs[p].start, w.first), l.packEnd(p)
		w.put(colPackLens, uint64(end-start))
		for i := start; i < end; i++ {
			time = w.change(i, time)
		}
		for i := start; i < end; i++ {
			if next := l.child(i); next == none || next >= end {
				sig := l.sigs[i]
				w.raw[colSigs] = append(w.raw[colSigs], sig[:]...)
			}
		}
	}
	for c := range columns {
		w.endRun(c)
		body = w.packer.append(body, w.raw[c])
	}
	return body
}

// change writes change i. time is that of the change before.
func (w *fileWriter) change(i int32, time int64) int64 {
	l := w.log
	last := l.prev(i)
	author := w.numbers[l.author(i)] - 1
	w.putRun(colAuthorRuns, uint64(author))
	takes := uint64(0)
	if last >= w.first {
		word, bit := &w.parents[(last-w.first)/64], uint64(1)<<((last-w.first)%64)
		if *word&bit != 0 && l.child(last) == i {
			takes = 1
		}
		*word |= bit
	}
	prev := uint64(0)
	if last != w.tips[author] || takes == 1 {
		prev = 1 + 2*w.distance(i, last) + takes
	}
	w.putRun(colPrevRuns, prev)
	w.tips[author] = i
	w.links = append(w.links[:0], l.links(i)...)
	slices.Sort(w.links)
	w.putRun(colLinkRuns, uint64(len(w.links)))
	at := w.place(i)
	for _, link := range slices.Backward(w.links) {
		link := w.place(link)
		w.put(colLinks, uint64(at-link))
		at = link
	}
	e := reparse(l.payload(i))
	if e.time == time {
		w.gap++
	} else {
		w.put(colTimeGaps, w.gap)
		w.put(colTimes, zigzag(e.time-time))
		w.gap = 0
	}
	w.putOps(e.ops, &w.trails[author])
	return e.time
}
