package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/bench/internal/trace"
)

// sequential is a case with a paste larger than a change, the deletion of it, and characters of every width.
func sequential(t *testing.T) *trace.Case {
	t.Helper()
	paste := strings.Repeat("é𝄞", 15_000)
	c := &trace.Case{
		Kind: trace.Text, At: []int{0, 2, 1, 0, 0}, Delete: []int{0, 0, 1, 30_000, 0}, Insert: []string{"hallo", paste, "e", "", "🦜"},
		Times: []int64{1, 2, 3, 3, 9}, End: "🦜é𝄞llo",
	}
	c.At[3] = 0
	c.End = "🦜" + string(slices.Concat([]rune("he" + paste + "llo")[30_000:]))
	return c
}

func run(t *testing.T, work string, c *trace.Case) Result {
	t.Helper()
	prepare, ok := works[work]
	if !ok {
		t.Fatalf("no work %s", work)
	}
	once, err := prepare(c)
	if err != nil {
		t.Fatalf("%s: %v", work, err)
	}
	res, err := once()
	if err != nil {
		t.Fatalf("%s: %v", work, err)
	}
	return res
}

func TestText(t *testing.T) {
	t.Parallel()
	c := sequential(t)
	for _, work := range []string{"make", "make-256", "apply", "apply-2cores", "apply-256"} {
		res := run(t, work, c)
		if res.Ms == nil || *res.Ms <= 0 {
			t.Errorf("%s: got %+v", work, res)
		}
		if made := strings.HasPrefix(work, "make"); made != (res.Bytes != nil) || made && *res.Bytes < 90_000 {
			t.Errorf("%s: got bytes %v", work, res.Bytes)
		}
	}
	for _, work := range []string{"file", "file-typing", "load", "snapshot"} {
		if res := run(t, work, c); res.Ms == nil || res.Bytes == nil || *res.Bytes < 100 || *res.Bytes > 200_000 {
			t.Errorf("%s: got %+v", work, res)
		}
	}
	if res := run(t, "heap", c); res.Heap == nil || res.Ms != nil {
		t.Errorf("heap: got %+v", res)
	}
}

// TestOtherEnd: a run whose text is not the case's fails.
func TestOtherEnd(t *testing.T) {
	t.Parallel()
	c := sequential(t)
	c.End += "!"
	for _, work := range []string{"make", "apply", "apply-2cores", "heap", "load", "snapshot"} {
		once, err := works[work](c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := once(); !errors.Is(err, ErrOtherText) {
			t.Errorf("%s: got %v", work, err)
		}
	}
}

func TestLive(t *testing.T) {
	t.Parallel()
	c, err := trace.Load("../trace/testdata", "two")
	if err != nil {
		t.Fatal(err)
	}
	for _, work := range []string{"merge", "merge-unsigned"} {
		if res := run(t, work, c); res.Ms == nil || res.Bytes == nil || *res.Bytes < 7*64 {
			t.Errorf("%s: got %+v", work, res)
		}
	}
	c.End = "another"
	once, err := works["merge"](c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := once(); !errors.Is(err, ErrOtherText) {
		t.Errorf("another end: got %v", err)
	}
	c.At[3] = 9
	if _, err := once(); err == nil || !strings.Contains(err.Error(), "of agent 0") {
		t.Errorf("a position beyond the text: got %v", err)
	}
}

func TestHeads(t *testing.T) {
	t.Parallel()
	for _, random := range []bool{false, true} {
		c := trace.NewHeads(7, 160, random) // so many that single changes are held back
		for _, work := range []string{"heads-200", "heads-20", "heads-1"} {
			if res := run(t, work, c); res.Ms == nil {
				t.Errorf("%s: got %+v", work, res)
			}
		}
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	c := trace.NewAppend(5000)
	if res := run(t, "append", c); res.Bytes == nil || *res.Bytes < 5000*40 {
		t.Errorf("append: got %+v", res)
	}
	run(t, "append-apply", c)
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	if _, err := Prepare("nothing", trace.NewAppend(1)); err == nil {
		t.Error("there is no such work")
	}
}
