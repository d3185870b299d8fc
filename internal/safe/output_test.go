package safe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestEscapeJSON(t *testing.T) {
	t.Parallel()
	doc, err := json.Marshal(map[string]any{"mémo\u202e": "a\u009b\u200b\U000e0041日\x7f\n", "n": 1})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"mémo\u202e":"a\u009b\u200b\udb40\udc41日\u007f\n","n":1}`
	if got := string(EscapeJSON(nil, doc)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := string(EscapeJSON([]byte("x"), []byte("\"\xff\""))); got != `x"\ufffd"` {
		t.Errorf("not UTF-8: got %s", got)
	}
}

func TestReplaceAttr(t *testing.T) {
	t.Parallel()
	evil := "a\x1b[2J\u202e\u009b\n"
	for _, handler := range []string{"text", "json"} {
		t.Run(handler, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			opts := &slog.HandlerOptions{ReplaceAttr: ReplaceAttr, AddSource: true}
			var h slog.Handler = slog.NewTextHandler(&out, opts)
			if handler == "json" {
				h = slog.NewJSONHandler(&out, opts)
			}
			slog.New(h).With("with", evil).WithGroup("g").Error(evil, "text", evil, "err", errors.New(evil), "safe", Text(evil, 20), "key"+evil, 7,
				"long", strings.Repeat("x", 10000), slog.Group("deep", "text", evil))
			for _, r := range strings.TrimSuffix(out.String(), "\n") {
				if invisible(r) {
					t.Fatalf("%U got through: %+q", r, out.String())
				}
			}
			if n := strings.Count(out.String(), "u202e"); n != 7 {
				t.Errorf("got %d escaped texts, want 7: %s", n, out.String())
			}
			if out.Len() > 3000 {
				t.Errorf("a line of %d bytes", out.Len())
			}
		})
	}
}

func ExampleText() {
	memo := "thanks\x1b[2J \u202e00.9 "
	s := Text(memo, 20)
	fmt.Println(s.String(), s.Width())
	// Output: thanks\x1b[2J \u202… 20
}
