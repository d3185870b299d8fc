package trace

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestNames(t *testing.T) {
	t.Parallel()
	names, err := Names("testdata")
	if err != nil || !slices.Equal(names, []string{"greeting", "two"}) {
		t.Errorf("got %v, %v", names, err)
	}
	if _, err := Names(filepath.Join("testdata", "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: got %v", err)
	}
	if _, err := Load("testdata", "none"); !errors.Is(err, ErrNoTrace) || !strings.Contains(err.Error(), "greeting, two") {
		t.Errorf("no trace: got %v", err)
	}
	if _, err := Load("testdata", "../testdata/two"); !errors.Is(err, ErrNoTrace) {
		t.Errorf("a path: got %v", err)
	}
}

func TestSequential(t *testing.T) {
	t.Parallel()
	c, err := Load("testdata", "greeting")
	if err != nil {
		t.Fatal(err)
	}
	want := &Case{
		Kind: Text, Name: "greeting", At: []int{0, 5, 0, 2, 0}, Delete: []int{0, 0, 1, 1, 1}, Insert: []string{"hello", "! 🦜é", "J", "LL", ""},
		Times: []int64{1600000000, 1600000000, 1600000001, 1600000001, 1600000002}, End: "eLLlo! 🦜é",
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v\nwant %+v", c, want)
	}
}

// TestUTF16: the positions in UTF-16 make the end in a text of UTF-16.
func TestUTF16(t *testing.T) {
	t.Parallel()
	c, err := Parse(strings.NewReader(`{"startContent":"🦜a","endContent":"b𝄞c🦜","txns":[
		{"patches":[[2,0,"b"],[0,2,""]]},{"patches":[[1,0,"𝄞x🦜"],[2,1,"c"]]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var text []uint16
	for i, at := range c.At16 {
		text = slices.Replace(text, at, at+c.Delete16[i], utf16.Encode([]rune(c.Insert[i]))...)
	}
	if got := string(utf16.Decode(text)); got != c.End {
		t.Errorf("got %q, want %q", got, c.End)
	}
	if slices.Equal(c.At, c.At16) || slices.Equal(c.Delete, c.Delete16) {
		t.Error("this trace should have other positions in UTF-16")
	}
}

// TestConcurrent: by the plan, each replica has exactly the ancestors of what is typed into it.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	c, err := Load("testdata", "two")
	if err != nil {
		t.Fatal(err)
	}
	if c.Agents != 3 || c.Wide || c.Kind != Live {
		t.Errorf("got %+v", c)
	}
	// The ancestors of each edit, by hand.
	want := [][]int{{}, {0}, {0}, {0, 1, 2}, {0, 2}, {0, 1, 2, 3, 4}, {}}
	have := make([][]int, c.Agents)
	unsent := make([][]int, c.Agents)
	var messages [][]int
	for _, s := range c.Steps {
		a, x := s[1], s[2]
		switch s[0] {
		case Edit:
			slices.Sort(have[a])
			if !slices.Equal(have[a], want[x]) {
				t.Errorf("edit %d by agent %d: the replica has %v, want %v", x, a, have[a], want[x])
			}
			have[a] = append(have[a], x)
			unsent[a] = append(unsent[a], x)
		case Send:
			if x != len(messages) || len(unsent[a]) == 0 {
				t.Errorf("message %d of %v is number %d", x, unsent[a], len(messages))
			}
			messages = append(messages, unsent[a])
			unsent[a] = nil
		case Take:
			have[a] = append(have[a], messages[x]...)
		}
	}
	for a := range have {
		slices.Sort(have[a])
		if !slices.Equal(have[a], []int{0, 1, 2, 3, 4, 5, 6}) {
			t.Errorf("agent %d has %v at the end", a, have[a])
		}
	}
	if len(messages) != c.Messages {
		t.Errorf("%d messages, said to be %d", len(messages), c.Messages)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want error
		said string
	}{
		"nothing":           {``, ErrDamaged, "EOF"},
		"no JSON":           {`hello`, ErrDamaged, "invalid"},
		"cut off":           {`{"endContent":"a","txns":[{"patches":[[0,0,"a"`, ErrDamaged, "unexpected EOF"},
		"more":              {`{"endContent":"","txns":[]} {}`, ErrDamaged, "more after its end"},
		"an array":          {`[1]`, ErrDamaged, "array"},
		"no end":            {`{"txns":[]}`, ErrDamaged, "no endContent"},
		"unknown kind":      {`{"kind":"tree","endContent":"","txns":[]}`, ErrDamaged, `kind "tree"`},
		"short patch":       {`{"endContent":"a","txns":[{"patches":[[0,0]]}]}`, ErrDamaged, "transaction 0"},
		"text as position":  {`{"endContent":"a","txns":[{"patches":[["0",0,"a"]]}]}`, ErrDamaged, "transaction 0"},
		"half a position":   {`{"endContent":"a","txns":[{"patches":[[0.5,0,"a"]]}]}`, ErrDamaged, "transaction 0"},
		"huge position":     {`{"endContent":"a","txns":[{"patches":[[1e300,0,"a"]]}]}`, ErrDamaged, "transaction 0"},
		"negative position": {`{"endContent":"a","txns":[{"patches":[[-1,0,"a"]]}]}`, ErrDamaged, "transaction 0"},
		"beyond the end":    {`{"endContent":"a","txns":[{"patches":[[0,0,"a"],[2,0,"b"]]}]}`, ErrDamaged, "edit 1: [2, 2) of 1"},
		"delete too much":   {`{"endContent":"a","txns":[{"patches":[[0,0,"a"],[0,2147483647,""]]}]}`, ErrDamaged, "edit 1"},
		"bad time":          {`{"endContent":"a","txns":[{"time":"noon","patches":[[0,0,"a"]]}]}`, ErrDamaged, "noon"},
		"another end":       {`{"endContent":"b","txns":[{"patches":[[0,0,"a"]]}]}`, ErrOtherEnd, "1 code points"},
		"no agents":         {`{"kind":"concurrent","endContent":"","txns":[]}`, ErrDamaged, "0 agents"},
		"too many agents":   {`{"kind":"concurrent","endContent":"","numAgents":2000000000,"txns":[{"parents":[],"agent":0,"patches":[]}]}`, ErrDamaged, "more than planning"},
		"unknown agent":     {`{"kind":"concurrent","endContent":"","numAgents":1,"txns":[{"parents":[],"agent":1,"patches":[]}]}`, ErrDamaged, "agent 1 of 1"},
		"later parent":      {`{"kind":"concurrent","endContent":"","numAgents":1,"txns":[{"parents":[0],"agent":0,"patches":[]}]}`, ErrDamaged, "parent 0"},
		"forked agent":      {`{"kind":"concurrent","endContent":"","numAgents":1,"txns":[{"parents":[],"agent":0,"patches":[[0,0,"a"]]},{"parents":[],"agent":0,"patches":[]}]}`, ErrDamaged, "transaction 1"},
	} {
		_, err := Parse(strings.NewReader(c.in))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.said) {
			t.Errorf("%s: got %v, want %v with %q", name, err, c.want, c.said)
		}
	}
}

// TestDamagedGzip: each file of gzip that lacks its end or has another byte is refused, unless it says the same.
func TestDamagedGzip(t *testing.T) {
	t.Parallel()
	plain, err := os.ReadFile(filepath.Join("testdata", "two.json"))
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want, err := Load("testdata", "two")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	read := func(b []byte) (*Case, error) {
		if err := os.WriteFile(filepath.Join(dir, "two.json.gz"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(dir, "two")
	}
	if c, err := read(packed.Bytes()); err != nil || !reflect.DeepEqual(c, want) {
		t.Fatalf("undamaged: got %+v, %v", c, err)
	}
	for n := range packed.Len() {
		if c, err := read(packed.Bytes()[:n]); err == nil {
			t.Fatalf("cut to %d bytes: got %+v", n, c)
		}
		b := slices.Clone(packed.Bytes())
		b[n] ^= 0x10
		if c, err := read(b); err == nil && !reflect.DeepEqual(c, want) {
			t.Fatalf("byte %d: got %+v", n, c)
		}
	}
}

func TestCaseFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "case.json")
	for _, c := range []*Case{NewHeads(3, 4, true), NewAppend(5), {Kind: Text, Name: "x", At: []int{0}, Delete: []int{0}, Insert: []string{"y"}, End: "y"}} {
		if err := c.Write(path); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path)
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("got %+v, %v, want %+v", got, err, c)
		}
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil {
		t.Error("half a case was read")
	}
}

func TestHeads(t *testing.T) {
	t.Parallel()
	a, b := NewHeads(5, 20, true), NewHeads(5, 20, true)
	if !slices.Equal(a.Order, b.Order) || slices.IsSorted(a.Order) {
		t.Errorf("got %v and %v", a.Order, b.Order)
	}
	slices.Sort(b.Order)
	if !slices.Equal(b.Order, NewHeads(5, 20, false).Order) || a.Edits() != 100 {
		t.Errorf("not every message once: %v", b.Order)
	}
}

func TestTypingTimes(t *testing.T) {
	t.Parallel()
	c := &Case{At: make([]int, 5000)}
	times := c.TypingTimes()
	if len(times) != 5000 || !slices.IsSorted(times) || !slices.Equal(times, c.TypingTimes()) {
		t.Errorf("got %d times", len(times))
	}
	if span := times[4999] - times[0]; span < 1000 || span > 30*24*3600 {
		t.Errorf("5,000 keys in %d s", span)
	}
}

// FuzzParse: whatever a file holds, it is refused or can be run: edits are within the text, and steps name what there is.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"greeting.json", "two.json"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrOtherEnd) {
				t.Fatalf("no reason: %v", err)
			}
			return
		}
		if !json.Valid(b) {
			t.Fatal("taken, but not JSON")
		}
		sent := 0
		for _, s := range c.Steps {
			ok := s[1] >= 0 && s[1] < c.Agents
			switch s[0] {
			case Edit:
				ok = ok && s[2] < len(c.At)
			case Send:
				ok = ok && s[2] == sent
				sent++
			case Take:
				ok = ok && s[2] < sent
			}
			if !ok {
				t.Fatalf("step %v of %d edits, %d messages, %d agents", s, len(c.At), sent, c.Agents)
			}
		}
		if len(c.Delete) != len(c.At) || len(c.Insert) != len(c.At) || len(c.Times) != len(c.At) || sent != c.Messages {
			t.Fatalf("got %+v", c)
		}
	})
}
