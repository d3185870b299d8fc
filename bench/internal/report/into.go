package report

import (
	"fmt"
	"os"
	"strings"
)

// Into puts figures, as tables of Markdown, into the document at path: that of each work between the lines
// <!-- bench WORK --> and <!-- end -->, and what missed its budget, if there are figures of all works that the document has,
// between <!-- bench missed --> and <!-- end -->. Sections of other works stay as they are.
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
	missedWork   = "missed"
)

func into(doc string, figures []Figure) (string, error) {
	byWork := map[string][]Figure{}
	for _, f := range figures {
		byWork[f.Work] = append(byWork[f.Work], f)
	}
	var out strings.Builder
	whole := true // there are figures for every section so far
	missedAt, missedRest := -1, ""
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
		switch {
		case work == missedWork:
			missedAt, missedRest = out.Len(), old
		case byWork[work] == nil:
			whole = false
			out.WriteString(old)
		default:
			out.WriteByte('\n')
			if err := Write(&out, Markdown, byWork[work], nil); err != nil {
				return "", err
			}
			out.WriteByte('\n')
		}
		out.WriteString(sectionEnd)
		doc = after
	}
	text := out.String()
	if missedAt < 0 {
		return text, nil
	}
	if whole {
		missedRest = "\n" + missedList(figures) + "\n"
	}
	return text[:missedAt] + missedRest + text[missedAt:], nil
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
