package crdt_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// What Weidner and Kleppmann, "The Art of the Fugue" (arXiv:2305.00583v3), prove of
// Fugue, and what they prove that it does not do: §5, Definitions 2 and 4, Lemma 5,
// Figure 7. Origins are those of §5.1: of an insert at index i the left one is the
// element at i-1 then, or the start, and the right one is what followed that in the
// list with the deleted elements, or the end.

// An origin is an element; the zero name is the start, or the end.
type origins struct{ left, right refName }

// typist is a peer that notes the origins of what it inserts into one text.
type typist struct {
	*peer
	text   crdt.Name
	frames *[][]byte
	of     map[refName]origins
}

// newTypists are n peers of a text that one of them made.
func newTypists(t testing.TB, n int) (all []*typist) {
	peers := newPeers(t, n)
	frame, id := peers[0].do(func(tx *crdt.Tx) error { _, err := tx.Make(crdt.Root, "text", crdt.TextObject); return err })
	frames, of := &[][]byte{}, map[refName]origins{}
	for i, p := range peers {
		if i > 0 {
			p.hears(frame)
		}
		all = append(all, &typist{p, crdt.Name{Change: id}, frames, of})
	}
	return all
}

// walk is the text of p as the reference has it, deleted elements too.
func (p *typist) walk() []*refThing {
	return refWalk(replayed(p.t, p.Replica).doc.objects[refName{hash32(p.text.Change), 0}].top)
}

// insert types text at index.
func (p *typist) insert(index int, text string) {
	p.t.Helper()
	walk := p.walk()
	var o origins
	at, live := -1, 0 // of the left origin
	for i, e := range walk {
		if !e.dead && live < index {
			if live++; live == index {
				at, o.left = i, e.name
			}
		}
	}
	if at+1 < len(walk) {
		o.right = walk[at+1].name
	}
	frame, id := p.do(func(tx *crdt.Tx) error { _, err := tx.InsertText(p.text, index, text); return err })
	for i := range []rune(text) {
		name := refName{hash32(id), i}
		p.of[name] = o
		o.left = name
	}
	*p.frames = append(*p.frames, frame)
}

func (p *typist) remove(index, n int) {
	frame, _ := p.do(func(tx *crdt.Tx) error { return tx.Delete(p.text, index, n) })
	*p.frames = append(*p.frames, frame)
}

func (p *typist) size() int {
	n, err := p.Doc().Len(p.text)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// Forward non-interleaving (Definition 2) and the order of equals (Definition 4, 3) hold
// in every state. Backward non-interleaving with the exceptions of Lemma 5 (Definition
// 4, 2) holds but where right children of one element have different right origins:
// there only FugueMax does better (§5.3), which needs the right origin in the change.
func TestFugueOrigins(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := throw(rt)
		all := newTypists(t, 3)
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			d.step()
			p := pick(d, all)
			switch n := p.size(); {
			case d.chance(25):
				for _, frame := range (*p.frames)[:d.n(len(*p.frames)+1)] {
					p.says(frame)
				}
			case d.chance(20) && n > 0:
				at := d.n(n)
				p.remove(at, 1+d.n(min(3, n-at)))
			default:
				at := d.n(n + 1)
				for range 1 + d.n(3) { // backwards
					p.insert(at, pick(d, []string{"a", "b", "cd"}))
				}
			}
		}
		for _, p := range all {
			p.ordered(rt)
			for _, frame := range *p.frames {
				p.says(frame)
			}
			p.ordered(rt)
		}
	})
}

// ordered checks the conditions on what p has.
func (p *typist) ordered(t *rapid.T) {
	walk := p.walk()
	place := map[refName]int{}
	for i, e := range walk {
		place[e.name] = i
	}
	start, end := -1, len(walk)
	left := func(e *refThing) int {
		if l := p.of[e.name].left; l != (refName{}) {
			return place[l]
		}
		return start
	}
	right := func(e *refThing) int {
		if r := p.of[e.name].right; r != (refName{}) {
			return place[r]
		}
		return end
	}
	firstOf, lastOf := map[int]int{}, map[int]int{} // by left origin, by right origin
	for i, e := range walk {
		if _, ok := firstOf[left(e)]; !ok {
			firstOf[left(e)] = i
		}
		lastOf[right(e)] = i
	}
	for a, b := range firstOf {
		if b != a+1 {
			t.Fatalf("forward: %d is the first element that was put after %d", b, a)
		}
	}
	for i, e := range walk {
		for _, f := range walk[:i] {
			if left(e) == left(f) && right(e) == right(f) && compareNames(f.name, e.name) > 0 {
				t.Fatalf("equals: %v stands before %v", f.name, e.name)
			}
		}
	}
	// descends reports whether c is l or hangs on it in the tree of left origins.
	descends := func(c, l int) bool {
		for c > l && c != start {
			c = left(walk[c])
		}
		return c == l
	}
	for b, a := range lastOf {
		if b == a+1 || b == end && a == len(walk)-1 {
			continue
		}
		excused := false
		if b != end && left(walk[a]) != left(walk[b]) || b == end && left(walk[a]) != start {
			for c := left(walk[a]) + 1; c < b; c++ { // Lemma 5
				excused = excused || !descends(c, left(walk[a]))
			}
		}
		if !excused && !p.rivals(walk[a]) {
			t.Fatalf("backward: %d is the last that was put before %d", a, b)
		}
	}
}

// rivals reports whether e, or what it hangs on, is one of several right children of one
// element that were put before different ones.
func (p *typist) rivals(e *refThing) bool {
	for ; e != nil; e = e.parent {
		siblings := e.in.top
		if e.parent != nil {
			siblings = e.parent.right
		}
		if slices.Contains(siblings, e) && slices.ContainsFunc(siblings, func(s *refThing) bool { return p.of[s.name].right != p.of[e.name].right }) {
			return true
		}
	}
	return false
}

// Figure 7: three elements are put at the front at once, A, B and C; of two who know two
// of them each, one puts X between A and C, the other Y between A and B. As children of A
// they stand by their ids: Y next to B only if X has the lower id. That is the one pair
// that FugueMax would keep together; all else stands as there.
func TestFugueIsNotFugueMax(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	seen := map[string]int{}
	for try := range raceless(64, 16) {
		all := newTypists(t, 5)
		for i, text := range []string{"A", "B", "C"} { // which of them stands first is for their ids to say
			all[i].insert(0, text)
		}
		order := append([]*typist{}, all[:3]...)
		slices.SortFunc(order, func(p, q *typist) int { return compareHashes(hash32(p.ID(p.Len()-1)), hash32(q.ID(q.Len()-1))) })
		frames := map[*typist][]byte{}
		for i, frame := range *all[0].frames {
			frames[all[i]] = frame
		}
		a, b, c := order[0], order[1], order[2]
		all[3].hears(frames[a], frames[c])
		all[4].hears(frames[a], frames[b])
		for range try { // so that ids differ from try to try
			all[3].insert(all[3].size(), "z")
		}
		all[3].insert(1, "X")
		all[4].insert(1, "Y")
		for _, frame := range *all[0].frames {
			for _, p := range all {
				p.says(frame)
			}
		}
		got := ""
		for _, r := range all[0].Value().(map[string]any)["text"].(string) {
			switch string(r) {
			case "z":
			case "X", "Y":
				got += string(r)
			default:
				got += "."
			}
		}
		seen[got]++
	}
	if len(seen) != 2 || seen[".XY.."] == 0 || seen[".YX.."] == 0 {
		t.Fatalf("got %v, want both orders of X and Y and nothing else", seen)
	}
}
