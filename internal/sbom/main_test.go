package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schema is that of CycloneDX 1.5, from testdata (see its README).
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	for _, name := range []string{"bom-1.5.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json", "spdx.SNAPSHOT.schema.json"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("http://cyclonedx.org/schema/"+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	c.AssertFormat()
	s, err := c.Compile("http://cyclonedx.org/schema/bom-1.5.SNAPSHOT.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, bom []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(bom))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

// The bill of the program fits the schema, names every module that is linked in, and is the same each time.
func TestBOM(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "tallystick")
	build := exec.Command("go", "build", "-o", program, "../..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as what is released
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	info.Settings = append(info.Settings, debug.BuildSetting{Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, debug.BuildSetting{Key: "vcs.revision", Value: "0123abcd"})
	out, err := bom(info, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	s := schema(t)
	if err := validate(t, s, out); err != nil {
		t.Errorf("it does not fit the schema: %v\n%s", err, out)
	}
	var d document
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatal(err)
	}
	if len(info.Deps) == 0 || len(d.Components) != len(info.Deps)+1 {
		t.Errorf("got %d components, want %d modules and std", len(d.Components), len(info.Deps))
	}
	for _, c := range d.Components[1:] {
		if len(c.Hashes) != 1 || !strings.HasPrefix(c.PURL, "pkg:golang/"+c.Name+"@v") {
			t.Errorf("got %+v, want a sum and a package URL", c)
		}
	}
	if d.Metadata.Timestamp != "2026-01-02T03:04:05Z" || d.Metadata.Component.Version != "0123abcd" && d.Metadata.Component.Version != info.Main.Version {
		t.Errorf("got %+v, want time and revision of the commit", d.Metadata)
	}
	again, err := bom(info, [32]byte{1})
	if err != nil || !bytes.Equal(out, again) {
		t.Errorf("a second bill differs: %v", err)
	}
	if other, _ := bom(info, [32]byte{2}); bytes.Contains(other, []byte(d.SerialNumber)) {
		t.Error("another program has the same serial number")
	}
	// The schema notices what is wrong.
	if validate(t, s, bytes.Replace(out, []byte(`"type": "library"`), []byte(`"type": "books"`), 1)) == nil {
		t.Error("the schema takes anything")
	}
}

func TestBadSum(t *testing.T) {
	t.Parallel()
	for _, sum := range []string{"h2:AAAA", "h1:", "h1:!!!!", "h1:AAAA"} {
		info := &debug.BuildInfo{GoVersion: "go1.26", Deps: []*debug.Module{{Path: "example.org/x", Version: "v1.0.0", Sum: sum}}}
		if _, err := bom(info, [32]byte{}); err == nil || !strings.Contains(err.Error(), "example.org/x") {
			t.Errorf("%q: got %v, want an error that names the module", sum, err)
		}
	}
}
