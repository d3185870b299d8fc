package report

import (
	"fmt"
	"os"
	"strings"
)

// Into puts figures, as tables of Markdown, into the document at path: that of each work between the lines
// <!-- bench WORK --> and <!-- end -->, and between <!-- bench missed WORK … --> and <!-- end --> what missed its budget, if there are
// figures of all the works that are named. Sections of other works stay as they are.
func Into(path string, figures []Figure) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("tables into %s: %w", path, err)
	}
	doc, err := into(string(b), figures)
	if err != nil {
		return fmt.Errorf("tables into %s: %w", path, err)
	}
	if err := os.WriteFile(path, []byte(doc), 0o644); err != nil {
		return fmt.Errorf("tables into %s: %w", path, err)
	}
	return nil
}

const (
	sectionBegin = "<!-- bench "
	sectionEnd   = "<!-- end -->"
	missedBegin  = "missed "
)

func into(doc string, figures []Figure) (string, error) {
	byWork := map[string][]Figure{}
	for _, f := range figures {
		byWork[f.Work] = append(byWork[f.Work], f)
	}
	var out strings.Builder
	for doc != "" {
		before, rest, found := strings.Cut(doc, sectionBegin)
		out.WriteString(before)
		if !found {
			break
		}
		work, rest, ok := strings.Cut(rest, " -->\n")
		old, after, ended := strings.Cut(rest, sectionEnd)
		if !ok || !ended {
			return "", fmt.Errorf("section %q has no end", work)
		}
		out.WriteString(sectionBegin + work + " -->\n")
		if of, ok := strings.CutPrefix(work, missedBegin); ok {
			var all []Figure
			for _, w := range strings.Fields(of) {
				if byWork[w] == nil {
					all = nil
					break
				}
				all = append(all, byWork[w]...)
			}
			if all != nil {
				old = "\n" + missedList(all) + "\n"
			}
			out.WriteString(old)
		} else if byWork[work] == nil {
			out.WriteString(old)
		} else {
			out.WriteByte('\n')
			if err := Write(&out, Markdown, byWork[work], nil); err != nil {
				return "", err
			}
			out.WriteByte('\n')
		}
		out.WriteString(sectionEnd)
		doc = after
	}
	return out.String(), nil
}

// missedList is what WriteMissed writes, as a list of Markdown.
func missedList(figures []Figure) string {
	var lines strings.Builder
	_ = WriteMissed(&lines, figures) // a Builder takes everything
	if lines.Len() == 0 {
		return "Nothing.\n"
	}
	var list strings.Builder
	for line := range strings.Lines(lines.String()) {
		list.WriteString("- " + line)
	}
	return list.String()
}
