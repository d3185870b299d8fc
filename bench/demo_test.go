package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDemo: the story can be played by the program, to its end, and the picture of it is well-formed and small.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the program and plays a story")
	}
	t.Chdir("..") // of the module
	path := filepath.Join(t.TempDir(), "demo.svg")
	var out, diag strings.Builder
	if code := command(context.Background(), []string{"demo", "-out", path}, &out, &diag); code != 0 {
		t.Fatalf("exit code %d: %s", code, diag.String())
	}
	demoIsWhole(t, path)
}

// TestDemoOfDocs: so is the one in the documents.
func TestDemoOfDocs(t *testing.T) {
	t.Parallel()
	demoIsWhole(t, filepath.Join("..", "docs", "demo.svg"))
}

func demoIsWhole(t *testing.T, path string) {
	t.Helper()
	film, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(film) > demoBytes {
		t.Errorf("%d bytes, more than %d", len(film), demoBytes)
	}
	dec := xml.NewDecoder(strings.NewReader(string(film)))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "script" {
			t.Error("there is a script")
		}
	}
	for _, want := range []string{"claimed", "tallied", "is now tallied", "Settle up", "Nobody owes anybody."} {
		if !strings.Contains(string(film), want) {
			t.Errorf("nobody sees %q", want)
		}
	}
}
