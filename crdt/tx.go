package crdt

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// A Tx collects the ops of one change. Every method checks its op against the
// document and returns a typed error, with the document as it was: [ErrNoTarget],
// [ErrWrongType], [ErrBadIndex], [ErrNoEffect], [ErrLiteral], [ErrOverLimit]. Ops see the document
// as it was before the change (indexes count what was there then); what an earlier
// op of the same Tx made can be marked, set and filled by its name, which is valid
// in this Tx alone.
type Tx struct {
	replica *Replica
	author  uint32
	prev    int32
	ops     []txOp
	made    []ObjectKind  // of what this Tx made so far; noObject for what is none
	depths  map[thing]int // of the objects among them
	slots   map[slot]thing
	deletes int   // elements that the deletes so far name
	broken  error // a handle's write that failed half-way

	needed  []int32 // log indexes of links without which what ops name cannot be named
	links   []int32 // log indexes, by id
	encoded []byte  // ops
}

// slot is a place that this Tx put a value into, which a later op of it replaces.
type slot struct {
	holder thing
	key    string
}

// self stands for the change under construction.
const self int32 = -2

const noObject ObjectKind = 0xff

// txOp is an op whose names are still absolute: how they are written depends on
// all links of the change.
type txOp struct {
	code     opCode
	target   thing
	key      string
	keyed    bool
	replaces []thing
	tail     []byte // the rest, encoded
}

func (tx *Tx) thing(n Name) (thing, bool) {
	if n.Change == selfID {
		return thing{self, n.Index}, int(n.Index) < len(tx.made)
	}
	return tx.replica.log.thing(n)
}

// selfID marks names of the change under construction.
var selfID = func() (id ChangeID) {
	for i := range id {
		id[i] = 0xff
	}
	return id
}()

func (tx *Tx) exists(t thing) bool {
	return t.change == self || tx.replica.doc.exists(t)
}

func (tx *Tx) kindOf(n Name) (thing, ObjectKind, error) {
	t, ok := tx.thing(n)
	if ok && t.change == self {
		if k := tx.made[t.index]; k != noObject {
			return t, k, nil
		}
		return t, 0, fmt.Errorf("%w: %v is not an object", ErrWrongType, n)
	}
	if !ok || !tx.exists(t) {
		return t, 0, fmt.Errorf("%w: %v", ErrNoTarget, n)
	}
	k, isObject := tx.replica.doc.kindOf(t)
	if !isObject {
		return t, 0, fmt.Errorf("%w: %v is not an object", ErrWrongType, n)
	}
	return t, k, nil
}

func (tx *Tx) want(n Name, kinds ...ObjectKind) (thing, ObjectKind, error) {
	t, k, err := tx.kindOf(n)
	if err == nil && !slices.Contains(kinds, k) {
		err = fmt.Errorf("%w: %v", ErrWrongType, n)
	}
	return t, k, err
}

func (tx *Tx) jsonOnly() error {
	if tx.replica.charter.Kind != JSON {
		return fmt.Errorf("%w: %s", ErrNoEffect, tx.replica.charter.Kind)
	}
	return nil
}

// add notes an op that makes the given objects, and returns the name of the
// first.
func (tx *Tx) add(o txOp, made ...ObjectKind) (Name, error) {
	if len(tx.ops) == MaxOps {
		return Name{}, overLimit("ops of a change", MaxOps, len(tx.ops)+1)
	}
	n := Name{Change: selfID, Index: uint32(len(tx.made))}
	tx.ops = append(tx.ops, o)
	tx.made = append(tx.made, made...)
	return n, nil
}

// Append appends l to the feed of a ledger or oracle room.
func (tx *Tx) Append(l Literal) (Name, error) {
	if tx.replica.charter.Kind == JSON {
		return Name{}, fmt.Errorf("%w: %s", ErrNoEffect, JSON)
	}
	if _, _, err := tx.want(Feed, feedObject); err != nil {
		return Name{}, err
	}
	if _, err := ParseLiteral(l); err != nil {
		return Name{}, err
	}
	return tx.add(txOp{code: opAppend, target: fixedThing(Feed.Index), tail: l}, noObject)
}

// Mark says l of target, in place of what this author said of it before.
func (tx *Tx) Mark(target Name, l Literal) error {
	t, ok := tx.thing(target)
	if !ok || !tx.exists(t) {
		return fmt.Errorf("%w: %v", ErrNoTarget, target)
	}
	if _, err := ParseLiteral(l); err != nil {
		return err
	}
	_, err := tx.add(txOp{code: opMark, target: t, tail: l})
	return err
}

// Set puts l under key of a map, in place of all values that are there now.
func (tx *Tx) Set(m Name, key string, l Literal) (Name, error) {
	if _, err := ParseLiteral(l); err != nil {
		return Name{}, err
	}
	return tx.assign(opSet, MapObject, m, key, l, noObject)
}

// Make puts a new object under key of a map, in place of all values that are
// there now, and returns its name.
func (tx *Tx) Make(m Name, key string, k ObjectKind) (Name, error) {
	return tx.assign(opMake, MapObject, m, key, dcbor.AppendUint(nil, uint64(k)), k)
}

// Unset removes all values that are under key of a map now.
func (tx *Tx) Unset(m Name, key string) error {
	_, err := tx.assign(opUnset, MapObject, m, key, nil)
	return err
}

// SetRegister puts l into a register, in place of all values that are there now.
func (tx *Tx) SetRegister(r Name, l Literal) (Name, error) {
	if _, err := ParseLiteral(l); err != nil {
		return Name{}, err
	}
	return tx.assign(opSet, RegisterObject, r, "", l, noObject)
}

func (tx *Tx) assign(code opCode, kind ObjectKind, n Name, key string, tail []byte, made ...ObjectKind) (Name, error) {
	if err := tx.jsonOnly(); err != nil {
		return Name{}, err
	}
	t, _, err := tx.want(n, kind)
	if err != nil {
		return Name{}, err
	}
	depth, err := tx.depthIn(t, code == opMake, made)
	if err != nil {
		return Name{}, err
	}
	if _, err := EncodeLiteral(key); err != nil {
		return Name{}, err
	}
	o := txOp{code: code, target: t, key: key, keyed: kind == MapObject, tail: tail}
	at := slot{t, key}
	if own, ok := tx.slots[at]; ok {
		o.replaces = append(o.replaces, own)
	}
	for _, v := range tx.replica.doc.(*jsonDoc).now(t, key) {
		if len(o.replaces) < MaxReplaces {
			o.replaces = append(o.replaces, v.at)
		}
	}
	name, err := tx.add(o, made...)
	if err == nil && len(made) > 0 {
		if tx.slots == nil {
			tx.slots = make(map[slot]thing)
		}
		tx.slots[at] = thing{self, name.Index}
	}
	if err == nil {
		tx.deepen(name, depth)
	}
	return name, err
}

// depthIn is the depth of an object of kind made[0] that is to hang on t: 0 if
// none is. It refuses what would be void.
func (tx *Tx) depthIn(t thing, object bool, made []ObjectKind) (int, error) {
	if !object {
		return 0, nil
	}
	if made[0] > CounterObject {
		return 0, fmt.Errorf("%w: %d is no kind of object", ErrWrongType, made[0])
	}
	depth, own := tx.depths[t]
	if !own {
		depth = tx.replica.doc.(*jsonDoc).objects[t].depth
	}
	if depth == MaxDepth {
		return 0, overLimit("nesting", MaxDepth, depth+1)
	}
	return depth + 1, nil
}

// deepen notes the depth of an object that this Tx made.
func (tx *Tx) deepen(n Name, depth int) {
	if depth > 0 {
		if tx.depths == nil {
			tx.depths = make(map[thing]int)
		}
		tx.depths[thing{self, n.Index}] = depth
	}
}

// Insert puts literals into a list before the item that is at index now; index
// may be the length. It returns the name of the first.
func (tx *Tx) Insert(list Name, index int, items ...Literal) (Name, error) {
	tail := dcbor.AppendArray(nil, len(items))
	made := make([]ObjectKind, len(items))
	for i, l := range items {
		if _, err := ParseLiteral(l); err != nil {
			return Name{}, fmt.Errorf("item %d: %w", i, err)
		}
		tail = append(tail, l...)
		made[i] = noObject
	}
	if len(items) == 0 {
		return Name{}, fmt.Errorf("%w: nothing to insert", ErrLiteral)
	}
	return tx.insert(ListObject, list, index, tail, made...)
}

// InsertObject puts a new object into a list before the item that is at index
// now, and returns its name.
func (tx *Tx) InsertObject(list Name, index int, k ObjectKind) (Name, error) {
	if err := tx.jsonOnly(); err != nil {
		return Name{}, err
	}
	t, _, err := tx.want(list, ListObject)
	if err != nil {
		return Name{}, err
	}
	depth, err := tx.depthIn(t, true, []ObjectKind{k})
	if err != nil {
		return Name{}, err
	}
	n, err := tx.insert(ListObject, list, index, dcbor.AppendUint(nil, uint64(k)), k)
	if err == nil {
		tx.deepen(n, depth)
	}
	return n, err
}

// InsertText puts text into a text before the code point that is at index now.
func (tx *Tx) InsertText(t Name, index int, text string) (Name, error) {
	if _, err := EncodeLiteral(text); err != nil {
		return Name{}, err
	}
	made := make([]ObjectKind, utf8.RuneCountInString(text))
	if len(made) == 0 {
		return Name{}, fmt.Errorf("%w: nothing to insert", ErrLiteral)
	}
	for i := range made {
		made[i] = noObject
	}
	return tx.insert(TextObject, t, index, dcbor.AppendText(nil, text), made...)
}

// Add adds n to a counter, modulo 2^64.
func (tx *Tx) Add(counter Name, n int64) error {
	if err := tx.jsonOnly(); err != nil {
		return err
	}
	t, _, err := tx.want(counter, CounterObject)
	if err != nil {
		return err
	}
	_, err = tx.add(txOp{code: opAdd, target: t, tail: dcbor.AppendInt(nil, n)})
	return err
}

func (tx *Tx) insert(kind ObjectKind, n Name, index int, tail []byte, made ...ObjectKind) (Name, error) {
	if err := tx.jsonOnly(); err != nil {
		return Name{}, err
	}
	t, _, err := tx.want(n, kind)
	if err != nil {
		return Name{}, err
	}
	o := txOp{code: opInsertFirst, target: t, tail: tail}
	if t.change == self {
		if index != 0 {
			return Name{}, fmt.Errorf("%w: %d of 0", ErrBadIndex, index)
		}
		return tx.add(o, made...)
	}
	seq := tx.replica.doc.(*jsonDoc).objects[t].seq
	parent, on, ok := seq.place(index)
	switch {
	case !ok || index < 0:
		return Name{}, fmt.Errorf("%w: %d of %d", ErrBadIndex, index, len(seq.live()))
	case parent != nil && on == left:
		o.code, o.target = opInsertLeft, parent.at
	case parent != nil:
		o.code, o.target = opInsertRight, parent.at
	}
	if o.code == opInsertRight && len(tx.made) == 0 {
		if last, ok := tx.replica.doc.(*jsonDoc).lastMadeBy(tx.prev); ok && last == o.target {
			o.code = opInsertOn
		}
	}
	return tx.add(o, made...)
}

// Delete removes the count items of a list, or code points of a text, that are at
// index and after it now.
func (tx *Tx) Delete(seq Name, index, count int) error {
	if err := tx.jsonOnly(); err != nil {
		return err
	}
	t, _, err := tx.want(seq, ListObject, TextObject)
	if err != nil {
		return err
	}
	var live []*element
	if t.change != self {
		live = tx.replica.doc.(*jsonDoc).objects[t].seq.live()
	}
	if index < 0 || count < 0 || index > len(live)-count {
		return fmt.Errorf("%w: [%d, %d) of %d", ErrBadIndex, index, index+count, len(live))
	}
	if tx.deletes+count > MaxDeleteRange {
		return overLimit("elements that the deletes of a change name", MaxDeleteRange, tx.deletes+count)
	}
	tx.deletes += count
	doomed := live[index : index+count]
	for len(doomed) > 0 {
		n := 1
		for n < len(doomed) && doomed[n].at == (thing{doomed[0].at.change, doomed[0].at.index + uint32(n)}) {
			n++
		}
		if _, err := tx.add(txOp{code: opDelete, target: doomed[0].at, tail: dcbor.AppendInt(nil, int64(n))}); err != nil {
			return err
		}
		doomed = doomed[n:]
	}
	return nil
}

// begin makes tx ready for a change after prev.
func (tx *Tx) begin(prev int32) {
	tx.prev = prev
	tx.ops, tx.made, tx.deletes, tx.broken = tx.ops[:0], tx.made[:0], 0, nil
	clear(tx.depths)
	clear(tx.slots)
}

// appendPayload encodes the change. tx.links is what it links.
func (tx *Tx) appendPayload(dst []byte, unix int64) ([]byte, error) {
	if len(tx.ops) == 0 {
		return dst, ErrEmptyChange
	}
	l := tx.replica.log
	tx.needed = tx.needed[:0]
	for k := range tx.ops {
		tx.need(tx.ops[k].target)
		for _, t := range tx.ops[k].replaces {
			tx.need(t)
		}
	}
	tx.links = l.appendOwnLinks(tx.links[:0], tx.prev, tx.needed)
	if len(tx.links) > MaxLinks {
		return dst, overLimit("links", MaxLinks, len(tx.links))
	}
	tx.encoded = dcbor.AppendArray(tx.encoded[:0], len(tx.ops))
	for k := range tx.ops {
		tx.encoded = tx.appendOp(tx.encoded, &tx.ops[k])
	}
	start := len(dst)
	dst = dcbor.AppendArray(dst, 3)
	dst = dcbor.AppendInt(dst, unix)
	dst = dcbor.AppendArray(dst, len(tx.links))
	for _, i := range tx.links {
		dst = dcbor.AppendBytes(dst, l.idAt(i)[:])
	}
	dst = dcbor.AppendBytes(dst, tx.encoded)
	if n := len(dst) - start; n > MaxPayloadBytes {
		return dst, overLimit("payload bytes", MaxPayloadBytes, n)
	}
	return dst, nil
}

// need notes what must be linked for t to be named.
func (tx *Tx) need(t thing) {
	if t.change >= 0 && !tx.ownChain(t.change) {
		tx.needed = append(tx.needed, tx.replica.log.tipAbove(t.change))
	}
}

func (tx *Tx) appendOp(dst []byte, o *txOp) []byte {
	dst = dcbor.AppendArray(dst, opFields[o.code])
	dst = dcbor.AppendUint(dst, uint64(o.code))
	if o.code != opInsertOn {
		dst = tx.appendRef(dst, o.target)
	}
	switch o.code {
	case opSet, opMake, opUnset:
		if o.keyed {
			dst = dcbor.AppendText(dst, o.key)
		} else {
			dst = dcbor.AppendNull(dst)
		}
		dst = dcbor.AppendArray(dst, len(o.replaces))
		for _, t := range o.replaces {
			dst = tx.appendRef(dst, t)
		}
	}
	return append(dst, o.tail...)
}

// appendRef writes the name of t as this change sees it.
func (tx *Tx) appendRef(dst []byte, t thing) []byte {
	l := tx.replica.log
	two := func(k int64) []byte {
		return dcbor.AppendUint(dcbor.AppendInt(dcbor.AppendArray(dst, 2), k), uint64(t.index))
	}
	switch {
	case t.change == none:
		return dcbor.AppendUint(dst, uint64(t.index))
	case t.change == self:
		return two(0)
	case tx.ownChain(t.change):
		return two(int64(l.seq(tx.prev)-l.seq(t.change)) + 1)
	}
	tip := l.tipAbove(t.change)
	at, _ := slices.BinarySearchFunc(tx.links, tip, l.compareIDs)
	k, d := int64(-1-at), l.seq(tip)-l.seq(t.change)
	if d == 0 {
		return two(k)
	}
	dst = dcbor.AppendInt(dcbor.AppendArray(dst, 3), k)
	return dcbor.AppendUint(dcbor.AppendUint(dst, uint64(t.index)), uint64(d))
}

// ownChain reports whether i lies on the chain that this change goes on with: the
// author has no other.
func (tx *Tx) ownChain(i int32) bool { return tx.replica.log.author(i) == tx.author }

// tipAbove is a tip of the chain that i lies on, so that names of several changes
// of one author share a link.
func (l *log) tipAbove(i int32) int32 {
	tip := i
	a := &l.authors[l.author(i)]
	if a.tips == nil {
		return a.tip
	}
	a.eachTip(func(t int32) bool {
		if l.seq(t) >= l.seq(i) && l.back(t, uint64(l.seq(t)-l.seq(i))) == i && (tip == i || t < tip) {
			tip = t
		}
		return true
	})
	return tip
}
