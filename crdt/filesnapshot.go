package crdt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
	"reflect"
	"slices"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// snapshotLabel begins every snapshot; the digit is the version.
const snapshotLabel = "tallystick snapshot v1\x00"

// ErrSnapshot is the reason of a [SnapshotError].
var ErrSnapshot = errors.New("the snapshot shows what the log does not make")

// A SnapshotError says where a snapshot differs from what the log makes.
type SnapshotError struct {
	Place     string // as in "row 12" or `.title`; the first, if several differ
	Got, Want any    // what the snapshot says there, and what the log makes; nil: nothing
}

func (e *SnapshotError) Error() string {
	return fmt.Sprintf("snapshot: %s: got %.80q, want %.80q: %v", e.Place, fmt.Sprint(e.Got), fmt.Sprint(e.Want), ErrSnapshot)
}

func (e *SnapshotError) Unwrap() error { return ErrSnapshot }

// A Snapshot is the visible document at one moment, to be shown at once while the
// room itself is loaded. Nothing in it is proved: until [Snapshot.Check] has
// compared it with the log, nothing made from it may be sent, signed or stored,
// and who shows it should say so. It is immutable.
type Snapshot struct {
	charter   Charter
	changes   int
	heads     []ChangeID // sorted
	docDigest [32]byte
	content   []byte
	body      []byte // all of that, encoded
}

// Snapshot is the document as it is, in a form that opens at once. The same
// document at the same heads gives the same bytes. The error is [ErrUnsigned]
// while own changes wait for [Writer.Sign], [ErrKeeper], or [ErrOverLimit] for more than
// MaxSnapshotBytes. O(document).
func (r *Replica) Snapshot() ([]byte, error) {
	if r.log.sealed != r.log.n {
		return nil, ErrUnsigned
	}
	body, err := r.snapshotBody(r.Doc(), r.Heads(), int(r.log.n))
	if err != nil {
		return nil, err
	}
	p := packers.Get().(*packer)
	defer packers.Put(p)
	return appendSum(p.append([]byte(snapshotLabel), body), 0), nil
}

// snapshotBody is the CBOR [charter, changes, heads, document digest, content].
func (r *Replica) snapshotBody(d *Doc, heads []ChangeID, changes int) ([]byte, error) {
	if r.keeps() {
		return nil, ErrKeeper
	}
	b := dcbor.AppendArray(nil, 5)
	b = dcbor.AppendBytes(b, r.charter.Append(nil))
	b = dcbor.AppendUint(b, uint64(changes))
	b = dcbor.AppendArray(b, len(heads))
	for _, id := range slices.SortedFunc(slices.Values(heads), ChangeID.compare) {
		b = dcbor.AppendBytes(b, id[:])
	}
	digest := d.Digest()
	b = dcbor.AppendBytes(b, digest[:])
	var err error
	if r.charter.Kind == JSON {
		b, err = appendLiteral(b, d.Value(), maxSnapshotDepth)
	} else {
		b, err = r.appendRows(b, d)
	}
	if err == nil && len(b) > MaxSnapshotBytes {
		err = overLimit("snapshot bytes", MaxSnapshotBytes, len(b))
	}
	return b, err
}

// appendRows appends [[author, …], [[author number, time, literal, [[author number, literal], …]], …]].
func (r *Replica) appendRows(b []byte, d *Doc) ([]byte, error) {
	items, err := d.Items(Feed)
	if err != nil {
		return b, err
	}
	numbers := make(map[Author]uint64)
	var authors, rows []byte
	number := func(a Author) uint64 {
		n, known := numbers[a]
		if !known {
			n = uint64(len(numbers))
			numbers[a] = n
			authors = dcbor.AppendBytes(authors, a[:])
		}
		return n
	}
	for _, it := range items {
		i, _ := r.log.find(it.Name.Change)
		said, err := d.Marks(it.Name)
		if err != nil {
			return b, err
		}
		rows = dcbor.AppendUint(dcbor.AppendArray(rows, 4), number(r.log.keys[r.log.author(i)]))
		rows = dcbor.AppendInt(rows, reparse(r.log.payload(i)).time)
		rows = append(rows, it.Literal...)
		rows = dcbor.AppendArray(rows, len(said))
		for _, s := range said {
			rows = append(dcbor.AppendUint(dcbor.AppendArray(rows, 2), number(s.Author)), s.Literal...)
		}
	}
	b = append(dcbor.AppendArray(dcbor.AppendArray(b, 2), len(numbers)), authors...)
	return append(dcbor.AppendArray(b, len(items)), rows...), nil
}

// OpenSnapshot reads what [Replica.Snapshot] wrote. The error wraps
// [ErrFileFormat], [ErrFileVersion], [ErrFileTruncated], [ErrFileChecksum],
// [ErrFileTrailing], [ErrCharter] or [ErrMalformed]. See [Snapshot] for what may be done with it.
func OpenSnapshot(data []byte) (*Snapshot, error) {
	s, err := openSnapshot(data)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	return s, nil
}

func openSnapshot(data []byte) (*Snapshot, error) {
	if err := checkLabel(data, snapshotLabel); err != nil {
		return nil, err
	}
	u := unpackers.Get().(*unpacker)
	defer unpackers.Put(u)
	sum := len(data) - 4
	if sum < len(snapshotLabel) {
		return nil, ErrFileTruncated
	}
	if binary.BigEndian.Uint32(data[sum:]) != crc32.Checksum(data[:sum], castagnoli) {
		return nil, ErrFileChecksum
	}
	rest := columnReader{buf: data[len(snapshotLabel):sum]}
	limit := MaxSnapshotBytes
	body, err := u.column(&rest, nil, &limit)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrFileFormat, err)
	case !rest.done():
		return nil, ErrFileTrailing
	}
	s := &Snapshot{body: bytes.Clone(body)}
	r := dcbor.NewReader(s.body)
	r.ArrayN(5)
	charter := r.Bytes()
	changes := r.Uint()
	for n := r.Array(); n > 0 && r.Err() == nil; n-- {
		s.heads = append(s.heads, r.Bytes32())
	}
	s.docDigest = r.Bytes32()
	s.content = r.Literal(maxSnapshotDepth)
	if err := r.Done(); err != nil {
		return nil, malformed(err)
	}
	if s.charter, err = ParseCharter(charter); err != nil {
		return nil, err
	}
	s.changes = int(changes)
	if s.charter.Kind != JSON && !s.readRows(func(SnapshotRow) bool { return true }) {
		return nil, fmt.Errorf("%w: rows", ErrMalformed)
	}
	return s, nil
}

// checkLabel checks the label that begins a file and ends with its version and a
// zero byte.
func checkLabel(data []byte, label string) error {
	digit := len(label) - 2
	switch {
	case len(data) < len(label) && bytes.HasPrefix([]byte(label), data):
		return ErrFileTruncated
	case !bytes.HasPrefix(data, []byte(label[:digit])):
		return ErrFileFormat
	case len(data) < len(label) || string(data[:len(label)]) != label:
		return fmt.Errorf("%w: %q, this program knows %q", ErrFileVersion, data[digit-1:min(len(data), len(label))], label[digit-1:])
	}
	return nil
}

// Charter founds the room that the snapshot is of.
func (s *Snapshot) Charter() Charter { return s.charter }

// Changes is the number of changes that made the document.
func (s *Snapshot) Changes() int { return s.changes }

// Heads are the heads of the log at that moment, sorted.
func (s *Snapshot) Heads() []ChangeID { return slices.Clone(s.heads) }

// LogDigest is [Replica.LogDigest] at that moment.
func (s *Snapshot) LogDigest() [32]byte { return logDigest(s.charter.ID(), s.heads) }

// DocDigest is [Replica.DocDigest] at that moment.
func (s *Snapshot) DocDigest() [32]byte { return s.docDigest }

// Value is the document as [Doc.Value] gives it. O(document).
func (s *Snapshot) Value() any {
	if s.charter.Kind == JSON {
		r := dcbor.NewReader(s.content)
		return readValue(&r)
	}
	rows := []any{}
	s.Rows(func(row SnapshotRow) bool {
		rows = append(rows, row.Literal.Value())
		return true
	})
	name := "entries"
	if s.charter.Kind == Oracle {
		name = "feeds"
	}
	return map[string]any{name: rows}
}

// A SnapshotRow is one row of the feed, with what is said of it. It aliases the
// snapshot.
type SnapshotRow struct {
	Author  Author
	Time    int64 // Unix seconds, the author's claim
	Literal Literal
	Marks   []Said // by author; without the change
}

// Rows calls yield with every row of a ledger or oracle room, in order.
func (s *Snapshot) Rows(yield func(SnapshotRow) bool) {
	if s.charter.Kind != JSON {
		s.readRows(yield)
	}
}

// readRows reports whether the rows are sound as far as yield took them.
func (s *Snapshot) readRows(yield func(SnapshotRow) bool) bool {
	r := dcbor.NewReader(s.content)
	r.ArrayN(2)
	var authors []Author // as they are read: an array may claim as many as it has bytes
	for n := r.Array(); n > 0 && r.Err() == nil; n-- {
		authors = append(authors, r.Bytes32())
	}
	author := func() (a Author) {
		if n := r.Uint(); n < uint64(len(authors)) {
			return authors[n]
		}
		r.Fail(dcbor.ErrRange)
		return a
	}
	for range r.Array() {
		r.ArrayN(4)
		row := SnapshotRow{Author: author(), Time: r.Int(), Literal: r.Literal(MaxDepth)}
		for n := r.Array(); n > 0 && r.Err() == nil; n-- {
			r.ArrayN(2)
			row.Marks = append(row.Marks, Said{Author: author(), Literal: r.Literal(MaxDepth)})
		}
		if r.Err() != nil {
			return false
		}
		if !yield(row) {
			return true
		}
	}
	return r.Done() == nil
}

// Check makes the document of the same heads anew from r, and compares. The error
// is [ErrWrongRoom], [ErrMissing] if r has not got all of those heads,
// [ErrKeeper], [ErrUnsigned], or a *[SnapshotError] for the first difference. O(log) if r has
// moved on, else O(document).
func (s *Snapshot) Check(r *Replica) error {
	switch {
	case r.room != s.charter.ID():
		return fmt.Errorf("snapshot: %w", ErrWrongRoom)
	case r.keeps():
		return fmt.Errorf("snapshot: %w", ErrKeeper)
	}
	doc, changes := r.Doc(), int(r.log.n)
	if r.LogDigest() != s.LogDigest() {
		in, err := r.ancestors(s.heads)
		if err != nil {
			return fmt.Errorf("snapshot: %w", err)
		}
		doc, changes = r.replay(in, nil), 0
		for _, word := range in {
			changes += bits.OnesCount64(word)
		}
	}
	want, err := r.snapshotBody(doc, s.heads, changes)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if bytes.Equal(want, s.body) {
		return nil
	}
	return s.differs(want)
}

// differs says where s is other than the body that the log makes.
func (s *Snapshot) differs(body []byte) error {
	r := dcbor.NewReader(body)
	r.Array()
	r.Skip()
	w := Snapshot{charter: s.charter, changes: int(r.Uint()), heads: s.heads}
	r.Skip()
	w.docDigest = r.Bytes32()
	w.content = body[r.Offset():]
	if !bytes.Equal(w.content, s.content) {
		if s.charter.Kind == JSON {
			if e := difference("", s.Value(), w.Value()); e != nil {
				return e
			}
		} else if e := differentRow(s, &w); e != nil {
			return e
		}
		return &SnapshotError{Place: "encoding"}
	}
	switch {
	case s.changes != w.changes:
		return &SnapshotError{Place: "number of changes", Got: s.changes, Want: w.changes}
	case s.docDigest != w.docDigest:
		return &SnapshotError{Place: "document digest", Got: ChangeID(s.docDigest), Want: ChangeID(w.docDigest)}
	}
	return &SnapshotError{Place: "encoding"}
}

func differentRow(got, want *Snapshot) *SnapshotError {
	var rows []SnapshotRow
	want.Rows(func(row SnapshotRow) bool { rows = append(rows, row); return true })
	var e *SnapshotError
	i := 0
	got.Rows(func(row SnapshotRow) bool {
		place := fmt.Sprintf("row %d", i)
		if i >= len(rows) {
			e = &SnapshotError{Place: place, Got: row.Literal.Value()}
		} else if !reflect.DeepEqual(row, rows[i]) {
			e = &SnapshotError{Place: place, Got: row, Want: rows[i]}
			if !bytes.Equal(row.Literal, rows[i].Literal) {
				e.Got, e.Want = row.Literal.Value(), rows[i].Literal.Value()
			}
		}
		i++
		return e == nil
	})
	if e == nil && i < len(rows) {
		e = &SnapshotError{Place: fmt.Sprintf("row %d", i), Want: rows[i].Literal.Value()}
	}
	return e
}

// difference is the first place at which two plain values differ. It recurses as
// deep as they nest, which is bounded.
func difference(place string, got, want any) *SnapshotError {
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			for _, k := range sortedKeys(w) {
				if _, there := g[k]; !there {
					return &SnapshotError{Place: place + "." + k, Want: w[k]}
				}
				if e := difference(place+"."+k, g[k], w[k]); e != nil {
					return e
				}
			}
			for _, k := range sortedKeys(g) {
				if _, there := w[k]; !there {
					return &SnapshotError{Place: place + "." + k, Got: g[k]}
				}
			}
			return nil
		}
	case []any:
		if g, ok := got.([]any); ok {
			for i := range max(len(g), len(w)) {
				at := fmt.Sprintf("%s[%d]", place, i)
				switch {
				case i >= len(g):
					return &SnapshotError{Place: at, Want: w[i]}
				case i >= len(w):
					return &SnapshotError{Place: at, Got: g[i]}
				}
				if e := difference(at, g[i], w[i]); e != nil {
					return e
				}
			}
			return nil
		}
	}
	if reflect.DeepEqual(got, want) {
		return nil
	}
	if place == "" {
		place = "."
	}
	return &SnapshotError{Place: place, Got: got, Want: want}
}
