package lines

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// readAll returns what Next makes of an input: a line, or "!" for one that is too long.
func readAll(t testing.TB, r io.Reader, maxBytes int) (lines []string, lengths []int64, last error) {
	t.Helper()
	l := NewReader(r, maxBytes)
	for {
		line, n, err := l.Next()
		switch {
		case errors.Is(err, ErrTooLong):
			lines = append(lines, "!")
		case err != nil:
			return lines, lengths, err
		default:
			lines = append(lines, string(line))
		}
		lengths = append(lengths, n)
		if l.N != len(lines) {
			t.Fatalf("line %d is counted as %d", len(lines), l.N)
		}
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 20)
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", nil},
		{"no end", "a", []string{"a"}},
		{"end", "a\n", []string{"a"}},
		{"two", "a\nb", []string{"a", "b"}},
		{"empty", "\n\na\n", []string{"", "", "a"}},
		{"crlf", "a\r\nb\r\n", []string{"a", "b"}},
		{"lone cr", "a\rb\r", []string{"a\rb\r"}},
		{"at the bound", long + "\n" + long, []string{long, long}},
		{"too long", long + "xxx\nb\n", []string{"!", "b"}},
		{"too long at the end", "a\n" + strings.Repeat("x", 1000), []string{"a", "!"}},
		{"many bounds long", strings.Repeat("x", 1000) + "\nb", []string{"!", "b"}},
	} {
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(c.in), "bytes": iotest.OneByteReader(strings.NewReader(c.in)), "data with EOF": iotest.DataErrReader(strings.NewReader(c.in)),
		} {
			got, lengths, err := readAll(t, r, 20)
			if !errors.Is(err, io.EOF) || strings.Join(got, "|") != strings.Join(c.want, "|") || len(got) != len(c.want) {
				t.Errorf("%s, %s: got %q, %v, want %q", c.name, name, got, err, c.want)
			}
			var sum int64
			for _, n := range lengths {
				sum += n
			}
			if sum != int64(len(c.in)) {
				t.Errorf("%s, %s: lengths %v add up to %d, want %d", c.name, name, lengths, sum, len(c.in))
			}
		}
	}
}

func TestReaderError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	lines, _, err := readAll(t, io.MultiReader(strings.NewReader("a\nb\n"), iotest.ErrReader(broken)), 20)
	if !errors.Is(err, broken) || len(lines) != 2 {
		t.Errorf("got %q, %v, want two lines and the error", lines, err)
	}
}

// Lines are what strings.Split finds, but for those that are too long.
func FuzzReader(f *testing.F) {
	f.Add([]byte("a\r\nb\n\nc"), 3)
	f.Add(bytes.Repeat([]byte("x"), 100), 17)
	f.Fuzz(func(t *testing.T, in []byte, bound int) {
		if bound < 16 || bound > 1<<12 { // bufio's least
			return
		}
		got, _, err := readAll(t, bytes.NewReader(in), bound)
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		want := strings.Split(string(in), "\n")
		open := len(want) - 1 // has no end
		if want[open] == "" {
			want = want[:open]
		}
		if len(got) != len(want) {
			t.Fatalf("got %d lines, want %d", len(got), len(want))
		}
		for i, w := range want {
			if i != open {
				w = strings.TrimSuffix(w, "\r")
			}
			if got[i] == "!" && w != "!" {
				if len(w) <= bound {
					t.Errorf("line %d of %d bytes refused, bound %d", i, len(w), bound)
				}
			} else if got[i] != w {
				t.Errorf("line %d: got %q, want %q", i, got[i], w)
			}
		}
	})
}
