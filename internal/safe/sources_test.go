package safe_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Text from outside reaches a view as a String only: the compiler sees to that, but for three doors that the types leave
// open. TestDoors walks the sources of the program and knows every use of them; a new one has to be put into these tables,
// which is when to ask where its text comes from.
//
// Door 1: screen.Const, the text of the program itself. What is converted to it are constants, figures and dates, by
// these expressions.
var constDoor = map[string]string{
	`digits`:                           "of a number, a price, a speed",
	`s.String()`:                       "oracle_draw.go: a strategy's name, from oracle's own table",
	`b.String()`:                       "format.go: digits and commas, or hex",
	`b[:min(max(n, 0), 64)]`:           "format.go: hex",
	`l`:                                "overlay.go: a part of a question, which is a Const",
	`s.title`:                          "overlay.go: from the table of keys",
	`h.Key`:                            "header.go: from the table of keys",
	`m.keys.Global.Palette.Help().Key`: "overlay.go: from the table of keys",
	`b.Help().Key`:                     "palette.go: from the table of keys",
	`b.Help().Desc`:                    "palette.go: from the table of keys",
	`name`:                             "palette.go: a command line, from ledger's own table",
	`c.What`:                           "palette.go: from ledger's own table",
	`q.Key`:                            "header.go: from the table of keys",
	`h.Desc`:                           "header.go: from the table of keys",
	`k.Help().Desc`:                    "overlay.go: from the table of keys",
	`strings.Join(k.Keys(), " ")`:      "overlay.go: from the table of keys",
	`strconv.Itoa(-p.Behind)`:          "a figure",
	`strconv.Itoa(p.Theirs)`:           "a figure",
	`strconv.FormatInt(unix, 10)`:      "a figure",
	`time.Unix(unix, 0).In(m.now().Location()).Format(layout)`:        "a date",
	`ledger.FormatAmount(r.entry.amount, r.entry.scale)`:              "a figure",
	`ledger.FormatAmount(d.Amount, d.Scale)`:                          "a figure",
	`ledger.FormatAmount(e.amount, e.scale)`:                          "a figure",
	`s.Append(nil, scale)`:                                            "a figure",
	`before.Say.String()`:                                             "a word of the program",
	`now.Say.String()`:                                                "a word of the program",
	`s.standing.String()`:                                             "a word of the program",
	`s.Standing.String()`:                                             "a word of the program",
	`ledger.AppendAmountAligned(nil, p.Amount, scale, before, after)`: "a figure",
	`ledger.FormatAmount(p.Amount, d.Scale)`:                          "a figure",
	`s.Append(nil, 2)`:                                                "a figure",
	`strings.Join(words[:n], "   ")`:                                  "digits of a safety number",
	`ledger.SafetyNumber(me, a)`:                                      "digits",
	`p.Shown.Digits`:                                                  "hex",
	`r.Text`:                                                          "people_page.go: blocks of a code",
	`m.cs.Text(strings.TrimSpace(f.line.String()), 24).String()`:      "made safe",
}

// Door 2: what writes to a file or stream. In the packages that talk to people, these functions do, and nothing else.
var writerDoor = map[string]string{
	"internal/cli/cli.go note":                        "safe.Text",
	"internal/cli/oracle_init.go oracleInitCommand":   "a scenario of the program's own",
	"internal/cli/oracle_study.go oracleStudyCommand": "figures, and names of the program's own",
	"internal/cli/cli.go printf":                      "safe.Text",
	"internal/cli/cli.go object":                      "safe.EscapeJSON",
	"internal/cli/cli.go Main":                        "cobra's help, of constants; its errors go through note",
	"internal/cli/cli.go Standard":                    "names the streams",
	"internal/cli/show.go show":                       "an eventWriter",
	"internal/cli/desk_call.go callDesk":              "what a desk says: an eventWriter and note, here or in the running program of the same user",
	"internal/cli/desk_call.go callDeskUntil":         "as above",
	"internal/cli/desk_call.go carryOutHere":          "an eventWriter, and note",
	"internal/cli/plain.go plain":                     "an eventWriter",
	"internal/cli/ask.go prompt":                      "safe.Text",
	"internal/cli/ask.go readHidden":                  "an end of line",
	"internal/cli/id.go showQR":                       "blocks of a code, and hex",
	"internal/cli/people_list.go people":              "an eventWriter, and note",
	"internal/cli/oracle_node.go oracleNode":          "an eventWriter",
	"internal/cli/oracle_price.go oraclePrice":        "an eventWriter",
	"internal/cli/relaycmd.go logger":                 "safe.ReplaceAttr",
	"tui/run.go Run":                                  "the painter's cells",
}

// Door 3: sequences that go to the terminal besides pictures.
var rawDoor = map[string]string{
	"tui/commands.go copyText": "OSC 52, whose text is base64",
	"tui/mouse.go toggleMouse": "a mode",
}

func TestDoors(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	used := map[string]bool{}
	for _, dir := range []string{".", "tui", "internal", "relay", "transport", "crdt"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				switch d.Name() {
				case "testdata", "sim", "byz", "e2e", "sbom", "terminal": // not in the program
					return fs.SkipDir
				}
				if dir == "." && path != root {
					return fs.SkipDir
				}
				return nil
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(d.Name(), "gen_") {
				return nil
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			return checkDoors(t, path, filepath.ToSlash(name), used)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []map[string]string{constDoor, writerDoor} {
		for key := range table {
			if !used[key] {
				t.Errorf("%q is used no longer: take it out of the table", key)
			}
		}
	}
}

// checkDoors looks at one file.
func checkDoors(t *testing.T, path, name string, used map[string]bool) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	text := func(n ast.Node) string {
		var b bytes.Buffer
		_ = printer.Fprint(&b, set, n) // into memory
		return b.String()
	}
	for _, decl := range file.Decls {
		function := name
		if f, ok := decl.(*ast.FuncDecl); ok {
			function += " " + f.Name.Name
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			at := func() string { return name + ":" + strconv.Itoa(set.Position(n.Pos()).Line) }
			switch n := n.(type) {
			case *ast.SelectorExpr:
				switch s := text(n); s {
				case "os.Stdout", "os.Stderr", "p.Out", "p.Err", "s.Out", "s.Err", "s.p.Out", "s.p.Err", "o.Out":
					if !strings.HasPrefix(name, "internal/cli/") && !strings.HasPrefix(name, "tui/") {
						if strings.HasPrefix(s, "os.") {
							t.Errorf("%s: %s: only internal/cli and tui talk to people", at(), s)
						}
						return true
					}
					used[function] = true
					if writerDoor[function] == "" {
						t.Errorf("%s: %s uses %s: is what it writes made safe? Then it belongs into the table", at(), function, s)
					}
				}
			case *ast.CallExpr:
				switch f := text(n.Fun); {
				case f == "print" || f == "println" || strings.HasPrefix(f, "fmt.Print") || strings.HasPrefix(f, "log.Print") || strings.HasPrefix(f, "log.Fatal") || strings.HasPrefix(f, "log.Panic"):
					t.Errorf("%s: %s writes what was not made safe", at(), f)
				case f == "screen.Const" && len(n.Args) == 1:
					arg := text(n.Args[0])
					if _, literal := n.Args[0].(*ast.BasicLit); literal || strings.HasPrefix(arg, `strings.Repeat(" ",`) || strings.HasPrefix(arg, "strconv.FormatFloat(") {
						return true
					}
					used[arg] = true
					if constDoor[arg] == "" {
						t.Errorf("%s: screen.Const(%s): text from outside is a safe.String; if this is none, it belongs into the table", at(), arg)
					}
				case strings.HasSuffix(f, ".terminal.raw") || strings.HasSuffix(f, "slog.NewTextHandler") || strings.HasSuffix(f, "slog.NewJSONHandler"):
					if rawDoor[function] == "" && !(strings.Contains(f, "slog.") && writerDoor[function] == "safe.ReplaceAttr") {
						t.Errorf("%s: %s by %s: is what it writes made safe? Then it belongs into the table", at(), f, function)
					}
				}
			}
			return true
		})
	}
	return nil
}
