package crdt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt/dcbor"
	"github.com/tallystick/tallystick/crdt/internal/fugue"
)

// A Tx collects the ops of one change. Every method checks its op against the
// document and returns a typed error, with document and Tx as they were: [ErrNoTarget],
// [ErrWrongType], [ErrBadIndex], [ErrNoEffect], [ErrLiteral], [ErrOverLimit]. Ops see the document
// as it was before the change (indexes count what was there then); what an earlier
// op of the same Tx made can be marked, set and filled by its name, which is valid
// in this Tx alone.
//
// A Tx ends with the call of [Writer.Change] that it was made for; after that every
// method returns [ErrTxEnded], until that Writer begins its next change: the Tx is the
// same again.
type Tx struct {
	replica *Replica
	doc     *jsonDoc // of a json room
	author  uint32
	prev    int32
	self    ChangeID // in names of what this Tx makes
	open    bool

	ops      []txOp
	tails    []byte  // of the ops, back to back
	replaces []thing // of the ops, back to back
	made     int
	objects  []txObject     // among what was made, in order
	slots    map[txSlot]int // what was put there last, by index
	deletes  int            // elements that the deletes so far name
	broken   error          // a handle's write that failed half-way

	// The object named last: most ops name the one that the op before named.
	name Name
	last txTarget // its object is nil: none

	behind *thing // an element right behind which inserts go, whatever the index: see History

	referring []txReferring // the appends whose literals hold a name, in order

	needed []int32 // log indexes of links without which what ops name cannot be named
	links  []int32 // log indexes, by id: what appendPayload linked
	buf    []byte
}

// A txSlot is a place that this Tx put a value into, which a later op of it
// replaces.
type txSlot struct {
	holder thing
	key    string
}

// A txObject is an object that this Tx made.
type txObject struct {
	index int
	kind  ObjectKind
	depth int
}

// self stands for the change under construction.
const self int32 = -2

// noObject is the kind of what is no object.
const noObject ObjectKind = 0xff

// txOp is an op whose names are still absolute: how they are written depends on
// all links of the change.
type txOp struct {
	code     opCode
	keyed    bool
	target   thing
	via      int32 // the change whose chain target is named on: that of target, or one after it
	key      string
	replaces int // end in Tx.replaces
	tail     int // end of the rest, encoded, in Tx.tails
}

// begin makes tx ready for a change after prev.
func (tx *Tx) begin(prev int32) {
	tx.prev, tx.open = prev, true
	copy(tx.self[:], selfPrefix[:])
	binary.BigEndian.PutUint64(tx.self[len(selfPrefix):], begun.Add(1))
	tx.ops, tx.tails, tx.replaces, tx.objects = tx.ops[:0], tx.tails[:0], tx.replaces[:0], tx.objects[:0]
	tx.made, tx.deletes, tx.broken = 0, 0, nil
	clear(tx.slots)
}

func (tx *Tx) end() {
	tx.open = false
	clear(tx.referring) // what they hold is the caller's
	tx.referring = tx.referring[:0]
}

// selfPrefix begins the ids that stand in names of things of changes under
// construction, in place of the ids that those will have. The rest says which change,
// so that a name of another one is no name of this.
var selfPrefix = [24]byte(bytes.Repeat([]byte{0xff}, 24))

// begun counts the changes that were begun, in all replicas.
var begun atomic.Uint64

// provisional reports whether n is a name of a change under construction.
func (n Name) provisional() bool { return [24]byte(n.Change[:]) == selfPrefix }

func (tx *Tx) thing(n Name) (thing, bool) {
	if n.Change == tx.self {
		return thing{self, n.Index}, int(n.Index) < tx.made
	}
	return tx.replica.log.thing(n)
}

// A txTarget is an object that an op is about.
type txTarget struct {
	thing
	object *object // nil if this Tx made it
	kind   ObjectKind
	depth  int
}

// target is the object of that name in a json room, if it is of one of two kinds.
func (tx *Tx) target(n Name, kind, or ObjectKind) (t txTarget, err error) {
	switch {
	case !tx.open:
		return t, ErrTxEnded
	case tx.doc == nil:
		return t, fmt.Errorf("%w: %s", ErrNoEffect, tx.replica.charter.Kind)
	case n.Change == tx.self:
		if t, err = tx.own(n); err != nil {
			return t, err
		}
	default:
		if tx.last.object == nil || n != tx.name {
			th, ok := tx.replica.log.thing(n)
			if !ok || !tx.doc.exists(th) {
				return t, ErrNoTarget
			}
			o := tx.doc.object(th)
			if o == nil {
				return t, fmt.Errorf("%w: not an object", ErrWrongType)
			}
			tx.name, tx.last = n, txTarget{th, o, o.kind, o.depth}
		}
		t = tx.last
	}
	if t.kind != kind && t.kind != or {
		return t, fmt.Errorf("%w: a %v, want a %v", ErrWrongType, t.kind, kind)
	}
	return t, nil
}

// fail says where what n names stands, if it stands anywhere.
func (tx *Tx) fail(n Name, err error) error {
	if err == nil || errors.Is(err, ErrTxEnded) {
		return err
	}
	return tx.replica.Doc().fail(n, err)
}

// own is an object that this Tx made.
func (tx *Tx) own(n Name) (t txTarget, err error) {
	if int(n.Index) >= tx.made {
		return t, fmt.Errorf("%w: %d of this change", ErrNoTarget, n.Index)
	}
	lo, hi := 0, len(tx.objects)
	for lo < hi {
		if mid := (lo + hi) / 2; tx.objects[mid].index < int(n.Index) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(tx.objects) || tx.objects[lo].index != int(n.Index) {
		return t, fmt.Errorf("%w: %d of this change is not an object", ErrWrongType, n.Index)
	}
	o := tx.objects[lo]
	return txTarget{thing: thing{self, n.Index}, kind: o.kind, depth: o.depth}, nil
}

// add notes an op that makes so many things, whose tail and replaces lie in their
// buffers, and returns the name of the first.
func (tx *Tx) add(o txOp, makes int) (Name, error) {
	if len(tx.ops) == MaxOps {
		tx.undo(len(tx.ops))
		return Name{}, overLimit("ops of a change", MaxOps, len(tx.ops)+1)
	}
	n := Name{Change: tx.self, Index: uint32(tx.made)}
	o.replaces, o.tail = len(tx.replaces), len(tx.tails)
	if o.code != opDelete {
		o.via = o.target.change
	}
	tx.ops = append(tx.ops, o)
	tx.made += makes
	return n, nil
}

// undo forgets all but the first n ops, of which the others made nothing, and what
// was put into the buffers for one more.
func (tx *Tx) undo(n int) {
	tx.ops = tx.ops[:n]
	replaces, tails := tx.ends(n)
	tx.replaces, tx.tails = tx.replaces[:replaces], tx.tails[:tails]
}

// ends are where replaces and tail of op n begin.
func (tx *Tx) ends(n int) (replaces, tails int) {
	if n == 0 {
		return 0, 0
	}
	return tx.ops[n-1].replaces, tx.ops[n-1].tail
}

// Append appends l to the feed of a ledger or oracle room.
func (tx *Tx) Append(l Literal) (Name, error) {
	switch {
	case !tx.open:
		return Name{}, ErrTxEnded
	case tx.doc != nil:
		return Name{}, fmt.Errorf("%w: %s", ErrNoEffect, JSON)
	}
	if _, err := ParseLiteral(l); err != nil {
		return Name{}, err
	}
	tx.tails = append(tx.tails, l...)
	return tx.add(txOp{code: opAppend, target: fixedThing(Feed.Index)}, 1)
}

// A txReferring is an append whose literal is made when all links are known.
type txReferring struct {
	op     int
	target thing
	make   func(k int64, index uint32, d int64) (Literal, error)
}

// AppendReferring is [Tx.Append] of a literal that holds the name of target, which a
// change made. How a change writes a name depends on all its links, so make is called
// twice: at once, with a name of the right form, so that its errors and those of its literal are
// returned here; and with the name as it is written, [k, index] with d 0 or [k, index, d], when the
// change is encoded; an error of that call is one of [Writer.Change]. Target is
// linked as that of a mark is; [View.Element] reads the name. Besides the errors of
// Append there is [ErrNoTarget].
func (tx *Tx) AppendReferring(target Name, make func(k int64, index uint32, d int64) (Literal, error)) (Name, error) {
	switch {
	case !tx.open:
		return Name{}, ErrTxEnded
	case tx.doc != nil:
		return Name{}, fmt.Errorf("%w: %s", ErrNoEffect, JSON)
	}
	t, ok := tx.thing(target)
	if !ok || t.change == none || t.change != self && !tx.replica.doc.exists(t) {
		return Name{}, tx.fail(target, ErrNoTarget)
	}
	r := txReferring{op: len(tx.ops), target: t, make: make}
	name := relative{k: -1, index: t.index}
	if t.change == self || tx.ownChain(t.change) {
		name = tx.relative(t, t.change) // whatever the links
	}
	if _, err := r.literal(name); err != nil {
		return Name{}, err
	}
	n, err := tx.add(txOp{code: opAppend, target: fixedThing(Feed.Index)}, 1)
	if err != nil {
		return Name{}, err
	}
	tx.ops[r.op].via = t.change
	tx.referring = append(tx.referring, r)
	return n, nil
}

// literal is what r appends, if its target is written so.
func (r *txReferring) literal(name relative) (Literal, error) {
	l, err := r.make(name.k, name.index, name.d)
	if err != nil {
		return nil, err
	}
	return ParseLiteral(l)
}

// Mark says l of target, in place of what this author said of it before.
func (tx *Tx) Mark(target Name, l Literal) error {
	if !tx.open {
		return ErrTxEnded
	}
	t, ok := tx.thing(target)
	if !ok || t.change != self && !tx.replica.doc.exists(t) {
		return tx.fail(target, ErrNoTarget)
	}
	if _, err := ParseLiteral(l); err != nil {
		return tx.fail(target, err)
	}
	tx.tails = append(tx.tails, l...)
	_, err := tx.add(txOp{code: opMark, target: t}, 0)
	return tx.fail(target, err)
}

// Set puts l under key of a map, in place of all values that are there now.
func (tx *Tx) Set(m Name, key string, l Literal) (Name, error) {
	if _, err := ParseLiteral(l); err != nil {
		return Name{}, tx.fail(m, err)
	}
	tx.tails = append(tx.tails, l...)
	return tx.assign(opSet, MapObject, m, key, 0)
}

// Make puts a new object under key of a map, in place of all values that are
// there now, and returns its name.
func (tx *Tx) Make(m Name, key string, k ObjectKind) (Name, error) {
	tx.tails = dcbor.AppendUint(tx.tails, uint64(k))
	return tx.assign(opMake, MapObject, m, key, k)
}

// Unset removes all values that are under key of a map now.
func (tx *Tx) Unset(m Name, key string) error {
	_, err := tx.assign(opUnset, MapObject, m, key, 0)
	return err
}

// SetRegister puts l into a register, in place of all values that are there now.
func (tx *Tx) SetRegister(r Name, l Literal) (Name, error) {
	if _, err := ParseLiteral(l); err != nil {
		return Name{}, tx.fail(r, err)
	}
	tx.tails = append(tx.tails, l...)
	return tx.assign(opSet, RegisterObject, r, "", 0)
}

// MakeRegister puts a new object into a register, in place of all values that are
// there now, and returns its name.
func (tx *Tx) MakeRegister(r Name, k ObjectKind) (Name, error) {
	tx.tails = dcbor.AppendUint(tx.tails, uint64(k))
	return tx.assign(opMake, RegisterObject, r, "", k)
}

// drop takes one value away from a map or register, and leaves those beside it.
func (tx *Tx) drop(n Name, key string, value thing) error {
	t, err := tx.target(n, MapObject, RegisterObject)
	if err != nil {
		return err
	}
	tx.replaces = append(tx.replaces, value)
	_, err = tx.add(txOp{code: opUnset, target: t.thing, key: key, keyed: t.kind == MapObject}, 0)
	return err
}

// assign adds an op whose tail was written. If it returns an error, that is
// forgotten.
func (tx *Tx) assign(code opCode, kind ObjectKind, n Name, key string, made ObjectKind) (name Name, err error) {
	defer func() {
		if err != nil {
			tx.undo(len(tx.ops))
			err = tx.fail(n, err)
		}
	}()
	t, err := tx.target(n, kind, kind)
	if err != nil {
		return Name{}, err
	}
	depth := t.depth + 1
	if code == opMake {
		if err := fits(made, depth); err != nil {
			return Name{}, err
		}
	}
	if !utf8.ValidString(key) {
		return Name{}, fmt.Errorf("%w: key is not valid UTF-8", ErrLiteral)
	}
	at := txSlot{t.thing, key}
	most := len(tx.replaces) + MaxReplaces
	if own, ok := tx.slots[at]; ok {
		tx.replaces = append(tx.replaces, thing{self, uint32(own)})
	}
	if t.object != nil {
		for v := range tx.doc.now(t.object, key).each {
			if len(tx.replaces) == most {
				break
			}
			tx.replaces = append(tx.replaces, tx.doc.thing(tx.doc.values[v].number))
		}
	}
	makes := 1
	if code == opUnset {
		makes = 0
	}
	name, err = tx.add(txOp{code: code, target: t.thing, key: key, keyed: kind == MapObject}, makes)
	if err != nil || code == opUnset {
		return name, err
	}
	if tx.slots == nil {
		tx.slots = make(map[txSlot]int)
	}
	tx.slots[at] = int(name.Index)
	if code == opMake {
		tx.objects = append(tx.objects, txObject{int(name.Index), made, depth})
	}
	return name, nil
}

// fits refuses a new object that would be void.
func fits(kind ObjectKind, depth int) error {
	if kind > CounterObject {
		return fmt.Errorf("%w: %d is no kind of object", ErrWrongType, kind)
	}
	if depth > MaxDepth {
		return overLimit("nesting", MaxDepth, depth)
	}
	return nil
}

// Insert puts literals into a list before the item that is at index now; index
// may be the length. It returns the name of the first.
func (tx *Tx) Insert(list Name, index int, items ...Literal) (Name, error) {
	for i, l := range items {
		if _, err := ParseLiteral(l); err != nil {
			return Name{}, tx.fail(list, fmt.Errorf("item %d: %w", i, err))
		}
	}
	if len(items) == 0 {
		return Name{}, tx.fail(list, fmt.Errorf("%w: nothing to insert", ErrLiteral))
	}
	o, err := tx.place(ListObject, list, index)
	if err != nil {
		return Name{}, tx.fail(list, err)
	}
	tx.tails = dcbor.AppendArray(tx.tails, len(items))
	for _, l := range items {
		tx.tails = append(tx.tails, l...)
	}
	n, err := tx.add(o, len(items))
	return n, tx.fail(list, err)
}

// InsertObject puts a new object into a list before the item that is at index
// now, and returns its name.
func (tx *Tx) InsertObject(list Name, index int, k ObjectKind) (Name, error) {
	t, err := tx.target(list, ListObject, ListObject)
	if err != nil {
		return Name{}, tx.fail(list, err)
	}
	depth := t.depth + 1
	if err := fits(k, depth); err != nil {
		return Name{}, tx.fail(list, err)
	}
	o, err := tx.place(ListObject, list, index)
	if err != nil {
		return Name{}, tx.fail(list, err)
	}
	tx.tails = dcbor.AppendUint(tx.tails, uint64(k))
	n, err := tx.add(o, 1)
	if err == nil {
		tx.objects = append(tx.objects, txObject{int(n.Index), k, depth})
	}
	return n, tx.fail(list, err)
}

// InsertText puts text into a text before the code point that is at index now.
func (tx *Tx) InsertText(t Name, index int, text string) (Name, error) {
	if !utf8.ValidString(text) {
		return Name{}, tx.fail(t, fmt.Errorf("%w: text is not valid UTF-8", ErrLiteral))
	}
	if len(text) > MaxPayloadBytes {
		return Name{}, tx.fail(t, fmt.Errorf("%w: %d bytes, at most %d", ErrLiteral, len(text), MaxPayloadBytes))
	}
	if text == "" {
		return Name{}, tx.fail(t, fmt.Errorf("%w: nothing to insert", ErrLiteral))
	}
	o, err := tx.place(TextObject, t, index)
	if err != nil {
		return Name{}, tx.fail(t, err)
	}
	tx.tails = dcbor.AppendText(tx.tails, text)
	n, err := tx.add(o, utf8.RuneCountInString(text))
	return n, tx.fail(t, err)
}

// Add adds n to a counter, modulo 2^64.
func (tx *Tx) Add(counter Name, n int64) error {
	t, err := tx.target(counter, CounterObject, CounterObject)
	if err != nil {
		return tx.fail(counter, err)
	}
	tx.tails = dcbor.AppendInt(tx.tails, n)
	_, err = tx.add(txOp{code: opAdd, target: t.thing}, 0)
	return tx.fail(counter, err)
}

// place is the op, but for its tail, that inserts at index of a list or text.
func (tx *Tx) place(kind ObjectKind, n Name, index int) (o txOp, err error) {
	t, err := tx.target(n, kind, kind)
	if err != nil {
		return o, err
	}
	length := 0
	if t.object != nil {
		length = tx.doc.forest.Len(t.object.seq)
	}
	if index < 0 || index > length {
		return o, badIndex(index, index, length)
	}
	o = txOp{code: opInsertFirst, target: t.thing}
	if t.object == nil {
		return o, nil
	}
	parent, side := tx.doc.forest.Place(t.object.seq, index)
	if tx.behind != nil {
		parent, side = tx.doc.forest.PlaceBehind(tx.doc.must(*tx.behind))
	}
	switch {
	case parent == fugue.None:
	case side == fugue.Left:
		o.code, o.target = opInsertLeft, tx.doc.thing(parent)
	default:
		if last, ok := tx.doc.lastMadeBy(tx.prev); ok && last == parent && tx.made == 0 {
			o.code, o.target = opInsertOn, fixedThing(0) // nothing is written of the target
		} else {
			o.code, o.target = opInsertRight, tx.doc.thing(parent)
		}
	}
	return o, nil
}

// Delete removes the count items of a list, or code points of a text, that are at
// index and after it now.
func (tx *Tx) Delete(seq Name, index, count int) error {
	t, err := tx.target(seq, ListObject, TextObject)
	if err != nil {
		return tx.fail(seq, err)
	}
	length := 0
	if t.object != nil {
		length = tx.doc.forest.Len(t.object.seq)
	}
	if index < 0 || count < 0 || index > length-count {
		return tx.fail(seq, badIndex(index, index+count, length))
	}
	if tx.deletes+count > MaxDeleteRange {
		return tx.fail(seq, overLimit("elements that the deletes of a change name", MaxDeleteRange, tx.deletes+count))
	}
	if count == 0 {
		return nil
	}
	before := len(tx.ops)
	tx.doc.forest.Range(t.object.seq, index, count, func(e fugue.Elem, n int) bool {
		err = tx.deleteRun(e, n)
		return err == nil
	})
	if err != nil {
		tx.undo(before)
		return tx.fail(seq, err)
	}
	tx.deletes += count
	return nil
}

// deleteRun adds ops that delete n elements whose numbers follow one another: one op
// for as many as follow one another on a chain.
func (tx *Tx) deleteRun(e fugue.Elem, n int) error {
	for n > 0 {
		t, size := tx.doc.thing(e), 1
		via := t.change
		if n > 1 {
			via, size = tx.doc.chainFrom(t, e, n)
		}
		tx.tails = dcbor.AppendInt(tx.tails, int64(size))
		if _, err := tx.add(txOp{code: opDelete, target: t, via: via}, 0); err != nil {
			return err
		}
		e, n = e+uint32(size), n-size
	}
	return nil
}
