package crdt_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// A misuse is a call that must fail with want, at path, or that must do nothing at all.
// Whatever it does, log and document are as before.
type misuse struct {
	name string
	want error // nil: the call has no error to give
	path string
	call func(m *misused) error
}

// misused is what the misuses are called on: a json room with something of each kind
// (sample), an author whose changes wait for a signature, a pack that waits for a
// parent; and another room.
type misused struct {
	t     *testing.T
	r     *crdt.Replica
	w     *crdt.Writer
	doc   *crdt.Doc
	names map[string]crdt.Name
	other *crdt.Replica
	pack  *crdt.Pack // of the other room
	lax   bool       // tx goes on after an error
}

func newMisused(t *testing.T) *misused {
	t.Helper()
	m := &misused{t: t}
	m.r, m.w, m.names = sample(t)
	m.doc = m.r.Doc()
	mill := newMill(t, crdt.JSON)
	waits := mill.run(7, mill.room, refPayload(0, []hash32{{1}}, noOps))
	if code := deliver(t, m.r, refPack{waits}.frame(), 1); code != "pending" {
		t.Fatal(code)
	}
	if _, err := m.w.Change(9, func(tx *crdt.Tx) error { return tx.Mark(crdt.Root, lit(t, "unsigned")) }); err != nil {
		t.Fatal(err)
	}
	c := roomOf(crdt.JSON)
	c.Name = "another room"
	m.other = newReplica(t, c)
	w := mustWriter(t, m.other, 0)
	id, err := w.Change(0, func(tx *crdt.Tx) error { _, err := tx.Make(crdt.Root, "list", crdt.ListObject); return err })
	if err != nil {
		t.Fatal(err)
	}
	w.Sign()
	m.names["of another document"] = crdt.Name{Change: id}
	if m.pack, err = crdt.NewChecker(c).Check(exported(m.other)[0], nil); err != nil {
		t.Fatal(err)
	}
	return m
}

// state is everything that a misuse could change.
func (m *misused) state() string {
	value, err := json.Marshal(m.r.Value())
	if err != nil {
		m.t.Fatal(err)
	}
	packs, bytes := m.r.Pending()
	own, size := m.w.Unsigned()
	return fmt.Sprintf("%s %x %x %d changes, %d signed, %d own unsigned of %d bytes, %d pending of %d bytes, heads %v, forks %v, %x",
		value, m.r.LogDigest(), m.r.DocDigest(), m.r.Len(), m.r.Signed(), own, size, packs, bytes, m.r.Heads(), m.r.Forks(), m.other.LogDigest())
}

// tx is a misuse of the Tx method, in a change that does some good before.
func (m *misused) tx(edit func(tx *crdt.Tx) error) error {
	_, err := m.w.Change(10, func(tx *crdt.Tx) error {
		if err := tx.Add(m.names["counter"], 1); err != nil {
			return err
		}
		if err := edit(tx); !m.lax {
			return err
		}
		return nil
	})
	return err
}

// Who ignores the error of a Tx makes the change without that op: the Tx is as it was.
func TestMisuseLeavesTheTx(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	after := func(t *testing.T, call func(m *misused) error) string {
		m := newMisused(t)
		m.lax = true
		if err := call(m); err != nil {
			t.Fatal(err)
		}
		checkReplica(t, m.r)
		tree, _ := refDecode(m.r.At(m.r.Len()-1).Payload, 100)
		return fmt.Sprintf("%x", tree.([]any)[2])
	}
	want := after(t, func(m *misused) error { return m.tx(func(*crdt.Tx) error { return nil }) })
	for name, rows := range txMisuses() {
		for _, row := range rows {
			if !strings.HasPrefix(name, "Tx.") {
				continue
			}
			t.Run(name+" "+row.name, func(t *testing.T) {
				if got := after(t, row.call); got != want {
					t.Errorf("got ops %s, want %s", got, want)
				}
			})
		}
	}
}

var placeOf = map[string]string{"root": "[]", "map": "[map]", "list": "[list]", "text": "[text]", "register": "[register]", "counter": "[counter]", "value": "[value]", "element": "[list 0]"}

// byName are misuses of a method that takes a name and needs it to be one of good:
// any other is of the wrong type, or is nothing in this document.
func byName(call func(m *misused, n crdt.Name) error, good ...string) (all []misuse) {
	for _, name := range []string{"root", "map", "list", "text", "register", "counter", "value", "element", "feed", "beyond", "farBeyond", "elsewhere", "forged", "fixed", "of another document"} {
		if slices.Contains(good, name) {
			continue
		}
		path, here := placeOf[name]
		want := crdt.ErrWrongType
		if !here {
			want = crdt.ErrNoTarget
		}
		all = append(all, misuse{"of " + name, want, path, func(m *misused) error { return call(m, m.names[name]) }})
	}
	return all
}

// Every function and method that takes something or can fail has a row here; what
// takes nothing and cannot fail has nothing to be misused.
func TestMisuseOfEverything(t *testing.T) {
	race.OneGoroutine(t)
	t.Parallel()
	table := misuses()
	api := exportedAPI(t)
	for name, wrong := range api {
		if _, has := table[name]; wrong && !has {
			t.Errorf("%s has no row of misuses", name)
		}
	}
	for name, rows := range table {
		if _, is := api[name]; !is {
			t.Errorf("%s has rows and does not exist", name)
			continue
		}
		for _, row := range rows {
			t.Run(name+" "+row.name, func(t *testing.T) {
				m := newMisused(t)
				before := m.state()
				err := row.call(m)
				if !errors.Is(err, row.want) {
					t.Errorf("got %v, want %v", err, row.want)
				}
				var place *crdt.PathError
				if row.path != "" && (!errors.As(err, &place) || fmt.Sprint(place.Path) != row.path) {
					t.Errorf("got %v, want it to name the path %s", err, row.path)
				}
				if after := m.state(); after != before {
					t.Errorf("before: %s\nafter:  %s", before, after)
				}
				checkReplica(t, m.r)
				// And it goes on as if nothing had been.
				if _, err := m.w.Change(11, func(tx *crdt.Tx) error { return tx.Add(m.names["counter"], 1) }); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// exportedAPI are the functions and methods that this package exports, as "Func" or
// "Type.Method", and whether each takes anything that could be wrong.
func exportedAPI(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source: %v", err)
	}
	api := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, isFunc := d.(*ast.FuncDecl)
			if !isFunc || !f.Name.IsExported() {
				continue
			}
			name := f.Name.Name
			if f.Recv != nil {
				of := receiver(f.Recv.List[0].Type)
				if !ast.IsExported(of) {
					continue
				}
				name = of + "." + name
			}
			api[name] = f.Type.Params.NumFields() > 0 || fails(f.Type)
		}
	}
	return api
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// fails reports whether a function returns an error.
func fails(f *ast.FuncType) bool {
	if f.Results == nil || len(f.Results.List) == 0 {
		return false
	}
	last, isIdent := f.Results.List[len(f.Results.List)-1].Type.(*ast.Ident)
	return isIdent && last.Name == "error"
}
