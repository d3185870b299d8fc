package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/tallystick/tallystick/internal/disk"
)

// Config is what the config file says; what it leaves out is zero. Addresses and the room's name are as given: who uses
// them judges them.
//
//	name = "alice"                          # who runs where no NAME is given
//	room = "main"
//	connect = ["ws://192.0.2.1:8080"]
//	listen = "127.0.0.1:8080"
//
//	[keys.ledger]                           # of the screen; its help lists them
//	sort = "o"
//	copy = ["y", "ctrl+y"]
type Config struct {
	Name    Name
	Room    string
	Connect []string
	Listen  string
	Keys    map[string][]string // by the names of bindings, as in ledger.sort; nil: none
}

// configFile is the file's form.
type configFile struct {
	Name    configName `toml:"name"`
	Room    string     `toml:"room"`
	Connect []string   `toml:"connect"`
	Listen  string     `toml:"listen"`

	Keys map[string]any `toml:"keys"`
}

const configFields = "name, room, connect, listen, keys"

// configForm says what a field must be, in words for people.
var configForm = map[string]string{
	"name":    "a text in quotes",
	"room":    "a text in quotes",
	"connect": "a list of texts in quotes",
	"listen":  "a text in quotes",
	"keys":    "a table, as in [keys.ledger]",
}

// configName is judged while the file is decoded, so that an error has its line.
type configName struct{ Name }

// UnmarshalText takes a name. Errors: [ErrName].
func (n *configName) UnmarshalText(b []byte) (err error) {
	n.Name, err = ParseName(string(b))
	return err
}

// LoadConfig reads the config file; without one it returns the zero Config. Errors: [ErrFolder], [ErrConfig].
func LoadConfig() (Config, error) {
	path, err := ConfigPath()
	if err != nil {
		return Config{}, err
	}
	b, err := readConfig(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("%w: %s: %w", ErrConfig, path, err)
	}
	return parseConfig(path, b)
}

// readConfig follows symbolic links, unlike the reader of keys: people keep their configs in repositories.
func readConfig(path string) ([]byte, error) {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	f, err := disk.OpenRegular(target, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	return disk.ReadSmall(f)
}

// parseConfig reads b, the content of path.
func parseConfig(path string, b []byte) (Config, error) {
	var file configFile
	d := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return Config{}, configError(path, err)
	}
	// The decoder takes a number for a name, and Name for name: with both in the file one would be lost.
	var raw map[string]any
	if err := toml.Unmarshal(b, &raw); err != nil {
		return Config{}, configError(path, err)
	}
	if name, ok := raw["name"]; ok {
		if _, ok := name.(string); !ok {
			return Config{}, fmt.Errorf("%w: %s:%d: field %q must be %s", ErrConfig, path, lineOf(b, "name"), "name", configForm["name"])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		if configForm[key] == "" {
			return Config{}, fmt.Errorf("%w: %s:%d: unknown field %q; known are %s", ErrConfig, path, lineOf(b, key), key, configFields)
		}
	}
	keys, bad := flatKeys(file.Keys)
	if bad != "" {
		last := bad[strings.LastIndexByte(bad, '.')+1:]
		return Config{}, fmt.Errorf("%w: %s:%d: field %q must be a text in quotes or a list of them, as in sort = \"o\" below [keys.ledger]", ErrConfig, path, lineOf(b, last), "keys."+bad)
	}
	return Config{Name: file.Name.Name, Room: file.Room, Connect: file.Connect, Listen: file.Listen, Keys: keys}, nil
}

// flatKeys are the keys of [keys.GROUP] as GROUP.NAME. bad is the name of what is neither text nor list of texts, "" if
// there is none.
func flatKeys(groups map[string]any) (keys map[string][]string, bad string) {
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		table, ok := groups[group].(map[string]any)
		if !ok {
			return nil, group
		}
		for _, name := range slices.Sorted(maps.Keys(table)) {
			full := group + "." + name
			list, ok := table[name].([]any)
			if !ok {
				list = []any{table[name]}
			}
			if keys == nil {
				keys = map[string][]string{}
			}
			keys[full] = []string{}
			for _, v := range list {
				s, ok := v.(string)
				if !ok {
					return nil, full
				}
				keys[full] = append(keys[full], s)
			}
		}
	}
	return keys, ""
}

// lineOf returns the number of the line that begins with key, 1 if there is none.
func lineOf(b []byte, key string) int {
	n := 0
	for line := range bytes.Lines(b) {
		n++
		if bytes.HasPrefix(bytes.TrimLeft(line, " \t['\""), []byte(key)) {
			return n
		}
	}
	return 1
}

// configError says where in the file err is, and which field it is about.
func configError(path string, err error) error {
	var missing *toml.StrictMissingError
	if errors.As(err, &missing) && len(missing.Errors) > 0 {
		e := &missing.Errors[0]
		line, _ := e.Position()
		return fmt.Errorf("%w: %s:%d: unknown field %q; known are %s", ErrConfig, path, line, strings.Join(e.Key(), "."), configFields)
	}
	var bad *toml.DecodeError
	if !errors.As(err, &bad) {
		return fmt.Errorf("%w: %s: %w", ErrConfig, path, err)
	}
	line, column := bad.Position()
	what := strings.TrimPrefix(bad.Error(), "toml: ")
	field := strings.Join(bad.Key(), ".")
	switch form := configForm[field]; {
	case form != "" && strings.HasPrefix(what, "cannot "):
		return fmt.Errorf("%w: %s:%d: field %q must be %s", ErrConfig, path, line, field, form)
	case field != "":
		return fmt.Errorf("%w: %s:%d: field %q: %s", ErrConfig, path, line, field, strings.TrimPrefix(what, "error calling UnmarshalText: "))
	}
	return fmt.Errorf("%w: %s:%d:%d: %s", ErrConfig, path, line, column, what)
}
