package live

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/tallystick/tallystick/internal/byz"
)

// classes in the order of docs/threats.md.
var classes = []byz.Class{
	byz.Codec, byz.Change, byz.Key, byz.Chain, byz.Dependencies, byz.Document, byz.Sequence, byz.Sync, byz.Transport,
	byz.Withholding, byz.Store, byz.Terminal, byz.Config, byz.Oracle,
}

// row is an attack in all its forms.
type row struct {
	*Result
	forms []*Result
}

// rows gathers the forms of each attack, in the order in which they come.
func rows(results []*Result) []row {
	var all []row
	at := make(map[string]int)
	for _, r := range results {
		i, ok := at[r.Name]
		if !ok {
			i = len(all)
			at[r.Name] = i
			all = append(all, row{Result: r})
		}
		all[i].forms = append(all[i].forms, r)
	}
	return all
}

// err is the first that went wrong in any form.
func (r row) err() error {
	for _, f := range r.forms {
		if f.Err != nil {
			return f.Err
		}
	}
	return nil
}

// outcome is what came of it, the same in all forms if nothing went wrong.
func (r row) outcome() string {
	if err := r.err(); err != nil {
		return "**wrong**: " + strings.ReplaceAll(strings.ReplaceAll(err.Error(), "\n", "; "), "|", "\\|")
	}
	return r.Outcome
}

// Markdown writes the results as tables, one a class, and what the worst of each measure was.
func Markdown(w io.Writer, results []*Result) error {
	all := rows(results)
	var b strings.Builder
	var slowest, relay, node *Result
	right := 0
	for _, r := range results {
		if r.Err == nil {
			right++
		}
		if slowest == nil || r.Edit > slowest.Edit {
			slowest = r
		}
		if relay == nil || r.Relay > relay.Relay {
			relay = r
		}
		if node == nil || r.Node > node.Node {
			node = r
		}
	}
	fmt.Fprintf(&b, "%d attacks, %d runs, %d as they must be.\n", len(all), len(results), right)
	if slowest != nil {
		fmt.Fprintf(&b, "Slowest honest edit, both ways, with the attackers still connected: %v (%s). ", slowest.Edit.Round(time.Millisecond), slowest.Name)
		fmt.Fprintf(&b, "Most memory: relay %d MiB (%s), node %d MiB (%s).\n", relay.Relay>>20, relay.Name, node.Node>>20, node.Name)
	}
	for _, class := range classes {
		begun := false
		for _, r := range all {
			if r.Class != class {
				continue
			}
			if !begun {
				fmt.Fprintf(&b, "\n### %s\n\n| attack | what is tried | outcome |\n| --- | --- | --- |\n", class)
				begun = true
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", r.Name, strings.ReplaceAll(r.What, "|", "\\|"), r.outcome())
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const (
	tableBegin = "<!-- attacks -->\n"
	tableEnd   = "<!-- end -->"
)

// Into puts the tables into the document at path, between the lines <!-- attacks --> and <!-- end -->.
func Into(path string, results []*Result) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("attacks into %s: %w", path, err)
	}
	before, rest, ok := strings.Cut(string(b), tableBegin)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !ok || !ended {
		return fmt.Errorf("attacks into %s: there is no place between %q and %q", path, strings.TrimSpace(tableBegin), tableEnd)
	}
	var doc strings.Builder
	doc.WriteString(before + tableBegin + "\n")
	if err := Markdown(&doc, results); err != nil {
		return err
	}
	doc.WriteString("\n" + tableEnd + after)
	if err := os.WriteFile(path, []byte(doc.String()), 0o644); err != nil {
		return fmt.Errorf("attacks into %s: %w", path, err)
	}
	return nil
}
