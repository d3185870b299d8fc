package crdt_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// Deletes that name what a forked chain made (docs/protocol.md §5, Delete) go along the
// branch that their name lies on: towards this change, or towards the link. In every
// order of arrival, and whichever branch a replica saw first.
func TestDeleteAlongForkedChains(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	m := newMill(t, crdt.JSON)
	typed := func(o ...any) []byte { return refPayload(0, nil, refEncode(o)) }
	// Author 0: a text and "ab", then on one branch "CD" and "EF", on the other "cd" and "ef".
	trunk := m.run(0, m.room, typed(ops{3, 0, "t", ops{}, 2}, ops{7, ops{0, 0}, "ab"}))
	root := trunk.last(m.room)
	upper := m.run(0, root, typed(ops{8, "CD"}), typed(ops{8, "EF"}))
	lower := m.run(0, root, typed(ops{8, "cd"}), typed(ops{8, "ef"}))
	tips := []hash32{upper.last(m.room), lower.last(m.room)}
	mids := []hash32{m.ids(upper)[0], m.ids(lower)[0]}
	kinds := map[string]struct {
		of   int // author of the delete
		prev hash32
		to   []hash32 // links
		op   func(links []hash32) any
		gone string // of "abCDEFcdef"
	}{
		"another's, towards the upper tip": {1, m.room, tips[:1], func(l []hash32) any { return ops{9, ops{-1, 2, 2}, 4} }, "bCDE"},
		"another's, towards the lower tip": {1, m.room, tips[1:], func(l []hash32) any { return ops{9, ops{-1, 2, 2}, 4} }, "bcde"},
		"another's, of two links the lower": {1, m.room, tips, func(l []hash32) any {
			return ops{9, ops{link(l, tips[1]), 1, 2}, 6}
		}, "abcdef"},
		"another's, of two links the upper": {1, m.room, tips, func(l []hash32) any {
			return ops{9, ops{link(l, tips[0]), 1, 1}, 3}
		}, "DEF"},
		"no further than the link":       {1, m.room, mids[:1], func(l []hash32) any { return ops{9, ops{-1, 1, 1}, 5} }, ""},
		"up to the link":                 {1, m.room, mids[:1], func(l []hash32) any { return ops{9, ops{-1, 1, 1}, 4} }, "abCD"},
		"one's own, down one's branch":   {0, tips[0], nil, func(l []hash32) any { return ops{9, ops{3, 1}, 6} }, "abCDEF"},
		"one's own, the other branch":    {0, tips[0], tips[1:], func(l []hash32) any { return ops{9, ops{-1, 1, 2}, 5} }, "abcde"},
		"one's own, from a third branch": {0, root, tips, func(l []hash32) any { return ops{9, ops{link(l, tips[0]), 2, 2}, 2} }, "bC"},
		"beyond one's own chain":         {0, tips[0], nil, func(l []hash32) any { return ops{9, ops{3, 1}, 7} }, ""},
		"from what no branch is":         {1, m.room, tips[:1], func(l []hash32) any { return ops{9, ops{-1, 1, 3}, 1} }, ""},
	}
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			links := slices.SortedFunc(slices.Values(k.to), compareHashes)
			remover := m.run(k.of, k.prev, refPayload(1, links, refEncode(ops{k.op(links)})))
			packs := []refPack{{trunk}, {upper}, {lower}, {remover}}
			ref := newRefLog(m.room, string(crdt.JSON))
			ref.settle(packs, func(refRun) bool { return true })
			for _, order := range permutations(len(packs)) {
				r := newReplica(t, m.charter)
				for _, i := range order {
					if code := deliver(t, r, packs[i].frame(), 1); code != "" && code != "pending" {
						t.Fatal(code)
					}
					checkReplica(t, r)
				}
				equalsReference(t, r, ref)
				left := "abCDEFcdef"
				for _, c := range k.gone {
					left = strings.Replace(left, string(c), "", 1)
				}
				got := r.Value().(map[string]any)["t"].(string)
				if !sameLetters(got, left) {
					t.Fatalf("order %v: left %q, want the letters of %q", order, got, left)
				}
			}
		})
	}
}

// sameLetters compares without order: which branch stands first is its id's to say.
func sameLetters(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}
