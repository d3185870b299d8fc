package crdt

import "slices"

// A journal collects patches. As a [watcher] it turns what it is told while
// changes are applied into them.
//
// Invariant: what was visible before the first patch, with the patches applied,
// is what is visible now.
type journal struct {
	doc     *Doc
	change  int32 // to which patches are put down, or none
	patches []Patch

	before    thing // the winner before an assignment
	hadBefore bool

	// Of the last patch: a change within an object does not move it.
	at   thing // the object that it changed
	path []any // where that stands; nil if unknown
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

// who is the author of the change at hand, and its id.
func (j *journal) who() (a Author, id ChangeID) {
	if j.change != none {
		a, id = j.doc.log.keys[j.doc.log.author(j.change)], j.doc.log.id(j.change)
	}
	return a, id
}

// extend lets the last patch do more, if it is of the same author, on the same
// object, or key of it, and more does not return false.
func (j *journal) extend(op PatchOp, at thing, key string, more func(*Patch) bool) bool {
	if j.path == nil || j.at != at || j.key != key {
		return false
	}
	p := &j.patches[len(j.patches)-1]
	author, id := j.who()
	if p.Op != op || p.Author != author || !more(p) {
		return false
	}
	p.Change = id
	return true
}

// add adds a patch of the object at, which stands at path, or of a key of it.
func (j *journal) add(at thing, path []any, key string, p Patch) {
	j.flush()
	p.Author, p.Change = j.who()
	if p.Path == nil {
		p.Path = path
	}
	j.patches = append(j.patches, p)
	j.at, j.path, j.key = at, path, key
}

// insert: n things from first on, which one change made, are at index of seq.
func (j *journal) insert(seq thing, path []any, index int, first thing, n int) {
	if !j.extend(PatchInsert, seq, "", func(p *Patch) bool {
		follows := p.Index+p.Count == index
		if follows {
			p.Count += n
		}
		return follows
	}) {
		j.add(seq, path, "", Patch{Op: PatchInsert, Index: index, Count: n})
	}
	if kind, _ := j.doc.read.kindOf(seq); kind == TextObject {
		j.text = j.doc.read.appendText(j.text, first, n)
		return
	}
	p := &j.patches[len(j.patches)-1]
	items, _ := p.Value.([]any)
	for range n {
		items = append(items, j.doc.valueOf(first))
		first.index++
	}
	p.Value = items
}

func (j *journal) delete(seq thing, path []any, index, count int) {
	if !j.extend(PatchDelete, seq, "", func(p *Patch) bool {
		touches := index <= p.Index && p.Index <= index+count
		if touches {
			p.Index = index
			p.Count += count
		}
		return touches
	}) {
		j.add(seq, path, "", Patch{Op: PatchDelete, Index: index, Count: count})
	}
}

// assign: value is the one that wins now, if any does. path is that of holder.
func (j *journal) assign(holder thing, path []any, key string, value thing, has bool) {
	p := Patch{Op: PatchSet, Path: path}
	if kind, _ := j.doc.read.kindOf(holder); kind == MapObject {
		p.Path = append(slices.Clip(path), key)
		if !has {
			p.Op = PatchUnset
		}
	}
	if has {
		p.Value = j.doc.valueOf(value)
	}
	if !j.extend(PatchSet, holder, key, func(last *Patch) bool {
		if p.Op == PatchSet {
			last.Value = p.Value
		}
		return p.Op == PatchSet
	}) {
		j.add(holder, path, key, p)
	}
}

func (j *journal) sum(counter thing, path []any, n int64) {
	if !j.extend(PatchAdd, counter, "", func(p *Patch) bool {
		p.Value = p.Value.(int64) + n
		return true
	}) {
		j.add(counter, path, "", Patch{Op: PatchAdd, Value: n})
	}
}

func (j *journal) mark(it markItem, path []any) {
	j.add(it.target, path, "", Patch{Op: PatchMark, Value: j.doc.log.literalAt(it.change, it.offset).Value()})
	j.path = nil // the target may be no object
}

func (j *journal) inserted(first thing, n int) {
	seq, _, _ := j.doc.read.holder(first)
	if path, visible := j.find(seq); visible {
		j.insert(seq, path, j.doc.read.rank(first), first, n)
	}
}

func (j *journal) deleting(first thing, n int) {
	seq, _, _ := j.doc.read.holder(first)
	path, visible := j.find(seq)
	if !visible {
		return
	}
	ranks := make([]int, n)
	for k := range ranks {
		ranks[k] = j.doc.read.rank(first)
		first.index++
	}
	// From the last on, so that no range moves one that is still to go.
	slices.Sort(ranks)
	for len(ranks) > 0 {
		from := len(ranks) - 1
		for from > 0 && ranks[from-1] == ranks[from]-1 {
			from--
		}
		j.delete(seq, path, ranks[from], len(ranks)-from)
		ranks = ranks[:from]
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
	if path, visible := j.find(holder); visible {
		j.assign(holder, path, key, now, has)
	}
}

func (j *journal) added(counter thing, n int64) {
	if path, visible := j.find(counter); visible && n != 0 {
		j.sum(counter, path, n)
	}
}

func (j *journal) marked(it markItem) {
	if path, visible := j.doc.pathOf(it.target); visible {
		j.mark(it, path)
	}
}
