package crdt

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// Forms of a name and what an op carries, as the shape of an op says.
const (
	formFixed = 0 // n
	formChain = 1 // [k, i] with k ≥ 0
	formLink  = 2 // [k, i] with k < 0
	formBack  = 3 // [k, i, d]

	carriesText     = 0
	carriesLiterals = 1
	carriesObject   = 2

	registerKey = 0
	mapKey      = 1
)

func (f ref) form() uint64 {
	switch {
	case f.fixed:
		return formFixed
	case f.k >= 0:
		return formChain
	case f.d == 0:
		return formLink
	default:
		return formBack
	}
}

// A trail is where an author's last op was, so that the next name is written as
// the step from there. It is a guess that saves bytes; any will do.
type trail struct {
	back  int64 // changes back from this one
	index int64
}

// columnar reports whether ops come out of their columns as they went in: one or
// more ops, each of them well-formed.
func columnar(ops, scratch []byte) ([]byte, bool) {
	if !decodes(ops) {
		return scratch, false
	}
	r := dcbor.NewReader(ops)
	n := r.Array()
	again := dcbor.AppendArray(scratch[:0], n)
	var o op
	for range n {
		o = op{replaces: o.replaces[:0]}
		if !o.parse(&r) {
			return again, false
		}
		again = o.append(again)
	}
	return again, n > 0 && bytes.Equal(again, ops)
}

// append is the encoding of a well-formed op.
func (o *op) append(dst []byte) []byte {
	dst = dcbor.AppendArray(dst, opFields[o.code])
	dst = dcbor.AppendUint(dst, uint64(o.code))
	if o.code != opInsertOn {
		dst = o.target.append(dst)
	}
	switch o.code {
	case opSet, opMake, opUnset:
		if o.keyed {
			dst = dcbor.AppendText(dst, o.key)
		} else {
			dst = dcbor.AppendNull(dst)
		}
		dst = dcbor.AppendArray(dst, len(o.replaces))
		for _, f := range o.replaces {
			dst = f.append(dst)
		}
	}
	switch o.code {
	case opAppend, opMark, opSet:
		dst = append(dst, o.literal...)
	case opMake:
		dst = dcbor.AppendUint(dst, uint64(o.object))
	case opInsertRight, opInsertLeft, opInsertFirst, opInsertOn:
		switch o.what.kind {
		case dcbor.KindText:
			dst = dcbor.AppendText(dst, o.what.text)
		case dcbor.KindUint:
			dst = dcbor.AppendUint(dst, uint64(o.what.object))
		default:
			dst = append(dcbor.AppendArray(dst, o.what.count), o.what.literals...)
		}
	case opDelete, opAdd:
		dst = dcbor.AppendInt(dst, o.n)
	}
	return dst
}

func (f ref) append(dst []byte) []byte {
	if f.fixed {
		return dcbor.AppendUint(dst, uint64(f.i))
	}
	n := 2
	if f.d > 0 {
		n = 3
	}
	dst = dcbor.AppendUint(dcbor.AppendInt(dcbor.AppendArray(dst, n), f.k), uint64(f.i))
	if f.d > 0 {
		dst = dcbor.AppendUint(dst, uint64(f.d))
	}
	return dst
}

// putOps writes the ops of one change into the columns.
func (s *segmentWriter) putOps(ops []byte, t *trail) {
	t.back++
	var ok bool
	if s.scratch, ok = columnar(ops, s.scratch); !ok {
		s.putRun(colOpRuns, 0)
		s.raw[colRaw] = append(binary.AppendUvarint(s.raw[colRaw], uint64(len(ops))), ops...)
		return
	}
	r := dcbor.NewReader(ops)
	n := r.Array()
	s.putRun(colOpRuns, uint64(n))
	made := int64(0)
	o := &s.op
	for range n {
		*o = op{replaces: o.replaces[:0]}
		o.parse(&r)
		s.putOp(o, t)
		t.after(o, &made)
	}
}

// after moves the trail past o.
func (t *trail) after(o *op, made *int64) {
	if *made += int64(o.makes); o.makes > 0 {
		t.back, t.index = 0, *made-1
	} else if !o.target.fixed && o.target.k >= 0 {
		t.back, t.index = o.target.k, o.target.i
	}
}

func (s *segmentWriter) putOp(o *op, t *trail) {
	form, carries := o.target.form(), uint64(0)
	if o.code == opInsertOn {
		form = formFixed
	}
	switch o.code {
	case opSet, opMake, opUnset:
		if o.keyed {
			carries = mapKey
		}
	case opInsertRight, opInsertLeft, opInsertFirst, opInsertOn:
		switch o.what.kind {
		case dcbor.KindText:
			carries = carriesText
		case dcbor.KindUint:
			carries = carriesObject
		default:
			carries = carriesLiterals
		}
	}
	s.putRun(colShapeRuns, uint64(o.code)<<4|form<<2|carries)
	if o.code != opInsertOn {
		s.putRef(o.target, form, t)
	}
	switch o.code {
	case opSet, opMake, opUnset:
		if o.keyed {
			s.put(colKeys, uint64(len(o.key)))
			s.raw[colKeys] = append(s.raw[colKeys], o.key...)
		}
		s.put(colCounts, uint64(len(o.replaces)))
		for _, f := range o.replaces {
			s.put(colCounts, f.form())
			s.putRef(f, f.form(), t)
		}
	}
	switch o.code {
	case opAppend, opMark, opSet:
		s.raw[colLiterals] = append(s.raw[colLiterals], o.literal...)
	case opMake:
		s.put(colObjectKinds, uint64(o.object))
	case opInsertRight, opInsertLeft, opInsertFirst, opInsertOn:
		switch carries {
		case carriesText:
			s.put(colTextLens, uint64(len(o.what.text)))
			s.raw[colTexts] = append(s.raw[colTexts], o.what.text...)
		case carriesObject:
			s.put(colObjectKinds, uint64(o.what.object))
		default:
			s.put(colCounts, uint64(o.what.count))
			s.raw[colLiterals] = append(s.raw[colLiterals], o.what.literals...)
		}
	case opDelete:
		s.put(colCounts, uint64(o.n))
	case opAdd:
		s.put(colAdds, zigzag(o.n))
	}
}

func (s *segmentWriter) put(column int, v uint64) {
	s.raw[column] = binary.AppendUvarint(s.raw[column], v)
}

func (s *segmentWriter) putRef(f ref, form uint64, t *trail) {
	switch form {
	case formFixed:
		s.put(colRefs, uint64(f.i))
		return
	case formChain:
		step := t.back - f.k
		s.put(colRefs, zigzag(step))
		s.put(colIndexes, zigzag(f.i-t.base(step)))
		return
	case formBack:
		s.put(colRefs, uint64(f.d))
	}
	s.put(colRefs, uint64(-1-f.k))
	s.put(colIndexes, zigzag(f.i))
}

// base is what an index is counted from after a step of so many changes.
func (t *trail) base(step int64) int64 {
	if step == 0 {
		return t.index
	}
	return 0
}

// readOps appends the ops of one change as they were before putOps, and reports
// whether they decode: those from columns do, by what is checked here.
func (s *segmentReader) readOps(dst []byte, t *trail) (ops []byte, decode bool) {
	t.back++
	n := s.run(colOpRuns)
	if n == 0 {
		raw := &s.raw[colRaw]
		dst = append(dst, raw.bytes(raw.uvarint())...)
		return dst, decodes(dst)
	}
	if n > MaxOps {
		s.bad = true
		return dst, false
	}
	dst = dcbor.AppendArray(dst, int(n))
	made := int64(0)
	for range n {
		if dst = s.appendOp(dst, t, &made); s.bad {
			break
		}
	}
	return dst, true
}

// opLengths is opFields by code; 0 for codes that are none.
var opLengths = func() (lengths [opAdd + 1]byte) {
	for code, n := range opFields {
		lengths[code] = byte(n)
	}
	return lengths
}()

func (s *segmentReader) appendOp(dst []byte, t *trail, made *int64) []byte {
	shape := s.run(colShapeRuns)
	code, form, carries := opCode(shape>>4), shape>>2&3, shape&3
	if code > opAdd {
		s.bad = true
		return dst
	}
	dst = append(dst, 0x80|opLengths[code], byte(code))
	o := &s.op
	*o = op{code: code}
	if code != opInsertOn {
		o.target = s.ref(form, t)
		dst = o.target.append(dst)
	}
	switch code {
	case opSet, opMake, opUnset:
		dst = s.appendKey(dst, carries, t)
	}
	switch code {
	case opMark:
		dst = s.literal(dst, MaxDepth-2)
	case opAppend, opSet:
		o.makes = 1
		dst = s.literal(dst, MaxDepth-2)
	case opMake:
		dst = s.object(dst, o)
	case opInsertRight, opInsertLeft, opInsertFirst, opInsertOn:
		switch carries {
		case carriesText:
			b := s.text(colTexts, colTextLens)
			dst = append(dcbor.AppendTextHead(dst, len(b)), b...)
			o.makes = utf8.RuneCount(b)
		case carriesObject:
			dst = s.object(dst, o)
		default:
			n := s.get(colCounts)
			if n > MaxPayloadBytes {
				s.bad = true
				return dst
			}
			o.makes = int(n)
			dst = dcbor.AppendArray(dst, int(n))
			for i := uint64(0); i < n && !s.bad; i++ {
				dst = s.literal(dst, MaxDepth-3)
			}
		}
		s.bad = s.bad || o.makes == 0
	case opDelete:
		n := s.get(colCounts)
		s.bad = s.bad || n == 0 || n > MaxDeleteRange
		dst = dcbor.AppendUint(dst, n)
	case opAdd:
		dst = dcbor.AppendInt(dst, unzigzag(s.get(colAdds)))
	}
	t.after(o, made)
	return dst
}

// appendKey is the key and the names that a set, make or unset replaces.
func (s *segmentReader) appendKey(dst []byte, carries uint64, t *trail) []byte {
	if carries == mapKey {
		b := s.text(colKeys, colKeys)
		dst = append(dcbor.AppendTextHead(dst, len(b)), b...)
	} else {
		dst = dcbor.AppendNull(dst)
	}
	n := s.get(colCounts)
	if n > MaxReplaces {
		s.bad = true
		return dst
	}
	dst = dcbor.AppendArray(dst, int(n))
	for range n {
		dst = s.ref(s.get(colCounts), t).append(dst)
	}
	return dst
}

// text is the next text of column in, whose length is in another or the same.
func (s *segmentReader) text(in, lengths int) []byte {
	b := s.raw[in].bytes(s.get(lengths))
	s.bad = s.bad || !utf8.Valid(b)
	return b
}

// object appends the kind of a new object.
func (s *segmentReader) object(dst []byte, o *op) []byte {
	kind := s.get(colObjectKinds)
	s.bad = s.bad || kind > uint64(CounterObject)
	o.makes = 1
	return dcbor.AppendUint(dst, kind)
}

func (s *segmentReader) get(column int) uint64 {
	r := &s.raw[column]
	v := r.uvarint()
	s.bad = s.bad || r.bad
	return v
}

// ref reads a name. What is no name makes s bad.
func (s *segmentReader) ref(form uint64, t *trail) ref {
	var f ref
	switch form {
	case formFixed:
		f = ref{fixed: true, i: int64(s.get(colRefs))}
	case formChain:
		step := unzigzag(s.get(colRefs))
		f = ref{k: t.back - step, i: unzigzag(s.get(colIndexes)) + t.base(step)}
		s.bad = s.bad || f.k < 0
	case formLink, formBack:
		if form == formBack {
			f.d = int64(s.get(colRefs))
			s.bad = s.bad || f.d <= 0
		}
		f.k = -1 - int64(s.get(colRefs))
		f.i = unzigzag(s.get(colIndexes))
		s.bad = s.bad || f.k >= 0
	default:
		s.bad = true
	}
	s.bad = s.bad || f.i < 0
	return f
}

// literal copies one literal, nested no deeper than that.
func (s *segmentReader) literal(dst []byte, depth int) []byte {
	c := &s.raw[colLiterals]
	r := dcbor.NewReader(c.buf)
	l := r.Literal(depth)
	if r.Err() != nil {
		c.fail()
		s.bad = true
		return dst
	}
	c.buf = c.buf[len(l):]
	return append(dst, l...)
}
