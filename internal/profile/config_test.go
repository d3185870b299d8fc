package profile

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/tallystick/tallystick/internal/disk"
)

func writeConfig(t testing.TB, config, text string) (path string) {
	t.Helper()
	path = filepath.Join(config, "tallystick", "config.toml")
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfig(t *testing.T) {
	_, config := home(t)
	cfg, err := LoadConfig()
	if err != nil || !reflect.DeepEqual(cfg, Config{}) {
		t.Fatalf("without a file: got %+v, %v", cfg, err)
	}
	writeConfig(t, config, "")
	if cfg, err := LoadConfig(); err != nil || !reflect.DeepEqual(cfg, Config{}) {
		t.Fatalf("empty: got %+v, %v", cfg, err)
	}
	path := writeConfig(t, config, `# mine
name = "alice"
room = "holiday"
connect = ["ws://192.0.2.1:8080", "wss://example.org"]
listen = "127.0.0.1:9000"

[keys]
global.quit = "Q"

[keys.ledger]
sort = "o"
copy = ["y", "ctrl+y"]
`)
	want := Config{
		name(t, "alice"), "holiday", []string{"ws://192.0.2.1:8080", "wss://example.org"}, "127.0.0.1:9000",
		map[string][]string{"global.quit": {"Q"}, "ledger.sort": {"o"}, "ledger.copy": {"y", "ctrl+y"}},
	}
	if cfg, err := LoadConfig(); err != nil || !reflect.DeepEqual(cfg, want) {
		t.Fatalf("got %+v, %v, want %+v", cfg, err, want)
	}
	if err := errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path)); err != nil {
		t.Fatal(err)
	}
	if cfg, err := LoadConfig(); err != nil || !reflect.DeepEqual(cfg, want) {
		t.Fatalf("through a link: got %+v, %v, want %+v", cfg, err, want)
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, line, why string }{
		"unknown field":        {"room = 'a'\n\ncolour = 'red'\n", "3", `unknown field "colour"; known are name, room, connect, listen, keys`},
		"unknown table":        {"room = 'a'\n[server]\nport = 1\n", "2", `unknown field "server`},
		"field in other case":  {"\nName = 'a'\n", "2", `unknown field "Name"`},
		"field in two cases":   {"name = 'a'\nNAME = 'b'\n", "2", `unknown field "NAME"`},
		"quoted field":         {"'room ' = 'a'\n", "1", `unknown field "room "`},
		"number for a text":    {"\nroom = 3\n", "2", `field "room" must be a text in quotes`},
		"text for a list":      {"connect = 'ws://x'\n", "1", `field "connect" must be a list of texts in quotes`},
		"number in a list":     {"connect = ['a', 'b',\n 3]\n", "2", `field "connect" must be a list of texts in quotes`},
		"list in a list":       {"connect = [['a']]\n", "1", `field "connect" must be a list of texts in quotes`},
		"table for a text":     {"[listen]\nx = 1\n", "1", `field "listen" must be`},
		"number for a name":    {"name = 3\n", "1", `field "name" must be a text in quotes`},
		"table for a name":     {"[name]\nx = 1\n", "2", `"name`},
		"keys in no group":     {"[keys]\nsort = 's'\n", "2", `field "keys.sort" must be`},
		"number for a key":     {"[keys.ledger]\n\nsort = 3\n", "3", `field "keys.ledger.sort" must be`},
		"number in keys":       {"[keys.ledger]\nsort = ['a', 3]\n", "2", `field "keys.ledger.sort" must be`},
		"text for keys":        {"keys = 's'\n", "1", `field "keys" must be a table`},
		"field twice":          {"room = 'a'\nroom = 'b'\n", "2", `field "room"`},
		"bad name":             {"# a\n# b\nname = 'a.b'\n", "3", `field "name": not a name: "a.b" has '.'`},
		"no value":             {"room =\n", "1", "start of value"},
		"no end of text":       {"\n\nroom = 'a\n", "3", ""},
		"no TOML":              {"room: a\n", "1", ""},
		"NUL":                  {"room = \"\x00\"\n", "1", ""},
		"bad UTF-8":            {"room = \"\xff\"\n", "1", "UTF-8"},
		"escapes in a field":   {"\"\\u001b[2J\" = 1\n", "1", "unknown field"},
		"escapes in the value": {"name = \"\\u001b[2J\"\n", "1", "not a name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := parseConfig("/x/config.toml", []byte(c.text))
			wantError(t, err, ErrConfig, "/x/config.toml:"+c.line+":", c.why)
			if !reflect.DeepEqual(cfg, Config{}) {
				t.Errorf("got %+v with the error", cfg)
			}
			if strings.Contains(err.Error(), "\x1b") {
				t.Errorf("raw escape in %q", err)
			}
		})
	}
}

func TestConfigIsNoFile(t *testing.T) {
	_, config := home(t)
	path := writeConfig(t, config, strings.Repeat("# long\n", 20_000))
	_, err := LoadConfig()
	wantError(t, err, ErrConfig, path)
	wantError(t, err, disk.ErrTooLarge)
	for _, make := range []func(string) error{
		func(p string) error { return os.Mkdir(p, 0o700) },
		func(p string) error { return syscall.Mkfifo(p, 0o600) },
		func(p string) error { return os.Symlink("/dev/zero", p) },
		func(p string) error { return os.Symlink(p, p) },
	} {
		if err := errors.Join(os.RemoveAll(path), make(path)); err != nil {
			t.Fatal(err)
		}
		_, err := LoadConfig()
		wantError(t, err, ErrConfig)
	}
	if err := errors.Join(os.RemoveAll(config), os.WriteFile(config, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err = LoadConfig()
	wantError(t, err, ErrConfig, config)
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("name = 'alice'\nconnect = ['a', 'b']\n"))
	f.Add([]byte("Name = 3"))
	f.Add([]byte("[name]\nx = {y = [1, 2]}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > disk.MaxSmallFileBytes {
			return
		}
		cfg, err := parseConfig("/x", b)
		if err != nil && (!errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "/x") || !reflect.DeepEqual(cfg, Config{})) {
			t.Fatalf("got %+v, %v", cfg, err)
		}
	})
}
