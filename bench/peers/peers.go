// Package peers runs the works of the CRDT benchmark on the libraries that tallystick is held against: their packages, pinned by
// package-lock.json, and a program for Node that measures one work of one of them.
package peers

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

//go:embed *.mjs package.json package-lock.json
var files embed.FS

// ErrNode is returned if there is no Node that is new enough, or no npm.
var ErrNode = errors.New("the peers need node 20 or later, and npm")

const leastNode = 20

// A Lib is one of the libraries.
type Lib struct {
	Name     string // as in its file here
	Package  string // of npm
	Version  string
	TextOnly bool
}

// Libs are the libraries, with the versions that package.json pins.
func Libs() []Lib {
	libs := []Lib{
		{Name: "json-joy", Package: "json-joy"},
		{Name: "yjs", Package: "yjs"},
		{Name: "loro", Package: "loro-crdt"},
		{Name: "diamond-types", Package: "diamond-types-node", TextOnly: true},
		{Name: "automerge", Package: "@automerge/automerge"},
	}
	var manifest struct{ Dependencies map[string]string }
	b, err := files.ReadFile("package.json")
	if err == nil {
		err = json.Unmarshal(b, &manifest)
	}
	if err != nil {
		panic("peers: internal error: " + err.Error())
	}
	for i := range libs {
		libs[i].Version = manifest.Dependencies[libs[i].Package]
	}
	return libs
}

// Installed is a folder with the libraries in it.
type Installed struct{ node, dir string }

// Install has npm fetch the pinned packages into a folder of the user's cache, once: what is there is used again. The errors are
// [ErrNode], and what npm says.
func Install(ctx context.Context) (*Installed, error) {
	node, err := findNode(ctx, "node")
	if err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("folder for the peers: %w", err)
	}
	dir, err := install(ctx, filepath.Join(cache, "tallystick-bench"))
	return &Installed{node, dir}, err
}

func findNode(ctx context.Context, name string) (string, error) {
	node, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNode, err)
	}
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s --version: %w", ErrNode, node, err)
	}
	version := strings.TrimSpace(string(out))
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < leastNode {
		return "", fmt.Errorf("%w: %s is %q", ErrNode, node, version)
	}
	return node, nil
}

// install puts all files and packages into a folder within cache that is named after them. It is made elsewhere and moved there when it is complete, so that
// one that is there is whole.
func install(ctx context.Context, cache string) (string, error) {
	names, err := fs.Glob(files, "*")
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	contents := make([][]byte, len(names))
	for i, name := range names {
		if contents[i], err = files.ReadFile(name); err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(contents[i]))
		sum.Write(contents[i])
	}
	dir := filepath.Join(cache, "peers-"+hex.EncodeToString(sum.Sum(nil))[:16])
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNode, err)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("folder for the peers: %w", err)
	}
	making, err := os.MkdirTemp(cache, "making-")
	if err != nil {
		return "", fmt.Errorf("folder for the peers: %w", err)
	}
	defer os.RemoveAll(making) // nothing is there if all went well
	for i, name := range names {
		if err := os.WriteFile(filepath.Join(making, name), contents[i], 0o644); err != nil {
			return "", fmt.Errorf("folder for the peers: %w", err)
		}
	}
	// What is pinned is all that is needed: json-joy names packages of user interfaces as optional company. None has a script to run.
	cmd := exec.CommandContext(ctx, npm, "ci", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = making
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w: %s", err, strings.TrimSpace(string(out)))
	}
	if err := os.Rename(making, dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			return "", fmt.Errorf("folder for the peers: %w", err)
		} // another process was faster
	}
	return dir, nil
}

// Command is the process that runs a work so often on a case's file; it speaks as package job wants it.
func (p *Installed) Command(ctx context.Context, lib Lib, work string, runs int, file string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.node, "--expose-gc", "--max-old-space-size=4096", "worker.mjs", lib.Name, work, strconv.Itoa(runs), file)
	cmd.Dir = p.dir
	return cmd
}
