package crdt

import (
	"math"
	"unicode/utf8"
	"unsafe"

	"github.com/tallystick/tallystick/crdt/internal/fugue"
)

// A keystroke is the one op of a change that edits a text as a key does: a short text
// inserted, or elements deleted. Most changes of most documents are one; reading and
// applying them here, without an op and what that can hold, takes a fraction.
//
// Invariant: read accepts only what decodes and is well-formed, and press and strike do
// what applyOps does with it.
type keystroke struct {
	code opCode
	ref  ref
	text string // aliases the ops
	n    int    // elements: inserted, or named by a delete
}

// read reports whether ops are one keystroke, and reads it.
func (k *keystroke) read(ops []byte) bool {
	if len(ops) < 5 || ops[0] != 0x81 {
		return false
	}
	k.code = opCode(ops[2])
	at := 3
	switch {
	case ops[1] == 0x82 && k.code == opInsertOn:
	case ops[1] == 0x83 && (k.code == opInsertRight || k.code == opInsertLeft || k.code == opDelete):
		if at = k.readRef(ops); at == 0 {
			return false
		}
	default:
		return false
	}
	if k.code == opDelete {
		n, end := shortUint(ops, at)
		k.n = int(n)
		return end == len(ops) && n >= 1 && n <= MaxDeleteRange
	}
	if at >= len(ops) {
		return false
	}
	head := ops[at] // of a text of 1 … 23 bytes
	if head <= 0x60 || head > 0x77 || at+1+int(head-0x60) != len(ops) {
		return false
	}
	text := ops[at+1:]
	if len(text) == 1 && text[0] < utf8.RuneSelf {
		k.n = 1
	} else {
		if !utf8.Valid(text) {
			return false
		}
		k.n = utf8.RuneCount(text)
	}
	k.text = unsafe.String(unsafe.SliceData(text), len(text))
	return true
}

// readRef reads [k, i], or [k, i, d] with k < 0 and d > 0, and returns where it
// ends, or 0. It leaves heads of 8 bytes to others.
func (k *keystroke) readRef(ops []byte) int {
	var back, index, d uint64
	negative := ops[4]&0xe0 == 0x20
	if ops[3] != 0x82 && (ops[3] != 0x83 || !negative) {
		return 0
	}
	at := 4
	if negative {
		back, at = shortHead(ops, at, 0x20)
	} else {
		back, at = shortUint(ops, at)
	}
	if at == 0 {
		return 0
	}
	if index, at = shortUint(ops, at); at == 0 {
		return 0
	}
	if ops[3] == 0x83 {
		if d, at = shortUint(ops, at); at == 0 || d == 0 {
			return 0
		}
	}
	k.ref = ref{k: int64(back), i: int64(index), d: int64(d)}
	if negative {
		k.ref.k = -1 - int64(back)
	}
	return at
}

// shortUint reads an unsigned integer below 2^32 in its shortest form at b[at], and
// returns where it ends, or 0 if there is none.
func shortUint(b []byte, at int) (n uint64, end int) { return shortHead(b, at, 0) }

func shortHead(b []byte, at int, major byte) (n uint64, end int) {
	if at >= len(b) {
		return 0, 0
	}
	c := b[at] ^ major
	switch {
	case c < 24:
		return uint64(c), at + 1
	case c == 24 && len(b) > at+1 && b[at+1] >= 24:
		return uint64(b[at+1]), at + 2
	case c == 25 && len(b) > at+2:
		n = uint64(b[at+1])<<8 | uint64(b[at+2])
		if n > math.MaxUint8 {
			return n, at + 3
		}
	case c == 26 && len(b) > at+4:
		n = uint64(b[at+1])<<24 | uint64(b[at+2])<<16 | uint64(b[at+3])<<8 | uint64(b[at+4])
		if n > math.MaxUint16 {
			return n, at + 5
		}
	}
	return 0, 0
}

// press inserts what keystroke k of change i does, and returns the sequence in which
// the change is sound.
func (d *jsonDoc) press(i int32, k *keystroke) fugue.Seq {
	var parent uint32
	var ok bool
	if k.code == opInsertOn {
		parent, ok = d.lastMadeBy(d.log.prev(i))
	} else {
		var t thing
		if t, ok = d.log.resolve(k.ref, i, d.linksOf(i, k.ref), 0); ok {
			parent, ok = d.number(t)
		}
	}
	if !ok {
		return unsound
	}
	seq, ok := d.forest.SeqOf(parent)
	if !ok || d.seqs[seq].kind != TextObject {
		return unsound
	}
	side := fugue.Right
	if k.code == opInsertLeft {
		side = fugue.Left
	}
	e := d.next
	d.forest.Grow(int(e) + k.n)
	d.forest.Insert(seq, parent, side, e, k.n)
	d.write(e, k.text)
	d.inserted(i, k.n)
	return seq
}

// strike deletes the elements that keystroke k of change i names.
func (d *jsonDoc) strike(i int32, k *keystroke) {
	links := d.linksOf(i, k.ref)
	t, ok := d.log.resolve(k.ref, i, links, 0)
	if !ok {
		return
	}
	if k.n == 1 {
		if e, ok := d.number(t); ok {
			if _, ok := d.forest.SeqOf(e); ok {
				d.delete(e, 1)
			}
		}
		return
	}
	end := i
	if k.ref.k < 0 {
		end = links[-1-k.ref.k]
	}
	if r, ok := d.rangeOf(i, t, k.n, end); ok {
		d.kill(r)
	}
}

// linksOf are the links of change i if f needs them.
func (d *jsonDoc) linksOf(i int32, f ref) []int32 {
	if f.k < 0 {
		return d.log.links(i)
	}
	return nil
}
