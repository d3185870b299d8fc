package ledger

import (
	"errors"
	"math"
	"slices"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// An entry is a map. Its keys lie in the order of their encoded bytes (RFC 8949
// §4.2.1); what is absent has no key, so that an entry has one encoding:
//
//	{"memo": text, "unit": text, "scale": int, "postings": [[label, key / null, amount], …], "replaces": [k, i] / [k, i, d]}
const (
	fieldMemo = iota
	fieldUnit
	fieldScale
	fieldPostings
	fieldReplaces
)

var fields = [...]string{"memo", "unit", "scale", "postings", "replaces"}

const postingItems = 3

// Encode is e as it lies in a change. It returns an *[InvalidError] for an entry
// that breaks a rule: the program never writes one.
func Encode(e Entry) (crdt.Literal, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	size := 64 + len(e.Memo)
	fields := 2
	for i := range e.Postings {
		size += len(e.Postings[i].Label) + len(crdt.Author{}) + 16
	}
	for _, present := range [...]bool{e.Memo != "", e.Unit != "", !e.Replaces.IsZero()} {
		if present {
			fields++
		}
	}
	b := dcbor.AppendMap(make([]byte, 0, size), fields)
	if e.Memo != "" {
		b = dcbor.AppendText(dcbor.AppendText(b, "memo"), e.Memo)
	}
	if e.Unit != "" {
		b = dcbor.AppendText(dcbor.AppendText(b, "unit"), e.Unit)
	}
	b = dcbor.AppendInt(dcbor.AppendText(b, "scale"), int64(e.Scale))
	b = dcbor.AppendArray(dcbor.AppendText(b, "postings"), len(e.Postings))
	for i := range e.Postings {
		p := &e.Postings[i]
		b = dcbor.AppendText(dcbor.AppendArray(b, postingItems), p.Label)
		if p.Key == nil {
			b = dcbor.AppendNull(b)
		} else {
			b = dcbor.AppendBytes(b, p.Key[:])
		}
		b = dcbor.AppendInt(b, p.Amount)
	}
	if r := e.Replaces; !r.IsZero() {
		n := 2
		if r.D > 0 {
			n = 3
		}
		b = dcbor.AppendArray(dcbor.AppendText(b, "replaces"), n)
		b = dcbor.AppendInt(dcbor.AppendInt(b, r.K), int64(r.I))
		if r.D > 0 {
			b = dcbor.AppendInt(b, r.D)
		}
	}
	return b, nil
}

// Decode is the entry in l. An *[InvalidError] says which rule it breaks; if that
// is one of [Entry.Validate], the entry is all there, to be shown beside it.
//
// The entry shares memory with l, which must not change. One allocation; use
// [Entry.Decode] in a loop.
func Decode(l crdt.Literal) (Entry, error) {
	e := Entry{Postings: make([]Posting, 0, 2)}
	err := e.Decode(l)
	return e, err
}

// Decode is as the function [Decode], into an entry whose postings it overwrites.
// For a valid entry it allocates nothing if these are large enough.
func (e *Entry) Decode(l crdt.Literal) error {
	*e = Entry{Postings: e.Postings[:0]}
	r := dcbor.NewReader(l)
	seen, left := 0, r.Map()
	for field, key := range fields {
		if left == 0 || !r.TextIs(key) {
			continue
		}
		left--
		seen |= 1 << field
		if err := e.decodeField(&r, field); err != nil {
			return err
		}
	}
	if left > 0 {
		switch key := r.Text(); {
		case r.Err() != nil:
		case slices.Contains(fields[:], key):
			return invalid(ReasonMalformed) // out of order, or twice
		default:
			return invalid(ReasonUnknownField)
		}
	}
	if err := r.Done(); err != nil {
		return invalid(reasonOf(err))
	}
	const required = 1<<fieldScale | 1<<fieldPostings
	if seen&required != required {
		return invalid(ReasonMissingField)
	}
	return e.Validate()
}

// decodeField leaves errors of the encoding in r.
func (e *Entry) decodeField(r *dcbor.Reader, field int) error {
	switch field {
	case fieldMemo:
		if e.Memo = r.Text(); r.Err() == nil && e.Memo == "" {
			return invalid(ReasonMemo)
		}
	case fieldUnit:
		if e.Unit = r.Text(); r.Err() == nil && e.Unit == "" {
			return invalid(ReasonUnit)
		}
	case fieldScale:
		n := r.Int()
		if n < 0 || n > MaxScale {
			return invalid(ReasonScale)
		}
		e.Scale = int(n)
	case fieldPostings:
		return e.decodePostings(r)
	case fieldReplaces:
		n := r.Array()
		if r.Err() == nil && n != 2 && n != 3 {
			return invalid(ReasonReplaces)
		}
		e.Replaces.K = r.Int()
		i := r.Int()
		if n == 3 {
			e.Replaces.D = r.Int()
		}
		if r.Err() != nil {
			break
		}
		if i < 0 || i > math.MaxUint32 || n == 3 && e.Replaces.D == 0 {
			return invalid(ReasonReplaces)
		}
		e.Replaces.I = uint32(i)
		if !e.Replaces.valid() {
			return invalid(ReasonReplaces)
		}
	}
	return nil
}

func (e *Entry) decodePostings(r *dcbor.Reader) error {
	n := r.Array()
	if r.Err() != nil {
		return nil
	}
	if n < MinPostings || n > MaxPostings {
		return invalid(ReasonPostings) // before anything is allocated for them
	}
	for i := range n {
		if items := r.Array(); r.Err() == nil && items != postingItems {
			return invalidPosting(ReasonType, i)
		}
		e.Postings = append(e.Postings, Posting{Label: r.Text()})
		p := &e.Postings[i]
		if r.Kind() == dcbor.KindNull {
			r.Null()
		} else if key := r.Bytes(); r.Err() == nil {
			if len(key) != len(p.Key) {
				return invalidPosting(ReasonKey, i)
			}
			p.Key = (*crdt.Author)(key)
		}
		p.Amount = r.Int()
		if err := r.Err(); err != nil {
			return invalidPosting(reasonOf(err), i)
		}
	}
	return nil
}

func reasonOf(err error) Reason {
	if errors.Is(err, dcbor.ErrType) {
		return ReasonType
	}
	return ReasonMalformed
}
