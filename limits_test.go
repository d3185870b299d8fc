package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallystick/tallystick/relay"
	"github.com/tallystick/tallystick/transport"
)

// limitFolders are the packages whose limits docs/limits.md lists: all constants of a limits.go, and every other whose name
// begins with max.
var limitFolders = []string{
	"crdt", "transport", "relay", "tui", "tui/internal/editor", "tui/internal/input", "tui/internal/screen",
	"internal/store", "internal/disk", "internal/safe", "internal/profile", "internal/ledger", "internal/cli", "internal/control", "oracle", "oracle/source", "oracle/replay", "oracle/sim", "internal/proof", "internal/exchange", "internal/invite",
}

// noLimits are constants of those names that bound nothing that comes from outside.
var noLimits = []string{
	"crdt.maxSegmentSlots", "crdt.maxBlockBytes", "crdt.maxShortPayload", // shapes of memory
	"transport.maxTrieDepth",                        // MaxPrefixBytes by another name
	"store.maxRecord",                               // MaxFrameBytes and a head
	"transport.tipsChunkBytes", "transport.Version", // how messages are cut; no bound
	"transport.packsMessageBytes", "transport.storedChunkBytes",
	"store.Version", "store.NoRecord", "store.pageSize", "store.minPages", "store.keepBuffer",
	"store.journalAfter",      // when a journal is worth it
	"crdt.pendingChangeBytes", // what a change counts for
}

// docs/limits.md says of every limit what the code says.
func TestLimitsTable(t *testing.T) {
	t.Parallel()
	code := limitsOfCode(t)
	table, err := os.ReadFile("docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := os.ReadFile("relay/metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\| ([^|]*) \\|$")
	counter := regexp.MustCompile("`([a-z_]+_(?:total|bytes))`?")
	seen := map[string]bool{}
	for line := range strings.Lines(string(table)) {
		m := row.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			if strings.HasPrefix(line, "| `") {
				t.Errorf("not a row of four: %s", line)
			}
			continue
		}
		name, value := m[1], m[2]
		want, ok := code[name]
		switch {
		case !ok:
			t.Errorf("%s is in the table and not in the code", name)
		case seen[name]:
			t.Errorf("%s is in the table twice", name)
		case value != want:
			t.Errorf("%s: the table says %s, the code %s", name, value, want)
		}
		seen[name] = true
		for _, c := range counter.FindAllStringSubmatch(m[4], -1) {
			if !strings.Contains(string(metrics), `"`+c[1]+`"`) {
				t.Errorf("%s: there is no counter %s", name, c[1])
			}
		}
	}
	for _, name := range noLimits {
		if _, ok := code[name]; !ok {
			t.Errorf("%s is not in the code any more: take it out of noLimits", name)
		}
		seen[name] = true
	}
	for name, value := range code {
		if !seen[name] {
			t.Errorf("not in the table: | `%s` | %s | | |", name, value)
		}
	}
}

// limitsOfCode are the limits by package and name, their values as the table writes them.
func limitsOfCode(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	c := constants{known: map[string]constant.Value{
		"math.MaxInt32": constant.MakeInt64(1<<31 - 1), "math.MaxUint32": constant.MakeInt64(1<<32 - 1),
		"time.Second": constant.MakeInt64(int64(time.Second)), "time.Minute": constant.MakeInt64(int64(time.Minute)),
		"time.Millisecond": constant.MakeInt64(int64(time.Millisecond)), "time.Hour": constant.MakeInt64(int64(time.Hour)),
	}, exprs: map[string]ast.Expr{}}
	var names []string
	for _, dir := range limitFolders {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				names = append(names, c.read(t, file)...)
			}
		}
	}
	for _, name := range names {
		if slices.Contains(noLimits, name) {
			all[name] = ""
			continue
		}
		expr, pkg := c.exprs[name], name[:strings.IndexByte(name, '.')]
		v, ok := c.eval(pkg, expr)
		if !ok {
			t.Fatalf("%s: its value is not understood here", name)
		}
		if v.Kind() == constant.String {
			continue
		}
		n, exact := constant.Int64Val(constant.ToInt(v))
		if !exact {
			t.Fatalf("%s: %v is no integer", name, v)
		}
		all[name] = written(n, c.isTime(expr), name)
	}
	for prefix, of := range map[string]any{"transport.Limits.": transport.DefaultLimits(), "relay.Policy.": relay.DefaultPolicy()} {
		v := reflect.ValueOf(of)
		for i := range v.NumField() {
			f, name := v.Field(i), prefix+v.Type().Field(i).Name
			switch x := f.Interface().(type) {
			case time.Duration:
				all[name] = written(int64(x), true, name)
			case int:
				all[name] = written(int64(x), false, name)
			case int64:
				all[name] = written(x, false, name)
			}
		}
	}
	return all
}

// written is how the table writes a value.
func written(n int64, isTime bool, name string) string {
	switch {
	case isTime:
		d := time.Duration(n).String()
		if strings.HasSuffix(d, "m0s") {
			d = strings.TrimSuffix(d, "0s")
		}
		return d
	case strings.HasSuffix(name, "Bytes") || strings.HasSuffix(name, "BytesPerSecond") || strings.HasSuffix(name, "Rate"):
		for _, u := range []struct {
			n    int64
			name string
		}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
			if n >= u.n && n%u.n == 0 {
				return fmt.Sprintf("%d %s", n/u.n, u.name)
			}
		}
		fallthrough
	default:
		s := fmt.Sprint(n)
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	}
}

// constants are those of the packages that were read, by package and name.
type constants struct {
	known map[string]constant.Value
	exprs map[string]ast.Expr
}

// read takes in the constants of a file and returns the names of those that are limits.
func (c *constants) read(t *testing.T, file string) (limits []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	all := filepath.Base(file) == "limits.go"
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			spec := s.(*ast.ValueSpec)
			for i, id := range spec.Names {
				if i >= len(spec.Values) || id.Name == "_" {
					continue
				}
				name := f.Name.Name + "." + id.Name
				c.exprs[name] = spec.Values[i]
				if all || strings.HasPrefix(strings.ToLower(id.Name), "max") {
					limits = append(limits, name)
				}
			}
		}
	}
	return limits
}

func (c *constants) eval(pkg string, e ast.Expr) (constant.Value, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		v := constant.MakeFromLiteral(e.Value, e.Kind, 0)
		return v, v.Kind() != constant.Unknown
	case *ast.ParenExpr:
		return c.eval(pkg, e.X)
	case *ast.Ident:
		x, ok := c.exprs[pkg+"."+e.Name]
		if !ok {
			return nil, false
		}
		return c.eval(pkg, x)
	case *ast.SelectorExpr:
		from, ok := e.X.(*ast.Ident)
		if !ok {
			return nil, false
		}
		if v, ok := c.known[from.Name+"."+e.Sel.Name]; ok {
			return v, true
		}
		return c.eval(from.Name, e.Sel)
	case *ast.BinaryExpr:
		a, ok := c.eval(pkg, e.X)
		b, ok2 := c.eval(pkg, e.Y)
		if !ok || !ok2 {
			return nil, false
		}
		if e.Op == token.SHL {
			n, _ := constant.Uint64Val(b)
			return constant.Shift(a, token.SHL, uint(n)), true
		}
		if e.Op == token.QUO {
			return constant.BinaryOp(a, token.QUO_ASSIGN, b), true // of integers
		}
		return constant.BinaryOp(a, e.Op, b), true
	default:
		return nil, false
	}
}

// isTime says whether an expression names a unit of time.
func (c *constants) isTime(e ast.Expr) bool {
	return slices.ContainsFunc([]string{"Hour", "Minute", "Second", "Millisecond"}, func(unit string) bool {
		found := false
		ast.Inspect(e, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == unit {
				found = true
			}
			return true
		})
		return found
	})
}
