package crdt_test

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

type hidden struct{ _ int }

type loop struct {
	Self *loop            `crdt:"self"`
	Kids []loop           `crdt:"kids"`
	By   map[string]*loop `crdt:"by"`
}

// Types that cannot be a schema are refused by name.
func TestSchemaErrors(t *testing.T) {
	t.Parallel()
	type inner struct {
		Bad chan int `crdt:"bad"`
	}
	type held struct{ T crdt.Text }
	for name, c := range map[string]struct {
		bind func(*crdt.Doc) error
		want string
	}{
		"no struct":    {binds[int], "int: it is no struct of handles"},
		"plain struct": {binds[preference], "crdt_test.preference: it is no struct of handles"},
		"a handle":     {binds[crdt.Text], "crdt.Text: it is no struct of handles"},
		"any":          {binds[any], "interface {}: it is no struct of handles"},
		"plain among handles": {binds[struct {
			T crdt.Text
			N int
		}], `field N, of type int: no handle, among handles: use crdt.Field[int], or the tag "-"`},
		"slice of handles": {binds[struct {
			T []crdt.Text
			U crdt.Text
		}], "field T, of type []crdt.Text: handles stand in structs, List and Map, not in a Go slice"},
		"pointer to handles": {binds[struct {
			T *held
			U crdt.Text
		}], "field T, of type *crdt_test.held: handles stand in structs, List and Map, not in a Go ptr"},
		"handles in a field":      {binds[struct{ F crdt.Field[held] }], "field F, of type crdt.Field[crdt_test.held]: what is set as a whole cannot hold crdt_test.held, which holds handles"},
		"text in a register":      {binds[struct{ R crdt.Register[crdt.Text] }], "field R, of type crdt.Register[crdt.Text]: what is set as a whole cannot hold crdt.Text, which holds handles"},
		"field in a list":         {binds[struct{ L crdt.List[crdt.Field[int]] }], "field L, of type crdt.List[crdt.Field[int]]: a Field stands under a key of a struct: use its type itself"},
		"channel":                 {binds[struct{ L crdt.List[inner] }], "field L.Bad, of type chan int: no value of a document is of this type"},
		"function":                {binds[struct{ F crdt.Field[func()] }], "field F, of type func(): no value of a document is of this type"},
		"complex":                 {binds[struct{ F crdt.Field[complex64] }], "field F, of type complex64: no value of a document is of this type"},
		"interface with a method": {binds[struct{ F crdt.Field[error] }], "field F, of type error: of interfaces only any"},
		"keys":                    {binds[struct{ F crdt.Field[map[int]int] }], "field F, of type map[int]int: keys of a map are strings"},
		"pointer to pointer":      {binds[struct{ F crdt.Field[**int] }], "field F, of type **int: a pointer to a pointer"},
		"time":                    {binds[struct{ F crdt.Field[time.Time] }], "field F, of type time.Time: it has no exported fields"},
		"no exported field":       {binds[struct{ F crdt.Field[[]hidden] }], "field F, of type crdt_test.hidden: it has no exported fields"},
		"same key twice": {binds[struct {
			A crdt.Text    `crdt:"k"`
			B crdt.Counter `crdt:"k"`
		}], "fields A and B have the same key \"k\""},
		"same key as embedded": {binds[struct {
			held
			B crdt.Counter `crdt:"T"`
		}], "fields T and B have the same key \"T\""},
		"option": {binds[struct {
			A crdt.Text `crdt:"k,inline"`
		}], `field A, of type crdt.Text: unknown option "inline" in the tag`},
		"omitempty of a handle": {binds[struct {
			A crdt.Text `crdt:"k,omitempty"`
		}], `field A, of type crdt.Text: unknown option "omitempty" in the tag`},
		"embedded pointer": {reads[struct{ *preference }], "field preference, of type *crdt_test.preference: an embedded pointer: name its key, or embed the struct"},
		"tag on a hidden field": {reads[struct {
			a int `crdt:"a"`
			B int
		}], "field a, of type int: a tag on a field that is not exported"},
		"read of handles":   {reads[board], "crdt_test.board: it holds handles: Bind it"},
		"read of a channel": {reads[[]chan int], "chan int: no value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.bind(newReplica(t, roomOf(crdt.JSON)).Doc())
			var schema *crdt.SchemaError
			if !errors.Is(err, crdt.ErrSchema) || !errors.As(err, &schema) || schema.Type == nil {
				t.Fatalf("got %v, want a SchemaError", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func binds[T any](d *crdt.Doc) error {
	_, err := crdt.Bind[T](d)
	if again, err2 := crdt.Bind[T](d); again != nil || err2 == nil || err2.Error() != err.Error() {
		return errors.New("the second time it is another")
	}
	return err
}

func reads[T any](d *crdt.Doc) error {
	_, err := crdt.Read[T](d)
	return err
}

// Types may contain themselves, and fields may be embedded.
func TestSchemas(t *testing.T) {
	t.Parallel()
	type Named struct{ Title crdt.Text }
	type embedding struct {
		Named
		todo
		Deep struct {
			N crdt.Counter `crdt:"n"`
		}
	}
	r := newReplica(t, roomOf(crdt.JSON))
	b := bind[embedding](t, r)
	w := mustWriter(t, r, 0)
	must(w.Change(1, func(tx *crdt.Tx) error {
		return errors.Join(b.Named.Title.Append(tx, "A"), b.todo.Title.Append(tx, "b"), b.Deep.N.Add(tx, 1), b.Subs.Append(tx, todo{}))
	}))
	want[any](t, "document", r.Value(), nil, map[string]any{
		"Title": "A", "title": "b", "Deep": map[string]any{"n": int64(1)}, "subs": []any{map[string]any{}},
	})
	v := loop{Self: &loop{Kids: []loop{{By: map[string]*loop{}}}}, By: map[string]*loop{"x": nil, "y": {Self: &loop{}}}}
	l, err := crdt.EncodeLiteral(v)
	if err != nil {
		t.Fatal(err)
	}
	back, err := crdt.DecodeLiteral[loop](l)
	if err != nil {
		t.Fatal(err)
	}
	again, err := crdt.EncodeLiteral(back)
	want(t, "again", string(again), err, string(l))
	v.Self.Self = &v
	if _, err := crdt.EncodeLiteral(v); !errors.Is(err, crdt.ErrLiteral) {
		t.Fatalf("circular: %v", err)
	}
}

// What cannot be a literal is refused with its place.
func TestEncodeErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		v    any
		want string
	}{
		"uint64":        {[]uint64{1, math.MaxUint64}, "at [1]: value is not a literal that the format holds: 18446744073709551615 is more than an int64 holds"},
		"NaN":           {map[string]float64{"a b": math.NaN()}, `at ["a b"]: value is not a literal that the format holds: NaN is not finite`},
		"text":          {struct{ P []string }{[]string{"a", "\xff"}}, "at .P[1]: value is not a literal that the format holds: text is not valid UTF-8"},
		"key":           {map[string]int{"\xff": 1}, "value is not a literal that the format holds: text is not valid UTF-8"},
		"any":           {map[string]any{"p": []any{1, math.Inf(1)}}, "at .p[1]: value is not a literal that the format holds: +Inf is not finite"},
		"schema in any": {[]any{make(chan int)}, "at [0]: value is not a literal that the format holds: type cannot be a schema: chan int: no value of a document is of this type"},
		"handle":        {crdt.NewText("x"), "value is not a literal that the format holds: crdt.Text holds handles"},
		"literal":       {struct{ L crdt.Literal }{crdt.Literal{0xff}}, "at .L: value is not a literal that the format holds: "},
		"size":          {[]string{strings.Repeat("x", crdt.MaxPayloadBytes)}, "value is not a literal that the format holds: 65542 bytes, at most 65536"},
	} {
		_, err := crdt.EncodeLiteral(c.v)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// What another wrote with other types is an error of its place alone.
func TestReadErrors(t *testing.T) {
	t.Parallel()
	type plainTodo struct {
		Title string   `crdt:"title"`
		Done  bool     `crdt:"done"`
		Tags  []string `crdt:"tags"`
		Prio  int8     `crdt:"prio"`
	}
	type plainBoard struct {
		Title string                `crdt:"title"`
		Votes uint16                `crdt:"votes"`
		Owner *string               `crdt:"owner"`
		Todos []plainTodo           `crdt:"todos"`
		Prefs map[string]preference `crdt:"prefs"`
		Pair  [2]int                `crdt:"pair"`
		Key   [4]byte               `crdt:"key"`
		Small float32               `crdt:"small"`
	}
	set := func(key string, v any) func(*crdt.Tx) error {
		return func(tx *crdt.Tx) error { _, err := tx.Set(crdt.Root, key, lit(t, v)); return err }
	}
	object := func(key string, kind crdt.ObjectKind, fill func(tx *crdt.Tx, n crdt.Name) error) func(*crdt.Tx) error {
		return func(tx *crdt.Tx) error {
			n, err := tx.Make(crdt.Root, key, kind)
			if err == nil && fill != nil {
				err = fill(tx, n)
			}
			return err
		}
	}
	todoItem := func(key string, v any) func(tx *crdt.Tx, n crdt.Name) error {
		return func(tx *crdt.Tx, n crdt.Name) error {
			m, err := tx.InsertObject(n, 0, crdt.MapObject)
			if err == nil {
				_, err = tx.Set(m, key, lit(t, v))
			}
			return err
		}
	}
	const wrong = "wrong type for this operation: "
	for name, c := range map[string]struct {
		write        func(*crdt.Tx) error
		plain, bound string // errors of Read[plainBoard] and Check[board]
	}{
		"text":              {set("title", 1), "at .title: " + wrong + "want string, got integer 1", "at .title: " + wrong + "want text object, got integer 1"},
		"literal text":      {set("title", "ok"), "", "at .title: " + wrong + "want text object, got text"},
		"counter":           {object("votes", crdt.ListObject, nil), "at .votes: " + wrong + "want uint16, got list object", "at .votes: " + wrong + "want counter object, got list object"},
		"counter range":     {object("votes", crdt.CounterObject, func(tx *crdt.Tx, n crdt.Name) error { return tx.Add(n, -1) }), "at .votes: " + wrong + "want uint16, got integer -1", ""},
		"counter range 2":   {object("votes", crdt.CounterObject, func(tx *crdt.Tx, n crdt.Name) error { return tx.Add(n, 1<<16) }), "at .votes: " + wrong + "want uint16, got integer 65536", ""},
		"field":             {set("owner", []byte{1}), "at .owner: " + wrong + "want string, got bytes", "at .owner: " + wrong + "want string, got bytes"},
		"object in a field": {object("owner", crdt.TextObject, nil), "", "at .owner: " + wrong + "want string, got text object"},
		"null":              {set("owner", nil), "", "at .owner: " + wrong + "want string, got null"},
		"register": {
			object("owner", crdt.RegisterObject, func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.SetRegister(n, lit(t, 2.5)); return err }),
			"at .owner: " + wrong + "want string, got float 2.5", "at .owner: " + wrong + "want string, got register object",
		},
		"unknown": {set("nobody knows", 1), `at ["nobody knows"]: unknown field of crdt_test.plainBoard`, `at ["nobody knows"]: unknown field of crdt_test.board`},
		"hidden":  {set("Cache", 1), "at .Cache: unknown field of crdt_test.plainBoard", "at .Cache: unknown field of crdt_test.board"},
		"item": {
			object("todos", crdt.ListObject, func(tx *crdt.Tx, n crdt.Name) error {
				_, err := tx.Insert(n, 0, lit(t, map[string]any{"done": true}), lit(t, true))
				return err
			}),
			"at .todos[1]: " + wrong + "want crdt_test.plainTodo, got bool true", "at .todos[0]: " + wrong + "want map object, got map\nat .todos[1]: " + wrong + "want map object, got bool true",
		},
		"in an item": {object("todos", crdt.ListObject, todoItem("done", "yes")), "at .todos[0].done: " + wrong + "want bool, got text", "at .todos[0].done: " + wrong + "want bool, got text"},
		"unknown in": {object("todos", crdt.ListObject, todoItem("due", 1)), "at .todos[0].due: unknown field of crdt_test.plainTodo", "at .todos[0].due: unknown field of crdt_test.todo"},
		"deep":       {object("todos", crdt.ListObject, todoItem("tags", []any{"a", 2, "c"})), "at .todos[0].tags[1]: " + wrong + "want string, got integer 2", "at .todos[0].tags: " + wrong + "want list object, got array"},
		"range":      {object("todos", crdt.ListObject, todoItem("prio", 128)), "at .todos[0].prio: " + wrong + "want int8, got integer 128", "at .todos[0].prio: " + wrong + "want register object, got integer 128"},
		"map value": {
			set("prefs", map[string]any{"a": map[string]any{"size": 1}, "b.c": map[string]any{"size": true, "color": 1}}),
			`at ["b.c"].size: `, "at .prefs: " + wrong + "want map object, got map",
		},
		"map object":       {object("prefs", crdt.MapObject, func(tx *crdt.Tx, n crdt.Name) error { _, err := tx.Make(n, "a", crdt.MapObject); return err }), "", "at .prefs.a: " + wrong + "want crdt_test.preference, got map object"},
		"array":            {set("pair", []any{1, 2, 3}), "at .pair: " + wrong + "want [2]int, got 3 items", "at .pair: unknown field of crdt_test.board"},
		"list length":      {object("pair", crdt.ListObject, nil), "at .pair: " + wrong + "want [2]int, got 0 items", "at .pair: unknown field of crdt_test.board"},
		"bytes length":     {set("key", []byte{1}), "at .key: " + wrong + "want [4]uint8, got 1 bytes", "at .key: unknown field of crdt_test.board"},
		"float32":          {set("small", 0.1), "at .small: " + wrong + "want float32, got float 0.1", "at .small: unknown field of crdt_test.board"},
		"integer as float": {set("small", 1<<24), "", "at .small: unknown field of crdt_test.board"},
		"inexact":          {set("small", 1<<24+1), "at .small: " + wrong + "want float32, got integer 16777217", "at .small: unknown field of crdt_test.board"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReplica(t, roomOf(crdt.JSON))
			w := mustWriter(t, r, 0)
			good := func(tx *crdt.Tx) error { _, err := tx.Set(crdt.Root, "small", lit(t, 0.5)); return err }
			must(w.Change(1, func(tx *crdt.Tx) error { return errors.Join(good(tx), c.write(tx)) }))
			text := func(err error) string {
				if err == nil {
					return ""
				}
				var path *crdt.PathError
				if !errors.As(err, &path) || !errors.Is(err, crdt.ErrWrongType) && !errors.Is(err, crdt.ErrUnknownField) {
					t.Errorf("%v is no PathError of the reason", err)
				}
				return err.Error()
			}
			v, err := crdt.Read[plainBoard](r.Doc())
			if got := text(err); got != c.plain && !(strings.HasSuffix(c.plain, ": ") && strings.Contains(got, c.plain[3:])) {
				t.Errorf("read: got %s\nwant %s", got, c.plain)
			}
			if !strings.Contains(c.plain, "small") && v.Small != 0.5 && v.Small != 1<<24 {
				t.Errorf("the rest was not read: %+v", v)
			}
			got := strings.ReplaceAll(text(crdt.Check[board](r.Doc())), "at .small: unknown field of crdt_test.board", "")
			if c := strings.ReplaceAll(c.bound, "at .small: unknown field of crdt_test.board", ""); strings.TrimSpace(got) != c {
				t.Errorf("check: got %s\nwant %s", got, c)
			}
		})
	}
}

// Somebody who writes a million wrong things is not answered a million times.
func TestReadErrorsAreBounded(t *testing.T) {
	t.Parallel()
	r := newReplica(t, roomOf(crdt.JSON))
	w := mustWriter(t, r, 0)
	must(w.Change(1, func(tx *crdt.Tx) error {
		for i := range 1000 {
			if _, err := tx.Set(crdt.Root, strconv.Itoa(i), lit(t, []any{1, 2, 3})); err != nil {
				return err
			}
		}
		return nil
	}))
	_, err := crdt.Read[map[string][]string](r.Doc())
	all, ok := err.(interface{ Unwrap() []error })
	if !ok || len(all.Unwrap()) != 64 {
		t.Fatalf("got %v", err)
	}
}

// A path that leads nowhere is an error that ends where it does.
func TestReadPath(t *testing.T) {
	t.Parallel()
	p := newSites(t, 1)[0]
	p.change(
		func(tx *crdt.Tx) error { return p.b.Todos.Append(tx, todo{}, todo{Prio: crdt.NewRegister(5)}) },
		func(tx *crdt.Tx) error { return p.b.Owner.Set(tx, "ann") },
	)
	n, err := crdt.Read[int](p.r.Doc(), "todos", 1, "prio")
	want(t, "prio", n, err, 5)
	s, err := crdt.Read[string](p.r.Doc(), "owner")
	want(t, "owner", s, err, "ann")
	for name, c := range map[string]struct {
		path []any
		want error
		text string
	}{
		"key":           {[]any{"nothing", "more"}, crdt.ErrNoTarget, "at .nothing: no such object or element in this document"},
		"index":         {[]any{"todos", 2}, crdt.ErrBadIndex, "at .todos[2]: index out of range: 2 of 2"},
		"negative":      {[]any{"todos", -1}, crdt.ErrBadIndex, "at .todos[-1]: index out of range: -1 of 2"},
		"key of a list": {[]any{"todos", "x"}, crdt.ErrWrongType, "at .todos.x: wrong type for this operation: a key, where no map is"},
		"index of root": {[]any{0}, crdt.ErrWrongType, "at [0]: wrong type for this operation: an index, where no list is"},
		"in a literal":  {[]any{"owner", 0}, crdt.ErrWrongType, "at .owner[0]: wrong type for this operation: no map or list is there"},
		"step":          {[]any{1.5}, crdt.ErrWrongType, "at [1.5]: wrong type for this operation: a step is a string or an int, not float64"},
	} {
		_, err := crdt.Read[any](p.r.Doc(), c.path...)
		var path *crdt.PathError
		if !errors.Is(err, c.want) || !errors.As(err, &path) || err.Error() != c.text {
			t.Errorf("%s: got %v, want %s", name, err, c.text)
		}
	}
}

// A handle that is misused says how and where, and the document is as before.
func TestHandleMisuse(t *testing.T) {
	t.Parallel()
	sites := newSites(t, 2)
	p, other := sites[0], sites[1]
	b := p.b
	p.change(
		func(tx *crdt.Tx) error { return b.Title.Append(tx, "abc") },
		func(tx *crdt.Tx) error { return b.Todos.Append(tx, todo{Done: crdt.NewField(true)}) },
		func(tx *crdt.Tx) error { _, err := tx.Set(crdt.Root, "votes", lit(t, "many")); return err },
		func(tx *crdt.Tx) error { return b.Meta.Grid.Append(tx, crdt.NewList(1)) },
	)
	exchange(t, sites...)
	past, err := p.r.AsOf(p.r.Heads()...)
	if err != nil {
		t.Fatal(err)
	}
	old := must(crdt.Bind[board](past))
	item := must(b.Todos.At(0))
	for name, c := range map[string]struct {
		edit func(tx *crdt.Tx) error
		want error
		text string
	}{
		"zero handle":        {func(tx *crdt.Tx) error { return crdt.Text{}.Insert(tx, 0, "x") }, crdt.ErrHandle, "handle cannot be used here: it is bound to no document"},
		"draft":              {func(tx *crdt.Tx) error { return crdt.NewCounter(1).Add(tx, 1) }, crdt.ErrHandle, "handle cannot be used here: it is bound to no document"},
		"no tx":              {func(*crdt.Tx) error { return b.Title.Insert(nil, 0, "x") }, crdt.ErrHandle, "at .title: handle cannot be used here: no Tx"},
		"other replica":      {func(tx *crdt.Tx) error { return other.b.Title.Insert(tx, 0, "x") }, crdt.ErrHandle, "at .title: handle cannot be used here: the Tx is of another document"},
		"the past":           {func(tx *crdt.Tx) error { return old.Owner.Set(tx, "x") }, crdt.ErrHandle, "at .owner: handle cannot be used here: the Tx is of another document"},
		"text beyond":        {func(tx *crdt.Tx) error { return b.Title.Insert(tx, 4, "x") }, crdt.ErrBadIndex, "at .title: index out of range: 4 of 3"},
		"text before":        {func(tx *crdt.Tx) error { return b.Title.Insert(tx, -1, "x") }, crdt.ErrBadIndex, "at .title: index out of range: -1 of 3"},
		"delete beyond":      {func(tx *crdt.Tx) error { return b.Title.Delete(tx, 2, 2) }, crdt.ErrBadIndex, "at .title: index out of range: [2, 4) of 3"},
		"delete overflow":    {func(tx *crdt.Tx) error { return b.Title.Delete(tx, 1, math.MaxInt) }, crdt.ErrBadIndex, "at .title: index out of range: "},
		"splice beyond":      {func(tx *crdt.Tx) error { return b.Title.Splice(tx, 3, 1, "x") }, crdt.ErrBadIndex, "at .title: index out of range: [3, 4) of 3"},
		"empty text":         {func(tx *crdt.Tx) error { return b.Title.Insert(tx, 0, "") }, crdt.ErrLiteral, "at .title: value is not a literal that the format holds: nothing to insert"},
		"bad UTF-8":          {func(tx *crdt.Tx) error { return b.Title.Insert(tx, 0, "\xff") }, crdt.ErrLiteral, "at .title: value is not a literal that the format holds: "},
		"item beyond":        {func(tx *crdt.Tx) error { return b.Todos.Insert(tx, 2, todo{}) }, crdt.ErrBadIndex, "at .todos: index out of range: 2 of 1"},
		"delete nothing":     {func(tx *crdt.Tx) error { return b.Todos.Delete(tx, 1, 1) }, crdt.ErrBadIndex, "at .todos: index out of range: [1, 2) of 1"},
		"not made yet":       {func(tx *crdt.Tx) error { return item.Tags.Insert(tx, 1, "x") }, crdt.ErrBadIndex, "at .todos[0].tags: index out of range: 1 of 0"},
		"wrong type":         {func(tx *crdt.Tx) error { return b.Votes.Add(tx, 1) }, crdt.ErrWrongType, "at .votes: wrong type for this operation: want counter object, got text"},
		"bound as a draft":   {func(tx *crdt.Tx) error { return b.Todos.Append(tx, item) }, crdt.ErrHandle, "at .todos[1].done: handle cannot be used here: it is bound to .todos[0].done: make a new one"},
		"bad value":          {func(tx *crdt.Tx) error { return item.Tags.Append(tx, "a", "\xff") }, crdt.ErrLiteral, "at .todos[0].tags[1]: value is not a literal that the format holds: text is not valid UTF-8"},
		"bad value in draft": {func(tx *crdt.Tx) error { return b.Todos.Append(tx, todo{}, todo{Tags: crdt.NewList("\xff")}) }, crdt.ErrLiteral, "at .todos[2].tags[0]: value is not a literal that the format holds: text is not valid UTF-8"},
		"bad key":            {func(tx *crdt.Tx) error { return b.Prefs.Set(tx, "\xff", preference{}) }, crdt.ErrLiteral, `at .prefs["\xff"]: value is not a literal that the format holds: `},
		"too many": {func(tx *crdt.Tx) error {
			for range crdt.MaxOps + 1 {
				if err := item.Prio.Set(tx, 1); err != nil {
					return err
				}
			}
			return nil
		}, crdt.ErrOverLimit, "at .todos[0].prio: over a limit of the format: ops of a change is 4097, at most 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			var got error
			unchanged(t, p.r, p.w, c.want, func(tx *crdt.Tx) error {
				// An error after which ops were added ends the change, whatever the caller makes of it.
				if got = c.edit(tx); got == nil {
					t.Fatal("no error")
				}
				return got
			})
			if !strings.HasPrefix(got.Error(), c.text) {
				t.Errorf("got  %v\nwant %s", got, c.text)
			}
		})
	}
	t.Run("half-way, and ignored", func(t *testing.T) {
		unchanged(t, p.r, p.w, crdt.ErrLiteral, func(tx *crdt.Tx) error {
			_ = b.Todos.Append(tx, todo{}, todo{Done: crdt.NewField(true), Tags: crdt.NewList("\xff")}) // must not pass
			return nil
		})
	})
	t.Run("reading", func(t *testing.T) {
		for name, c := range map[string]struct {
			read func() error
			text string
		}{
			"zero handle": {func() error { _, err := crdt.List[int]{}.At(0); return err }, "handle cannot be used here: it is bound to no document"},
			"zero field":  {func() error { _, err := crdt.Field[int]{}.Value(); return err }, "handle cannot be used here: it is bound to no document"},
			"wrong type":  {func() error { _, err := b.Votes.Value(); return err }, "at .votes: wrong type for this operation: want counter object, got text"},
			"item":        {func() error { _, err := b.Todos.At(1); return err }, "at .todos: index out of range: 1 of 1"},
			"negative":    {func() error { _, err := b.Todos.At(-1); return err }, "at .todos: index out of range: -1 of 1"},
			"offset":      {func() error { _, err := b.Title.Offset(4, crdt.UTF8); return err }, "at .title: index out of range: 4 of 3"},
			"index":       {func() error { _, err := b.Title.Index(4, crdt.UTF8); return err }, "at .title: index out of range: "},
			"unused":      {func() error { _, err := item.Title.Offset(1, crdt.UTF8); return err }, "at .todos[0].title: index out of range: 1 of 0"},
		} {
			if err := c.read(); err == nil || !strings.HasPrefix(err.Error(), c.text) {
				t.Errorf("%s: got %v, want %s", name, err, c.text)
			}
		}
		if got := (crdt.Text{}).String(); got != "(handle cannot be used here: it is bound to no document)" {
			t.Errorf("got %s", got)
		}
	})
}

// A room of another kind has no document to bind; its feed can be read.
func TestBindOfOtherKinds(t *testing.T) {
	t.Parallel()
	r := newReplica(t, roomOf(crdt.Ledger))
	w := mustWriter(t, r, 0)
	must(w.Change(1, func(tx *crdt.Tx) error { _, err := tx.Append(lit(t, preference{Size: 4})); return err }))
	w.Sign()
	entries, err := crdt.Read[[]preference](r.Doc(), "entries")
	want(t, "entries", entries, err, []preference{{Size: 4}})
	b := bind[board](t, r)
	unchanged(t, r, w, crdt.ErrNoEffect, func(tx *crdt.Tx) error { return b.Title.Insert(tx, 0, "x") })

	keeper := must(crdt.NewKeeper(roomOf(crdt.JSON)))
	if _, err := crdt.Read[any](keeper.Doc()); !errors.Is(err, crdt.ErrKeeper) {
		t.Fatal(err)
	}
	if _, err := bind[board](t, keeper).Title.Value(); !errors.Is(err, crdt.ErrKeeper) {
		t.Fatal(err)
	}
}
