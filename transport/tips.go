package transport

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/tallystick/tallystick/crdt"
)

// labelTips begins what a fingerprint of tips hashes.
const labelTips = "tallystick tips v1\x00"

// maxTrieDepth is where a bucket is a leaf however many tips it holds: its prefix is the whole hash but a byte.
const maxTrieDepth = MaxPrefixBytes

// A leafHash places a tip in the trie: SHA-256(author ‖ id).
type leafHash [32]byte

func hashTip(a crdt.Author, id crdt.ChangeID) leafHash {
	var b [64]byte
	copy(b[:32], a[:])
	copy(b[32:], id[:])
	return sha256.Sum256(b[:])
}

// A tipIndex is the set of a room's tips as a 256-ary trie over their leaf hashes, so that two peers find what differs
// by comparing fingerprints of buckets. It belongs to one goroutine, its frozen views included.
//
// Invariant: a bucket with at most LeafTips tips is a leaf, one with more is a branch (but at maxTrieDepth). So the shape,
// and with it every fingerprint, is a function of the set alone.
type tipIndex struct {
	room  crdt.RoomID
	root  *tipNode // nil: empty
	epoch uint64   // nodes of an older epoch belong to frozen views as well
}

type tipNode struct {
	epoch uint64
	count int
	leafs []tipLeaf      // of a leaf: sorted by hash
	kids  *[256]*tipNode // of a branch
	fp    [32]byte       // valid if known
	known bool
}

type tipLeaf struct {
	hash  leafHash
	index int32 // log index
}

// A tipView is the set of tips at one moment.
type tipView struct {
	room crdt.RoomID
	root *tipNode
}

func newTipIndex(room crdt.RoomID) *tipIndex { return &tipIndex{room: room, epoch: 1} }

// freeze returns the present set. It takes constant time; what changes later copies the nodes that it changes.
func (t *tipIndex) freeze() tipView {
	t.epoch++
	return tipView{t.room, t.root}
}

// view is freeze for use before the next change.
func (t *tipIndex) view() tipView { return tipView{t.room, t.root} }

// add puts a tip in; adding one that is there does nothing.
func (t *tipIndex) add(h leafHash, index int) { t.root = t.put(t.root, 0, tipLeaf{h, int32(index)}) }

// remove takes a tip out and reports whether it was there.
func (t *tipIndex) remove(h leafHash) bool {
	if !t.view().has(h) {
		return false
	}
	t.root = t.take(t.root, 0, h)
	return true
}

// own returns n for writing: n itself, or a copy if a frozen view holds it too.
func (t *tipIndex) own(n *tipNode) *tipNode {
	if n.epoch != t.epoch {
		c := *n
		c.epoch = t.epoch
		c.leafs = slices.Clone(n.leafs)
		if n.kids != nil {
			kids := *n.kids
			c.kids = &kids
		}
		n = &c
	}
	n.known = false
	return n
}

func findLeaf(leafs []tipLeaf, h leafHash) (int, bool) {
	return slices.BinarySearchFunc(leafs, h, func(l tipLeaf, h leafHash) int { return bytes.Compare(l.hash[:], h[:]) })
}

// put's own depth is at most maxTrieDepth.
func (t *tipIndex) put(n *tipNode, depth int, l tipLeaf) *tipNode {
	if n == nil {
		return &tipNode{epoch: t.epoch, count: 1, leafs: []tipLeaf{l}}
	}
	if n.kids == nil {
		i, found := findLeaf(n.leafs, l.hash)
		if found {
			return n
		}
		n = t.own(n)
		n.leafs = slices.Insert(n.leafs, i, l)
		if n.count++; n.count <= LeafTips || depth == maxTrieDepth {
			return n
		}
		n.kids = new([256]*tipNode)
		for _, l := range n.leafs {
			k := &n.kids[l.hash[depth]]
			*k = t.put(*k, depth+1, l)
		}
		n.leafs = nil
		return n
	}
	old := n.kids[l.hash[depth]]
	before := 0
	if old != nil {
		before = old.count
	}
	kid := t.put(old, depth+1, l)
	if kid.count == before {
		return n
	}
	n = t.own(n)
	n.kids[l.hash[depth]] = kid
	n.count++
	return n
}

// take removes a leaf that is there.
func (t *tipIndex) take(n *tipNode, depth int, h leafHash) *tipNode {
	if n.count == 1 {
		return nil
	}
	n = t.own(n)
	n.count--
	if n.kids == nil {
		i, _ := findLeaf(n.leafs, h)
		n.leafs = slices.Delete(n.leafs, i, i+1)
		return n
	}
	n.kids[h[depth]] = t.take(n.kids[h[depth]], depth+1, h)
	if n.count > LeafTips {
		return n
	}
	leafs := make([]tipLeaf, 0, n.count)
	n.each(func(l tipLeaf) bool { leafs = append(leafs, l); return true })
	n.kids, n.leafs = nil, leafs
	return n
}

// each calls yield with the leaves in the order of their hashes.
func (n *tipNode) each(yield func(tipLeaf) bool) bool {
	if n == nil {
		return true
	}
	for _, l := range n.leafs {
		if !yield(l) {
			return false
		}
	}
	if n.kids != nil {
		for _, k := range n.kids {
			if !k.each(yield) {
				return false
			}
		}
	}
	return true
}

// fingerprint is computed once for each state of a bucket.
func (n *tipNode) fingerprint(room crdt.RoomID) [32]byte {
	if n == nil {
		return [32]byte{}
	}
	if n.known {
		return n.fp
	}
	size := 32 * len(n.leafs)
	if n.kids != nil {
		size = 32 * len(n.kids)
	}
	b := make([]byte, 0, len(labelTips)+1+32+size)
	b = append(b, labelTips...)
	if n.kids == nil {
		b = append(append(b, 0), room[:]...)
		for i := range n.leafs {
			b = append(b, n.leafs[i].hash[:]...)
		}
	} else {
		b = append(append(b, 1), room[:]...)
		for _, k := range n.kids {
			fp := k.fingerprint(room)
			b = append(b, fp[:]...)
		}
	}
	n.fp, n.known = sha256.Sum256(b), true
	return n.fp
}

// bucket returns the node of a prefix. Below a leaf there are no nodes: part holds the tips of such a bucket.
func (v tipView) bucket(prefix []byte) (n *tipNode, part []tipLeaf) {
	n = v.root
	for depth := range prefix {
		if n == nil {
			return nil, nil
		}
		if n.kids == nil {
			lo, _ := slices.BinarySearchFunc(n.leafs, prefix, func(l tipLeaf, p []byte) int { return bytes.Compare(l.hash[:len(p)], p) })
			hi := lo
			for hi < len(n.leafs) && bytes.Equal(n.leafs[hi].hash[:len(prefix)], prefix) {
				hi++
			}
			return nil, n.leafs[lo:hi]
		}
		n = n.kids[prefix[depth]]
	}
	return n, nil
}

// has reports whether a tip is in the set.
func (v tipView) has(h leafHash) bool {
	n := v.root
	for depth := 0; n != nil; depth++ {
		if n.kids == nil {
			_, found := findLeaf(n.leafs, h)
			return found
		}
		n = n.kids[h[depth]]
	}
	return false
}

// count is the number of tips in a bucket.
func (v tipView) count(prefix []byte) int {
	n, part := v.bucket(prefix)
	if n != nil {
		return n.count
	}
	return len(part)
}

// fingerprint is the fingerprint of a bucket.
func (v tipView) fingerprint(prefix []byte) [32]byte {
	n, part := v.bucket(prefix)
	if len(part) > 0 {
		n = &tipNode{leafs: part}
	}
	return n.fingerprint(v.room)
}

// buckets fills in the 256 sub-fingerprints of a bucket.
func (v tipView) buckets(prefix []byte, out *[256][32]byte) {
	n, part := v.bucket(prefix)
	*out = [256][32]byte{}
	switch {
	case n != nil && n.kids != nil:
		for i, k := range n.kids {
			out[i] = k.fingerprint(v.room)
		}
		return
	case n != nil:
		part = n.leafs
	}
	d := len(prefix)
	for len(part) > 0 {
		b, end := part[0].hash[d], 1
		for end < len(part) && part[end].hash[d] == b {
			end++
		}
		out[b] = (&tipNode{leafs: part[:end]}).fingerprint(v.room)
		part = part[end:]
	}
}

// each calls yield with the log indexes of the tips of a bucket, in the order of their hashes.
func (v tipView) each(prefix []byte, yield func(index int) bool) {
	n, part := v.bucket(prefix)
	if n == nil {
		n = &tipNode{leafs: part}
	}
	n.each(func(l tipLeaf) bool { return yield(int(l.index)) })
}
