package crdt

import "github.com/tidwall/btree"

// heads are the changes that no accepted change has as a parent. The newest change
// always is one, and mostly the only one: it is kept apart from the rest.
//
// Invariant: bit i of among is set if and only if i is in rest.
type heads struct {
	n     int32 // changes
	named bool  // by the change that is being added: the newest
	rest  *btree.BTreeG[int32]
	among []uint64 // by change, 64 a word; nil in a View
}

func newHeads() heads {
	return heads{rest: btree.NewBTreeGOptions(func(a, b int32) bool { return a < b }, btree.Options{NoLocks: true})}
}

// name says that the change that is added next has p as a parent.
func (h *heads) name(p int32) {
	switch {
	case p == h.n-1:
		h.named = true
	case h.among[p/64]&(1<<(p%64)) != 0:
		h.among[p/64] &^= 1 << (p % 64)
		h.rest.Delete(p)
	}
}

// add adds the change after all whose parents were named.
func (h *heads) add() {
	if last := h.n - 1; last >= 0 && !h.named {
		h.among[last/64] |= 1 << (last % 64)
		h.rest.Load(last)
	}
	if h.n%64 == 0 {
		h.among = append(h.among, 0)
	}
	h.named = false
	h.n++
}

func (h *heads) len() int {
	if h.n == 0 {
		return 0
	}
	return h.rest.Len() + 1
}

// only reports whether i is the one head.
func (h *heads) only(i int32) bool { return i == h.n-1 && i >= 0 && h.rest.Len() == 0 }

// up yields the heads, oldest arrival first.
func (h *heads) up(yield func(int32) bool) {
	more := true
	h.rest.Scan(func(i int32) bool {
		more = yield(i)
		return more
	})
	if more && h.n > 0 {
		yield(h.n - 1)
	}
}

// down yields the heads, newest arrival first.
func (h *heads) down(yield func(int32) bool) {
	if h.n > 0 && yield(h.n-1) {
		h.rest.Reverse(yield)
	}
}

// view is what a View reads. O(1).
func (h *heads) view() heads { return heads{n: h.n, rest: h.rest.Copy()} }
