package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Format is how the report is written.
type Format int

// Formats.
const (
	Text     Format = iota // columns for a terminal
	Markdown               // a table of CommonMark's usual extension
	JSON                   // a line for each figure
)

// Write writes figures to w, the works one after the other in the order of their first figure. last has the medians of
// the run before, by [Figure.Key]; nil for none.
func Write(w io.Writer, format Format, figures []Figure, last map[string]float64) error {
	if format == JSON {
		return writeJSON(w, figures)
	}
	var b strings.Builder
	for _, work := range works(figures) {
		beside := besides(figures, work)
		var rows [][]string
		for i := range figures {
			if figures[i].Work == work {
				rows = append(rows, row(&figures[i], last, beside))
			}
		}
		head := []string{"figure", "median", "p95", "p99", "unit", "runs", "budget", "", "last", "plain", "ratio"}
		head = append(append(head, beside...), "note")
		head, rows = dropEmpty(head, rows)
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		if format == Markdown {
			writeMarkdown(&b, head, rows)
		} else {
			fmt.Fprintf(&b, "== %s\n", work)
			writeColumns(&b, head, rows)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteMissed lists what missed its budget, the worst first, in one line each; nothing if all is met.
func WriteMissed(w io.Writer, figures []Figure) error {
	var b strings.Builder
	for _, verdict := range []Verdict{Failed, Missed} {
		for i := range figures {
			f := &figures[i]
			for _, budget := range f.Budgets {
				if budget.Verdict(f.Summary) == verdict {
					fmt.Fprintf(&b, "%s: %s %s: %s %s %s, budget %s\n", verdict, f.Work, f.label(), budget.Of, Number(budget.Value(f.Summary)), f.Unit, budget.limit())
				}
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func works(figures []Figure) []string {
	var works []string
	seen := map[string]bool{}
	for i := range figures {
		if w := figures[i].Work; !seen[w] {
			seen[w] = true
			works = append(works, w)
		}
	}
	return works
}

func (f *Figure) label() string {
	if f.Case == "" {
		return f.Name
	}
	return f.Name + ", " + f.Case
}

// Key names the figure over runs.
func (f *Figure) Key() string { return f.Work + "/" + f.label() }

// besides are the heads of the further columns of a work, in the order in which they come up.
func besides(figures []Figure, work string) []string {
	var heads []string
	for i := range figures {
		for _, c := range figures[i].Beside {
			if figures[i].Work == work && !slices.Contains(heads, c.Head) {
				heads = append(heads, c.Head)
			}
		}
	}
	return heads
}

func row(f *Figure, last map[string]float64, beside []string) []string {
	cells := []string{f.label(), Number(f.Median), "", "", f.Unit, strconv.Itoa(f.N), "", string(f.Verdict()), "", "", ""}
	if f.N == 0 {
		cells[1] = "none"
	}
	if f.N > 1 {
		cells[2], cells[3] = Number(f.P95), Number(f.P99)
	}
	for i, b := range f.Budgets {
		if i > 0 {
			cells[6] += ", "
		}
		if b.Of != "p50" || len(f.Budgets) > 1 {
			cells[6] += b.Of + " "
		}
		cells[6] += b.limit()
	}
	if v, ok := last[f.Key()]; ok {
		cells[8] = Number(v)
	}
	if r := f.Ratio(); !math.IsNaN(r) {
		cells[9] = Number(f.Reference)
		cells[10] = Number(r)
	}
	for _, head := range beside {
		cell := ""
		for _, c := range f.Beside {
			if c.Head == head {
				cell = c.Text
			}
		}
		cells = append(cells, cell)
	}
	return append(cells, f.Note)
}

func (b Budget) limit() string {
	if b.Least {
		return ">= " + Number(b.Limit)
	}
	return "<= " + Number(b.Limit)
}

// Number writes v with three significant digits, or whole from 100 on, with separators between thousands.
func Number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "none"
	case a >= 99.95:
		return thousands(strconv.FormatFloat(v, 'f', 0, 64))
	case a >= 9.995:
		return trimZeros(strconv.FormatFloat(v, 'f', 1, 64))
	case a >= 0.0995:
		return trimZeros(strconv.FormatFloat(v, 'f', 2, 64))
	case a == 0:
		return "0"
	default:
		return trimZeros(strconv.FormatFloat(v, 'f', 4, 64))
	}
}

func trimZeros(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") }

func thousands(s string) string {
	digits := strings.TrimPrefix(s, "-")
	var b strings.Builder
	b.WriteString(s[:len(s)-len(digits)])
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// dropEmpty leaves out the columns in which no row says anything.
func dropEmpty(head []string, rows [][]string) ([]string, [][]string) {
	var keep []int
	for c := range head {
		for _, r := range rows {
			if r[c] != "" {
				keep = append(keep, c)
				break
			}
		}
	}
	pick := func(r []string) []string {
		out := make([]string, len(keep))
		for i, c := range keep {
			out[i] = r[c]
		}
		return out
	}
	out := make([][]string, len(rows))
	for i, r := range rows {
		out[i] = pick(r)
	}
	return pick(head), out
}

func writeColumns(b *strings.Builder, head []string, rows [][]string) {
	width := make([]int, len(head))
	for _, r := range append([][]string{head}, rows...) {
		for c, cell := range r {
			width[c] = max(width[c], utf8.RuneCountInString(cell))
		}
	}
	for _, r := range append([][]string{head}, rows...) {
		var line strings.Builder
		for c, cell := range r {
			pad := strings.Repeat(" ", width[c]-utf8.RuneCountInString(cell))
			if rightAligned(head[c]) {
				line.WriteString(pad + cell)
			} else {
				line.WriteString(cell + pad)
			}
			line.WriteString("  ")
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
}

func rightAligned(head string) bool {
	switch head {
	case "median", "p95", "p99", "runs", "last", "plain", "ratio":
		return true
	}
	return false
}

func writeMarkdown(b *strings.Builder, head []string, rows [][]string) {
	line := func(cells []string) {
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	line(head)
	rule := make([]string, len(head))
	for c := range head {
		rule[c] = "---"
		if rightAligned(head[c]) {
			rule[c] = "---:"
		}
	}
	line(rule)
	for _, r := range rows {
		line(r)
	}
}
