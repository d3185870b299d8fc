package profile

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func testKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

// TestKeyFile fixes the format: a key file of today must be read for ever.
func TestKeyFile(t *testing.T) {
	t.Parallel()
	want := "# tallystick key of author 8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c; whoever has it can write as this author\n" +
		"tallystick-secret-key-1 0101010101010101010101010101010101010101010101010101010101010101\n"
	got := formatKey(testKey(1))
	if string(got) != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	key, reason := parseKey(got)
	if reason != "" || !key.Equal(testKey(1)) {
		t.Fatalf("got another key, or %q", reason)
	}
}

func TestCorruptKey(t *testing.T) {
	t.Parallel()
	good := string(formatKey(testKey(0xab)))
	bad := map[string]string{
		"empty":             "",
		"cut":               good[:len(good)-2],
		"without a newline": good[:len(good)-1],
		"two newlines":      good + "\n",
		"CR LF":             strings.ReplaceAll(good, "\n", "\r\n"),
		"space at the end":  strings.TrimSuffix(good, "\n") + " \n",
		"capital digits":    good[:len(good)-65] + strings.ToUpper(good[len(good)-65:]),
		"second key":        good + good,
		"no comment":        good[strings.Index(good, "\n")+1:],
		"another version":   strings.Replace(good, "key-1 ", "key-2 ", 1),
		"another author":    strings.Replace(good, hex.EncodeToString(testKey(0xab)[32:]), hex.EncodeToString(testKey(1)[32:]), 1),
		"a key of ssh":      "-----BEGIN OPENSSH PRIVATE KEY-----\n",
		"bytes":             string(testKey(1)),
		"NUL":               strings.Repeat("\x00", len(good)),
	}
	for at := range len(good) { // no single flipped bit gives another author
		for bit := range 8 {
			flipped := []byte(good)
			flipped[at] ^= 1 << bit
			bad[fmt.Sprintf("bit %d of byte %d", bit, at)] = string(flipped)
		}
	}
	for name, text := range bad {
		key, reason := parseKey([]byte(text))
		if reason == "" || key != nil {
			t.Errorf("%s: accepted", name)
		}
		if strings.Contains(reason, "abababab") {
			t.Errorf("%s: %q shows the key", name, reason)
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add(formatKey(testKey(1)))
	f.Add([]byte("tallystick-secret-key-1 \n"))
	f.Add([]byte("\ntallystick-secret-key-1 00\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		key, reason := parseKey(b)
		if (reason == "") != (key != nil) || key != nil && !bytes.Equal(formatKey(key), b) {
			t.Fatalf("%q: accepted, and would be written otherwise, or %q", b, reason)
		}
	})
}

// TestSecretStaysHidden prints a secret in every way that the program has.
func TestSecretStaysHidden(t *testing.T) {
	t.Parallel()
	key := testKey(0xab)
	s := newSecret(key)
	person := newPerson(Name{"alice"}, "/x", s)
	type inner struct {
		secret Secret // fmt calls no methods on fields that are not exported
		Shown  Secret
	}
	values := map[string]any{
		"secret": s, "pointer": &s, "person": person, "person's value": *person, "slice": []Secret{s}, "map": map[string]Secret{"k": s},
		"field": inner{s, s}, "pointer to field": &inner{s, s}, "error": fmt.Errorf("with %v and %w", s, errors.New("x")), "any": []any{s, person},
	}
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		log := slog.New(handler)
		for name, v := range values {
			log.Info("x", name, v, "any", slog.AnyValue(v))
		}
	}
	for _, verb := range "vsqxXdbcopteEfFgGTU" {
		for _, flag := range []string{"", "+", "#", " ", "0", "-40", ".3"} {
			for _, v := range values {
				fmt.Fprintf(&out, "%"+flag+string(verb)+"\n", v)
			}
		}
	}
	fmt.Fprintln(&out, s.String(), s.GoString(), person.String())
	for name, v := range values {
		b, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		out.Write(b)
	}
	seed := key.Seed()
	text := out.String()
	for _, shown := range []string{
		string(seed[:8]), "abababab", "ABABABAB", "ab ab ab", "0xab, 0xab", "171 171", "171,171", "171, 171", "253 253", "q6ur",
		base64.StdEncoding.EncodeToString(seed), "10101011 10101011",
	} {
		if strings.Contains(text, shown) {
			t.Errorf("the key is shown as %q", shown)
		}
	}
	if !strings.Contains(text, hidden) {
		t.Errorf("%q is never said", hidden)
	}
	if s.PrivateKey().Seed()[0] != 0xab || (Secret{}).PrivateKey() != nil {
		t.Error("PrivateKey does not give the key")
	}
}

func TestKeyPermissions(t *testing.T) {
	data, _ := home(t)
	p := mustInit(t, "alice")
	path := keyPath(p.Dir)
	if want := filepath.Join(data, "tallystick", "people", "alice", "key"); path != want {
		t.Fatalf("got %s, want %s", path, want)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("got mode %o, want 600", got)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o644, 0o777, 0o610, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Load(p.Name)
		wantError(t, err, ErrKeyPermissions, "run: chmod 600 "+path, fmt.Sprintf("mode %04o", mode))
	}
	for _, mode := range []os.FileMode{0o600, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(p.Name); err != nil {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	for _, mode := range []os.FileMode{0o770, 0o702} {
		if err := os.Chmod(p.Dir, mode); err != nil {
			t.Fatal(err)
		}
		_, err = Load(p.Name)
		wantError(t, err, ErrKeyPermissions, "run: chmod 700 "+p.Dir)
	}
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Chmod(p.Dir, 0o700), os.Chown(path, 12345, 0)); err != nil {
			t.Fatal(err)
		}
		_, err := Load(p.Name)
		wantError(t, err, ErrKeyPermissions, "belongs to user 12345, you are 0")
	} else {
		if err := errors.Join(os.Chmod(p.Dir, 0o700), os.Chmod(path, 0)); err != nil {
			t.Fatal(err)
		}
		_, err := Load(p.Name)
		wantError(t, err, ErrKeyPermissions, "chmod 600 "+path)
	}
}

func TestShellQuote(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/home/a-b/c_d.e/key": "/home/a-b/c_d.e/key", "/a b": "'/a b'", "/it's": `'/it'\''s'`, "/$(x)": "'/$(x)'",
	} {
		if got := shellQuote(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestKeyIsNoKeyFile(t *testing.T) {
	home(t)
	p := mustInit(t, "alice")
	path := keyPath(p.Dir)
	aside := filepath.Join(t.TempDir(), "key")
	if err := os.Rename(path, aside); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func() error{
		"empty":  func() error { return os.WriteFile(path, nil, 0o600) },
		"text":   func() error { return os.WriteFile(path, []byte("key\n"), 0o600) },
		"large":  func() error { return os.WriteFile(path, bytes.Repeat([]byte("key\n"), 1<<20), 0o600) },
		"folder": func() error { return os.Mkdir(path, 0o700) },
		"link":   func() error { return os.Symlink(aside, path) }, // even to a good key
		"dead":   func() error { return os.Symlink("nowhere", path) },
		"pipe":   func() error { return syscall.Mkfifo(path, 0o600) },
	} {
		if err := errors.Join(os.RemoveAll(path), make()); err != nil {
			t.Fatal(err)
		}
		before := tree(t, p.Dir)
		_, err := Load(p.Name)
		if !errors.Is(err, ErrCorruptKey) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %v", name, err, ErrCorruptKey)
		}
		_, err = Init(p.Name)
		if !errors.Is(err, ErrExists) {
			t.Errorf("%s: init: got %v, want %v", name, err, ErrExists)
		}
		if after := tree(t, p.Dir); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%s: something was changed", name)
		}
	}
}
