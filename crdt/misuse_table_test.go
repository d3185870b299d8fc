package crdt_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

var errStop = errors.New("stop")

// misuses is the table of [TestMisuseOfEverything].
func misuses() map[string][]misuse {
	all := map[string][]misuse{}
	for _, part := range []map[string][]misuse{docMisuses(), txMisuses(), logMisuses(), byteMisuses(), fileMisuses(), bindMisuses()} {
		maps.Copy(all, part)
	}
	return all
}

// indexes are misuses of a method that takes an index of a thing with n items.
func indexes(object string, n int, call func(m *misused, name crdt.Name, index int) error) (all []misuse) {
	for label, i := range map[string]int{"one too far": n + 1, "negative": -1, "least": math.MinInt, "greatest": math.MaxInt} {
		all = append(all, misuse{"index " + label + " of " + object, crdt.ErrBadIndex, placeOf[object], func(m *misused) error { return call(m, m.names[object], i) }})
	}
	return all
}

func docMisuses() map[string][]misuse {
	return map[string][]misuse{
		"Doc.Count":  byName(func(m *misused, n crdt.Name) error { _, err := m.doc.Count(n); return err }, "counter"),
		"Doc.Text":   byName(func(m *misused, n crdt.Name) error { _, err := m.doc.Text(n); return err }, "text"),
		"Doc.Items":  byName(func(m *misused, n crdt.Name) error { _, err := m.doc.Items(n); return err }, "list"),
		"Doc.Keys":   byName(func(m *misused, n crdt.Name) error { _, err := m.doc.Keys(n); return err }, "root", "map"),
		"Doc.Values": byName(func(m *misused, n crdt.Name) error { _, err := m.doc.Values(n, "k"); return err }, "root", "map", "register"),
		"Doc.Kind":   byName(func(m *misused, n crdt.Name) error { _, err := m.doc.Kind(n); return err }, "root", "map", "list", "text", "register", "counter"),
		"Doc.Len":    byName(func(m *misused, n crdt.Name) error { _, err := m.doc.Len(n); return err }, "root", "map", "list", "text"),
		"Doc.Path":   byName(func(m *misused, n crdt.Name) error { _, _, err := m.doc.Path(n); return err }, "root", "map", "list", "text", "register", "counter", "value", "element"),
		"Doc.Marks":  byName(func(m *misused, n crdt.Name) error { _, err := m.doc.Marks(n); return err }, "root", "map", "list", "text", "register", "counter", "value", "element"),
		"Doc.ValueOf": byName(func(m *misused, n crdt.Name) error { _, err := m.doc.ValueOf(n); return err },
			"root", "map", "list", "text", "register", "counter", "value", "element"),
		"Doc.MarkOf": {{"of nothing", nil, "", func(m *misused) error {
			if l, ok := m.doc.MarkOf(m.names["elsewhere"], m.w.Author()); ok {
				m.t.Errorf("a mark on nothing: %v", l)
			}
			if l, ok := m.doc.MarkOf(crdt.Root, crdt.Author{}); ok {
				m.t.Errorf("a mark of nobody: %v", l)
			}
			return nil
		}}},
		"Doc.MarshalJSON": {{"fails never", nil, "", func(m *misused) error { _, err := m.doc.MarshalJSON(); return err }}},
		"Doc.Item": slices.Concat(byName(func(m *misused, n crdt.Name) error { _, err := m.doc.Item(n, 0); return err }, "list"),
			indexes("list", 1, func(m *misused, n crdt.Name, i int) error { _, err := m.doc.Item(n, i); return err })),
		"Doc.Slice": slices.Concat(byName(func(m *misused, n crdt.Name) error { _, err := m.doc.Slice(n, 0, 0); return err }, "text"),
			indexes("text", 3, func(m *misused, n crdt.Name, i int) error { _, err := m.doc.Slice(n, 0, i); return err }),
			indexes("text", 3, func(m *misused, n crdt.Name, i int) error { _, err := m.doc.Slice(n, i, i); return err }),
			[]misuse{{"from after to", crdt.ErrBadIndex, "[text]", func(m *misused) error { _, err := m.doc.Slice(m.names["text"], 2, 1); return err }}}),
		"Doc.Offset": slices.Concat(byName(func(m *misused, n crdt.Name) error { _, err := m.doc.Offset(n, 0, crdt.UTF8); return err }, "text"),
			indexes("text", 3, func(m *misused, n crdt.Name, i int) error { _, err := m.doc.Offset(n, i, crdt.CodePoints); return err }),
			indexes("text", 3, func(m *misused, n crdt.Name, i int) error { _, err := m.doc.Offset(n, i, crdt.UTF16); return err })),
		"Doc.Index": slices.Concat(byName(func(m *misused, n crdt.Name) error { _, err := m.doc.Index(n, 0, crdt.UTF8); return err }, "text"),
			indexes("text", 3, func(m *misused, n crdt.Name, i int) error { _, err := m.doc.Index(n, i, crdt.UTF8); return err }),
			indexes("text", 3, func(m *misused, n crdt.Name, i int) error { _, err := m.doc.Index(n, i, crdt.UTF16); return err })),
		"Doc.Cursor": slices.Concat(byName(func(m *misused, n crdt.Name) error { _, err := m.doc.Cursor(n, 0, crdt.StickLeft); return err }, "list", "text"),
			indexes("text", 3, func(m *misused, n crdt.Name, i int) error { _, err := m.doc.Cursor(n, i, crdt.StickRight); return err }),
			[]misuse{{"no such side", crdt.ErrBadCursor, "[text]", func(m *misused) error { _, err := m.doc.Cursor(m.names["text"], 1, 9); return err }}}),
		"Doc.Position": {
			{"of no cursor", crdt.ErrWrongType, "[]", func(m *misused) error { _, err := m.doc.Position(crdt.Cursor{}); return err }},
			{"of another document's", crdt.ErrNoTarget, "", func(m *misused) error {
				c, err := m.other.Doc().Cursor(m.names["of another document"], 0, crdt.StickLeft)
				if err != nil {
					m.t.Fatal(err)
				}
				_, err = m.doc.Position(c)
				return err
			}},
		},
		"Doc.Find": {
			{"no key", crdt.ErrNoTarget, "[no]", func(m *misused) error { _, err := m.doc.Find("no"); return err }},
			{"on from no key", crdt.ErrNoTarget, "[map no]", func(m *misused) error { _, err := m.doc.Find("map", "no", 3); return err }},
			{"an index of a map", crdt.ErrWrongType, "[map 0]", func(m *misused) error { _, err := m.doc.Find("map", 0); return err }},
			{"a key of a list", crdt.ErrWrongType, "[list k]", func(m *misused) error { _, err := m.doc.Find("list", "k"); return err }},
			{"a step of another type", crdt.ErrWrongType, "[map 1.5]", func(m *misused) error { _, err := m.doc.Find("map", 1.5); return err }},
			{"into a counter", crdt.ErrWrongType, "[counter k]", func(m *misused) error { _, err := m.doc.Find("counter", "k"); return err }},
			{"into a literal", crdt.ErrWrongType, "[value k]", func(m *misused) error { _, err := m.doc.Find("value", "k"); return err }},
			{"beyond the list", crdt.ErrBadIndex, "[list 2]", func(m *misused) error { _, err := m.doc.Find("list", 2); return err }},
			{"before the text", crdt.ErrBadIndex, "[text -1]", func(m *misused) error { _, err := m.doc.Find("text", -1); return err }},
			{"in an empty register", crdt.ErrNoTarget, "[register k]", func(m *misused) error { _, err := m.doc.Find("register", "k"); return err }},
		},
		"Replica.Values": byName(func(m *misused, n crdt.Name) error { _, err := m.r.Values(n, "k"); return err }, "root", "map", "register"),
		"Replica.Items":  byName(func(m *misused, n crdt.Name) error { _, err := m.r.Items(n); return err }, "list"),
		"Replica.MarkOf": {{"of nothing", nil, "", func(m *misused) error {
			if l, ok := m.r.MarkOf(m.names["of another document"], m.w.Author()); ok {
				m.t.Errorf("a mark on nothing: %v", l)
			}
			return nil
		}}},
	}
}

func txMisuses() map[string][]misuse {
	one := crdt.Literal{1}
	deep := crdt.Literal(append(bytes.Repeat([]byte{0x81}, crdt.MaxDepth), 1))
	// by is byName for a method of Tx.
	by := func(call func(tx *crdt.Tx, n crdt.Name) error, good ...string) []misuse {
		return byName(func(m *misused, n crdt.Name) error {
			return m.tx(func(tx *crdt.Tx) error { return call(tx, n) })
		}, good...)
	}
	index := func(object string, n int, call func(tx *crdt.Tx, name crdt.Name, index int) error) []misuse {
		return indexes(object, n, func(m *misused, name crdt.Name, i int) error {
			return m.tx(func(tx *crdt.Tx) error { return call(tx, name, i) })
		})
	}
	on := func(name string, want error, object string, call func(tx *crdt.Tx, n crdt.Name) error) misuse {
		return misuse{name, want, placeOf[object], func(m *misused) error {
			return m.tx(func(tx *crdt.Tx) error { return call(tx, m.names[object]) })
		}}
	}
	insert := func(tx *crdt.Tx, n crdt.Name, i int) error { _, err := tx.Insert(n, i, one); return err }
	object := func(tx *crdt.Tx, n crdt.Name, i int) error {
		_, err := tx.InsertObject(n, i, crdt.MapObject)
		return err
	}
	text := func(tx *crdt.Tx, n crdt.Name, i int) error { _, err := tx.InsertText(n, i, "é"); return err }
	remove := func(tx *crdt.Tx, n crdt.Name, i int) error { return tx.Delete(n, i, 1) }
	first := func(call func(*crdt.Tx, crdt.Name, int) error) func(*crdt.Tx, crdt.Name) error {
		return func(tx *crdt.Tx, n crdt.Name) error { return call(tx, n, 0) }
	}
	return map[string][]misuse{
		"Tx.Append": {on("in a json room", crdt.ErrNoEffect, "", func(tx *crdt.Tx, _ crdt.Name) error { _, err := tx.Append(one); return err })},
		"Tx.AppendReferring": {on("in a json room", crdt.ErrNoEffect, "", func(tx *crdt.Tx, n crdt.Name) error { // the others: TestTxInFeedRooms
			_, err := tx.AppendReferring(n, func(int64, uint32, int64) (crdt.Literal, error) { return one, nil })
			return err
		})},
		"Tx.Mark": append(by(func(tx *crdt.Tx, n crdt.Name) error { return tx.Mark(n, one) }, "root", "map", "list", "text", "register", "counter", "value", "element"),
			on("no literal", crdt.ErrLiteral, "list", func(tx *crdt.Tx, n crdt.Name) error { return tx.Mark(n, nil) }),
			on("too deep", crdt.ErrLiteral, "list", func(tx *crdt.Tx, n crdt.Name) error { return tx.Mark(n, deep) })),
		"Tx.UnsetRegister": by(func(tx *crdt.Tx, n crdt.Name) error { return tx.UnsetRegister(n) }, "register"),
		"Tx.Set": append(by(func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.Set(n, "k", one); return err }, "root", "map"),
			on("no literal", crdt.ErrLiteral, "map", func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.Set(n, "k", crdt.Literal{0xf7}); return err }),
			on("too deep", crdt.ErrLiteral, "map", func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.Set(n, "k", deep); return err }),
			on("key of invalid UTF-8", crdt.ErrLiteral, "map", func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.Set(n, "\xff", one); return err })),
		"Tx.Make": append(by(func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.Make(n, "k", crdt.ListObject); return err }, "root", "map"),
			on("no such kind", crdt.ErrWrongType, "map", func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.Make(n, "k", 5); return err })),
		"Tx.Unset": append(by(func(tx *crdt.Tx, n crdt.Name) error { return tx.Unset(n, "k") }, "root", "map"),
			on("key of invalid UTF-8", crdt.ErrLiteral, "map", func(tx *crdt.Tx, n crdt.Name) error { return tx.Unset(n, "\xff") })),
		"Tx.SetRegister": append(by(func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.SetRegister(n, one); return err }, "register"),
			on("no literal", crdt.ErrLiteral, "register", func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.SetRegister(n, crdt.Literal{1, 1}); return err })),
		"Tx.MakeRegister": append(by(func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.MakeRegister(n, crdt.MapObject); return err }, "register"),
			on("no such kind", crdt.ErrWrongType, "register", func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.MakeRegister(n, 5); return err })),
		"Tx.Insert": slices.Concat(by(first(insert), "list"), index("list", 2, insert), []misuse{
			on("nothing", crdt.ErrLiteral, "list", func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.Insert(n, 0); return err }),
			on("one item bad", crdt.ErrLiteral, "list", func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.Insert(n, 0, one, crdt.Literal{0xff}); return err }),
		}),
		"Tx.InsertObject": slices.Concat(by(first(object), "list"), index("list", 2, object), []misuse{
			on("no such kind", crdt.ErrWrongType, "list", func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.InsertObject(n, 0, 200); return err }),
		}),
		"Tx.InsertText": slices.Concat(by(first(text), "text"), index("text", 3, text), []misuse{
			on("nothing", crdt.ErrLiteral, "text", func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.InsertText(n, 0, ""); return err }),
			on("invalid UTF-8", crdt.ErrLiteral, "text", func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.InsertText(n, 0, "a\xff"); return err }),
		}),
		"Tx.Delete": slices.Concat(by(first(remove), "list", "text"), index("text", 2, remove), []misuse{
			on("a negative number", crdt.ErrBadIndex, "text", func(tx *crdt.Tx, n crdt.Name) error { return tx.Delete(n, 1, -1) }),
			on("more than there is", crdt.ErrBadIndex, "list", func(tx *crdt.Tx, n crdt.Name) error { return tx.Delete(n, 1, 2) }),
			on("overflow", crdt.ErrBadIndex, "text", func(tx *crdt.Tx, n crdt.Name) error { return tx.Delete(n, math.MaxInt, math.MaxInt) }),
		}),
		"Tx.Add": by(func(tx *crdt.Tx, n crdt.Name) error { return tx.Add(n, 1) }, "counter"),
		"Writer.Change": {
			{"without ops", crdt.ErrEmptyChange, "", func(m *misused) error { _, err := m.w.Change(0, func(*crdt.Tx) error { return nil }); return err }},
			{"by another writer while one has not signed", crdt.ErrUnsigned, "", func(m *misused) error {
				_, err := mustWriter(m.t, m.r, 1).Change(0, func(tx *crdt.Tx) error { return tx.Mark(crdt.Root, one) })
				return err
			}},
			{"an error of edit's own", errStop, "", func(m *misused) error { return m.tx(func(*crdt.Tx) error { return errStop }) }},
			{"more ops than may be", crdt.ErrOverLimit, "", func(m *misused) error {
				return m.tx(func(tx *crdt.Tx) error {
					return repeat(crdt.MaxOps, func() error { return tx.Add(m.names["counter"], 1) })
				})
			}},
			{"a payload that is too long", crdt.ErrOverLimit, "", func(m *misused) error {
				return m.tx(func(tx *crdt.Tx) error {
					return repeat(3, func() error { return tx.Mark(crdt.Root, lit(m.t, make([]byte, 30<<10))) })
				})
			}},
		},
	}
}

// logMisuses are those of replicas, views and packs.
func logMisuses() map[string][]misuse {
	none := crdt.ChangeID{9}
	// nothing is a misuse without an error to give.
	nothing := func(name string, call func(m *misused) bool) []misuse {
		return []misuse{{name, nil, "", func(m *misused) error {
			if call(m) {
				m.t.Errorf("%s: found something", name)
			}
			return nil
		}}}
	}
	// trusted takes a log index below Len as a slice does: beyond it there is nothing to
	// say, and nothing changes.
	trusted := func(call func(m *misused, i int)) (rows []misuse) {
		for _, i := range []int{-1, 1 << 40} {
			rows = append(rows, misuse{"no such change", nil, "", func(m *misused) error {
				defer func() { _ = recover() }() // like an index of a slice: the caller's to keep
				call(m, i)
				return nil
			}})
		}
		return rows
	}
	return map[string][]misuse{
		"Replica.At":        trusted(func(m *misused, i int) { m.r.At(i) }),
		"Replica.ID":        trusted(func(m *misused, i int) { m.r.ID(i) }),
		"Replica.Author":    trusted(func(m *misused, i int) { m.r.Author(i) }),
		"Replica.Seq":       trusted(func(m *misused, i int) { m.r.Seq(i) }),
		"Replica.Prev":      trusted(func(m *misused, i int) { m.r.Prev(i) }),
		"Replica.Links":     trusted(func(m *misused, i int) { m.r.Links(i, func(int) bool { return true }) }),
		"Replica.Continued": trusted(func(m *misused, i int) { m.r.Continued(i) }),
		"Replica.PackFrom":  trusted(func(m *misused, i int) { m.r.PackFrom(i, nil) }),
		"Replica.PlanPack":  trusted(func(m *misused, i int) { m.r.PlanPack(i, nil) }),
		"PackPlan.AppendTo": nothing("of no pack", func(m *misused) bool {
			p, _ := m.r.PlanPack(0, func(int) bool { return true })
			return !p.Empty() || len(p.AppendTo(nil)) > 1
		}),
		"Links.At":      trusted(func(m *misused, i int) { m.r.At(0).Links.At(i) }),
		"View.ChangeAt": trusted(func(m *misused, i int) { m.r.View().ChangeAt(i) }),
		"View.NameOf":   trusted(func(m *misused, i int) { m.r.View().NameOf(crdt.Key{Change: i}) }),
		"Replica.Back": append(trusted(func(m *misused, i int) { m.r.Back(i, 1) }),
			nothing("back beyond the first", func(m *misused) bool { _, ok := m.r.Back(0, math.MaxUint64); return ok })...),
		"Replica.Index": nothing("no such change", func(m *misused) bool { _, ok := m.r.Index(none); return ok }),
		"View.Row":      nothing("no such row", func(m *misused) bool { return m.r.View().Row(-1).Literal != nil }),
		"View.IndexOf":  nothing("no such row", func(m *misused) bool { _, ok := m.r.View().IndexOf(crdt.Key{Change: -5}); return ok }),
		"View.Forked":   nothing("nobody", func(m *misused) bool { return m.r.View().Forked(crdt.Author{}) }),
		"View.Rows": nothing("of a json room", func(m *misused) (any bool) {
			m.r.View().Rows(func(crdt.Row) bool { any = true; return true })
			return any
		}),
		"View.RowsOf":      trusted(func(m *misused, i int) { m.r.View().RowsOf(i) }),
		"View.MarksOf":     trusted(func(m *misused, i int) { m.r.View().MarksOf(i) }),
		"View.AppendRows":  trusted(func(m *misused, i int) { m.r.View().AppendRows(nil, i) }),
		"View.AppendMarks": trusted(func(m *misused, i int) { m.r.View().AppendMarks(nil, i) }),
		"View.AuthorOf":    trusted(func(m *misused, i int) { m.r.View().AuthorOf(i) }),
		"View.LamportOf":   trusted(func(m *misused, i int) { m.r.View().LamportOf(i) }),
		"View.MarksOn": nothing("of a json room", func(m *misused) (any bool) {
			for range m.r.View().MarksOn(0, 1) {
				any = true
			}
			return any
		}),
		"View.Marks": nothing("of a json room", func(m *misused) bool { return m.r.View().Marks() != 0 }),
		"View.Element": append(trusted(func(m *misused, i int) { m.r.View().Element(i, 1, 0, 0) }),
			nothing("of a json room", func(m *misused) bool { _, ok := m.r.View().Element(0, 0, 0, 0); return ok })...),
		"Replica.Tips": nothing("stopped at once", func(m *misused) bool { m.r.Tips(func(int) bool { return false }); return false }),
		"Replica.TipsOf": nothing("of nobody", func(m *misused) (any bool) {
			m.r.TipsOf(crdt.Author{}, func(int) bool { any = true; return true })
			return any
		}),
		"Replica.Condemn": nothing("no refusal", func(m *misused) bool {
			return len(m.r.Condemn(nil)) > 0 || len(m.r.Condemn(errStop)) > 0
		}),
		"History.Undo": {{"of nothing", crdt.ErrNothingToUndo, "", func(m *misused) error { _, err := m.w.History().Undo(0); return err }}},
		"History.Redo": {{"of nothing", crdt.ErrNothingToRedo, "", func(m *misused) error { _, err := m.w.History().Redo(0); return err }}},
		"Replica.Observe": nothing("cancelled twice", func(m *misused) (told bool) {
			cancel := m.r.Observe(func([]crdt.Patch) { told = true })
			cancel()
			cancel()
			return told
		}),
		"Replica.AsOf": {{"of no such change", crdt.ErrMissing, "", func(m *misused) error { _, err := m.r.AsOf(m.r.ID(0), none); return err }}},
		"Replica.Diff": {
			{"from no such change", crdt.ErrMissing, "", func(m *misused) error { _, err := m.r.Diff([]crdt.ChangeID{none}, nil); return err }},
			{"to another room's", crdt.ErrMissing, "", func(m *misused) error { _, err := m.r.Diff(nil, m.other.Heads()); return err }},
		},
		"Replica.DropPeer":    nothing("no such peer", func(m *misused) bool { m.r.DropPeer(99); return false }),
		"Replica.TrimPending": nothing("to more than there is", func(m *misused) bool { m.r.TrimPending(math.MaxInt); return len(m.r.Expire(time.Time{})) > 0 }),
		"Replica.Expire":      nothing("before anything is due", func(m *misused) bool { return len(m.r.Expire(time.Time{})) > 0 }),
		"Replica.Evidence": {
			{"of no fork", crdt.ErrNoTarget, "", func(m *misused) error { _, err := m.r.Evidence(crdt.Fork{}); return err }},
			{"of two changes of a chain", crdt.ErrNoTarget, "", func(m *misused) error {
				_, err := m.r.Evidence(crdt.Fork{Author: m.w.Author(), A: m.r.ID(0), B: m.r.ID(1)})
				return err
			}},
		},
		"Replica.Receive": {
			{"while own changes are unsigned", crdt.ErrUnsigned, "", func(m *misused) error { return m.r.Receive(m.pack, 1, epoch).Err }},
		},
		"Replica.Load": {
			{"while own changes are unsigned", crdt.ErrUnsigned, "", func(m *misused) error { return m.r.Load(exported(m.other)[0]) }},
		},
		"Replica.LoadPack": {
			{"while own changes are unsigned", crdt.ErrUnsigned, "", func(m *misused) error { return m.r.LoadPack(m.pack) }},
		},
		"Replica.LoadStored": {
			{"while own changes are unsigned", crdt.ErrUnsigned, "", func(m *misused) error { return m.r.LoadStored(&crdt.StoredPack{}) }},
		},
		"Replica.MissingOf": {{"of another room", nil, "", func(m *misused) error {
			if got := m.r.MissingOf(m.pack); len(got) != 1 || got[0] != crdt.ChangeID(m.other.Room()) {
				return fmt.Errorf("got %v, want the other room", got)
			}
			return nil
		}}},
		"Pack.EachRun": {{"stopped at once", nil, "", func(m *misused) error {
			n := 0
			m.pack.EachRun(func(_ crdt.Author, prev crdt.ChangeID, ids []crdt.ChangeID) bool {
				if n++; prev != crdt.ChangeID(m.other.Room()) || len(ids) != m.pack.Changes() {
					m.t.Errorf("got %d changes after %v", len(ids), prev)
				}
				return false
			})
			if n != 1 {
				return fmt.Errorf("%d runs after the end was asked for", n)
			}
			return nil
		}}},
		"Replica.VerifyTips": {{"all good", nil, "", func(m *misused) error { return m.r.VerifyTips() }}},
		"Replica.Writer": {
			{"a weak key", crdt.ErrBadAuthor, "", func(m *misused) error { _, err := m.r.Writer(append(make(ed25519.PrivateKey, 63), 0)); return err }},
			{"a keeper's", crdt.ErrKeeper, "", func(m *misused) error {
				k, err := crdt.NewKeeper(m.r.Charter())
				if err != nil {
					return err
				}
				_, err = k.Writer(testKey(0))
				return err
			}},
		},
		"NewReplica": {{"no charter", crdt.ErrCharter, "", func(*misused) error { _, err := crdt.NewReplica(crdt.Charter{}); return err }}},
		"NewKeeper":  {{"no charter", crdt.ErrCharter, "", func(*misused) error { _, err := crdt.NewKeeper(crdt.Charter{}); return err }}},
		"NewChecker": nothing("of no charter", func(*misused) bool { crdt.NewChecker(crdt.Charter{}); return false }),
		"OpenLedger": {{"without a name", crdt.ErrCharter, "", func(*misused) error { return crdt.OpenLedger("").Validate() }}},
		"Checker.Check": {
			{"no bytes", crdt.ErrMalformed, "", func(m *misused) error { _, err := crdt.NewChecker(m.r.Charter()).Check(nil, nil); return err }},
			{"of another room", crdt.ErrBadSignature, "", func(m *misused) error {
				_, err := crdt.NewChecker(m.r.Charter()).Check(exported(m.other)[0], nil)
				return err
			}},
		},
		"Checker.CheckAll": {{"one without bytes", crdt.ErrMalformed, "", func(m *misused) error {
			frame := exported(m.r)[0]
			packs, errs := crdt.NewChecker(m.r.Charter()).CheckAll([][]byte{frame, nil, frame}, nil)
			if packs[0] == nil || packs[1] != nil || packs[2] == nil || errs[0] != nil || errs[2] != nil {
				return fmt.Errorf("packs %v, errors %v", packs, errs)
			}
			return errs[1]
		}}},
		"Checker.EachStored": {
			{"no bytes", crdt.ErrMalformed, "", func(m *misused) error {
				return crdt.NewChecker(m.r.Charter()).EachStored(nil, func(*crdt.StoredPack) error { return nil })
			}},
			{"a segment cut off", crdt.ErrFileColumns, "", func(m *misused) error {
				record, _ := m.other.RecordFrom(0)
				return crdt.NewChecker(m.other.Charter()).EachStored(record[:len(record)-1], func(*crdt.StoredPack) error { return nil })
			}},
			{"stopped at once", errStop, "", func(m *misused) error {
				record, _ := m.other.RecordFrom(0)
				return crdt.NewChecker(m.other.Charter()).EachStored(record, func(*crdt.StoredPack) error { return errStop })
			}},
		},
		"Checker.Remember": {{"less than nothing", nil, "", func(m *misused) error {
			c := crdt.NewChecker(m.r.Charter())
			c.Remember(-1)
			_, err := c.Check(exported(m.r)[0], nil)
			return err
		}}},
		"Checker.VerifyTips": {{"of another room", crdt.ErrBadSignature, "", func(m *misused) error {
			return crdt.NewChecker(m.r.Charter()).VerifyTips(m.other)
		}}},
		"Replica.SignedRun": {
			{"before the log", crdt.ErrNoTarget, "", func(m *misused) error { _, _, err := m.r.SignedRun(-1, 0); return err }},
			{"beyond the log", crdt.ErrNoTarget, "", func(m *misused) error { _, _, err := m.r.SignedRun(0, m.r.Len()); return err }},
			{"back to front", crdt.ErrNoTarget, "", func(m *misused) error { _, _, err := m.r.SignedRun(1, 0); return err }},
			{"unsigned", crdt.ErrUnsigned, "", func(m *misused) error {
				_, _, err := m.r.SignedRun(m.r.Len()-1, m.r.Len()-1)
				return err
			}},
		},
		"SignedRun.Check": {
			{"of no changes", crdt.ErrEmptyChange, "", func(m *misused) error {
				run, _, err := m.r.SignedRun(0, 0)
				if err != nil {
					return err
				}
				run.Hashes = nil
				_, err = run.Check(m.r.Room())
				return err
			}},
			{"in another room", crdt.ErrBadSignature, "", func(m *misused) error {
				run, _, err := m.r.SignedRun(0, 0)
				if err != nil {
					return err
				}
				_, err = run.Check(m.other.Room())
				return err
			}},
		},
		"LogDigest": {{"of another room", nil, "", func(m *misused) error {
			if crdt.LogDigest(m.other.Room(), m.r.Heads()) == m.r.LogDigest() {
				return fmt.Errorf("the digest is that of room %v", m.r.Room())
			}
			return nil
		}}},
		"Checker.Verify": {
			{"a frame of another room", crdt.ErrBadSignature, "", func(m *misused) error {
				c := crdt.NewChecker(m.r.Charter())
				p, err := c.Stored(exported(m.other)[0])
				if err != nil {
					return err
				}
				return c.Verify(p)
			}},
			{"a segment of another room", crdt.ErrBadSignature, "", func(m *misused) error {
				record, _ := m.other.RecordFrom(0)
				c := crdt.NewChecker(m.r.Charter())
				return c.EachStored(record, func(p *crdt.StoredPack) error { return c.Verify(p.Pack()) })
			}},
		},
		"Replica.RecordFrom": trusted(func(m *misused, i int) { m.r.RecordFrom(i) }),
		"IsSegment":          nothing("no bytes", func(*misused) bool { return crdt.IsSegment(nil) }),
		"RecordSize": nothing("garbage", func(*misused) bool {
			none, _ := crdt.RecordSize(nil)
			cut, _ := crdt.RecordSize([]byte{1, 0xff})
			garbage, _ := crdt.RecordSize([]byte("garbage"))
			return none+cut+garbage > 0
		}),
		"Checker.Stored": {{"no bytes", crdt.ErrMalformed, "", func(m *misused) error { _, err := crdt.NewChecker(m.r.Charter()).Stored(nil); return err }}},
	}
}

// byteMisuses are those of what reads and writes bytes.
func byteMisuses() map[string][]misuse {
	of := func(want error, call func(b []byte) error) (rows []misuse) {
		for name, b := range map[string][]byte{"nothing": nil, "garbage": {0xff, 0x00}, "a lie": {0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} {
			rows = append(rows, misuse{name, want, "", func(*misused) error { return call(b) }})
		}
		return rows
	}
	fine := func(call func(m *misused) error) []misuse { return []misuse{{"fails never", nil, "", call}} }
	return map[string][]misuse{
		"ParseAuthor":   of(crdt.ErrBadAuthor, func(b []byte) error { _, err := crdt.ParseAuthor(b); return err }),
		"ParseCharter":  of(crdt.ErrCharter, func(b []byte) error { _, err := crdt.ParseCharter(b); return err }),
		"ParseCursor":   of(crdt.ErrBadCursor, func(b []byte) error { _, err := crdt.ParseCursor(b); return err }),
		"ParseLiteral":  of(crdt.ErrLiteral, func(b []byte) error { _, err := crdt.ParseLiteral(b); return err }),
		"CheckEvidence": of(crdt.ErrEvidence, func(b []byte) error { _, _, err := crdt.CheckEvidence(b); return err }),
		"ParseEvidence": of(crdt.ErrEvidence, func(b []byte) error { _, err := crdt.ParseEvidence(b); return err }),
		"ReadPayload": of(crdt.ErrMalformed, func(b []byte) error {
			_, err := crdt.ReadPayload(b, crdt.RoomID{}, crdt.ChangeID{})
			return err
		}),
		"EncodeLiteral": {
			{"what is none", crdt.ErrLiteral, "", func(*misused) error { _, err := crdt.EncodeLiteral(make(chan int)); return err }},
			{"not a number", crdt.ErrLiteral, "", func(*misused) error { _, err := crdt.EncodeLiteral(math.NaN()); return err }},
			{"a whole number too great", crdt.ErrLiteral, "", func(*misused) error { _, err := crdt.EncodeLiteral(uint64(math.MaxUint64)); return err }},
			{"itself within itself", crdt.ErrLiteral, "", func(*misused) error {
				loop := []any{nil}
				loop[0] = loop
				_, err := crdt.EncodeLiteral(loop)
				return err
			}},
		},
		"Charter.Validate": {{"no name", crdt.ErrCharter, "", func(*misused) error { return crdt.Charter{Kind: crdt.JSON}.Validate() }}},
		"Charter.Append":   fine(func(m *misused) error { crdt.Charter{}.Append(nil); return nil }),
		"Code": {{"of no reason", nil, "", func(m *misused) error {
			if c := crdt.Code(nil) + crdt.Code(errStop); c != "" {
				m.t.Errorf("code %q", c)
			}
			return nil
		}}},
		"Author.MarshalText":   fine(func(*misused) error { _, err := crdt.Author{}.MarshalText(); return err }),
		"ChangeID.MarshalText": fine(func(*misused) error { _, err := crdt.ChangeID{}.MarshalText(); return err }),
		"RoomID.MarshalText":   fine(func(*misused) error { _, err := crdt.RoomID{}.MarshalText(); return err }),
		"Cursor.MarshalBinary": fine(func(*misused) error { _, err := crdt.Cursor{}.MarshalBinary(); return err }),
		"Literal.MarshalJSON":  fine(func(*misused) error { _, err := crdt.Literal{0xff}.MarshalJSON(); return err }),
		"PathError.Unwrap":     {{"its reason", errStop, "", func(*misused) error { return (&crdt.PathError{Err: errStop}).Unwrap() }}},
		"RefusedError.Unwrap":  {{"its reason", errStop, "", func(*misused) error { return (&crdt.RefusedError{Err: errStop}).Unwrap() }}},
	}
}
