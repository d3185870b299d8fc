// Command sbom prints a bill of materials of a Go program, as CycloneDX 1.5 in JSON, from what the program itself says it was
// built of: the modules that are linked in, with their sums, and the Go release.
//
//	go run ./internal/sbom tallystick >tallystick.cdx.json
//
// The same program gives the same bytes: the time is that of the commit, and the serial number is made of the content.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sbom PROGRAM")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	program, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return err
	}
	out, err := bom(info, sha256.Sum256(program))
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(out)
	return err
}

// What follows is the part of https://cyclonedx.org/docs/1.5/json/ that is used.
type document struct {
	Format       string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	SerialNumber string       `json:"serialNumber,omitempty"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp,omitempty"`
	Component component `json:"component"`
}

type component struct {
	Ref        string     `json:"bom-ref"`
	Type       string     `json:"type"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	Hashes     []hash     `json:"hashes,omitempty"`
	PURL       string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

// told are the settings of a build that change its bytes or say where it comes from.
var told = map[string]bool{
	"vcs": true, "vcs.revision": true, "vcs.time": true, "vcs.modified": true,
	"CGO_ENABLED": true, "GOOS": true, "GOARCH": true, "GOAMD64": true, "GOARM64": true, "-trimpath": true, "-ldflags": true, "-tags": true,
}

// bom makes the bill of a program with that SHA-256.
func bom(info *debug.BuildInfo, sum [32]byte) ([]byte, error) {
	d := document{Format: "CycloneDX", SpecVersion: "1.5", Version: 1}
	main := module(info.Main)
	main.Type = "application"
	main.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum[:])}}
	for _, s := range info.Settings {
		if told[s.Key] {
			main.Properties = append(main.Properties, property{"go:build:" + s.Key, s.Value})
		}
		switch s.Key {
		case "vcs.time":
			d.Metadata.Timestamp = s.Value
		case "vcs.revision":
			if main.Version == "(devel)" {
				main.Version = s.Value
			}
		}
	}
	d.Metadata.Component = main
	d.Components = append(d.Components, module(debug.Module{Path: "std", Version: info.GoVersion}))
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := module(*m)
		h, err := goSum(m.Sum)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		c.Hashes = h
		d.Components = append(d.Components, c)
	}
	all := dependency{Ref: main.Ref}
	for _, c := range d.Components {
		all.DependsOn = append(all.DependsOn, c.Ref)
	}
	d.Dependencies = []dependency{all}
	content, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	d.SerialNumber = serial(sha256.Sum256(content))
	out, err := json.MarshalIndent(d, "", "  ")
	return append(out, '\n'), err
}

func module(m debug.Module) component {
	purl := "pkg:golang/" + strings.ReplaceAll(url.PathEscape(m.Path), "%2F", "/") + "@" + url.PathEscape(m.Version)
	return component{Ref: purl, Type: "library", Name: m.Path, Version: m.Version, PURL: purl}
}

// goSum is the sum of a module in go.sum's form "h1:BASE64": a SHA-256 over the names and sums of its files.
func goSum(sum string) ([]hash, error) {
	if sum == "" {
		return nil, nil // a module of this machine
	}
	digits, ok := strings.CutPrefix(sum, "h1:")
	if !ok {
		return nil, fmt.Errorf("sum %q is not of the form h1:BASE64", sum)
	}
	b, err := base64.StdEncoding.DecodeString(digits)
	if err != nil || len(b) != sha256.Size {
		return nil, fmt.Errorf("sum %q is not of the form h1:BASE64", sum)
	}
	return []hash{{"SHA-256", hex.EncodeToString(b)}}, nil
}

// serial makes a UUID (RFC 9562, version 8) of a hash.
func serial(h [32]byte) string {
	h[6] = h[6]&0x0f | 0x80
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
