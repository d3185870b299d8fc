package trace

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Reasons for which a trace is refused.
var (
	ErrNoTrace  = errors.New("no such trace")
	ErrDamaged  = errors.New("not a trace of a known format")
	ErrOtherEnd = errors.New("its edits do not make its end")
)

// MaxBytes bounds a trace, uncompressed.
const MaxBytes = 512 << 20

// Names are the traces that the folder holds, sorted: files that end in .json or .json.gz, without that.
func Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("folder of traces: %w", err)
	}
	var names []string
	for _, e := range entries {
		name, ok := strings.CutSuffix(strings.TrimSuffix(e.Name(), ".gz"), ".json")
		if ok && !e.IsDir() && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Load reads the trace called name from the folder and checks it. The error is [ErrNoTrace], [ErrDamaged] or [ErrOtherEnd] with
// the place, or that of reading.
func Load(dir, name string) (*Case, error) {
	names, err := Names(dir)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(names, name) {
		return nil, fmt.Errorf("%w: %q; the folder has %s", ErrNoTrace, name, strings.Join(names, ", "))
	}
	c, err := load(filepath.Join(dir, name+".json"))
	if err != nil {
		return nil, fmt.Errorf("trace %s: %w", name, err)
	}
	c.Name = name
	return c, nil
}

func load(path string) (*Case, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		f, err = os.Open(path + ".gz")
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	var r io.Reader = bufio.NewReader(f)
	if strings.HasSuffix(f.Name(), ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return Parse(r)
}

// content is a file of either format.
type content struct {
	Kind         string        `json:"kind"`
	StartContent string        `json:"startContent"`
	EndContent   *string       `json:"endContent"`
	NumAgents    int           `json:"numAgents"`
	Txns         []transaction `json:"txns"`
}

type transaction struct {
	Time    string  `json:"time"`
	Parents []int   `json:"parents"`
	Agent   int     `json:"agent"`
	Patches [][]any `json:"patches"` // [position, deleted, inserted]: read in one go, since there are many
}

// patch is what a transaction does at one place.
type patch struct {
	at, deleted int
	inserted    string
}

// parsePatch reads [position, deleted, inserted].
func parsePatch(parts []any) (p patch, ok bool) {
	if len(parts) != 3 {
		return p, false
	}
	at, ok1 := length(parts[0])
	deleted, ok2 := length(parts[1])
	inserted, ok3 := parts[2].(string)
	return patch{at, deleted, inserted}, ok1 && ok2 && ok3
}

// length is a whole number that can count code points.
func length(v any) (int, bool) {
	f, ok := v.(float64)
	return int(f), ok && f >= 0 && f <= math.MaxInt32 && f == math.Trunc(f)
}

// Parse reads a trace of either format and checks it: that of a sequential one by making all edits, that of a concurrent one as
// far as that goes without merging. The errors are those of [Load].
func Parse(r io.Reader) (*Case, error) {
	limited := &io.LimitedReader{R: r, N: MaxBytes + 1}
	dec := json.NewDecoder(limited)
	var f content
	if err := dec.Decode(&f); err != nil {
		if limited.N == 0 {
			return nil, fmt.Errorf("%w: over %d bytes", ErrDamaged, MaxBytes)
		}
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	// Reading on to the end has gzip check its sum.
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more after its end: %v", ErrDamaged, err)
	}
	if f.EndContent == nil {
		return nil, fmt.Errorf("%w: no endContent", ErrDamaged)
	}
	switch f.Kind {
	case "", "sequential":
		return f.sequential()
	case "concurrent":
		return f.concurrent()
	}
	return nil, fmt.Errorf("%w: kind %q", ErrDamaged, f.Kind)
}

// edits takes the edits out of the transactions, and returns where those of each begin.
func (f *content) edits(c *Case) (begins []int, err error) {
	for i, t := range f.Txns {
		begins = append(begins, len(c.At))
		at := int64(0)
		if t.Time != "" {
			parsed, err := time.Parse(time.RFC3339, t.Time)
			if err != nil {
				return nil, fmt.Errorf("%w: transaction %d: %w", ErrDamaged, i, err)
			}
			at = parsed.Unix()
		}
		for _, parts := range t.Patches {
			p, ok := parsePatch(parts)
			if !ok {
				return nil, fmt.Errorf("%w: transaction %d: %v is not [position, deleted, inserted]", ErrDamaged, i, parts)
			}
			if p.deleted > 0 || p.inserted != "" {
				c.add(p, at)
			}
		}
	}
	return append(begins, len(c.At)), nil
}

func (c *Case) add(p patch, at int64) {
	c.At = append(c.At, p.at)
	c.Delete = append(c.Delete, p.deleted)
	c.Insert = append(c.Insert, p.inserted)
	c.Times = append(c.Times, at)
}

func (f *content) sequential() (*Case, error) {
	c := &Case{Kind: Text, End: *f.EndContent}
	if f.StartContent != "" {
		c.add(patch{inserted: f.StartContent}, 0)
	}
	if _, err := f.edits(c); err != nil {
		return nil, err
	}
	if len(c.Times) > 1 && f.StartContent != "" {
		c.Times[0] = c.Times[1]
	}
	var text buffer
	at16, deleted16 := make([]int, len(c.At)), make([]int, len(c.At))
	wide := false
	for i, at := range c.At {
		if at > text.len() || c.Delete[i] > text.len()-at {
			return nil, fmt.Errorf("%w: edit %d: [%d, %d) of %d code points", ErrDamaged, i, at, at+c.Delete[i], text.len())
		}
		before, deleted := text.splice(at, c.Delete[i], c.Insert[i])
		at16[i], deleted16[i] = at+before, c.Delete[i]+deleted
		wide = wide || before > 0 || deleted > 0
	}
	if got := text.String(); got != c.End {
		return nil, fmt.Errorf("%w: %d code points, not %d, or others", ErrOtherEnd, text.len(), utf8.RuneCountInString(c.End))
	}
	if wide {
		c.At16, c.Delete16 = at16, deleted16
	}
	return c, nil
}
