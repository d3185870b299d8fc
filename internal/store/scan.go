package store

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"io"
	"slices"
)

// What a scan looks for stands in the file as bbolt lays out a leaf: the key, and right behind it the value.
//
//	number (8) ‖ CRC-32C (4) ‖ length (4) ‖ frame          a record; the number's first four bytes are zero
//	"room" ‖ CRC-32C (4) ‖ room (32)                       and "count" ‖ CRC-32C (4) ‖ count (8)
const (
	foundHead = keyBytes + recordHead

	// scanWindow is read at a time; it holds any record. scanStep of it are looked at.
	scanWindow = 4 << 20
	scanStep   = scanWindow - foundHead - MaxFrameBytes

	// A damaged record may hold what a hostile peer wrote: thousands of beginnings of records, one within another. So many
	// bytes are summed in vain at once, and so many more for each byte of the file that is passed.
	scanBudget = 64 << 20
	scanRefill = 8
	scanFree   = 1 << 10 // shorter frames are always summed
)

// place is where an intact record stands.
type place struct {
	number uint64
	at     int64 // of its key, in bytes from the start of the file
	size   int   // of its frame, in bytes
	live   bool  // on a page that the newest readable state uses
	sum    uint64
}

// scanned is what a scan of a damaged file has found.
type scanned struct {
	places  []place // in the order of the file; no two of equal number and frame
	room    [32]byte
	hasRoom bool
	count   uint64 // how many records the newest state says that there are
	counted bool
	partial bool // so many things looked like records that some were passed over
}

// scan reads the whole file and finds every record whose bytes are intact, wherever it stands and whatever leads there. It
// never fails: bytes that cannot be read count as zeros. Time is O(size), and so is the memory: some 40 bytes a record.
//
// What a peer has put into a record is not taken for one, as long as that record itself is intact: it is passed over whole.
func scan(f io.ReaderAt, size int64) *scanned {
	s := newScanner(f, size)
	for at := int64(0); at < size; {
		next := s.step(at)
		s.budget = min(s.budget+scanRefill*(next-at), scanBudget)
		at = next
	}
	s.out.places = slices.DeleteFunc(s.out.places, func(p place) bool { return !p.live && s.seen[p.sum] })
	return &s.out
}

type scanner struct {
	w      window
	live   pageSet
	seed   maphash.Seed
	seen   map[uint64]bool // hashes of number and frame → found on a live page
	budget int64           // bytes that may now be summed in vain
	out    scanned
}

func newScanner(f io.ReaderAt, size int64) *scanner {
	return &scanner{w: window{f: f, size: size}, live: livePages(f, size), seed: maphash.MakeSeed(), seen: map[uint64]bool{}, budget: scanBudget}
}

// step looks at the file from place at on, and returns from where on it has not looked.
func (s *scanner) step(at int64) int64 {
	b := s.w.bytes(at, scanWindow)
	i := 0
	for i < min(len(b), scanStep) {
		switch b[i] {
		case 0:
			if n := s.record(at+int64(i), b[i:]); n > 0 {
				i += n
				continue
			}
			if zeros := leadingZeros(b[i:]); zeros > foundHead {
				// The length of a record is not zero and stands behind twelve bytes.
				i += zeros - foundHead
				continue
			}
		case 'r', 'c':
			s.sealed(at+int64(i), b[i:])
		}
		i++
	}
	return at + int64(i)
}

// record takes the record that b begins with, and returns its length; 0 if there is none.
func (s *scanner) record(at int64, b []byte) int {
	frame := recordAt(b)
	if frame == 0 {
		return 0
	}
	if frame > scanFree && int64(frame) > s.budget {
		s.out.partial = true
		return 0
	}
	b = b[:foundHead+frame]
	if recordCRC(b[:keyBytes], b[keyBytes:]) != binary.BigEndian.Uint32(b[keyBytes:]) {
		if frame > scanFree {
			s.budget -= int64(frame)
		}
		return 0
	}
	p := place{
		number: binary.BigEndian.Uint64(b), at: at, size: frame, live: s.live.has(uint64(at / pageSize)),
		sum: maphash.Bytes(s.seed, b),
	}
	if live, known := s.seen[p.sum]; !known || p.live && !live {
		s.seen[p.sum] = p.live
		s.out.places = append(s.out.places, p)
	}
	return len(b)
}

// recordAt returns the length of the frame if b may begin with a record, else 0.
func recordAt(b []byte) int {
	if len(b) <= foundHead || b[1]|b[2]|b[3] != 0 {
		return 0
	}
	n := binary.BigEndian.Uint32(b[keyBytes+crcBytes:])
	if n > MaxFrameBytes || int(n) > len(b)-foundHead {
		return 0
	}
	return int(n)
}

func leadingZeros(b []byte) int {
	for i, c := range b {
		if c != 0 {
			return i
		}
	}
	return len(b)
}

// sealed takes the room and the count, if b begins with one.
func (s *scanner) sealed(at int64, b []byte) {
	value := func(key []byte, size int) ([]byte, bool) {
		if len(b) < len(key)+crcBytes+size || !bytes.HasPrefix(b, key) {
			return nil, false
		}
		return parseSealed(key, b[len(key):len(key)+crcBytes+size])
	}
	if v, ok := value(keyRoom, len(s.out.room)); ok {
		s.out.room, s.out.hasRoom = [32]byte(v), true
	}
	if v, ok := value(keyCount, 8); ok && s.live.has(uint64(at/pageSize)) {
		s.out.count, s.out.counted = binary.BigEndian.Uint64(v), true
	}
}

// window is the part of a file that was read last.
type window struct {
	f    io.ReaderAt
	size int64
	at   int64
	buf  []byte
}

// bytes returns at most n bytes from place at on, fewer only at the end of the file. They are valid until the next call.
func (w *window) bytes(at int64, n int) []byte {
	n = int(min(int64(n), w.size-at))
	if at >= w.at && at+int64(n) <= w.at+int64(len(w.buf)) {
		return w.buf[at-w.at:][:n]
	}
	w.buf, w.at = grow(w.buf[:0], n), at
	if got, err := w.f.ReadAt(w.buf, at); err != nil && got < n {
		// A sector that cannot be read costs its page, not what follows.
		for i := 0; i < n; i += pageSize {
			page := w.buf[i:min(i+pageSize, n)]
			clear(page)
			_, _ = w.f.ReadAt(page, at+int64(i)) // what was not read stays zero
		}
	}
	return w.buf
}

// pageSet is a set of page numbers.
type pageSet []uint64

func (s pageSet) has(id uint64) bool { return id/64 < uint64(len(s)) && s[id/64]&(1<<(id%64)) != 0 }

func (s pageSet) add(id uint64) {
	if id/64 < uint64(len(s)) {
		s[id/64] |= 1 << (id % 64)
	}
}

// livePages returns the pages that the newest sound meta page leads to, as far as the pages on the way are readable: those
// of a state that was committed. With no sound meta page there are none.
//
// bbolt writes a state to pages that the one before does not use. So while the newest meta page is broken, the state of the
// other one is whole.
func livePages(f io.ReaderAt, size int64) pageSet {
	w := window{f: f, size: size}
	head := make([]byte, 2*pageSize)
	copy(head, w.bytes(0, 2*pageSize))
	var newest boltMeta
	for i := range 2 {
		m := parseBoltMeta(head[i*pageSize:])
		if m.sound && m.magic == boltMagic && m.version == boltVersion && m.size == pageSize && m.tx%2 == uint64(i) && (!newest.sound || m.tx > newest.tx) {
			newest = m
		}
	}
	if !newest.sound {
		return nil
	}
	l := liver{pager: newPager(f, newest.pages, size)}
	l.set = make(pageSet, len(l.pager.seen))
	l.page(newest.root, 0)
	return l.set
}

type liver struct {
	pager *pager
	set   pageSet
	buf   []byte
}

// page marks page id and what is below it.
func (l *liver) page(id uint64, depth int) {
	if depth >= maxDepth || id < 2 || id >= l.pager.pages {
		return
	}
	l.set.add(id) // also if it cannot be read: what is intact on it was committed
	n, buf, reason := l.pager.node(id, l.buf)
	l.buf = buf
	if reason != "" {
		return
	}
	for i := id; i <= id+uint64(native.Uint32(n.bytes[12:])); i++ {
		l.set.add(i)
	}
	var below []uint64
	for i := range n.count {
		switch e, reason := n.element(i); {
		case reason != "":
		case !n.leaf:
			below = append(below, e.child)
		case e.bucket && len(e.value) >= bucketHead:
			if root := native.Uint64(e.value); root != 0 {
				below = append(below, root)
			}
		}
	}
	for _, child := range below {
		l.page(child, depth+1)
	}
}
