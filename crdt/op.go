package crdt

import (
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// opCode says what an op does. The codes belong to charter version 1; those not
// listed are void on every replica alike.
type opCode uint64

const (
	opAppend      opCode = 0  // [0, list, literal]
	opMark        opCode = 1  // [1, target, literal]
	opSet         opCode = 2  // [2, object, key, [name…], literal]
	opMake        opCode = 3  // [3, object, key, [name…], kind]
	opUnset       opCode = 4  // [4, object, key, [name…]]
	opInsertRight opCode = 5  // [5, element, what]
	opInsertLeft  opCode = 6  // [6, element, what]
	opInsertFirst opCode = 7  // [7, object, what]
	opInsertOn    opCode = 8  // [8, what]
	opDelete      opCode = 9  // [9, element, n]
	opAdd         opCode = 10 // [10, counter, n]
	// Reserved: void until a charter version gives them a meaning.
	_ opCode = 11 // move
	_ opCode = 12 // format a range
	_ opCode = 13 // refer to a blob
)

// ObjectKind is the type of an object that an op makes.
type ObjectKind uint8

// The kinds of objects. The fixed list of a ledger or oracle room is of a kind
// of its own.
const (
	MapObject ObjectKind = iota
	ListObject
	TextObject
	RegisterObject
	CounterObject
	feedObject
)

// ref is a name as an op writes it: fixed, or relative to its own change.
type ref struct {
	fixed bool
	k     int64 // 0 this change, > 0 so many changes back, < 0 links[-1-k]
	d     int64 // changes back on the chain of that link
	i     int64
}

// what an insert puts in: literals, a text, or a new object. It makes count
// elements.
type what struct {
	kind     dcbor.Kind // KindArray, KindText or KindUint
	literals []byte     // the items of the array, back to back
	text     string
	object   ObjectKind
	count    int
}

// An op is one well-formed op, decoded. Which fields are set follows from code.
type op struct {
	code     opCode
	target   ref
	key      string
	keyed    bool // the op has a key: its object is a map; else a register
	replaces []ref
	literal  []byte
	object   ObjectKind
	what     what
	n        int64
	makes    int // how many values, elements or objects it makes
	offset   int // of the literal, or the first of what, in the ops
}

// eachOp calls yield with each well-formed op of a known code, its place among the
// ops, and how many things the ops before it make. ops must decode: ops that do
// not are void as a whole. The op and all in it alias ops, and are valid until
// yield returns. What is well-formed, and how much it makes, depends on ops alone.
func eachOp(ops []byte, yield func(o *op, at int, made int)) {
	r := dcbor.NewReader(ops)
	n := r.Array()
	var o op
	made, deletes := 0, 0
	for at := range n {
		one := r
		o = op{replaces: o.replaces[:0]}
		if !o.parse(&one) {
			r.Skip()
			continue
		}
		r = one
		if o.code == opDelete {
			if o.n > int64(MaxDeleteRange-deletes) {
				continue
			}
			deletes += int(o.n)
		}
		yield(&o, at, made)
		made += o.makes
	}
}

// decodes reports whether ops are one array of at most MaxOps literals. In a
// well-formed encoding of one nothing else can fail later.
func decodes(ops []byte) bool { return new(keystroke).read(ops) || decodesAll(ops) }

func decodesAll(ops []byte) bool {
	r := dcbor.NewReader(ops)
	if r.Kind() != dcbor.KindArray {
		return false
	}
	if head := r; head.Array() > MaxOps {
		return false
	}
	r.Literal(MaxDepth)
	return r.Done() == nil
}

// parse reads one op of ops that decode: whatever r stands at is a valid literal.
// Of an op that is not well-formed it may read less, or more, than there is.
func (o *op) parse(r *dcbor.Reader) bool {
	n := r.Array()
	o.code = opCode(r.Uint())
	if r.Err() != nil {
		return false
	}
	if o.code >= opCode(len(opFields)) || n != opFields[o.code] {
		return false
	}
	if o.code != opInsertOn {
		if o.target = readRef(r); r.Err() != nil {
			return false
		}
	}
	switch o.code {
	case opAppend, opMark:
		o.readLiteral(r)
	case opSet, opMake, opUnset:
		o.readKey(r)
		o.readReplaces(r)
		switch o.code {
		case opSet:
			o.readLiteral(r)
		case opMake:
			o.object = readKind(r)
		}
	case opInsertRight, opInsertLeft, opInsertFirst, opInsertOn:
		o.readWhat(r)
	case opDelete:
		if o.n = r.Int(); o.n < 1 || o.n > MaxDeleteRange {
			return false
		}
	case opAdd:
		o.n = r.Int()
	}
	switch o.code {
	case opAppend, opSet, opMake:
		o.makes = 1
	case opInsertRight, opInsertLeft, opInsertFirst, opInsertOn:
		o.makes = o.what.count
	}
	return r.Err() == nil
}

// opFields is the length of the array of each op, code included: none of 0.
var opFields = [...]int{
	opAppend: 3, opMark: 3, opSet: 5, opMake: 5, opUnset: 4,
	opInsertRight: 3, opInsertLeft: 3, opInsertFirst: 3, opInsertOn: 2,
	opDelete: 3, opAdd: 3,
}

// readRef reads n, [k, i], or [k, i, d] with k < 0 and d > 0.
func readRef(r *dcbor.Reader) ref {
	if r.Kind() == dcbor.KindUint {
		return ref{fixed: true, i: r.Int()}
	}
	n := r.Array()
	f := ref{k: r.Int(), i: int64(r.Uint())}
	switch {
	case n == 2:
	case n == 3 && f.k < 0:
		if f.d = int64(r.Uint()); f.d == 0 {
			r.Fail(dcbor.ErrRange)
		}
	default:
		r.Fail(dcbor.ErrRange)
	}
	return f
}

func readKind(r *dcbor.Reader) ObjectKind {
	k := r.Uint()
	if k > uint64(CounterObject) {
		r.Fail(dcbor.ErrRange)
		return 0
	}
	return ObjectKind(k)
}

func (o *op) readLiteral(r *dcbor.Reader) {
	o.offset = r.Offset()
	start := *r
	r.Skip()
	o.literal = start.Between(r)
}

func (o *op) readKey(r *dcbor.Reader) {
	if r.Kind() == dcbor.KindNull {
		r.Null()
		return
	}
	o.key, o.keyed = r.Text(), true
}

func (o *op) readReplaces(r *dcbor.Reader) {
	n := r.Array()
	if n > MaxReplaces {
		r.Fail(dcbor.ErrRange)
		return
	}
	for range n {
		o.replaces = append(o.replaces, readRef(r))
	}
}

// readWhat reads [literal…] with at least one, a text that is not empty, or the
// kind of a new object.
func (o *op) readWhat(r *dcbor.Reader) {
	w := &o.what
	w.kind = r.Kind()
	switch w.kind {
	case dcbor.KindText:
		w.text = r.Text()
		w.count = utf8.RuneCountInString(w.text)
	case dcbor.KindUint:
		w.object, w.count = readKind(r), 1
	default:
		w.count = r.Array()
		o.offset = r.Offset()
		start := *r
		for range w.count {
			r.Skip()
		}
		w.literals = start.Between(r)
	}
	if w.count == 0 {
		r.Fail(dcbor.ErrRange)
	}
}
