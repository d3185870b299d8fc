package peers

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestPinned: each library has a file of its own and an exact version, which the lock has too, with its hash.
func TestPinned(t *testing.T) {
	t.Parallel()
	b, err := files.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Version, Integrity, Resolved string }
	}
	if err := json.Unmarshal(b, &lock); err != nil {
		t.Fatal(err)
	}
	exact := regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	for _, lib := range Libs() {
		locked := lock.Packages["node_modules/"+lib.Package]
		if !exact.MatchString(lib.Version) || locked.Version != lib.Version {
			t.Errorf("%s: version %q, locked %q", lib.Name, lib.Version, locked.Version)
		}
		if _, err := fs.Stat(files, lib.Name+".mjs"); err != nil {
			t.Error(err)
		}
	}
	for name, p := range lock.Packages {
		if name != "" && p.Integrity == "" {
			t.Errorf("%s has no hash", name)
		}
		if p.Resolved != "" {
			t.Errorf("%s names a registry: %s", name, p.Resolved)
		}
	}
}

func TestNode(t *testing.T) {
	t.Parallel()
	if _, err := findNode(context.Background(), "no-such-node"); !errors.Is(err, ErrNode) {
		t.Errorf("none: got %v", err)
	}
	for version, ok := range map[string]bool{"v18.20.1": false, "v20.0.0": true, "v24.1.0": true, "nightly": false, "": false} {
		node := filepath.Join(t.TempDir(), "node")
		if err := os.WriteFile(node, []byte("#!/bin/sh\necho "+version+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := findNode(context.Background(), node); (err == nil) != ok || err != nil && !errors.Is(err, ErrNode) {
			t.Errorf("%q: got %v", version, err)
		}
	}
}
