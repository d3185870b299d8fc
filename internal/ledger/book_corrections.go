package ledger

// A side of an entry asks to withdraw it as long as it stands by an entry further
// down: one that corrects this one, directly or through others. Corrections make
// trees, which grow at their leaves alone, since a name points back.
//
// For each side of each entry the book counts, in bookPosting.below, for how many
// branches further down that holds. An entry counts once at the nearest entry above
// it of which the author is a side, if the author stands by it, or is a side of it
// and has a count there. So a count tells of everything below, and what is added
// goes no further up than to the first that is not changed by it.

// maxSteps is how many postings a batch may look at, for each entry there is, before
// it counts anew; leastSteps in a small book.
const (
	maxSteps   = 4
	leastSteps = 1 << 16
)

// spread notes that entry i begins or ceases to count for an author.
func (b *Book) spread(author uint32, i int32, on bool) {
	for !b.recount {
		i = b.entries[i].parent
		var side *bookPosting
		for ; i != none; i = b.entries[i].parent {
			e := &b.entries[i]
			b.steps += 1 + int(e.sides)
			if side = b.sideOf(e, author); side != nil {
				break
			}
		}
		if b.steps > maxSteps*len(b.entries)+b.leastSteps {
			b.recount = true
			return
		}
		if side == nil {
			return
		}
		if on {
			side.below++
			if side.below > 1 {
				return
			}
		} else {
			side.below--
			if side.below > 0 {
				return
			}
		}
		b.touch(i)
		e := &b.entries[i]
		if standsBy(b.sayAt(side.mark), e.writer == author) {
			return // it counts above as it is
		}
	}
}

// countBelow counts all of it anew, from the leaves up: O(entries, postings and marks).
func (b *Book) countBelow() {
	before := make([]bool, len(b.postings))
	for i := range b.postings {
		before[i] = b.postings[i].below > 0
		b.postings[i].below = 0
	}
	nearest := make([]int32, len(b.authors)) // by author: the posting of the nearest entry above, on the way down
	for i := range nearest {
		nearest[i] = none
	}
	above := make([]int32, len(b.postings)) // what nearest was above the posting's entry
	for root := range b.entries {
		if b.entries[root].parent == none && b.entries[root].child != none {
			b.countTree(int32(root), nearest, above)
		}
	}
	for i := range b.entries {
		e := &b.entries[i]
		for k := range uint32(e.sides) {
			if p := e.postings + k; before[p] != (b.postings[p].below > 0) {
				b.touch(int32(i))
			}
		}
	}
}

func (b *Book) countTree(root int32, nearest, above []int32) {
	up := false // i was left by its last child
	for i := root; i != none; {
		e := &b.entries[i]
		if !up {
			for k := range uint32(e.sides) {
				p := e.postings + k
				if a, ok := b.cells[b.postings[p].cell].party.author(); ok {
					above[p], nearest[a] = nearest[a], int32(p)
				}
			}
			if e.child != none {
				i = e.child
				continue
			}
		}
		// All below has been counted.
		for k := range uint32(e.sides) {
			p := e.postings + k
			posting := &b.postings[p]
			a, ok := b.cells[posting.cell].party.author()
			if !ok {
				continue
			}
			nearest[a] = above[p]
			if above[p] != none && (posting.below > 0 || standsBy(b.sayAt(posting.mark), a == e.writer)) {
				b.postings[above[p]].below++
			}
		}
		b.countOthers(i, nearest)
		switch {
		case i == root:
			return
		case e.sibling != none:
			i, up = e.sibling, false
		default:
			i, up = e.parent, true
		}
	}
}

// countOthers counts entry i for those who are no side of it.
func (b *Book) countOthers(i int32, nearest []int32) {
	e := &b.entries[i]
	if e.parent == none {
		return
	}
	wrote := false
	for m := e.said; m != none; m = b.marks[m].next {
		mark := &b.marks[m]
		wrote = wrote || mark.author == e.writer
		if n := nearest[mark.author]; n != none && standsBy(mark.say, mark.author == e.writer) && b.sideOf(e, mark.author) == nil {
			b.postings[n].below++
		}
	}
	if n := nearest[e.writer]; !wrote && n != none && b.sideOf(e, e.writer) == nil {
		b.postings[n].below++
	}
}
