package crdt_test

import (
	"errors"
	"fmt"
	"math"

	"github.com/tallystick/tallystick/crdt"
)

// sampled binds the sample, askew the same with every handle at a place of another
// type.
type (
	sampled struct {
		Map      crdt.Map[int]      `crdt:"map"`
		List     crdt.List[string]  `crdt:"list"`
		Text     crdt.Text          `crdt:"text"`
		Register crdt.Register[int] `crdt:"register"`
		Counter  crdt.Counter       `crdt:"counter"`
		Field    crdt.Field[string] `crdt:"value"`
	}
	askew struct {
		Map      crdt.Map[int]      `crdt:"list"`
		List     crdt.List[string]  `crdt:"text"`
		Text     crdt.Text          `crdt:"register"`
		Register crdt.Register[int] `crdt:"counter"`
		Counter  crdt.Counter       `crdt:"value"`
		Field    crdt.Field[string] `crdt:"map"`
	}
)

// reading are the misuses of every reading method of a handle.
func reading(kind string, call func(b sampled) error) []misuse {
	return []misuse{
		{"of no document", crdt.ErrHandle, "", func(*misused) error { return call(sampled{}) }},
		{"of another type", crdt.ErrWrongType, "[" + kind + "]", func(m *misused) error { return call(sampled(*bind[askew](m.t, m.r))) }},
	}
}

// writing are the misuses of every writing method of a handle.
func writing(here string, kind string, call func(b sampled, tx *crdt.Tx) error) []misuse {
	rows := []misuse{
		{"without a Tx", crdt.ErrHandle, "[" + here + "]", func(m *misused) error { return call(*bind[sampled](m.t, m.r), nil) }},
		{"of no document", crdt.ErrHandle, "", func(m *misused) error {
			return m.tx(func(tx *crdt.Tx) error { return call(sampled{}, tx) })
		}},
		{"of another document", crdt.ErrHandle, "[" + here + "]", func(m *misused) error {
			b := *bind[sampled](m.t, m.other)
			return m.tx(func(tx *crdt.Tx) error { return call(b, tx) })
		}},
		{"in the past", crdt.ErrHandle, "[" + here + "]", func(m *misused) error {
			past, err := m.r.AsOf(m.r.ID(0))
			if err != nil {
				return err
			}
			b, err := crdt.Bind[sampled](past)
			if err != nil {
				return err
			}
			return m.tx(func(tx *crdt.Tx) error { return call(*b, tx) })
		}},
	}
	if kind != "" {
		rows = append(rows, misuse{"of another type", crdt.ErrWrongType, "[" + kind + "]", func(m *misused) error {
			b := sampled(*bind[askew](m.t, m.r))
			return m.tx(func(tx *crdt.Tx) error { return call(b, tx) })
		}})
	}
	return rows
}

// beyond are misuses of a writing method that takes an index of a thing with n items.
func beyond(here string, n int, call func(b sampled, tx *crdt.Tx, index int) error) (rows []misuse) {
	for _, i := range []int{n + 1, -1, math.MinInt, math.MaxInt} {
		rows = append(rows, misuse{fmt.Sprintf("index %d", i), crdt.ErrBadIndex, "[" + here + "]", func(m *misused) error {
			b := *bind[sampled](m.t, m.r)
			return m.tx(func(tx *crdt.Tx) error { return call(b, tx, i) })
		}})
	}
	return rows
}

// quiet is a call that has no error to give and must do nothing.
func quiet(call func(b sampled) bool) []misuse {
	return []misuse{{"of no document, or another type", nil, "", func(m *misused) error {
		if call(sampled{}) || call(sampled(*bind[askew](m.t, m.r))) {
			return errors.New("it is there")
		}
		return nil
	}}}
}

func bindMisuses() map[string][]misuse {
	lit := func(want error, path string, write func(b sampled, tx *crdt.Tx) error) []misuse {
		return []misuse{{"of no literal", want, path, func(m *misused) error {
			b := *bind[sampled](m.t, m.r)
			return m.tx(func(tx *crdt.Tx) error { return write(b, tx) })
		}}}
	}
	type strange struct{ C chan int }
	schema := func(call func(m *misused) error) []misuse {
		return []misuse{{"of what is no schema", crdt.ErrSchema, "", call}}
	}
	draft := func(h func(tx *crdt.Tx) error) []misuse {
		return []misuse{{"as a handle", crdt.ErrHandle, "", func(m *misused) error { return m.tx(h) }}}
	}
	cat := func(rows ...[]misuse) (all []misuse) {
		for _, r := range rows {
			all = append(all, r...)
		}
		return all
	}
	return map[string][]misuse{
		"Bind": schema(func(m *misused) error { _, err := crdt.Bind[strange](m.doc); return err }),
		"Check": append(schema(func(m *misused) error { return crdt.Check[strange](m.doc) }),
			misuse{"of another type", crdt.ErrWrongType, "[counter]", func(m *misused) error { return crdt.Check[askew](m.doc) }}),
		"Read": append(schema(func(m *misused) error { _, err := crdt.Read[strange](m.doc); return err }),
			misuse{"of handles", crdt.ErrSchema, "", func(m *misused) error { _, err := crdt.Read[sampled](m.doc); return err }},
			misuse{"of another type", crdt.ErrWrongType, "[list 0]", func(m *misused) error { _, err := crdt.Read[[]int](m.doc, "list"); return err }},
			misuse{"of nothing", crdt.ErrNoTarget, "[map x]", func(m *misused) error { _, err := crdt.Read[any](m.doc, "map", "x"); return err }}),
		"DecodeLiteral": append(schema(func(*misused) error { _, err := crdt.DecodeLiteral[strange](crdt.Literal{0}); return err }),
			misuse{"of no literal", crdt.ErrLiteral, "", func(*misused) error { _, err := crdt.DecodeLiteral[int](crdt.Literal{0xff}); return err }},
			misuse{"of nothing", crdt.ErrLiteral, "", func(*misused) error { _, err := crdt.DecodeLiteral[int](nil); return err }},
			misuse{"of another type", crdt.ErrWrongType, "[0]", func(m *misused) error { _, err := crdt.DecodeLiteral[[]int](crdt.Literal{0x81, 0x60}); return err }}),

		"NewText":     draft(func(tx *crdt.Tx) error { return crdt.NewText("x").Insert(tx, 0, "x") }),
		"NewCounter":  draft(func(tx *crdt.Tx) error { return crdt.NewCounter(1).Add(tx, 1) }),
		"NewField":    draft(func(tx *crdt.Tx) error { return crdt.NewField(1).Set(tx, 1) }),
		"NewRegister": draft(func(tx *crdt.Tx) error { return crdt.NewRegister(1).Set(tx, 1) }),
		"NewList":     draft(func(tx *crdt.Tx) error { return crdt.NewList(1).Append(tx, 1) }),
		"NewMap":      draft(func(tx *crdt.Tx) error { return crdt.NewMap(map[string]int{}).Set(tx, "k", 1) }),

		"Text.Value":   reading("register", func(b sampled) error { _, err := b.Text.Value(); return err }),
		"Text.Objects": reading("register", func(b sampled) error { _, err := b.Text.Objects(); return err }),
		"Text.Offset":  reading("register", func(b sampled) error { _, err := b.Text.Offset(0, crdt.UTF8); return err }),
		"Text.Index":   reading("register", func(b sampled) error { _, err := b.Text.Index(0, crdt.UTF8); return err }),
		"Text.Append":  writing("text", "register", func(b sampled, tx *crdt.Tx) error { return b.Text.Append(tx, "x") }),
		"Text.Insert": cat(writing("text", "register", func(b sampled, tx *crdt.Tx) error { return b.Text.Insert(tx, 0, "x") }),
			beyond("text", 3, func(b sampled, tx *crdt.Tx, i int) error { return b.Text.Insert(tx, i, "x") }),
			lit(crdt.ErrLiteral, "[text]", func(b sampled, tx *crdt.Tx) error { return b.Text.Insert(tx, 0, "\xff") })),
		"Text.Delete": cat(writing("text", "register", func(b sampled, tx *crdt.Tx) error { return b.Text.Delete(tx, 0, 1) }),
			beyond("text", 3, func(b sampled, tx *crdt.Tx, i int) error { return b.Text.Delete(tx, i, 0) }),
			beyond("text", 3, func(b sampled, tx *crdt.Tx, i int) error { return b.Text.Delete(tx, 0, i) })),
		"Text.Splice": cat(writing("text", "register", func(b sampled, tx *crdt.Tx) error { return b.Text.Splice(tx, 0, 1, "x") }),
			beyond("text", 3, func(b sampled, tx *crdt.Tx, i int) error { return b.Text.Splice(tx, i, 0, "x") }),
			beyond("text", 3, func(b sampled, tx *crdt.Tx, i int) error { return b.Text.Splice(tx, 0, i, "x") })),

		"Counter.Value":   reading("value", func(b sampled) error { _, err := b.Counter.Value(); return err }),
		"Counter.Objects": reading("value", func(b sampled) error { _, err := b.Counter.Objects(); return err }),
		"Counter.Add":     writing("counter", "value", func(b sampled, tx *crdt.Tx) error { return b.Counter.Add(tx, 1) }),

		"Field.Value":     reading("map", func(b sampled) error { _, err := b.Field.Value(); return err }),
		"Field.Conflicts": {{"of no document", crdt.ErrHandle, "", func(*misused) error { _, err := sampled{}.Field.Conflicts(); return err }}},
		"Field.Set": cat(writing("value", "", func(b sampled, tx *crdt.Tx) error { return b.Field.Set(tx, "x") }),
			lit(crdt.ErrLiteral, "[value]", func(b sampled, tx *crdt.Tx) error { return b.Field.Set(tx, "\xff") })),
		"Field.Unset": writing("value", "", func(b sampled, tx *crdt.Tx) error { return b.Field.Unset(tx) }),

		"Register.Value":     reading("counter", func(b sampled) error { _, err := b.Register.Value(); return err }),
		"Register.Conflicts": reading("counter", func(b sampled) error { _, err := b.Register.Conflicts(); return err }),
		"Register.Objects":   reading("counter", func(b sampled) error { _, err := b.Register.Objects(); return err }),
		"Register.Set":       writing("register", "counter", func(b sampled, tx *crdt.Tx) error { return b.Register.Set(tx, 1) }),

		"List.Value":   reading("text", func(b sampled) error { _, err := b.List.Value(); return err }),
		"List.Objects": reading("text", func(b sampled) error { _, err := b.List.Objects(); return err }),
		"List.At": append(reading("text", func(b sampled) error { _, err := b.List.At(0); return err }),
			misuse{"beyond the end", crdt.ErrBadIndex, "[list]", func(m *misused) error { _, err := bind[sampled](m.t, m.r).List.At(2); return err }},
			misuse{"before the beginning", crdt.ErrBadIndex, "[list]", func(m *misused) error { _, err := bind[sampled](m.t, m.r).List.At(-1); return err }}),
		"List.Append": cat(writing("list", "text", func(b sampled, tx *crdt.Tx) error { return b.List.Append(tx, "x") }),
			lit(crdt.ErrLiteral, "[list 3]", func(b sampled, tx *crdt.Tx) error { return b.List.Append(tx, "x", "\xff") })),
		"List.Insert": cat(writing("list", "text", func(b sampled, tx *crdt.Tx) error { return b.List.Insert(tx, 0, "x") }),
			beyond("list", 2, func(b sampled, tx *crdt.Tx, i int) error { return b.List.Insert(tx, i, "x") })),
		"List.Delete": cat(writing("list", "text", func(b sampled, tx *crdt.Tx) error { return b.List.Delete(tx, 0, 1) }),
			beyond("list", 2, func(b sampled, tx *crdt.Tx, i int) error { return b.List.Delete(tx, i, 0) }),
			beyond("list", 2, func(b sampled, tx *crdt.Tx, i int) error { return b.List.Delete(tx, 0, i) })),
		"List.Splice": cat(writing("list", "text", func(b sampled, tx *crdt.Tx) error { return b.List.Splice(tx, 0, 1, "x") }),
			beyond("list", 2, func(b sampled, tx *crdt.Tx, i int) error { return b.List.Splice(tx, i, 0, "x") }),
			beyond("list", 2, func(b sampled, tx *crdt.Tx, i int) error { return b.List.Splice(tx, 0, i, "x") })),

		"Map.Value":     reading("list", func(b sampled) error { _, err := b.Map.Value(); return err }),
		"Map.Objects":   reading("list", func(b sampled) error { _, err := b.Map.Objects(); return err }),
		"Map.At":        reading("list", func(b sampled) error { _, err := b.Map.At("k"); return err }),
		"Map.Conflicts": reading("list", func(b sampled) error { _, err := b.Map.Conflicts("k"); return err }),
		"Map.Has":       quiet(func(b sampled) bool { return b.Map.Has("k") }),
		"Map.Set": cat(writing("map", "list", func(b sampled, tx *crdt.Tx) error { return b.Map.Set(tx, "k", 1) }),
			lit(crdt.ErrLiteral, "[map \xff]", func(b sampled, tx *crdt.Tx) error { return b.Map.Set(tx, "\xff", 1) })),
		"Map.Delete": writing("map", "list", func(b sampled, tx *crdt.Tx) error { return b.Map.Delete(tx, "k") }),

		"SchemaError.Unwrap": schema(func(*misused) error { return &crdt.SchemaError{} }),
	}
}
