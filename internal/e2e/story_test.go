//go:build unix

package e2e

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/internal/program"
	"github.com/tallystick/tallystick/internal/terminal"
)

var updateStories = flag.Bool("stories.update", false, "write the golden frames of the stories")

// A story is played by real programs from beginning to end: its hero sits at a screen, or, in plain mode, at none; the
// others are on machines of their own.
type story struct {
	name string
	play func(*scene)
}

var stories = []story{
	{"dinner", dinnerOfFour},
	{"month", monthOffline},
	{"impostor", nameTaken},
	{"invitation", invited},
	{"import", imported},
}

// A form is how the hero of a story uses the program.
type form struct {
	name       string
	cols, rows int // 0: plain mode
	args, env  []string
	ascii      bool
	colours    bool
}

func (f form) plain() bool { return f.cols == 0 }

// or is narrow where a screen is too narrow for the word.
func (s *scene) or(word, narrow string) string {
	if s.form.cols == 40 {
		return narrow
	}
	return word
}

var (
	sizes = [...][2]int{{120, 36}, {80, 24}, {40, 12}}
	looks = [...]form{
		{name: "colour", args: []string{"--color", "16"}, colours: true},
		{name: "no-color", env: []string{"NO_COLOR=1"}},
		{name: "ascii", args: []string{"--ascii"}, ascii: true, colours: true},
	}
)

// TestStories plays every story at every size, the looks spread over them, and in plain mode; with -short at one size each.
func TestStories(t *testing.T) {
	for i, st := range stories {
		forms := []form{{name: "plain"}}
		for k, size := range sizes {
			f := looks[(i+k)%len(looks)]
			f.cols, f.rows = size[0], size[1]
			f.name = fmt.Sprintf("%dx%d-%s", f.cols, f.rows, f.name)
			forms = append(forms, f)
		}
		for _, f := range forms {
			if testing.Short() && !f.plain() && sizes[i%len(sizes)] != [2]int{f.cols, f.rows} {
				continue
			}
			t.Run(st.name+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				s := &scene{t: t, story: st.name, form: f}
				st.play(s)
				s.looked()
			})
		}
	}
}

// A scene is one story in one form.
type scene struct {
	t     *testing.T
	story string
	form  form
	hub   *program.Relay
	told  map[string]bool // moments, so that no golden file is left over
}

// relay is one that all machines of the scene reach.
func (s *scene) relay() *program.Relay {
	s.t.Helper()
	if s.hub == nil {
		dir := s.folder()
		hub, err := program.StartRelay(s.t.Context(), binary, filepath.Join(dir, "relay"), program.Environment(dir))
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { _ = hub.Stop() }) // the test has failed or not by then
		s.hub = hub
	}
	return s.hub
}

// folder is a new one with a short path: a socket's has little room.
func (s *scene) folder() string {
	s.t.Helper()
	dir, err := os.MkdirTemp("", "ts-")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// A machine is somebody's, who is called name there. Its key follows from who that is.
type machine struct {
	s    *scene
	name string
	home string
	key  ed25519.PrivateKey
}

// id64 is the key as it is given to others.
func (m *machine) id64() string { return hex.EncodeToString(m.key[ed25519.SeedSize:]) }

// digits are the first of the key, as people see them.
func (m *machine) digits() string { return m.id64()[:8] }

// machine is a new one of who, called name.
func (s *scene) machine(who, name string) *machine {
	s.t.Helper()
	seed := sha256.Sum256([]byte("tallystick story " + who))
	key := ed25519.NewKeyFromSeed(seed[:])
	m := &machine{s: s, name: name, home: s.folder(), key: key}
	dir := filepath.Join(m.home, "data", "tallystick", "people", name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	text := "# tallystick key of author " + hex.EncodeToString(key[32:]) + "; whoever has it can write as this author\n" +
		"tallystick-secret-key-1 " + hex.EncodeToString(seed[:]) + "\n"
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return m
}

// env is the environment of the machine's programs.
func (m *machine) env() []string {
	return append(program.Environment(m.home), "TERM=xterm-256color", "TZ=UTC")
}

func (m *machine) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env, cmd.Dir = m.env(), m.home
	return cmd
}

// does runs a command as the machine's person to its end and returns what it printed, and what it
// complained of if it is to fail. It must end with code.
func (m *machine) does(code int, args ...string) string {
	m.s.t.Helper()
	cmd := m.command(args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the code is looked at
	if got := cmd.ProcessState.ExitCode(); got != code {
		m.s.t.Fatalf("%s: tallystick %s: exit code %d, want %d\n%s%s", m.name, strings.Join(args, " "), got, code, stdout.String(), stderr.String())
	}
	if code != 0 {
		return stdout.String() + stderr.String()
	}
	return stdout.String()
}

// others are the arguments by which a command reaches the others.
func (m *machine) others() []string {
	return []string{"--as", m.name, "--connect", m.s.relay().URL, "--sync"}
}

// shows up: the machine's person comes, says what it is called, and goes.
func (m *machine) showsUp() {
	m.s.t.Helper()
	t, err := terminal.Start(binary, m.online("--plain"), terminal.Options{Env: m.env(), Dir: m.home, Mute: true})
	if err != nil {
		m.s.t.Skipf("no pseudo-terminal here: %v", err)
	}
	defer t.Close() // it has ended by then
	until(m.s.t, m.name+" says its name", func() bool { return strings.Contains(t.Raw(), "\tname\t") })
	if _, err := t.Send("\x04"); err != nil {
		m.s.t.Fatal(err)
	}
	if exit, err := t.Wait(patience); err != nil || exit.Code != 0 {
		m.s.t.Fatalf("%s: %v, %v; it said:\n%s", m.name, exit, err, t.Raw())
	}
}

// answers runs a command at a terminal of its own, and answers what it asks.
func (m *machine) answers(question, answer string, args ...string) {
	m.s.t.Helper()
	t, err := terminal.Start(binary, args, terminal.Options{Env: m.env(), Dir: m.home, Mute: true})
	if err != nil {
		m.s.t.Skipf("no pseudo-terminal here: %v", err)
	}
	defer t.Close() // it has ended by then
	until(m.s.t, m.name+" is asked "+question, func() bool { return strings.Contains(t.Raw(), question) })
	if _, err := t.Send(answer + "\r"); err != nil {
		m.s.t.Fatal(err)
	}
	if exit, err := t.Wait(patience); err != nil || exit.Code != 0 {
		m.s.t.Fatalf("%s: %v, %v; it said:\n%.2000s", m.name, exit, err, t.Raw())
	}
}

// adds writes an entry and tells everybody.
func (m *machine) adds(line string) {
	m.s.t.Helper()
	m.does(0, append([]string{"add", line}, m.others()...)...)
}

// agrees to the entry with that memo; dispute says why not.
func (m *machine) agrees(memo string) {
	m.s.t.Helper()
	m.does(0, append([]string{"agree", m.id(memo)}, m.others()...)...)
}

func (m *machine) disputes(memo, why string) {
	m.s.t.Helper()
	m.does(0, append([]string{"dispute", m.id(memo), why}, m.others()...)...)
}

// id is that of the newest entry with that memo, once others have told of it.
func (m *machine) id(memo string) string { m.s.t.Helper(); return m.idIn(memo, m.others()...) }

// idOf is that of the newest entry with that memo, once this machine has it.
func (m *machine) idOf(memo string) string { m.s.t.Helper(); return m.idIn(memo, "--as", m.name) }

func (m *machine) idIn(memo string, args ...string) string {
	m.s.t.Helper()
	var e struct {
		ID string `json:"id"`
	}
	until(m.s.t, m.name+" has "+memo, func() bool {
		lines := strings.Split(strings.TrimSpace(m.does(0, append([]string{"list", "memo:" + memo, "--json"}, args...)...)), "\n")
		return json.Unmarshal([]byte(lines[len(lines)-1]), &e) == nil
	})
	return e.ID
}

// What is another each time is masked: ids, times, ports.
var masks = []struct {
	what *regexp.Regexp
	by   byte
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d`), '0'},
	{regexp.MustCompile(`\d\d:\d\d(:\d\d)?`), '0'},
	{regexp.MustCompile(`(127\.0\.0\.1|localhost):\d+`), 'p'},
	{regexp.MustCompile(`\?[0-9a-f]{2,}`), 'x'}, // of a look-alike's key
	{regexp.MustCompile(`\b[0-9a-f]{7,64}\b`), 'x'},
	{regexp.MustCompile(`\bx{8}( [0-9a-f]{4})+\b`), 'x'}, // of which the rest follows
	{regexp.MustCompile(`\b[0-9a-f]{4,8}( [0-9a-f]{4,8}){1,}\b`), 'x'},
}

func masked(text string) string {
	for _, m := range masks {
		text = m.what.ReplaceAllStringFunc(text, func(s string) string {
			if m.by == 'p' {
				host, port, _ := strings.Cut(s, ":")
				return host + ":" + strings.Repeat("p", len(port))
			}
			return strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' || r >= 'a' && r <= 'f' {
					return rune(m.by)
				}
				return r
			}, s)
		})
	}
	return text
}

// golden is the file of a moment.
func (s *scene) golden(moment string) string {
	if s.told == nil {
		s.told = map[string]bool{}
	}
	path := filepath.Join("testdata", "story", s.story, moment+"-"+s.form.name+".txt")
	s.told[path] = true
	return path
}

// looked verifies that there is no golden file of another moment.
func (s *scene) looked() {
	s.t.Helper()
	all, err := filepath.Glob(filepath.Join("testdata", "story", s.story, "*-"+s.form.name+".txt"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, path := range all {
		if !s.told[path] {
			s.t.Errorf("%s is of no moment of the story", path)
		}
	}
}

// write writes a golden file.
func (s *scene) write(path, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) read(path string) string {
	s.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatalf("%v: go test ./internal/e2e -run Stories -stories.update writes it", err)
	}
	return string(b)
}
