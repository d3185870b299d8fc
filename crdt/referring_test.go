package crdt_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// Marks, change by change, and the names within literals are what the reference says.
// Of the marks, the greatest of each author on each target are those that the document
// shows.
func TestMarksAndReferencesEqualReference(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, roomOf(rapid.SampledFrom(kinds).Draw(t, "kind")), 3, 2)
		w.run(30)
		for _, h := range w.honest {
			ref, v := replayed(t, h.replica), h.replica.View()
			if w.charter.Kind == crdt.JSON {
				for i := range v.Changes() {
					if _, ok := v.Element(i, 1, 0, 0); ok || len(v.MarksOf(i)) > 0 {
						t.Fatal("a json room has rows, or marks on them")
					}
				}
				continue
			}
			marksEqualReference(t, v, ref)
			for range 40 {
				elementEqualsReference(w.dice, v, ref)
			}
			for row := range v.Rows {
				refersWell(t, v, row)
			}
		}
	})
}

func marksEqualReference(t *rapid.T, v *crdt.View, ref *refLog) {
	at := 0
	for i := range v.Changes() {
		for _, m := range v.MarksOf(i) {
			want := ref.doc.said[at]
			for want.target == (refName{index: 1}) { // on the list itself: not told
				at++
				want = ref.doc.said[at]
			}
			at++
			n := crdt.Root
			if !m.Root {
				n = v.NameOf(m.Key)
			}
			if hash32(n.Change) != want.target.change || int(n.Index) != want.target.index || m.Op != want.op ||
				hash32(v.ChangeAt(i).ID) != want.change || !bytes.Equal(m.Literal, refEncode(want.literal)) {
				t.Fatalf("change %d: got %+v on %v, want %+v", i, m, n, want)
			}
			if newer := ref.doc.marks[refMarkKey{want.target, hash32(v.ChangeAt(i).Author)}]; newer.change == want.change && newer.op == want.op {
				if got, ok := v.Doc().MarkOf(n, v.ChangeAt(i).Author); !ok || !bytes.Equal(got, m.Literal) {
					t.Fatalf("mark on %v: the document shows %x, want %x", n, got, m.Literal)
				}
			}
		}
	}
	for ; at < len(ref.doc.said); at++ {
		if ref.doc.said[at].target != (refName{index: 1}) {
			t.Fatalf("a mark is missing: %+v", ref.doc.said[at])
		}
	}
}

// elementEqualsReference asks for what some change calls so.
func elementEqualsReference(d dice, v *crdt.View, ref *refLog) {
	if v.Changes() == 0 {
		return
	}
	i := d.n(v.Changes())
	c := ref.changes[hash32(v.ChangeAt(i).ID)]
	k := pick(d, []int64{int64(d.n(6)) - 3, 0, 1, -1, math.MinInt64, math.MaxInt64})
	back := pick(d, []int64{0, 0, 1, 2, int64(d.n(8)), -1, math.MaxInt64, math.MinInt64})
	index := pick(d, []uint32{0, 0, 1, 2, math.MaxUint32})
	name := []any{uint64(0), uint64(index)}
	switch {
	case k > 0:
		name[0] = uint64(k)
	case k < 0:
		name[0] = k
	}
	if back != 0 {
		name = append(name, uint64(back))
	}
	var want refName
	known := false
	if tree, _ := refDecode(refEncode(name), 10); back >= 0 && refIsName(tree) {
		want, known = ref.doc.resolve(tree, c, c.made)
		known = known && ref.doc.things[want] != nil
	}
	got, ok := v.Element(i, k, index, back)
	if n := v.NameOf(got); ok != known || ok && (hash32(n.Change) != want.change || int(n.Index) != want.index) {
		d.t.Fatalf("change %d: [%d, %d, %d] is %v, %v, want %v, %v", i, k, index, back, n, ok, want, known)
	}
}

// refersWell checks a row that an honest author made to refer to another.
func refersWell(t *rapid.T, v *crdt.View, row crdt.Row) {
	l, err := crdt.DecodeLiteral[referring](row.Literal)
	if err != nil || len(l.Name) != 3 {
		return
	}
	got, ok := v.Element(row.Key.Change, l.Name[0], uint32(l.Name[1]), l.Name[2])
	of := v.NameOf(got).Change
	if l.Name[0] == 0 {
		of = crdt.ChangeID{}
	}
	if !ok || !bytes.Equal(of[:], l.Of) || int(got.Index) != l.At {
		t.Fatalf("%v refers by %v to %v, want %x.%d", v.NameOf(row.Key), l.Name, v.NameOf(got), l.Of[:4], l.At)
	}
}

// What a reference makes of the literal counts for the limits, an error of the second
// call is the change's, and both leave everything as it was.
func TestAppendReferringAtTheEnd(t *testing.T) {
	t.Parallel()
	r := newReplica(t, roomOf(crdt.Ledger))
	w := mustWriter(t, r, 0)
	id, err := w.Change(1, func(tx *crdt.Tx) error { _, err := tx.Append(lit(t, "first")); return err })
	if err != nil {
		t.Fatal(err)
	}
	w.Sign()
	first := crdt.Name{Change: id}
	writes := func(w *crdt.Writer, want ...int64) {
		t.Helper()
		if _, err := w.Change(1, func(tx *crdt.Tx) error {
			_, err := tx.AppendReferring(first, func(k int64, index uint32, d int64) (crdt.Literal, error) {
				if k != want[0] || d != 0 && d != want[2] {
					t.Errorf("called [%d, %d, %d], want %v", k, index, d, want)
				}
				return crdt.EncodeLiteral([]any{k, int64(index), d})
			})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		w.Sign()
	}
	writes(w, 1, 0, 0)
	writes(w, 2, 0, 0)
	writes(mustWriter(t, r, 1), -1, 0, 2)
	for name, c := range map[string]struct {
		want error
		then func() (crdt.Literal, error) // in the second call
	}{
		"error":           {errStop, func() (crdt.Literal, error) { return nil, errStop }},
		"no literal":      {crdt.ErrLiteral, func() (crdt.Literal, error) { return crdt.Literal{0xf7}, nil }},
		"too long":        {crdt.ErrOverLimit, func() (crdt.Literal, error) { return lit(t, make([]byte, crdt.MaxPayloadBytes-10)), nil }},
		"as long as fits": {nil, func() (crdt.Literal, error) { return lit(t, make([]byte, crdt.MaxPayloadBytes-100)), nil }},
	} {
		log, doc, n, calls := r.LogDigest(), r.DocDigest(), r.Len(), 0
		_, err := w.Change(2, func(tx *crdt.Tx) error {
			_, err := tx.AppendReferring(first, func(int64, uint32, int64) (crdt.Literal, error) {
				if calls++; calls == 1 {
					return lit(t, "short"), nil
				}
				return c.then()
			})
			return err
		})
		if !errors.Is(err, c.want) || calls != 2 {
			t.Fatalf("%s: got %v after %d calls, want %v", name, err, calls, c.want)
		}
		if err != nil && (r.LogDigest() != log || r.DocDigest() != doc || r.Len() != n) {
			t.Fatalf("%s: log or document changed", name)
		}
		w.Sign()
		checkReplica(t, r)
	}
	if _, err := w.Change(3, func(tx *crdt.Tx) error {
		tx.AppendReferring(first, func(int64, uint32, int64) (crdt.Literal, error) { return nil, errStop })
		_, err := tx.AppendReferring(first, func(k int64, index uint32, d int64) (crdt.Literal, error) {
			return crdt.EncodeLiteral([]any{k, int64(index), d})
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	v := r.View()
	rows := v.RowsOf(v.Changes() - 1)
	if got := rows[0].Literal.Value().([]any); len(rows) != 1 || got[0] != int64(v.Changes()-2) || got[1] != int64(0) || got[2] != int64(0) {
		t.Fatalf("%d rows, the first refers by %v", len(rows), got)
	}
}
