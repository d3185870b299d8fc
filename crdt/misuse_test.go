package crdt_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"math"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

func lit(t testing.TB, v any) crdt.Literal {
	t.Helper()
	l, err := crdt.EncodeLiteral(v)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustWriter(t testing.TB, r *crdt.Replica, a int) *crdt.Writer {
	t.Helper()
	w, err := r.Writer(testKey(a))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// sample is a json room with one object of each kind, by name, and things that
// are no objects.
func sample(t testing.TB) (*crdt.Replica, *crdt.Writer, map[string]crdt.Name) {
	t.Helper()
	r := newReplica(t, roomOf(crdt.JSON))
	w := mustWriter(t, r, 0)
	names := map[string]crdt.Name{"root": crdt.Root, "feed": crdt.Feed}
	id, err := w.Change(1, func(tx *crdt.Tx) error {
		for i, kind := range []string{"map", "list", "text", "register", "counter"} {
			n, err := tx.Make(crdt.Root, kind, crdt.ObjectKind(i))
			if err != nil {
				return err
			}
			names[kind] = n
		}
		n, err := tx.Set(crdt.Root, "value", lit(t, 1))
		names["value"] = n
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for k, n := range names {
		if !n.Fixed() {
			names[k] = crdt.Name{Change: id, Index: n.Index}
		}
	}
	id, err = w.Change(2, func(tx *crdt.Tx) error {
		if _, err := tx.Insert(names["list"], 0, lit(t, "a"), lit(t, "b")); err != nil {
			return err
		}
		_, err := tx.InsertText(names["text"], 0, "xyz")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names["element"] = crdt.Name{Change: id, Index: 0}
	names["beyond"] = crdt.Name{Change: id, Index: 5}
	names["farBeyond"] = crdt.Name{Change: id, Index: math.MaxUint32}
	names["elsewhere"] = crdt.Name{Change: crdt.ChangeID{7}, Index: 0}
	names["forged"] = crdt.Name{Change: crdt.ChangeID(bytes.Repeat([]byte{0xff}, 32)), Index: 0}
	names["fixed"] = crdt.Name{Index: 2}
	w.Sign()
	return r, w, names
}

// unchanged runs edit in a change that must fail with want, and checks that
// nothing came of it.
func unchanged(t *testing.T, r *crdt.Replica, w *crdt.Writer, want error, edit func(*crdt.Tx) error) {
	t.Helper()
	log, doc, n := r.LogDigest(), r.DocDigest(), r.Len()
	var in error
	_, err := w.Change(3, func(tx *crdt.Tx) error {
		in = edit(tx)
		return in
	})
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
	if r.LogDigest() != log || r.DocDigest() != doc || r.Len() != n {
		t.Fatal("log or document changed")
	}
	checkReplica(t, r)
}

// What [TestMisuseOfEverything] does not say: what was made in the same change, and
// edges of literals and limits.
func TestTxMisuse(t *testing.T) {
	t.Parallel()
	r, w, names := sample(t)
	one := lit(t, 1)
	deep := crdt.Literal(append(bytes.Repeat([]byte{0x81}, 30), 0x00))
	stop := errStop
	others := map[string]struct {
		want error
		do   func(tx *crdt.Tx) error
	}{
		"append in a json room":   {crdt.ErrNoEffect, func(tx *crdt.Tx) error { _, err := tx.Append(one); return err }},
		"no literal":              {crdt.ErrLiteral, func(tx *crdt.Tx) error { _, err := tx.Set(crdt.Root, "k", nil); return err }},
		"two literals":            {crdt.ErrLiteral, func(tx *crdt.Tx) error { _, err := tx.Set(crdt.Root, "k", crdt.Literal{0, 0}); return err }},
		"literal too deep":        {crdt.ErrLiteral, func(tx *crdt.Tx) error { _, err := tx.Insert(names["list"], 0, deep); return err }},
		"mark that is no literal": {crdt.ErrLiteral, func(tx *crdt.Tx) error { return tx.Mark(crdt.Root, crdt.Literal{0xf7}) }},
		"register, no literal": {crdt.ErrLiteral, func(tx *crdt.Tx) error {
			_, err := tx.SetRegister(names["register"], crdt.Literal{0x18, 1})
			return err
		}},
		"key of invalid UTF-8":     {crdt.ErrLiteral, func(tx *crdt.Tx) error { return tx.Unset(crdt.Root, "\xff") }},
		"text of invalid UTF-8":    {crdt.ErrLiteral, func(tx *crdt.Tx) error { _, err := tx.InsertText(names["text"], 0, "a\xff"); return err }},
		"no text":                  {crdt.ErrLiteral, func(tx *crdt.Tx) error { _, err := tx.InsertText(names["text"], 0, ""); return err }},
		"no items":                 {crdt.ErrLiteral, func(tx *crdt.Tx) error { _, err := tx.Insert(names["list"], 0); return err }},
		"index after the end":      {crdt.ErrBadIndex, func(tx *crdt.Tx) error { _, err := tx.Insert(names["list"], 3, one); return err }},
		"negative index":           {crdt.ErrBadIndex, func(tx *crdt.Tx) error { _, err := tx.InsertText(names["text"], -1, "a"); return err }},
		"least index":              {crdt.ErrBadIndex, func(tx *crdt.Tx) error { _, err := tx.InsertObject(names["list"], math.MinInt, 0); return err }},
		"delete beyond the end":    {crdt.ErrBadIndex, func(tx *crdt.Tx) error { return tx.Delete(names["text"], 2, 2) }},
		"delete at a negative":     {crdt.ErrBadIndex, func(tx *crdt.Tx) error { return tx.Delete(names["text"], -1, 1) }},
		"delete a negative number": {crdt.ErrBadIndex, func(tx *crdt.Tx) error { return tx.Delete(names["text"], 1, -1) }},
		"delete with overflow":     {crdt.ErrBadIndex, func(tx *crdt.Tx) error { return tx.Delete(names["text"], math.MaxInt, math.MaxInt) }},
		"unknown kind under a key": {crdt.ErrWrongType, func(tx *crdt.Tx) error { _, err := tx.Make(crdt.Root, "k", 5); return err }},
		"unknown kind in a list":   {crdt.ErrWrongType, func(tx *crdt.Tx) error { _, err := tx.InsertObject(names["list"], 0, 255); return err }},
		"no ops":                   {crdt.ErrEmptyChange, func(tx *crdt.Tx) error { return nil }},
		"nothing deleted":          {crdt.ErrEmptyChange, func(tx *crdt.Tx) error { return tx.Delete(names["text"], 0, 0) }},
		"index in a new list": {crdt.ErrBadIndex, func(tx *crdt.Tx) error {
			n, _ := tx.Make(crdt.Root, "new", crdt.ListObject)
			_, err := tx.Insert(n, 1, one)
			return err
		}},
		"delete in a new list":    {crdt.ErrBadIndex, func(tx *crdt.Tx) error { n, _ := tx.Make(crdt.Root, "new", crdt.ListObject); return tx.Delete(n, 0, 1) }},
		"wrong type of a new one": {crdt.ErrWrongType, func(tx *crdt.Tx) error { n, _ := tx.Make(crdt.Root, "new", crdt.ListObject); return tx.Add(n, 1) }},
		"new value is no object":  {crdt.ErrWrongType, func(tx *crdt.Tx) error { n, _ := tx.Set(crdt.Root, "new", one); return tx.Add(n, 1) }},
		"too many ops":            {crdt.ErrOverLimit, func(tx *crdt.Tx) error { return repeat(4097, func() error { return tx.Add(names["counter"], 1) }) }},
		"payload too long": {crdt.ErrOverLimit, func(tx *crdt.Tx) error {
			return repeat(3, func() error { return tx.Mark(crdt.Root, lit(t, make([]byte, 30<<10))) })
		}},
		"error of edit":             {stop, func(tx *crdt.Tx) error { _, _ = tx.Set(crdt.Root, "k", one); return stop }},
		"an error that was ignored": {crdt.ErrEmptyChange, func(tx *crdt.Tx) error { _, _ = tx.Set(names["list"], "k", one); return nil }},
	}
	for name, c := range others {
		t.Run(name, func(t *testing.T) { unchanged(t, r, w, c.want, c.do) })
	}
}

func repeat(n int, do func() error) error {
	for range n {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// Ops that a ledger or an oracle room would hold to be void are refused.
func TestTxInFeedRooms(t *testing.T) {
	t.Parallel()
	for _, kind := range []crdt.Kind{crdt.Ledger, crdt.Oracle} {
		r := newReplica(t, roomOf(kind))
		w := mustWriter(t, r, 0)
		one := lit(t, 1)
		for name, do := range map[string]func(*crdt.Tx) error{
			"Set":          func(tx *crdt.Tx) error { _, err := tx.Set(crdt.Root, "k", one); return err },
			"Make":         func(tx *crdt.Tx) error { _, err := tx.Make(crdt.Root, "k", crdt.MapObject); return err },
			"Unset":        func(tx *crdt.Tx) error { return tx.Unset(crdt.Root, "k") },
			"SetRegister":  func(tx *crdt.Tx) error { _, err := tx.SetRegister(crdt.Root, one); return err },
			"Insert":       func(tx *crdt.Tx) error { _, err := tx.Insert(crdt.Feed, 0, one); return err },
			"InsertObject": func(tx *crdt.Tx) error { _, err := tx.InsertObject(crdt.Feed, 0, crdt.MapObject); return err },
			"InsertText":   func(tx *crdt.Tx) error { _, err := tx.InsertText(crdt.Feed, 0, "a"); return err },
			"Delete":       func(tx *crdt.Tx) error { return tx.Delete(crdt.Feed, 0, 0) },
			"Add":          func(tx *crdt.Tx) error { return tx.Add(crdt.Root, 1) },
		} {
			t.Run(string(kind)+" "+name, func(t *testing.T) { unchanged(t, r, w, crdt.ErrNoEffect, do) })
		}
		unchanged(t, r, w, crdt.ErrLiteral, func(tx *crdt.Tx) error { _, err := tx.Append(crdt.Literal{0xff}); return err })
		unchanged(t, r, w, crdt.ErrNoTarget, func(tx *crdt.Tx) error { return tx.Mark(crdt.Name{Change: crdt.ChangeID{1}}, one) })
		says := func(l crdt.Literal, err error) func(int64, uint32, int64) (crdt.Literal, error) {
			return func(int64, uint32, int64) (crdt.Literal, error) { return l, err }
		}
		for _, none := range []crdt.Name{crdt.Root, crdt.Feed, {Index: 2}, {Change: crdt.ChangeID{1}}} {
			unchanged(t, r, w, crdt.ErrNoTarget, func(tx *crdt.Tx) error { _, err := tx.AppendReferring(none, says(one, nil)); return err })
		}
		for want, make := range map[error]func(int64, uint32, int64) (crdt.Literal, error){
			crdt.ErrLiteral: says(crdt.Literal{0xff}, nil), errStop: says(nil, errStop),
		} {
			unchanged(t, r, w, want, func(tx *crdt.Tx) error {
				n, err := tx.Append(one)
				if err == nil {
					_, err = tx.AppendReferring(n, make)
				}
				return err
			})
		}
		if held, err := r.Values(crdt.Root, "k"); len(held) > 0 || err != nil {
			t.Errorf("values: %v, %v", held, err)
		}
		if items, err := r.Items(crdt.Feed); len(items) > 0 || err != nil {
			t.Errorf("items: %v, %v", items, err)
		}
	}
}

// What a change may nest, name and delete, to the last one that it may.
func TestTxLimits(t *testing.T) {
	t.Parallel()
	r, w, names := sample(t)
	nest := func(n int) func(*crdt.Tx) error {
		return func(tx *crdt.Tx) error {
			at := crdt.Root
			return repeat(n, func() (err error) {
				at, err = tx.Make(at, "in", crdt.MapObject)
				return err
			})
		}
	}
	unchanged(t, r, w, crdt.ErrOverLimit, nest(crdt.MaxDepth))
	id, err := w.Change(4, nest(crdt.MaxDepth-1))
	if err != nil {
		t.Fatal(err)
	}
	bottom := crdt.Name{Change: id, Index: crdt.MaxDepth - 2}
	unchanged(t, r, w, crdt.ErrOverLimit, func(tx *crdt.Tx) error { _, err := tx.Make(bottom, "k", crdt.TextObject); return err })
	if _, err := w.Change(4, func(tx *crdt.Tx) error { _, err := tx.Set(bottom, "k", lit(t, true)); return err }); err != nil {
		t.Fatal(err)
	}

	big := string(bytes.Repeat([]byte("x"), 33_000))
	for range 2 {
		if _, err := w.Change(5, func(tx *crdt.Tx) error { _, err := tx.InsertText(names["text"], 0, big); return err }); err != nil {
			t.Fatal(err)
		}
	}
	unchanged(t, r, w, crdt.ErrOverLimit, func(tx *crdt.Tx) error { return tx.Delete(names["text"], 0, crdt.MaxDeleteRange+1) })
	if _, err := w.Change(6, func(tx *crdt.Tx) error { return tx.Delete(names["text"], 0, crdt.MaxDeleteRange) }); err != nil {
		t.Fatal(err)
	}
	if left := len(r.Value().(map[string]any)["text"].(string)); left != 66_000+3-crdt.MaxDeleteRange {
		t.Fatalf("%d bytes of text left", left)
	}
	w.Sign()
	load(t, r.Charter(), exported(r))
}

func TestWriterMisuse(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	m := newMill(t, crdt.Ledger)
	one := lit(t, 1)
	add := func(tx *crdt.Tx) error { _, err := tx.Append(one); return err }
	r := newReplica(t, m.charter)
	w, other := mustWriter(t, r, 0), mustWriter(t, r, 1)
	if _, err := w.Change(0, add); err != nil {
		t.Fatal(err)
	}
	chain, _ := m.chain(2, 1)

	// Until it is signed, nothing else can go between.
	out := r.Receive(m.check(chain), 1, epoch)
	if !errors.Is(out.Err, crdt.ErrUnsigned) || out.From != out.To || r.Len() != 1 {
		t.Fatalf("receive with unsigned changes: %+v", out)
	}
	if err := r.Load(refPack{chain}.frame()); !errors.Is(err, crdt.ErrUnsigned) || r.Len() != 1 {
		t.Fatalf("load with unsigned changes: %v", err)
	}
	unchanged(t, r, other, crdt.ErrUnsigned, add)
	if from, to := other.Sign(); from != to {
		t.Fatalf("one writer signed for another: [%d, %d)", from, to)
	}
	if from, to := w.Sign(); from != 0 || to != 1 {
		t.Fatalf("got [%d, %d), want [0, 1)", from, to)
	}
	if from, to := w.Sign(); from != to {
		t.Fatalf("signed twice: [%d, %d)", from, to)
	}

	// A pack's worth at a time, by number and by bytes.
	for range crdt.MaxPackChanges {
		if _, err := w.Change(0, add); err != nil {
			t.Fatal(err)
		}
	}
	unchanged(t, r, w, crdt.ErrUnsigned, add)
	w.Sign()
	large := lit(t, make([]byte, 60_000))
	for n := 0; ; n++ {
		if _, err := w.Change(0, func(tx *crdt.Tx) error { _, err := tx.Append(large); return err }); err != nil {
			if !errors.Is(err, crdt.ErrUnsigned) || n != 17 {
				t.Fatalf("change %d: %v", n, err)
			}
			break
		}
	}
	w.Sign()
	for _, frame := range exported(r) {
		if _, err := crdt.NewChecker(m.charter).Check(frame, nil); err != nil {
			t.Fatal(err)
		}
	}

	// Who finds itself forked stops.
	second := m.run(0, m.room, refPayload(9, nil, noOps))
	if out := r.Receive(m.check(second), 1, epoch); out.Err != nil || len(r.Forks()) != 1 || !r.View().Forked(w.Author()) || r.View().Forked(other.Author()) {
		t.Fatalf("fork: %+v, %v", out, r.Forks())
	}
	unchanged(t, r, w, crdt.ErrOwnFork, add)
	if _, err := other.Change(0, add); err != nil {
		t.Fatalf("another author after the fork: %v", err)
	}

	// A closed room has its writers, and a bad key none.
	closed := m.charter
	closed.Writers = []crdt.Author{w.Author()}
	rc := newReplica(t, closed)
	if _, err := rc.Writer(testKey(1)); !errors.Is(err, crdt.ErrNotAWriter) {
		t.Fatalf("got %v, want %v", err, crdt.ErrNotAWriter)
	}
	mustWriter(t, rc, 0)
	weak := append(make(ed25519.PrivateKey, 63), 0) // its public half is of small order
	if _, err := r.Writer(weak); !errors.Is(err, crdt.ErrBadAuthor) {
		t.Fatalf("got %v, want %v", err, crdt.ErrBadAuthor)
	}
}

func TestLoadMisuse(t *testing.T) {
	t.Parallel()
	m := newMill(t, crdt.Ledger)
	chain, _ := m.chain(0, 3)
	r := newReplica(t, m.charter)
	if err := r.Load(refPack{m.cut(0, chain, 1, 3)}.frame()); !errors.Is(err, crdt.ErrMissing) || crdt.Code(err) != "missing-parent" {
		t.Fatalf("without its parent: %v", err)
	}
	if err := r.Load([]byte{0x80}); !errors.Is(err, crdt.ErrMalformed) {
		t.Fatalf("malformed: %v", err)
	}
	bad := chain
	bad.sig = make([]byte, 64)
	if err := r.Load(refPack{bad}.frame()); err != nil {
		t.Fatalf("load judges no signature: %v", err)
	}
	if err := r.VerifyTips(); !errors.Is(err, crdt.ErrBadSignature) {
		t.Fatalf("verify: got %v, want %v", err, crdt.ErrBadSignature)
	}
	checkReplica(t, r)

	closed := m.charter
	closed.Writers = []crdt.Author{crdt.Author(authorOf(testKey(5)))}
	m.charter, m.room = closed, hash32(closed.ID())
	chain, _ = m.chain(0, 1)
	if err := newReplica(t, closed).Load(refPack{chain}.frame()); !errors.Is(err, crdt.ErrNotAWriter) {
		t.Fatalf("not a writer: %v", err)
	}
}

// A View of a json room has no rows, and out of range is none.
func TestViewOutOfRange(t *testing.T) {
	t.Parallel()
	r, _, _ := sample(t)
	ledger := newReplica(t, roomOf(crdt.Ledger))
	for _, v := range []*crdt.View{r.View(), ledger.View()} {
		for _, i := range []int{-1, 0, 7} {
			if row := v.Row(i); row.Literal != nil {
				t.Fatalf("row %d: %v", i, row)
			}
			if at, ok := v.IndexOf(crdt.Key{Change: i}); ok {
				t.Fatalf("index of %d: %d", i, at)
			}
		}
		for row := range v.Rows {
			t.Fatalf("row %v", row)
		}
	}
}
