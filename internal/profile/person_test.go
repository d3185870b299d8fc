package profile

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestInitAndLoad(t *testing.T) {
	data, config := home(t)
	alice := mustInit(t, "alice")
	if got := [32]byte(alice.Secret.PrivateKey().Public().(ed25519.PublicKey)); got != alice.Author || alice.Author == [32]byte{} {
		t.Errorf("got author %x, want %x", alice.Author, got)
	}
	loaded, err := Load(alice.Name)
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Author != alice.Author || loaded.Dir != alice.Dir || !loaded.Secret.PrivateKey().Equal(alice.Secret.PrivateKey()) {
		t.Errorf("got %v, want %v", loaded, alice)
	}
	if bob := mustInit(t, "bob"); bob.Author == alice.Author {
		t.Error("two people with one key")
	}
	room := [32]byte{0xab, 1, 2, 3, 4, 5, 6, 0xcd, 9}
	if got, want := alice.RoomPath(room), filepath.Join(alice.Dir, "rooms", "ab010203040506cd.db"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := alice.LastPath(room), filepath.Join(alice.Dir, "last-ab010203040506cd"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for path, mode := range tree(t, data) {
		if !strings.HasPrefix(mode, "drwx------") && !strings.HasPrefix(mode, "-rw-------") {
			t.Errorf("%s: got mode %.10s", path, mode)
		}
	}
	if got := tree(t, config); len(got) != 0 {
		t.Errorf("got %v in the config folder, want nothing", got)
	}
}

func TestInitTwice(t *testing.T) {
	data, _ := home(t)
	p := mustInit(t, "alice")
	before := tree(t, data)
	_, err := Init(p.Name)
	wantError(t, err, ErrExists, "alice has a key already: "+keyPath(p.Dir)+"; nothing was changed")
	if after := tree(t, data); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("something was changed")
	}
	// At once: one wins, and the key is the winner's.
	var wait sync.WaitGroup
	var mu sync.Mutex
	var won []*Person
	for range 8 {
		wait.Go(func() {
			p, err := Init(Name{"carol"})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, p)
			} else if !errors.Is(err, ErrExists) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	carol, err := Load(Name{"carol"})
	if err != nil || len(won) != 1 || won[0].Author != carol.Author {
		t.Errorf("got %d winners, %v", len(won), err)
	}
}

func TestUnknown(t *testing.T) {
	data, _ := home(t)
	_, err := Load(name(t, "alice"))
	wantError(t, err, ErrUnknown, "tallystick init alice")
	_, err = Load(name(t, "-x"))
	wantError(t, err, ErrUnknown, "tallystick init -- -x")
	if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
		t.Error("to ask for somebody must make nothing")
	}
	if err := os.MkdirAll(filepath.Join(data, "tallystick", "people", "bob"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = Load(name(t, "bob")) // killed before the key was there
	wantError(t, err, ErrUnknown)
	mustInit(t, "bob")
	for _, do := range []func(Name) (*Person, error){Load, Init} {
		_, err = do(Name{})
		wantError(t, err, ErrName)
	}
}

func TestNamesThatDifferInCase(t *testing.T) {
	data, _ := home(t)
	mustInit(t, "Alice")
	before := tree(t, data)
	for _, s := range []string{"alice", "ALICE"} {
		for _, do := range []func(Name) (*Person, error){Load, Init} {
			_, err := do(name(t, s))
			wantError(t, err, ErrNameCase, "there is Alice, not "+s)
		}
	}
	if after := tree(t, data); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("something was changed")
	}
	if _, err := Load(name(t, "Alice")); err != nil {
		t.Error(err)
	}
}

func TestPeople(t *testing.T) {
	data, _ := home(t)
	if got, err := People(); err != nil || len(got) != 0 {
		t.Fatalf("got %v, %v, want nobody", got, err)
	}
	for _, s := range []string{"zoe", "alice", "Bob", "0"} {
		mustInit(t, s)
	}
	people := filepath.Join(data, "tallystick", "people")
	if err := errors.Join(os.Mkdir(filepath.Join(people, "nokey"), 0o700), os.Mkdir(filepath.Join(people, "no name"), 0o700),
		os.WriteFile(filepath.Join(people, "file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	got, err := People()
	if err != nil {
		t.Fatal(err)
	}
	if want := []Name{{"0"}, {"Bob"}, {"alice"}, {"zoe"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLock(t *testing.T) {
	home(t)
	p := mustInit(t, "alice")
	lock, err := p.Lock()
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Lock()
	wantError(t, err, ErrRunning, fmt.Sprintf("alice is running already (process %d); to be another person: tallystick run NAME", os.Getpid()))
	if _, err := Load(p.Name); err != nil {
		t.Errorf("to load the key of who runs: %v", err)
	}
	if l, err := mustInit(t, "bob").Lock(); err != nil {
		t.Errorf("another person: %v", err)
	} else if err := l.Unlock(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(lock.Unlock(), lock.Unlock()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.Dir, "lock")
	for _, text := range []string{"", "no number", "-5\n", strings.Repeat("9", 100), strings.Repeat("x", 1<<20), "\x1b[2J"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		lock, err := p.Lock()
		if err != nil {
			t.Fatalf("with %.20q in the file: %v", text, err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = p.Lock()
		wantError(t, err, ErrRunning, "alice is running already; to be")
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	for name, make := range map[string]func() error{
		"folder": func() error { return os.Mkdir(path, 0o700) },
		"link":   func() error { return os.Symlink("elsewhere", path) },
		"pipe":   func() error { return syscall.Mkfifo(path, 0o600) },
	} {
		if err := errors.Join(os.RemoveAll(path), make()); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Lock(); !errors.Is(err, ErrFolder) {
			t.Errorf("%s: got %v, want %v", name, err, ErrFolder)
		}
	}
}

const childEnv = "TALLYSTICK_PROFILE_TEST_CHILD"

func TestMain(m *testing.M) {
	if who := os.Getenv(childEnv); who != "" {
		p, err := Load(Name{who})
		if err == nil {
			_, err = p.Lock()
		}
		fmt.Println(err)
		_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent kills it, or ends
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestLockOfAnotherProcess: the lock of a process that was killed is gone.
func TestLockOfAnotherProcess(t *testing.T) {
	home(t)
	p := mustInit(t, "alice")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), childEnv+"=alice")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := make([]byte, 100)
		n, err := out.Read(said)
		if err != nil || string(said[:n]) != "<nil>\n" {
			t.Fatalf("the child says %q, %v", said[:n], err)
		}
		_, err = p.Lock()
		wantError(t, err, ErrRunning, fmt.Sprintf("(process %d)", cmd.Process.Pid))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		lock, err := p.Lock()
		if err != nil {
			t.Fatalf("after its end: %v", err)
		}
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHostileFolders points the variables to where nothing can or may be written.
func TestHostileFolders(t *testing.T) {
	data, config := home(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	everything := func() map[string]error {
		_, people := People()
		_, load := Load(Name{"alice"})
		_, init := Init(Name{"alice"})
		return map[string]error{"people": people, "load": load, "init": init}
	}
	for _, value := range []string{"relative", "./x", "../x", "~/x", " ", "\x1b[2J", "file://" + data} {
		t.Setenv("XDG_DATA_HOME", value)
		for what, err := range everything() {
			if !errors.Is(err, ErrFolder) || !strings.Contains(err.Error(), "XDG_DATA_HOME") || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%q: %s: got %v, want %v", value, what, err, ErrFolder)
			}
		}
		t.Setenv("XDG_CONFIG_HOME", value)
		_, err := LoadConfig()
		wantError(t, err, ErrFolder, "XDG_CONFIG_HOME")
		t.Setenv("XDG_CONFIG_HOME", config)
		if _, err := os.Lstat(value); err == nil {
			t.Errorf("%q was made", value)
		}
	}
	for _, value := range []string{file, file + "/below"} {
		t.Setenv("XDG_DATA_HOME", value)
		for what, err := range everything() {
			if !errors.Is(err, ErrFolder) || !strings.Contains(err.Error(), file) {
				t.Errorf("%s: %s: got %v, want %v", value, what, err, ErrFolder)
			}
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "mine" {
		t.Errorf("the file was changed: %q, %v", got, err)
	}

	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("HOME", "")
	for what, err := range everything() {
		if !errors.Is(err, ErrFolder) {
			t.Errorf("without HOME: %s: got %v, want %v", what, err, ErrFolder)
		}
	}
	base := t.TempDir()
	t.Setenv("HOME", base)
	p := mustInit(t, "alice") // an empty variable is as good as none
	if !strings.HasPrefix(p.Dir, base+"/") {
		t.Errorf("got %s, want it below %s", p.Dir, base)
	}

	if os.Geteuid() != 0 {
		locked := t.TempDir()
		if err := os.Chmod(locked, 0o500); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(locked, 0o700) // or it cannot be removed
		t.Setenv("XDG_DATA_HOME", locked)
		_, err := Init(Name{"alice"})
		wantError(t, err, ErrFolder, locked)
		wantError(t, err, fs.ErrPermission)
	}
}
