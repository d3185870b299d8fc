package replay

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Cuts of recorded prices for the shipped scenarios. data/README.md says where each is from.
//
//go:embed data/*.csv
var shipped embed.FS

// Shipped are the names of the recordings within the program, sorted.
func Shipped() []string {
	files, err := fs.Glob(shipped, "data/*.csv")
	if err != nil {
		panic("replay: internal error: " + err.Error())
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(path.Base(f), ".csv"))
	}
	slices.Sort(names)
	return names
}

// Open reads a shipped recording. The error says which there are, or is that of [Read]
// for a venue that it has not got.
func Open(name string, o Options) (*Recording, error) {
	if !slices.Contains(Shipped(), name) {
		return nil, fmt.Errorf("there is no recording %s; there are %s", quoted(name), strings.Join(Shipped(), ", "))
	}
	f, err := shipped.Open("data/" + name + ".csv")
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	return Read(name+".csv", f, o)
}
