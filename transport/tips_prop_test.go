package transport

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
)

// naiveFingerprint is the definition: a function of the sorted leaf hashes of a bucket, nothing kept.
func naiveFingerprint(room crdt.RoomID, leafs []leafHash, depth int) [32]byte {
	if len(leafs) == 0 {
		return [32]byte{}
	}
	b := []byte(labelTips)
	if len(leafs) <= LeafTips {
		b = append(append(b, 0), room[:]...)
		for _, l := range leafs {
			b = append(b, l[:]...)
		}
		return sha256.Sum256(b)
	}
	b = append(append(b, 1), room[:]...)
	for k := range 256 {
		fp := naiveFingerprint(room, inBucket(leafs, depth, byte(k)), depth+1)
		b = append(b, fp[:]...)
	}
	return sha256.Sum256(b)
}

func inBucket(leafs []leafHash, depth int, k byte) []leafHash {
	var in []leafHash
	for _, l := range leafs {
		if l[depth] == k {
			in = append(in, l)
		}
	}
	return in
}

func sortedLeafs(set map[leafHash]int) []leafHash {
	leafs := make([]leafHash, 0, len(set))
	for l := range set {
		leafs = append(leafs, l)
	}
	slices.SortFunc(leafs, func(a, b leafHash) int { return bytes.Compare(a[:], b[:]) })
	return leafs
}

// drawLeaf makes hashes that crowd into few buckets, so that splits and collapses happen at several depths.
func drawLeaf(t *rapid.T) leafHash {
	n := rapid.IntRange(0, 700).Draw(t, "leaf")
	h := leafHash(sha256.Sum256(binary.BigEndian.AppendUint32(nil, uint32(n))))
	if n%3 != 0 {
		h[0] = 7
	}
	if n%3 == 2 {
		h[1] = 9
	}
	return h
}

// TestTipIndexEqualsNaive adds and removes tips and compares every answer with the definition, for the present set and
// for views that were frozen on the way.
func TestTipIndexEqualsNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room := crdt.RoomID{1}
		x := newTipIndex(room)
		set := map[leafHash]int{}
		type old struct {
			view  tipView
			leafs []leafHash
		}
		var olds []old
		add := func(t *rapid.T) {
			for range rapid.IntRange(1, 120).Draw(t, "n") {
				h := drawLeaf(t)
				if _, ok := set[h]; !ok {
					set[h] = len(set)
				}
				x.add(h, set[h])
			}
		}
		add(t)
		t.Repeat(map[string]func(*rapid.T){
			"add": add,
			"remove": func(t *rapid.T) {
				for range rapid.IntRange(1, 120).Draw(t, "n") {
					h := drawLeaf(t)
					_, there := set[h]
					if x.remove(h) != there {
						t.Fatalf("remove(%x) = %v, was there: %v", h[:4], !there, there)
					}
					delete(set, h)
				}
			},
			"freeze": func(t *rapid.T) { olds = append(olds, old{x.freeze(), sortedLeafs(set)}) },
		})
		checkTips(t, x.view(), sortedLeafs(set))
		for _, o := range olds {
			checkTips(t, o.view, o.leafs)
		}
		for h, i := range set {
			got := -1
			x.view().each(h[:3], func(index int) bool { got = index; return false })
			if len(inBucket(inBucket(inBucket(sortedLeafs(set), 0, h[0]), 1, h[1]), 2, h[2])) == 1 && got != i {
				t.Fatalf("index of %x = %d, want %d", h[:4], got, i)
			}
			break
		}
	})
}

func checkTips(t *rapid.T, v tipView, leafs []leafHash) {
	for _, prefix := range [][]byte{nil, {7}, {7, 9}, {7, 9, 3}, {8}} {
		in := leafs
		for d, k := range prefix {
			in = inBucket(in, d, k)
		}
		if got := v.count(prefix); got != len(in) {
			t.Fatalf("count(%x) = %d, want %d", prefix, got, len(in))
		}
		if got, want := v.fingerprint(prefix), naiveFingerprint(v.room, in, len(prefix)); got != want {
			t.Fatalf("fingerprint(%x) = %x, want %x", prefix, got[:4], want[:4])
		}
		var subs [256][32]byte
		v.buckets(prefix, &subs)
		for k := range subs {
			if want := naiveFingerprint(v.room, inBucket(in, len(prefix), byte(k)), len(prefix)+1); subs[k] != want {
				t.Fatalf("buckets(%x)[%d] = %x, want %x", prefix, k, subs[k][:4], want[:4])
			}
		}
		n := 0
		v.each(prefix, func(int) bool { n++; return true })
		if n != len(in) {
			t.Fatalf("each(%x) gave %d, want %d", prefix, n, len(in))
		}
	}
	for _, l := range leafs {
		if !v.has(l) {
			t.Fatalf("has(%x) = false", l[:4])
		}
	}
}

func BenchmarkTipIndexExtend(b *testing.B) {
	// One change: its author's tip moves, and the fingerprint of all is wanted. 10,000 authors.
	x := newTipIndex(crdt.RoomID{1})
	leaf := func(n int) leafHash { return leafHash(sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))) }
	for i := range 10_000 {
		x.add(leaf(i), i)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		x.remove(leaf(n))
		x.add(leaf(n+10_000), n)
		x.view().fingerprint(nil)
		n++
	}
}
