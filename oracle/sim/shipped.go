package sim

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed scenarios/*.json
var files embed.FS

// Shipped are the names of the scenarios within the program, the one that init prints first.
func Shipped() []string {
	found, err := fs.Glob(files, "scenarios/*.json")
	if err != nil {
		panic("sim: internal error: " + err.Error())
	}
	names := []string{example}
	for _, f := range found {
		if name := strings.TrimSuffix(path.Base(f), ".json"); name != example {
			names = append(names, name)
		}
	}
	return names
}

const example = "two-of-seven"

// Example is the scenario that is to be started from, as it is written: [Parse] reads it.
func Example() []byte {
	b, err := files.ReadFile("scenarios/" + example + ".json")
	if err != nil {
		panic("sim: internal error: " + err.Error())
	}
	return b
}

// Load is the shipped scenario of that name. The error lists the names.
func Load(name string) (Scenario, error) {
	if !slices.Contains(Shipped(), name) {
		return Scenario{}, fmt.Errorf("there is no scenario %q within the program; there are %s", name, strings.Join(Shipped(), ", "))
	}
	b, err := files.ReadFile("scenarios/" + name + ".json")
	if err != nil {
		return Scenario{}, err
	}
	return Parse(name+".json", b)
}
