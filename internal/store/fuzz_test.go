package store

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// FuzzCheck edits a small store: 4 bytes an edit, place (3 bytes, modulo the file's length) and the byte to be there.
func FuzzCheck(f *testing.F) {
	content, want := small(f)
	f.Add([]byte{})
	f.Add([]byte{0, 0x10, 0x10, 0xff})                                     // magic of meta page 1
	f.Add([]byte{0, 0x20, 0x08, 0x01, 0, 0x20, 0x0a, 0x02})                // a leaf becomes a branch
	f.Add([]byte{0, 0x40, 0x10, 0xff, 0, 0x40, 0x11, 0xff, 0, 0x40, 3, 1}) // entry outside its page
	f.Add([]byte{0, 0x50, 0x0c, 0x01})                                     // overflow
	f.Fuzz(func(t *testing.T, edits []byte) {
		damaged := bytes.Clone(content)
		for ; len(edits) >= 4; edits = edits[4:] {
			at := int(edits[0])<<16 | int(edits[1])<<8 | int(edits[2])
			damaged[at%len(damaged)] = edits[3]
		}
		_ = soundOrTyped(t, damaged, want, true) // both outcomes are right; it fails by itself on a third
	})
}

// FuzzNode reads any bytes as a page: every entry lies within it.
func FuzzNode(f *testing.F) {
	content, _ := small(f)
	for i, u := range used(f, content) {
		if u && i > 1 {
			f.Add(content[i*pageSize : (i+1)*pageSize])
		}
	}
	f.Add([]byte("0000000000000000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < pageHead {
			return
		}
		n, reason := parseNode(b, native.Uint64(b), 0)
		if reason != "" {
			return
		}
		if n.count*elementHead > len(b) {
			t.Fatalf("%d entries in %d bytes", n.count, len(b))
		}
		for i := range n.count {
			e, reason := n.element(i)
			if reason != "" {
				continue
			}
			if len(e.key) == 0 || len(e.key)+len(e.value) > len(b) || e.at < int64(pageHead+n.count*elementHead) ||
				!bytes.Equal(b[e.at:][:len(e.key)], e.key) {
				t.Fatalf("entry %d: %+v", i, e)
			}
		}
	})
}

// FuzzRecord reads any bytes as a record; what is accepted is what would be written.
func FuzzRecord(f *testing.F) {
	for _, n := range []uint64{0, 1, 1 << 40} {
		_, key, record := appendRecord(nil, n, frame(n, 100))
		f.Add(key, record)
	}
	f.Add([]byte("12345678"), []byte{})
	f.Fuzz(func(t *testing.T, key, record []byte) {
		if len(key) != keyBytes {
			return
		}
		got, reason := parseRecord(key, record)
		if reason != "" {
			return
		}
		_, key2, record2 := appendRecord(nil, binary.BigEndian.Uint64(key), got)
		if !bytes.Equal(key, key2) || !bytes.Equal(record, record2) {
			t.Fatalf("%x %x is accepted and written as %x %x", key, record, key2, record2)
		}
	})
}

// FuzzHeader reads any bytes as an entry of the buckets meta and state.
func FuzzHeader(f *testing.F) {
	for _, name := range [][]byte{keyFormat, keyRoom, keyCharter, keyFile, keyCount} {
		for _, value := range [][]byte{{1}, make([]byte, 8), make([]byte, 16), make([]byte, 32)} {
			f.Add(true, name, appendSealed(nil, name, value))
			f.Add(false, name, appendSealed(nil, name, value))
		}
	}
	f.Fuzz(func(t *testing.T, meta bool, name, sealed []byte) {
		bucket := bucketState
		if meta {
			bucket = bucketMeta
		}
		var h header
		if reason := h.set(bucket, name, sealed); reason != "" {
			if h.present != [5]bool{} {
				t.Fatalf("%s, and taken: %+v", reason, h)
			}
			return
		}
		value, ok := parseSealed(name, sealed)
		if !ok || !bytes.Equal(appendSealed(nil, name, value), sealed) {
			t.Fatalf("%q %x is taken, and would be written otherwise", name, sealed)
		}
	})
}

// FuzzLast reads any bytes as the slots of a last file, and any length of it; an id without doubt is one that was set.
func FuzzLast(f *testing.F) {
	four, three := lastSlot(4, [32]byte{4}), lastSlot(3, [32]byte{3})
	f.Add(four, three, lastSize)
	f.Add(four, three, int(lastOffset(1)))
	f.Add(three, four, lastSize)
	f.Add(four, lastSlot(1, [32]byte{1}), lastSize+1)
	f.Add(four[1:], []byte{}, len(lastMagic))
	f.Fuzz(func(t *testing.T, slot0, slot1 []byte, size int) {
		if size < 0 || size > 1<<16 || len(slot0) > lastSlotSize {
			return
		}
		b := make([]byte, max(lastSize, size, int(lastOffset(1))+len(slot1)))
		copy(b, lastMagic)
		copy(b[lastOffset(0):], slot0)
		copy(b[lastOffset(1):], slot1)
		b = b[:size]
		l := &Last{slot: -1}
		if reason := l.parse(b); reason != "" {
			if l.id != [32]byte{} {
				t.Fatalf("%s, and id %x", reason, l.id)
			}
			return
		}
		if at := lastOffset(l.slot); !bytes.Equal(b[at:at+lastSlotSize], lastSlot(l.number, l.id)) {
			t.Fatalf("slot %d is not what would be written", l.slot)
		}
		sound := size == lastSize && bytes.Equal(b[lastOffset(1-l.slot):][:8], binary.BigEndian.AppendUint64(nil, l.number-1))
		if !l.damaged && !sound {
			t.Fatal("damage unseen")
		}
	})
}
