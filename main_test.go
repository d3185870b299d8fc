package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tallystick/tallystick/internal/race"
)

// The scripts run the program itself, each in a home of its own. The first word of a script's name is the sub-command, or
// "plain" or "relay". What they need beyond testscript is in script_test.go.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"tallystick": main,
		"webserver":  webserver,
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Files:               scripts(t),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"freeport": freeport,
			"code":     code,
			"setenv":   setenv,
			"spawn":    spawn,
			"send":     send,
			"eof":      eof,
			"waitfor":  waitfor,
			"term":     term,
			"ends":     ends,
			"damage":   damage,
			"repeat":   repeat,
			"same":     same,
			"capture":  capture,
		},
	})
}

// scripts are all scripts; under the race detector those of programs that talk with one another. What one does alone at once,
// reading, storing and showing, it does there too.
func scripts(t *testing.T) []string {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	if !race.Enabled {
		return files
	}
	return slices.DeleteFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && !bytes.Contains(text, []byte("--connect")) && !bytes.Contains(text, []byte("spawn"))
	})
}

// setup gives a script its home, and looks at the end whether a secret key has got out.
func setup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("LANG", "C.UTF-8")
	// A socket's path has to be short, and the work folder's may not be.
	runtime, err := os.MkdirTemp("", "ts")
	if err != nil {
		return err
	}
	env.Setenv("XDG_RUNTIME_DIR", runtime)
	env.Defer(func() { _ = os.RemoveAll(runtime) }) // what is left of it does no harm
	p := &processes{byName: map[string]*process{}}
	env.Values[processesKey{}] = p
	env.Defer(func() { searchForSecrets(env) })
	env.Defer(p.killAll) // runs first
	return os.MkdirAll(home, 0o700)
}

// condition knows `defaultport`: nobody listens where nodes meet by default; only one script may need that port. And `race`: the
// race detector watches.
func condition(name string) (bool, error) {
	switch name {
	case "defaultport":
	case "race":
		return race.Enabled, nil
	default:
		return false, fmt.Errorf("unknown condition %q", name)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		return false, nil
	}
	return true, ln.Close()
}

// searchForSecrets looks for the secret half of every key below the work folder in every file but the key itself: what
// the programs have said is there too.
func searchForSecrets(env *testscript.Env) {
	var secrets []string
	var files []string
	err := filepath.WalkDir(env.WorkDir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if !strings.HasSuffix(d.Name(), "key") { // scripts keep copies
			files = append(files, path)
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, line := range strings.Split(string(b), "\n") {
			if seed, ok := strings.CutPrefix(line, "tallystick-secret-key-1 "); ok && len(seed) == 64 {
				secrets = append(secrets, spellings(seed)...)
			}
		}
		return nil
	})
	if err != nil {
		env.T().Log("search for secrets: ", err)
		return
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			env.T().Log("search for secrets: ", err)
			continue
		}
		for _, s := range secrets {
			if strings.Contains(string(b), s) {
				env.T().Log("a secret key is in ", path)
				env.T().FailNow()
			}
		}
	}
}

// webserver is a program that answers HTTP and is no tallystick. Its argument is the address.
func webserver() {
	ln, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stderr.WriteString("serving\n")
	_ = http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("hello from a web server\n"))
	}))
}
