package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// bbolt's file format, version 2, as far as a reader needs it. All numbers are in the machine's own byte order.
//
//	page    id u64 · flags u16 · count u16 · overflow u32 · content     overflow: pages that follow and belong to it
//	meta    magic u32 · version u32 · page size u32 · flags u32 · root u64 · sequence u64 · freelist u64 · high water u64 ·
//	        transaction u64 · FNV-64a of all that u64                    transaction n is on page n mod 2
//	branch  count × (pos u32 · key size u32 · child u64), then the keys; pos counts from its own element
//	leaf    count × (flags u32 · pos u32 · key size u32 · value size u32), then keys and values; flag 1: value is a bucket
//	bucket  root u64 · sequence u64 · if root is 0: a whole leaf page inline
const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	pageHead    = 16
	metaBytes   = 64
	elementHead = 16
	bucketHead  = 16

	flagBranch = 0x01
	flagLeaf   = 0x02
	flagMeta   = 0x04

	elementIsBucket = 0x01

	noFreelist = ^uint64(0)
)

var native = binary.NativeEndian

// boltMeta is one of the two meta pages.
type boltMeta struct {
	magic, version, size  uint32
	root, freelist, pages uint64 // pages: high water mark, the id after the last page in use
	tx                    uint64
	sound                 bool // the checksum matches
}

func parseBoltMeta(page []byte) boltMeta {
	b := page[pageHead : pageHead+metaBytes]
	h := fnv.New64a()
	h.Write(b[:metaBytes-8])
	return boltMeta{
		magic: native.Uint32(b), version: native.Uint32(b[4:]), size: native.Uint32(b[8:]),
		root: native.Uint64(b[16:]), freelist: native.Uint64(b[32:]), pages: native.Uint64(b[40:]), tx: native.Uint64(b[48:]),
		sound: h.Sum64() == native.Uint64(b[metaBytes-8:]),
	}
}

// node is a branch or leaf page with its overflow, or an inline bucket's page: bytes whose header has been checked.
type node struct {
	bytes []byte
	at    int64 // offset in the file
	leaf  bool
	count int
}

// element is one entry of a node; key and value alias its bytes.
type element struct {
	key, value []byte // value: leaf only
	child      uint64 // branch only
	bucket     bool   // leaf only: value is a bucket
	at         int64  // offset of the key in the file
}

// parseNode checks the header in b, which the caller has made at least pageHead long.
func parseNode(b []byte, id uint64, at int64) (node, string) {
	if got := native.Uint64(b); got != id {
		return node{}, fmt.Sprintf("the page says that it is page %d, not %d", got, id)
	}
	n := node{bytes: b, at: at, count: int(native.Uint16(b[10:]))}
	switch flags := native.Uint16(b[8:]); flags {
	case flagBranch:
		if n.count == 0 {
			return node{}, "a branch page without children"
		}
	case flagLeaf:
		n.leaf = true
	default:
		return node{}, fmt.Sprintf("page %d is of no known kind (flags %#x)", id, flags)
	}
	if pageHead+n.count*elementHead > len(b) {
		return node{}, fmt.Sprintf("page %d has no room for %d entries", id, n.count)
	}
	return n, ""
}

// element returns entry i, 0 <= i < n.count, or what is wrong with it.
func (n *node) element(i int) (element, string) {
	start := pageHead + i*elementHead
	b := n.bytes[start : start+elementHead]
	var e element
	var pos, keySize, valueSize uint64
	if n.leaf {
		flags := native.Uint32(b)
		if flags > elementIsBucket {
			return e, fmt.Sprintf("entry %d has unknown flags %#x", i, flags)
		}
		e.bucket = flags == elementIsBucket
		pos, keySize, valueSize = uint64(native.Uint32(b[4:])), uint64(native.Uint32(b[8:])), uint64(native.Uint32(b[12:]))
	} else {
		pos, keySize, e.child = uint64(native.Uint32(b)), uint64(native.Uint32(b[4:])), native.Uint64(b[8:])
	}
	from := uint64(start) + pos
	// Sums of three 32-bit numbers and a small one: no overflow.
	if keySize == 0 || from < uint64(pageHead+n.count*elementHead) || from+keySize+valueSize > uint64(len(n.bytes)) {
		return e, fmt.Sprintf("entry %d lies outside its page", i)
	}
	e.at = n.at + int64(from)
	e.key = n.bytes[from : from+keySize : from+keySize]
	e.value = n.bytes[from+keySize : from+keySize+valueSize : from+keySize+valueSize]
	return e, ""
}

// pager reads nodes of one state of the file and never one page twice.
type pager struct {
	f     io.ReaderAt
	size  int64    // of the file, in bytes
	pages uint64   // high water mark
	seen  []uint64 // bit set of pages that lie within the file
}

func newPager(f io.ReaderAt, pages uint64, size int64) *pager {
	return &pager{f: f, size: size, pages: pages, seen: make([]uint64, size/pageSize/64+1)}
}

// node reads page id into buf, which it returns, grown if need be; the node aliases it.
func (p *pager) node(id uint64, buf []byte) (n node, out []byte, reason string) {
	if id < 2 || id >= p.pages {
		return n, buf, fmt.Sprintf("page %d does not exist: there are %d", id, p.pages)
	}
	at := int64(id) * pageSize
	buf = grow(buf, pageSize)
	if reason := p.read(buf, at); reason != "" {
		return n, buf, reason
	}
	more := uint64(native.Uint32(buf[12:]))
	if id+more >= p.pages || (more+1)*pageSize > maxSpanBytes {
		return n, buf, fmt.Sprintf("page %d says that %d more pages belong to it", id, more)
	}
	if more > 0 {
		buf = grow(buf, int(more+1)*pageSize)
		if reason := p.read(buf[pageSize:], at+pageSize); reason != "" {
			return n, buf, reason
		}
	}
	// Only now: all of it lies within the file.
	for i := id; i <= id+more; i++ {
		if p.seen[i/64]&(1<<(i%64)) != 0 {
			return n, buf, fmt.Sprintf("page %d is used twice", i)
		}
		p.seen[i/64] |= 1 << (i % 64)
	}
	n, reason = parseNode(buf, id, at)
	return n, buf, reason
}

// grow returns a buffer of n bytes that begins as b does, b itself if it can hold them.
func grow(b []byte, n int) []byte {
	if cap(b) >= n {
		return b[:n]
	}
	out := make([]byte, n)
	copy(out, b)
	return out
}

func (p *pager) read(b []byte, at int64) string {
	if n, err := p.f.ReadAt(b, at); n < len(b) {
		if errors.Is(err, io.EOF) {
			return fmt.Sprintf("the file ends at byte %d", p.size)
		}
		return fmt.Sprintf("cannot be read: %v", err)
	}
	return ""
}
