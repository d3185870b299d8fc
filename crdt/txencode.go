package crdt

import (
	"slices"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// appendPayload appends the payload of the change to dst. The error is
// [ErrEmptyChange] or [ErrOverLimit], with dst as it was.
func (tx *Tx) appendPayload(dst []byte, unix int64) ([]byte, error) {
	if len(tx.ops) == 0 {
		return dst, ErrEmptyChange
	}
	l := tx.replica.log
	tx.needed = tx.needed[:0]
	for k := range tx.ops {
		tx.need(tx.ops[k].via)
	}
	for _, t := range tx.replaces {
		tx.need(t.change)
	}
	tx.links = l.appendOwnLinks(tx.links[:0], tx.prev, tx.needed)
	if len(tx.links) > MaxLinks {
		return dst, overLimit("links", MaxLinks, len(tx.links))
	}
	ops := dcbor.AppendArray(tx.buf[:0], len(tx.ops))
	referring := tx.referring
	for k := range tx.ops {
		ops = tx.appendOp(ops, k)
		if len(referring) > 0 && referring[0].op == k {
			literal, err := referring[0].literal(tx.relative(referring[0].target, referring[0].target.change))
			if err != nil {
				return dst, err
			}
			ops, referring = append(ops, literal...), referring[1:]
		}
	}
	tx.buf = ops
	start := len(dst)
	dst = dcbor.AppendArray(dst, 3)
	dst = dcbor.AppendInt(dst, unix)
	dst = dcbor.AppendArray(dst, len(tx.links))
	for _, i := range tx.links {
		dst = dcbor.AppendBytes(dst, l.idAt(i)[:])
	}
	dst = dcbor.AppendBytes(dst, ops)
	if size := len(dst) - start; size > MaxPayloadBytes {
		return dst[:start], overLimit("payload bytes", MaxPayloadBytes, size)
	}
	return dst, nil
}

// need notes what must be linked for a thing of change i to be named.
func (tx *Tx) need(i int32) {
	if i >= 0 && !tx.ownChain(i) {
		tx.needed = append(tx.needed, tx.replica.log.tipAbove(i))
	}
}

func (tx *Tx) appendOp(dst []byte, k int) []byte {
	o := &tx.ops[k]
	replaces, tail := tx.ends(k)
	dst = dcbor.AppendArray(dst, opFields[o.code])
	dst = dcbor.AppendUint(dst, uint64(o.code))
	if o.code != opInsertOn {
		dst = tx.appendRef(dst, o.target, o.via)
	}
	switch o.code {
	case opSet, opMake, opUnset:
		if o.keyed {
			dst = dcbor.AppendText(dst, o.key)
		} else {
			dst = dcbor.AppendNull(dst)
		}
		dst = dcbor.AppendArray(dst, o.replaces-replaces)
		for _, t := range tx.replaces[replaces:o.replaces] {
			dst = tx.appendRef(dst, t, t.change)
		}
	}
	return append(dst, tx.tails[tail:o.tail]...)
}

// appendRef writes the name of t as this change sees it, on the chain of via.
func (tx *Tx) appendRef(dst []byte, t thing, via int32) []byte {
	if t.change == none {
		return dcbor.AppendUint(dst, uint64(t.index))
	}
	r := tx.relative(t, via)
	fields := 2
	if r.d > 0 {
		fields = 3
	}
	dst = dcbor.AppendUint(dcbor.AppendInt(dcbor.AppendArray(dst, fields), r.k), uint64(r.index))
	if r.d > 0 {
		dst = dcbor.AppendUint(dst, uint64(r.d))
	}
	return dst
}

// relative is the name of what a change made, as another writes it: see ref.
type relative struct {
	k     int64
	index uint32
	d     int64
}

// relative is the name of t, which a change made, as this change sees it, on the
// chain of via. All links must be known.
func (tx *Tx) relative(t thing, via int32) relative {
	l := tx.replica.log
	switch {
	case t.change == self:
		return relative{index: t.index}
	case tx.ownChain(via):
		return relative{k: int64(l.seq(tx.prev)-l.seq(t.change)) + 1, index: t.index}
	}
	tip := l.tipAbove(via)
	at, _ := slices.BinarySearchFunc(tx.links, tip, l.compareIDs)
	return relative{k: int64(-1 - at), index: t.index, d: int64(l.seq(tip) - l.seq(t.change))}
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
