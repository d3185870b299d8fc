package ledger

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/tidwall/btree"

	"github.com/tallystick/tallystick/crdt"
)

// A Book is what the entries of one replica's ledger room, and what is said of them,
// come to: standings, balances, names. It is a pure function of the document. One
// goroutine calls [Book.Update]; any may read meanwhile, and sees the book of some
// set of changes that holds all ancestors of each.
//
// It follows the log. A change costs what it changes: of a correction, the entries
// that it corrects, directly or through others, up to the first for which its writer
// asked that already. Whoever makes long chains of corrections of strange shapes to
// raise that makes a batch cost what counting anew costs, O(entries), and no more.
type Book struct {
	mu   sync.RWMutex
	self crdt.Author
	*pages

	chunkSize, leastSteps int // constants but for tests
}

// pages are what a Book holds of the log.
type pages struct {
	me   uint32 // the number of Book.self; nobody until it appears
	view *crdt.View
	n    int // changes taken in

	authors  []bookAuthor
	authorOf map[crdt.Author]uint32
	writers  []uint32 // by the view's number of an author: that of the book, or nobody
	labels   []string
	labelOf  map[string]uint32
	units    []bookUnit
	unitOf   map[string]uint32
	cells    []cell
	cellOf   map[uint64]uint32 // by unit and party

	entryAt  []int32 // by change, and one more: the first entry that it or a later one made
	entries  []bookEntry
	postings []bookPosting
	invalid  map[int32]Reason
	marks    []bookMark
	others   map[uint64]int32 // marks by entry and author, of authors who are no side of a valid entry
	own      []ownMark
	waiting  *btree.BTreeG[int32]

	version, names uint64
	changed        []changedEntry // ring of the newest; its end is at changedEnd % maxChanged
	changedEnd     int
	forgotten      uint64 // the newest version of which the ring forgot something

	// Of the batch.
	dirty   []int32
	steps   int
	recount bool
}

// nobody is in place of an author's number, none in place of another.
const (
	nobody = ^uint32(0)
	none   = int32(-1)
)

// maxChanged is how many changed entries a Book remembers for [Book.Changed].
const maxChanged = 8192

type bookAuthor struct {
	key   crdt.Author
	name  string
	named stamp // the mark that says name
}

// stamp orders the marks of one author on one target.
type stamp struct {
	lamport uint32 // 0: there is none
	change  int32
	op      int32
}

type bookUnit struct {
	name    string
	cells   []uint32
	parties int // cells in use
}

// A bookEntry is an entry, by numbers.
type bookEntry struct {
	change    int32
	index     uint32
	lamport   uint32
	writer    uint32
	parent    int32  // the entry that it corrects, or none
	child     int32  // the newest valid entry that corrects it, or none
	sibling   int32  // the one before it that corrects the same, or none
	postings  uint32 // where they begin
	said      int32  // the newest of the marks on it, or none
	sides     uint8  // 0: invalid
	scale     uint8
	standing  Standing
	writerSay Say // of a writer who is no side
	bindsMe   bool
	waits     bool
	dirty     bool
}

func (e *bookEntry) key() crdt.Key { return crdt.Key{Change: int(e.change), Index: e.index} }

type bookPosting struct {
	amount int64
	cell   uint32
	mark   int32 // of the party on this entry, or none
	// below is for how many entries further down the chains of corrections its party
	// stands there or, by way of this count, further down: see Book.spread.
	below uint32
}

// A bookMark is the mark that stands of one author on one entry.
type bookMark struct {
	stamp
	author uint32
	next   int32 // an older one on the same entry, or none
	say    Say
}

type ownMark struct {
	stamp
	entry int32
	say   Say
}

type changedEntry struct {
	version uint64
	entry   int32
}

// partyNumber is a number of an author, or of a label.
type partyNumber uint32

func authorParty(a uint32) partyNumber { return partyNumber(a << 1) }
func labelParty(l uint32) partyNumber  { return partyNumber(l<<1 | 1) }

func (p partyNumber) author() (uint32, bool) { return uint32(p >> 1), p&1 == 0 }

// NewBook is the book of an empty room. Me is whose inbox it keeps; zero: nobody's.
func NewBook(me crdt.Author) *Book {
	return &Book{self: me, pages: newPages(), chunkSize: chunkChanges, leastSteps: leastSteps}
}

func newPages() *pages {
	p := &pages{
		me:       nobody,
		authorOf: make(map[crdt.Author]uint32), labelOf: make(map[string]uint32),
		unitOf: make(map[string]uint32), cellOf: make(map[uint64]uint32),
		entryAt: []int32{0}, invalid: make(map[int32]Reason), others: make(map[uint64]int32),
	}
	p.waiting = btree.NewBTreeGOptions(func(i, j int32) bool { return p.compareEntries(i, j) < 0 }, btree.Options{NoLocks: true})
	return p
}

// compareEntries is the order of the list: (lamport, change id, index).
func (p *pages) compareEntries(i, j int32) int {
	x, y := &p.entries[i], &p.entries[j]
	if c := cmp.Compare(x.lamport, y.lamport); c != 0 {
		return c
	}
	if x.change == y.change {
		return cmp.Compare(x.index, y.index)
	}
	return p.compareIDs(x.change, y.change)
}

func (p *pages) compareIDs(i, j int32) int {
	x, y := p.id(i), p.id(j)
	return bytes.Compare(x[:], y[:])
}

func (p *pages) id(change int32) crdt.ChangeID {
	return p.view.NameOf(crdt.Key{Change: int(change)}).Change
}

// newer reports whether s takes the place of t.
func (b *Book) newer(s, t stamp) bool {
	switch {
	case s.lamport != t.lamport:
		return s.lamport > t.lamport
	case s.change != t.change:
		return b.compareIDs(s.change, t.change) > 0
	default:
		return s.op > t.op
	}
}

func (b *Book) postingsOf(e *bookEntry) []bookPosting {
	return b.postings[e.postings : e.postings+uint32(e.sides)]
}

func (b *Book) sayAt(mark int32) Say {
	if mark == none {
		return Nothing
	}
	return b.marks[mark].say
}

// sideOf is the posting of an author who is a side of e, or nil.
func (b *Book) sideOf(e *bookEntry, author uint32) *bookPosting {
	postings := b.postingsOf(e)
	for i := range postings {
		if b.cells[postings[i].cell].party == authorParty(author) {
			return &postings[i]
		}
	}
	return nil
}

// markOf is the mark that stands of an author on entry i, or none.
func (b *Book) markOf(i int32, author uint32) int32 {
	if p := b.sideOf(&b.entries[i], author); p != nil {
		return p.mark
	}
	if m, ok := b.others[pair(uint32(i), author)]; ok {
		return m
	}
	return none
}

// pair is a key of two numbers.
func pair(a, b uint32) uint64 { return uint64(a)<<32 | uint64(b) }

// find is the number of the entry of that key.
func (b *Book) find(k crdt.Key) (int32, bool) {
	if k.Change < 0 || k.Change >= b.n {
		return none, false
	}
	first, end := b.entryAt[k.Change], b.entryAt[k.Change+1]
	if end-first == 1 { // as of most
		return first, b.entries[first].index == k.Index
	}
	at, ok := slices.BinarySearchFunc(b.entries[first:end], k.Index, func(e bookEntry, index uint32) int { return cmp.Compare(e.index, index) })
	return first + int32(at), ok
}

// numberOf is the number of an entry of the book.
func (b *Book) numberOf(e *bookEntry) int32 {
	i, _ := b.find(e.key())
	return i
}

// Version grows with every Update that took in something.
func (b *Book) Version() uint64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.version
}

// NamesVersion grows when Authors or a Name does not stay as it was.
func (b *Book) NamesVersion() uint64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.names
}

// Changes is how many changes of the log were taken in.
func (b *Book) Changes() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.n
}

// Changed are the entries whose Status may be another than it was at that Version,
// new ones among them, none twice. It is false if that is too long ago to know: look
// at all.
func (b *Book) Changed(since uint64) ([]crdt.Key, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if since < b.forgotten {
		return nil, false
	}
	seen := make(map[int32]bool)
	var keys []crdt.Key
	for at := b.changedEnd - 1; at >= max(0, b.changedEnd-maxChanged); at-- {
		c := b.changed[at%maxChanged]
		if c.version <= since {
			break
		}
		if !seen[c.entry] {
			seen[c.entry] = true
			keys = append(keys, b.entries[c.entry].key())
		}
	}
	slices.Reverse(keys)
	return keys, true
}

// Status is the status of the entry k; its Standing is None if there is none.
func (b *Book) Status(k crdt.Key) Status {
	b.mu.RLock()
	defer b.mu.RUnlock()
	i, ok := b.find(k)
	if !ok {
		return Status{}
	}
	e := &b.entries[i]
	return b.status(e, b.judge(e, nil))
}

// Standing is that of Status, in less time.
func (b *Book) Standing(k crdt.Key) Standing {
	b.mu.RLock()
	defer b.mu.RUnlock()
	i, ok := b.find(k)
	if !ok {
		return None
	}
	return b.entries[i].standing
}

// A Statement is a mark that stands, and says something.
type Statement struct {
	Author crdt.Author
	Say    Say
	Memo   string // untrusted
	Change int    // log index of the change that made it
}

// Said are the marks on entry k that stand, by anybody, the newest last.
func (b *Book) Said(k crdt.Key) []Statement {
	b.mu.RLock()
	defer b.mu.RUnlock()
	i, ok := b.find(k)
	if !ok {
		return nil
	}
	var marks []int32
	for m := b.entries[i].said; m != none; m = b.marks[m].next {
		if b.marks[m].say != Nothing {
			marks = append(marks, m)
		}
	}
	slices.SortFunc(marks, func(x, y int32) int {
		if b.newer(b.marks[y].stamp, b.marks[x].stamp) {
			return -1
		}
		return 1
	})
	said := make([]Statement, len(marks))
	for k, m := range marks {
		said[k] = b.statement(m)
	}
	return said
}

func (b *Book) statement(m int32) Statement {
	if m == none {
		return Statement{Author: b.self}
	}
	mark := &b.marks[m]
	return b.statementOf(mark.stamp, mark.author, mark.say)
}

// statementOf looks the memo up.
func (b *Book) statementOf(at stamp, author uint32, say Say) Statement {
	s := Statement{Author: b.authors[author].key, Say: say, Change: int(at.change)}
	if say == Nothing {
		return s
	}
	for _, m := range b.view.MarksOf(int(at.change)) {
		if m.Op == int(at.op) {
			_, memo := decodeSay(m.Literal)
			s.Memo = strings.Clone(memo)
		}
	}
	return s
}

// Name is what a calls itself; "" if it does not. It is untrusted, and always a valid
// label.
func (b *Book) Name(a crdt.Author) string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if i, ok := b.authorOf[a]; ok {
		return b.authors[i].name
	}
	return ""
}

// Authors are all who wrote or marked something in the room or are bound in an entry,
// each once.
func (b *Book) Authors() []crdt.Author {
	b.mu.RLock()
	defer b.mu.RUnlock()
	keys := make([]crdt.Author, len(b.authors))
	for i := range b.authors {
		keys[i] = b.authors[i].key
	}
	return keys
}

// Waiting is the inbox: the entries that bind me, that I neither wrote nor corrected
// nor said anything of, and that are neither invalid nor withdrawn, in the order of
// the list.
func (b *Book) Waiting() []crdt.Key {
	b.mu.RLock()
	defer b.mu.RUnlock()
	keys := make([]crdt.Key, 0, b.waiting.Len())
	b.waiting.Scan(func(i int32) bool {
		keys = append(keys, b.entries[i].key())
		return true
	})
	return keys
}

// WaitingCount is the length of Waiting.
func (b *Book) WaitingCount() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.waiting.Len()
}

// Waits reports whether k is in Waiting.
func (b *Book) Waits(k crdt.Key) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	i, ok := b.find(k)
	return ok && b.entries[i].waits
}
