package crdt

import "slices"

// PatchOp says what a [Patch] does.
type PatchOp uint8

// The ops of patches. Each names the place by its Path, and of what stands there:
const (
	PatchSet    PatchOp = iota // the value is Value now: a key's, an item's, or a register's content
	PatchUnset                 // the key, last in Path, has no value any more
	PatchInsert                // a list, text or feed has Count new items from Index on: Value, a []any or string
	PatchDelete                // a list or text has lost the Count items from Index on
	PatchAdd                   // a counter is greater by Value, an int64, modulo 2^64
	PatchMark                  // Author says Value of it
	PatchUnmark                // Author says nothing of it any more: in differences that lead back
)

// String is the word for o.
func (o PatchOp) String() string {
	words := [...]string{"set", "unset", "insert", "delete", "add", "mark", "unmark"}
	if int(o) < len(words) {
		return words[o]
	}
	return "unknown"
}

// A Patch is one step from a document to a later one, as plain Go values show
// them: strings count in code points, and a register is its content. Patches are
// made to be applied one after the other.
type Patch struct {
	Op    PatchOp
	Path  []any // of string and int, as it is when the patch is applied; do not change it
	Index int
	Count int
	Value any // as [Doc.Value] would have it; do not change it

	// Who did it, and the newest change that the patch comes from; zero where a
	// difference has several.
	Author Author
	Change ChangeID
}

// An observer is one function that [Replica.Observe] was given.
type observer struct{ f func([]Patch) }

// Observe calls f after each accepted pack and each own change with what they
// changed, as patches in the order in which to apply them; what nobody sees, in
// deleted things and in values that do not win, makes none, and without any f is
// not called. Runs of one author at one place are one patch. f is called by the
// goroutine that uses the replica. It may read, and keep the patches; what it
// writes is refused with [ErrObserving]. cancel ends it.
//
// While somebody observes, an op costs O(depth · log n) more; else nothing.
func (r *Replica) Observe(f func([]Patch)) (cancel func()) {
	o := &observer{f}
	r.observers = append(slices.Clip(r.observers), o)
	if r.journal == nil && !r.keeps() {
		r.journal = &journal{doc: r.Doc()}
		r.doc.observe(r.journal)
	}
	return func() {
		r.observers = slices.DeleteFunc(slices.Clone(r.observers), func(other *observer) bool { return other == o })
		if len(r.observers) == 0 && r.journal != nil {
			r.journal = nil
			r.doc.observe(nil)
		}
	}
}

// apply applies change i to the document.
func (r *Replica) apply(i int32) {
	if r.journal != nil {
		r.journal.change = i
	}
	r.doc.apply(i)
}

// publish hands over what was applied since it was last called.
func (r *Replica) publish() {
	if r.journal == nil {
		return
	}
	patches := r.journal.take()
	if len(patches) == 0 {
		return
	}
	r.observing = true
	defer func() { r.observing = false }()
	for _, o := range r.observers {
		if slices.Contains(r.observers, o) { // not cancelled by one before it
			o.f(patches)
		}
	}
}

// A journal turns what it is told while changes are applied into patches.
//
// Invariant: what was visible before the first patch, with the patches applied,
// is what is visible now.
type journal struct {
	doc     *Doc
	change  int32 // that is being applied
	patches []Patch

	before    thing // the winner before an assignment
	hadBefore bool

	// Of the last patch: a change within an object does not move it.
	at   thing // the object that it changed
	path []any // where that stands
	key  string
	text []byte // what it inserts into a text so far
}

func (j *journal) take() []Patch {
	j.flush()
	patches := j.patches
	j.patches, j.path = nil, nil
	return patches
}

// flush gives the last patch its text.
func (j *journal) flush() {
	if len(j.text) > 0 {
		j.patches[len(j.patches)-1].Value = string(j.text)
		j.text = j.text[:0]
	}
}

// find is where the object t stands, if it is visible.
func (j *journal) find(t thing) ([]any, bool) {
	if j.path != nil && t == j.at {
		return j.path, true
	}
	return j.doc.pathOf(t)
}

// last is the patch that one of the same author on the object at, or a key of it,
// may extend.
func (j *journal) last(op PatchOp, at thing, key string) *Patch {
	if j.path == nil || j.at != at || j.key != key {
		return nil
	}
	p := &j.patches[len(j.patches)-1]
	if p.Op != op || p.Author != j.author() {
		return nil
	}
	return p
}

// extended notes that the last patch comes from this change too.
func (j *journal) extended(p *Patch) { p.Change = j.doc.log.id(j.change) }

func (j *journal) author() Author { return j.doc.log.keys[j.doc.log.author(j.change)] }

// add adds a patch of the object at, or of a key of it, where path leads.
func (j *journal) add(at thing, path []any, key string, p Patch) {
	j.flush()
	p.Author, p.Change = j.author(), j.doc.log.id(j.change)
	if p.Path == nil {
		p.Path = path
	}
	j.patches = append(j.patches, p)
	j.at, j.path, j.key = at, path, key
}

func (j *journal) inserted(first thing, n int) {
	seq, _, _ := j.doc.read.holder(first)
	path, visible := j.find(seq)
	if !visible {
		return
	}
	index := j.doc.read.rank(first)
	p := j.last(PatchInsert, seq, "")
	if p != nil && p.Index+p.Count == index {
		p.Count += n
		j.extended(p)
	} else {
		j.add(seq, path, "", Patch{Op: PatchInsert, Index: index, Count: n})
		p = &j.patches[len(j.patches)-1]
	}
	if kind, _ := j.doc.read.kindOf(seq); kind == TextObject {
		j.text = j.doc.read.appendText(j.text, first, n)
		return
	}
	items, _ := p.Value.([]any)
	for range n {
		items = append(items, j.doc.valueOf(first))
		first.index++
	}
	p.Value = items
}

func (j *journal) deleting(first thing, n int) {
	seq, _, _ := j.doc.read.holder(first)
	path, visible := j.find(seq)
	if !visible {
		return
	}
	var ranks []int
	for range n {
		if j.doc.read.lives(first) {
			ranks = append(ranks, j.doc.read.rank(first))
		}
		first.index++
	}
	// From the last on, so that no range moves one that is still to go.
	slices.Sort(ranks)
	for len(ranks) > 0 {
		from := len(ranks) - 1
		for from > 0 && ranks[from-1] == ranks[from]-1 {
			from--
		}
		index, count := ranks[from], len(ranks)-from
		ranks = ranks[:from]
		if p := j.last(PatchDelete, seq, ""); p != nil && index <= p.Index && p.Index <= index+count {
			p.Index = index
			p.Count += count
			j.extended(p)
			continue
		}
		j.add(seq, path, "", Patch{Op: PatchDelete, Index: index, Count: count})
	}
}

func (j *journal) assigning(holder thing, key string) {
	j.before, j.hadBefore = j.doc.winner(holder, key)
}

func (j *journal) assigned(holder thing, key string) {
	now, has := j.doc.winner(holder, key)
	if has == j.hadBefore && (!has || now == j.before) {
		return
	}
	path, visible := j.find(holder)
	if !visible {
		return
	}
	p := Patch{Op: PatchSet, Path: path}
	if kind, _ := j.doc.read.kindOf(holder); kind == MapObject {
		p.Path = append(slices.Clip(path), key)
		if !has {
			p.Op = PatchUnset
		}
	}
	if has {
		p.Value = j.doc.valueOf(now)
	}
	if last := j.last(PatchSet, holder, key); last != nil && p.Op == PatchSet {
		last.Value = p.Value
		j.extended(last)
		return
	}
	j.add(holder, path, key, p)
}

func (j *journal) added(counter thing, n int64) {
	path, visible := j.find(counter)
	if !visible || n == 0 {
		return
	}
	if p := j.last(PatchAdd, counter, ""); p != nil {
		p.Value = p.Value.(int64) + n
		j.extended(p)
		return
	}
	j.add(counter, path, "", Patch{Op: PatchAdd, Value: n})
}

func (j *journal) marked(it markItem) {
	path, visible := j.doc.pathOf(it.target)
	if !visible {
		return
	}
	j.add(it.target, path, "", Patch{Op: PatchMark, Value: j.doc.log.literalAt(it.change, it.offset).Value()})
	j.path = nil // the target may be no object
}
