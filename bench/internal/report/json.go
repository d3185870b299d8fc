package report

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// line is a figure as a line of JSON. Fields without meaning are left out.
type line struct {
	Work    string       `json:"work"`
	Case    string       `json:"case,omitempty"`
	Figure  string       `json:"figure"`
	Unit    string       `json:"unit"`
	Runs    int          `json:"runs"`
	Median  *float64     `json:"median"`
	P95     *float64     `json:"p95,omitempty"`
	P99     *float64     `json:"p99,omitempty"`
	Min     *float64     `json:"min,omitempty"`
	Max     *float64     `json:"max,omitempty"`
	Budget  []budgetLine `json:"budget,omitempty"`
	Verdict Verdict      `json:"verdict,omitempty"`
	Plain   *float64     `json:"plain,omitempty"`
	Ratio   *float64     `json:"ratio,omitempty"`
	Note    string       `json:"note,omitempty"`
}

type budgetLine struct {
	Of      string   `json:"of"`
	AtMost  *float64 `json:"at_most,omitempty"`
	AtLeast *float64 `json:"at_least,omitempty"`
}

func writeJSON(w io.Writer, figures []Figure) error {
	enc := json.NewEncoder(w)
	for i := range figures {
		if err := enc.Encode(newLine(&figures[i])); err != nil {
			return err
		}
	}
	return nil
}

func newLine(f *Figure) line {
	l := line{Work: f.Work, Case: f.Case, Figure: f.Name, Unit: f.Unit, Runs: f.N, Verdict: f.Verdict(), Note: f.Note}
	if f.N > 0 {
		l.Median = number(f.Median)
	}
	if f.N > 1 {
		l.P95, l.P99, l.Min, l.Max = number(f.P95), number(f.P99), number(f.Min), number(f.Max)
	}
	for _, b := range f.Budgets {
		bl := budgetLine{Of: b.Of}
		if b.Least {
			bl.AtLeast = number(b.Limit)
		} else {
			bl.AtMost = number(b.Limit)
		}
		l.Budget = append(l.Budget, bl)
	}
	if f.Reference != 0 {
		l.Plain, l.Ratio = number(f.Reference), number(f.Ratio())
	}
	return l
}

// number is nil for what JSON cannot say.
func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// ReadLast reads the medians that [SaveLast] left in the file at path. Without the file there are none.
func ReadLast(path string) (map[string]float64, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("figures of the last run: %w", err)
	}
	defer f.Close() // only read
	last := map[string]float64{}
	scan := bufio.NewScanner(f)
	for n := 1; scan.Scan(); n++ {
		var l line
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("figures of the last run: %s:%d: %w; remove the file to go on", path, n, err)
		}
		if l.Median != nil {
			last[(&Figure{Work: l.Work, Case: l.Case, Name: l.Figure}).Key()] = *l.Median
		}
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("figures of the last run: %s: %w", path, err)
	}
	return last, nil
}

// SaveLast puts figures into the file at path, beside those of other works that it holds.
func SaveLast(path string, figures []Figure) error {
	ran := map[string]bool{}
	for i := range figures {
		ran[figures[i].Work] = true
	}
	var kept []line
	if f, err := os.Open(path); err == nil {
		scan := bufio.NewScanner(f)
		for scan.Scan() {
			var l line
			// What cannot be read is left behind: it is a record of measurements, not data.
			if json.Unmarshal(scan.Bytes(), &l) == nil && !ran[l.Work] {
				kept = append(kept, l)
			}
		}
		_ = f.Close() // only read
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("keep figures: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "figures-*")
	if err != nil {
		return fmt.Errorf("keep figures: %w", err)
	}
	enc := json.NewEncoder(tmp)
	for i := range kept {
		err = errors.Join(err, enc.Encode(&kept[i]))
	}
	for i := range figures {
		err = errors.Join(err, enc.Encode(newLine(&figures[i])))
	}
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // what matters is err
		return fmt.Errorf("keep figures: %w", err)
	}
	return nil
}
