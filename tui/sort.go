package tui

import (
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// order is what the rows of the ledger are sorted by.
type order uint8

const (
	inListOrder order = iota // that of the document
	byTime
	byAmount
	byFrom
	byTo
	byStanding
	orders
)

func (o order) name() screen.Const {
	return [...]screen.Const{"list order", "by time", "by amount", "by giver", "by receiver", "by standing"}[o]
}

// orderState is the order of the ledger's rows. They are sorted off the screen's goroutine; those that come in later are
// put in their places here.
type orderState struct {
	by      order
	reverse bool

	sorted  *sortedRows   // nil: not there yet, or list order
	gen     int64         // of the sorting under way; what an older one made is dropped
	newest  *atomic.Int64 // gen, for the sorting itself: an older one gives up
	running bool
	resting bool // one has ended a moment ago
	stale   bool // to be sorted again
}

// Sorting rests for a multiple of the time it took, so that rows that keep coming in cost a share of one core at most.
const (
	leastSortRest = 250 * time.Millisecond
	sortRestRatio = 4
	maxLateRows   = 4096 // rows put in their places here before all are sorted again
)

// plain reports whether the rows are in list order, the newest last: the list may follow its end.
func (o *orderState) plain() bool { return o.by == inListOrder && !o.reverse }

// forget drops what was sorted, and what is being sorted.
func (o *orderState) forget() {
	o.sorted, o.stale, o.running = nil, false, false
	o.gen++
	if o.newest == nil {
		o.newest = new(atomic.Int64)
	}
	o.newest.Store(o.gen)
}

// apply orders rows that are in the order of the view. What is not sorted yet stays in list order.
func (o *orderState) apply(v *crdt.View, rows viewRows) viewRows {
	if o.by != inListOrder && o.sorted != nil {
		sorted := *o.sorted
		sorted.now = v
		rows = sorted
	}
	if o.reverse {
		return reversedRows{rows}
	}
	return rows
}

// note names the order.
func (o *orderState) note() screen.Const {
	s := o.by.name()
	if o.reverse {
		s += ", reversed"
	}
	if o.by != inListOrder && o.sorted == nil {
		s += ", sorting…"
	}
	return s
}

// sortNext sorts by the next column.
func (m *Model) sortNext() tea.Cmd {
	o := &m.ledger.order
	o.by = (o.by + 1) % orders
	return m.sortAgain()
}

// sortReverse turns the order around.
func (m *Model) sortReverse() tea.Cmd {
	m.ledger.order.reverse = !m.ledger.order.reverse
	return m.showOrder()
}

// sortAgain sorts all rows anew.
func (m *Model) sortAgain() tea.Cmd {
	o := &m.ledger.order
	o.forget()
	o.resting = false
	return tea.Batch(m.showOrder(), m.nextSort())
}

// showOrder shows the rows in the order chosen. The cursor stays on its row.
func (m *Model) showOrder() tea.Cmd {
	m.dirty = true
	s := &m.ledger
	if m.snap != nil && s.rows != nil {
		s.showRows(m.snap.View)
		s.list.Seen()
	}
	m.tell(false, "%s; s sorts by the next column, S reverses", string(s.order.note()))
	return nil
}

// nextSort sorts the rows if that is wanted, not being done, and has rested.
func (m *Model) nextSort() tea.Cmd {
	s := &m.ledger
	o := &s.order
	if m.snap == nil || o.by == inListOrder || o.running || o.sorted != nil && (o.resting || !o.stale) {
		return nil
	}
	if f := &s.filter; f.active() && (!f.applied || !f.done) {
		return nil
	}
	if o.newest == nil {
		o.forget()
	}
	o.running, o.stale = true, false
	job := sortJob{rows: s.chosen(m.snap.View), view: m.snap.View, keys: m.sorter(), gen: o.gen, newest: o.newest}
	changes := m.snap.View.Changes()
	return func() tea.Msg {
		start := time.Now()
		sorted := job.run()
		took := time.Since(start)
		return thenMsg{func(m *Model) { m.onSorted(job.gen, sorted, changes, took) }}
	}
}

// onSorted takes over the sorted rows, and puts those in their places that came in meanwhile.
func (m *Model) onSorted(gen int64, sorted *sortedRows, changes int, took time.Duration) {
	s := &m.ledger
	o := &s.order
	if gen != o.gen || sorted == nil {
		return
	}
	o.running, o.resting = false, true
	first := o.sorted == nil
	o.sorted = sorted
	o.take(s, changes, m.snap)
	s.showRows(m.snap.View)
	if first {
		s.list.Seen()
	}
	m.later = m.fx.after(max(leastSortRest, sortRestRatio*took), func(time.Time) tea.Msg {
		return thenMsg{func(m *Model) {
			m.ledger.order.resting = false
			m.later = m.nextSort()
		}}
	})
}

// grow puts the rows that came in between two snapshots in their places.
func (o *orderState) grow(s *ledgerState, old, now *transport.Snapshot) {
	if o.sorted != nil && old != nil {
		o.take(s, old.View.Changes(), now)
	}
}

// take puts the rows of the changes from one on in their places.
func (o *orderState) take(s *ledgerState, from int, now *transport.Snapshot) {
	v := now.View
	if v.Changes()-from > maxLateChanges {
		o.stale = true
		return
	}
	var rows []crdt.Row
	chosen := s.chosen(v)
	for c := from; c < v.Changes(); c++ {
		for _, row := range v.RowsOf(c) {
			if _, ok := chosen.IndexOf(row.Key); ok {
				rows = append(rows, row)
			}
		}
	}
	if len(rows) > 0 {
		sorted := *o.sorted
		sorted.now = v
		o.sorted = sorted.with(rows)
		o.stale = o.stale || len(o.sorted.late) > maxLateRows
	}
}

// changed follows rows that may stand elsewhere now, or be shown no more.
func (o *orderState) changed() { o.stale = o.stale || o.sorted != nil }

// reversedRows are rows from the last to the first.
type reversedRows struct{ viewRows }

func (r reversedRows) Key(i int) crdt.Key { return r.viewRows.Key(r.Len() - 1 - i) }

func (r reversedRows) IndexOf(k crdt.Key) (int, bool) {
	i, ok := r.viewRows.IndexOf(k)
	return r.Len() - 1 - i, ok
}

func (r reversedRows) window(dst []int, top, n int) []int {
	from := len(dst)
	dst = r.viewRows.window(dst, r.Len()-top-n, n)
	slices.Reverse(dst[from:])
	return dst
}

// sortKey is what a row is sorted by; the parts that an order does not use are zero.
type sortKey struct {
	n int64
	q ledger.Quantity
	s string
}

func (a *sortKey) compare(b *sortKey) int {
	switch {
	case a.n < b.n:
		return -1
	case a.n > b.n:
		return 1
	}
	if c := a.q.Cmp(b.q); c != 0 {
		return c
	}
	return strings.Compare(a.s, b.s)
}

// sorter makes the keys of rows. One goroutine uses it.
type sorter struct {
	by     order
	name   func(p *ledger.Posting) string // as the list shows it; untrusted
	rank   func(crdt.Key) int64           // of its standing
	view   *crdt.View
	entry  ledger.Entry
	folded []byte
	names  map[string]string // folded ones, each but once
}

// sorter is a sorter for the order chosen.
func (m *Model) sorter() *sorter {
	s := &sorter{
		by: m.ledger.order.by, names: map[string]string{},
		name: func(p *ledger.Posting) string { return p.Label },
		rank: func(crdt.Key) int64 { return 0 },
	}
	if people := m.book.people; people != nil {
		s.name = func(p *ledger.Posting) string {
			if p.Key != nil {
				if name := people.Name(*p.Key); name != "" {
					return name
				}
			}
			return p.Label
		}
	}
	if book := m.book.book; m.book.ready {
		s.rank = func(k crdt.Key) int64 { return standingRank[book.Standing(k)] }
	}
	return s
}

// standingRank puts what needs a word first and what is settled last.
var standingRank = [...]int64{
	ledger.None: 0, ledger.Disputed: 1, ledger.Withdrawing: 2, ledger.Hearsay: 3, ledger.Claimed: 4, ledger.Tallied: 5, ledger.Withdrawn: 6, ledger.Invalid: 7,
}

func (s *sorter) key(row crdt.Row) (k sortKey) {
	switch s.by {
	case byTime:
		k.n = s.view.ChangeAt(row.Key.Change).Time
	case byStanding:
		k.n = s.rank(row.Key)
	case byAmount:
		if s.entry.Decode(row.Literal) != nil {
			k.n = -1
		}
		k.q, _ = s.entry.Given()
	case byFrom, byTo:
		_ = s.entry.Decode(row.Literal) // what cannot be read has no name
		for i := range s.entry.Postings {
			if p := &s.entry.Postings[i]; (s.by == byFrom) == (p.Amount < 0) {
				k.s = s.fold(s.name(p))
				break
			}
		}
	}
	return k
}

// fold is a name in lower case. A room has few of them and many rows.
func (s *sorter) fold(name string) string {
	s.folded = ledger.AppendFolded(s.folded[:0], name)
	if f, ok := s.names[string(s.folded)]; ok {
		return f
	}
	f := string(s.folded)
	s.names[f] = f
	return f
}

// sortJob is the sorting of rows that are in the order of a view.
type sortJob struct {
	rows   viewRows
	view   *crdt.View
	keys   *sorter
	gen    int64
	newest *atomic.Int64
}

// run sorts, or returns nil if it is no longer wanted.
func (j *sortJob) run() *sortedRows {
	type item struct {
		key sortKey
		at  int32
	}
	j.keys.view = j.view
	n := j.rows.Len()
	items := make([]item, 0, n)
	const step = 4096
	var places []int
	for top := 0; top < n; top += step {
		if j.newest.Load() != j.gen {
			return nil
		}
		places = j.rows.window(places[:0], top, min(step, n-top))
		for _, at := range places {
			items = append(items, item{j.keys.key(j.view.Row(at)), int32(at)})
		}
	}
	slices.SortFunc(items, func(a, b item) int {
		if c := a.key.compare(&b.key); c != 0 {
			return c
		}
		return int(a.at) - int(b.at)
	})
	r := &sortedRows{base: j.view, now: j.view, perm: make([]int32, n), inverse: make([]int32, j.view.Len()), keys: j.keys}
	for i := range r.inverse {
		r.inverse[i] = -1
	}
	for i := range items {
		r.perm[i] = items[i].at
		r.inverse[items[i].at] = int32(i)
	}
	return r
}

// sortedRows are rows of a view that was sorted, and between them those that came in later. A value does not change.
type sortedRows struct {
	base    *crdt.View // that was sorted
	now     *crdt.View
	perm    []int32 // places in base, in this order
	inverse []int32 // of a place in base in perm, -1 if it is not there
	late    []lateRow
	keys    *sorter
}

// lateRow is a row that came in later. at is how many of perm stand before it; late rows of one at are in order.
type lateRow struct {
	key crdt.Key
	at  int
}

var (
	_ viewRows = sortedRows{}
	_ viewRows = reversedRows{}
)

func (r sortedRows) Len() int { return len(r.perm) + len(r.late) }

// lateBefore is how many late rows stand before place i of all.
func (r sortedRows) lateBefore(i int) int {
	return sort.Search(len(r.late), func(n int) bool { return r.late[n].at+n >= i })
}

func (r sortedRows) Key(i int) crdt.Key {
	n := r.lateBefore(i)
	if n < len(r.late) && r.late[n].at+n == i {
		return r.late[n].key
	}
	return r.base.Row(int(r.perm[i-n])).Key
}

func (r sortedRows) IndexOf(k crdt.Key) (int, bool) {
	if at, ok := r.base.IndexOf(k); ok && r.inverse[at] >= 0 {
		i := int(r.inverse[at])
		return i + r.lateUpTo(i), true
	}
	for n := range r.late {
		if r.late[n].key == k {
			return r.late[n].at + n, true
		}
	}
	return 0, false
}

// lateUpTo is how many late rows stand before the i-th of perm.
func (r sortedRows) lateUpTo(i int) int {
	return sort.Search(len(r.late), func(n int) bool { return r.late[n].at > i })
}

func (r sortedRows) window(dst []int, top, n int) []int {
	for i := top; i < top+n; i++ {
		at, _ := r.now.IndexOf(r.Key(i))
		dst = append(dst, at)
	}
	return dst
}

// with is r with more rows: O(log² rows) each, and one copy of the late ones.
func (r *sortedRows) with(rows []crdt.Row) *sortedRows {
	out := *r
	out.late = slices.Clone(r.late)
	for _, row := range rows {
		if _, ok := out.IndexOf(row.Key); !ok {
			out.insert(row)
		}
	}
	return &out
}

// insert puts a row in its place among the late ones.
func (r *sortedRows) insert(row crdt.Row) {
	r.keys.view = r.now
	key := r.keys.key(row)
	place, _ := r.now.IndexOf(row.Key)
	after := func(k crdt.Key) bool { // whether k stands after row
		at, ok := r.now.IndexOf(k)
		if !ok {
			return false
		}
		other := r.keys.key(r.now.Row(at))
		if c := other.compare(&key); c != 0 {
			return c > 0
		}
		return at > place
	}
	at := sort.Search(len(r.perm), func(i int) bool { return after(r.base.Row(int(r.perm[i])).Key) })
	i := sort.Search(len(r.late), func(i int) bool { return r.late[i].at > at || r.late[i].at == at && after(r.late[i].key) })
	r.late = slices.Insert(r.late, i, lateRow{row.Key, at})
}
