package crdt_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
)

type (
	everything struct {
		Bool    bool `crdt:"b"`
		Int     int
		Small   int8
		Word    uint32
		Float   float64
		Single  float32
		Text    string `crdt:",omitempty"`
		Named   flavour
		Bytes   []byte
		Hash    [5]byte
		List    []string `crdt:"list,omitempty"`
		Grid    [][]int64
		Pair    [2]preference
		Map     map[string]float64
		Flavour map[flavour][]byte
		Maybe   *int
		Sub     *preference `crdt:"sub,omitempty"`
		Subs    []preference
		Embedded
		Skip int `crdt:"-"`
	}
	Embedded struct {
		Within bool
		Deep   *[]map[string]*string
	}
	flavour string
)

// full puts empty slices and maps where v has none: they are written alike.
func full(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			full(v.Index(i))
		}
	case reflect.Map:
		all := reflect.MakeMap(v.Type())
		for k, item := range v.Seq2() {
			copied := reflect.New(item.Type()).Elem()
			copied.Set(item)
			full(copied)
			all.SetMapIndex(k, copied)
		}
		v.Set(all)
	case reflect.Pointer:
		if !v.IsNil() {
			full(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			full(v.Field(i))
		}
	}
}

// Whatever plain value is written through any handle, it is read again elsewhere.
func TestPlainValues(t *testing.T) {
	t.Parallel()
	type holder struct {
		Field    crdt.Field[everything]    `crdt:"field"`
		Register crdt.Register[everything] `crdt:"register"`
		List     crdt.List[everything]     `crdt:"list"`
		Map      crdt.Map[everything]      `crdt:"map"`
	}
	type held struct {
		Field    everything            `crdt:"field"`
		Register everything            `crdt:"register"`
		List     []everything          `crdt:"list"`
		Map      map[string]everything `crdt:"map"`
	}
	rapid.Check(t, func(rt *rapid.T) {
		v := rapid.Make[everything]().Draw(rt, "value")
		v.Skip = 0
		l, err := crdt.EncodeLiteral(v)
		if err != nil {
			rt.Fatal(err)
		}
		if len(l) > crdt.MaxPayloadBytes/5 {
			rt.Skip("too big for one change")
		}
		ours, theirs := newReplica(rt, roomOf(crdt.JSON)), newReplica(rt, roomOf(crdt.JSON))
		w := must(ours.Writer(testKey(0)))
		b := must(crdt.Bind[holder](ours.Doc()))
		must(w.Change(1, func(tx *crdt.Tx) error {
			for _, err := range []error{
				b.Field.Set(tx, v), b.Register.Set(tx, v), b.List.Append(tx, v), b.Map.Set(tx, "k", v),
			} {
				if err != nil {
					return err
				}
			}
			return nil
		}))
		w.Sign()
		frame, _ := ours.PackFrom(0, nil)
		theirs.Receive(must(crdt.NewChecker(theirs.Charter()).Check(frame, nil)), 1, time.Time{})

		full(reflect.ValueOf(&v).Elem())
		same := func(what string, got everything, err error) {
			full(reflect.ValueOf(&got).Elem())
			if err != nil || !reflect.DeepEqual(got, v) {
				rt.Fatalf("%s: got %+v, %v, want %+v", what, got, err, v)
			}
		}
		b = must(crdt.Bind[holder](theirs.Doc()))
		got, err := b.Field.Value()
		same("field", got, err)
		got, err = b.Register.Value()
		same("register", got, err)
		got, err = b.List.At(0)
		same("list", got, err)
		got, err = b.Map.At("k")
		same("map", got, err)
		all, err := crdt.Read[held](theirs.Doc())
		same("read field", all.Field, err)
		same("read register", all.Register, err)
		same("read item", all.List[0], err)
		same("read value", all.Map["k"], err)
		again, err := crdt.DecodeLiteral[everything](l)
		same("literal", again, err)
		if err := crdt.Check[holder](theirs.Doc()); err != nil {
			rt.Fatal(err)
		}
	})
}

// plainBoard is what Read makes of a board, and the model of the next test.
type (
	plainBoard struct {
		Title string                `crdt:"title"`
		Votes int64                 `crdt:"votes"`
		Owner string                `crdt:"owner"`
		Todos []plainTodo           `crdt:"todos"`
		Prefs map[string]preference `crdt:"prefs"`
		Meta  struct {
			Color string               `crdt:"color"`
			Seen  map[string]int64     `crdt:"seen"`
			Notes map[string]plainTodo `crdt:"notes"`
			Grid  [][]int              `crdt:"grid"`
			Cells []*int               `crdt:"cells"`
		} `crdt:"meta"`
	}
	plainTodo struct {
		Title string      `crdt:"title"`
		Done  bool        `crdt:"done"`
		Tags  []string    `crdt:"tags"`
		Prio  int         `crdt:"prio"`
		Subs  []plainTodo `crdt:"subs"`
	}
)

// Any program of edits through handles does to the document what it does to plain
// Go values.
func TestHandlesAsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := throw(rt)
		r := newReplica(rt, roomOf(crdt.JSON))
		w := must(r.Writer(testKey(0)))
		b := must(crdt.Bind[board](r.Doc()))
		var model plainBoard
		model.Prefs = map[string]preference{}
		word := func() string { return pick(d, []string{"a", "héllo", "𝄞", "to be", "x\x00y"}) }
		key := func() string { return pick(d, []string{"", "k", "a b"}) }
		for range 40 {
			// Each step is one change: within one, all see the document as it was before.
			var edit func(tx *crdt.Tx) error
			switch d.n(12) {
			case 0, 1:
				runes, s := []rune(model.Title), word()
				at := d.n(len(runes) + 1)
				n := d.n(len(runes) - at + 1)
				edit = func(tx *crdt.Tx) error { return b.Title.Splice(tx, at, n, s) }
				model.Title = string(slices.Replace(runes, at, at+n, []rune(s)...))
			case 2:
				n := int64(d.n(9) - 4)
				edit = func(tx *crdt.Tx) error { return b.Votes.Add(tx, n) }
				model.Votes += n
			case 3:
				model.Owner = word()
				edit = func(tx *crdt.Tx) error { return b.Owner.Set(tx, model.Owner) }
			case 4, 5:
				at, n := d.n(len(model.Todos)+1), d.n(3)
				drafts, plain := make([]todo, n), make([]plainTodo, n)
				for i := range n {
					plain[i] = plainTodo{Title: word(), Tags: []string{word()}, Prio: d.n(5)}
					drafts[i] = todo{Title: crdt.NewText(plain[i].Title), Tags: crdt.NewList(plain[i].Tags...), Prio: crdt.NewRegister(plain[i].Prio)}
				}
				cut := d.n(len(model.Todos) - at + 1)
				if n+cut == 0 {
					continue
				}
				edit = func(tx *crdt.Tx) error { return b.Todos.Splice(tx, at, cut, drafts...) }
				model.Todos = slices.Replace(model.Todos, at, at+cut, plain...)
			case 6, 7:
				if len(model.Todos) == 0 {
					continue
				}
				i := d.n(len(model.Todos))
				item, plain := must(b.Todos.At(i)), &model.Todos[i]
				switch d.n(3) {
				case 0:
					plain.Done = !plain.Done
					edit = func(tx *crdt.Tx) error { return item.Done.Set(tx, plain.Done) }
				case 1:
					s := word()
					at := d.n(len(plain.Tags) + 1)
					edit = func(tx *crdt.Tx) error { return item.Tags.Insert(tx, at, s) }
					plain.Tags = slices.Insert(plain.Tags, at, s)
				default:
					edit = func(tx *crdt.Tx) error { return item.Subs.Append(tx, todo{Title: crdt.NewText("sub")}) }
					plain.Subs = append(plain.Subs, plainTodo{Title: "sub"})
				}
			case 8:
				k, v := key(), preference{Size: d.n(9)}
				edit = func(tx *crdt.Tx) error { return b.Prefs.Set(tx, k, v) }
				model.Prefs[k] = v
			case 9:
				k := key()
				if _, ok := model.Prefs[k]; !ok {
					continue
				}
				edit = func(tx *crdt.Tx) error { return b.Prefs.Delete(tx, k) }
				delete(model.Prefs, k)
			case 10:
				k := key()
				edit = func(tx *crdt.Tx) error { return must(b.Meta.Seen.At(k)).Add(tx, 1) }
				if model.Meta.Seen == nil {
					model.Meta.Seen = map[string]int64{}
				}
				model.Meta.Seen[k]++
			default:
				row := []int{d.n(5)}
				edit = func(tx *crdt.Tx) error { return b.Meta.Grid.Append(tx, crdt.NewList(row...)) }
				model.Meta.Grid = append(model.Meta.Grid, row)
			}
			must(w.Change(1, edit))
		}
		got, err := crdt.Read[plainBoard](r.Doc())
		want := model
		want.Prefs = maps.Clone(model.Prefs)
		full(reflect.ValueOf(&got).Elem())
		full(reflect.ValueOf(&want).Elem())
		if err != nil || !reflect.DeepEqual(got, want) {
			rt.Fatalf("got  %+v, %v\nwant %+v", got, err, want)
		}
		if err := crdt.Check[board](r.Doc()); err != nil {
			rt.Fatal(err)
		}
		untyped, err := crdt.Read[any](r.Doc())
		if err != nil || !reflect.DeepEqual(untyped, r.Value()) {
			rt.Fatalf("read %v, %v, value %v", untyped, err, r.Value())
		}
	})
}

// Values are written as their tags say, and no deeper than the format lets them.
func TestEncodeByTags(t *testing.T) {
	t.Parallel()
	name := "x"
	for want, v := range map[string]any{
		`{"size":1}`:                preference{Size: 1},
		`{"name":"x","size":0}`:     preference{Name: &name},
		`[{"a":null},[],{},"AQI="]`: []any{map[string]*int{"a": nil}, []int(nil), map[string]int(nil), [2]byte{1, 2}},
		`{"A":0}`: struct {
			A int
			B []int  `crdt:",omitempty"`
			C string `crdt:"c,omitempty"`
			D int    `crdt:"-"`
		}{},
	} {
		l, err := crdt.EncodeLiteral(v)
		if got, _ := l.MarshalJSON(); err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
	type nest map[string]nest
	var typed nest
	var untyped any = map[string]any{}
	for depth := 2; depth <= crdt.MaxDepth; depth++ { // levels of what is written next
		typed, untyped = nest{"k": typed}, map[string]any{"k": untyped}
		_, err := crdt.EncodeLiteral(typed)
		_, err2 := crdt.EncodeLiteral(untyped)
		if fits := depth <= crdt.MaxDepth-3; (err == nil) != fits || (err2 == nil) != fits {
			t.Fatalf("%d levels: %v, %v", depth, err, err2)
		}
	}
}

// What handles cost: an edit through one beside the same by name.
func BenchmarkTextHandle(b *testing.B) {
	for _, bound := range []bool{false, true} {
		b.Run(map[bool]string{false: "tx", true: "handle"}[bound], func(b *testing.B) {
			r := newReplica(b, roomOf(crdt.JSON))
			w := must(r.Writer(testKey(0)))
			doc := must(crdt.Bind[board](r.Doc()))
			must(w.Change(1, func(tx *crdt.Tx) error { return doc.Title.Append(tx, "x") }))
			name := must(doc.Title.Objects())[0]
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Change(1, func(tx *crdt.Tx) error {
					for range 1000 {
						var err error
						if bound {
							err = doc.Title.Insert(tx, 0, "y")
						} else {
							_, err = tx.InsertText(name, 0, "y")
						}
						if err != nil {
							return err
						}
					}
					return errStop // what is measured is the edits alone
				}); err != errStop {
					b.Fatal(err)
				}
			}
		})
	}
}
