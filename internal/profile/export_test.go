package profile

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/tallystick/tallystick/internal/race"
)

func TestExport(t *testing.T) {
	race.OneGoroutine(t)
	home(t)
	alice := mustInit(t, "alice")
	const pass = "several words are good"
	file, err := alice.Export(pass)
	if err != nil {
		t.Fatal(err)
	}
	if secret := string(formatKey(alice.Secret.PrivateKey())); strings.Contains(string(file), secret[len(secret)-65:len(secret)-1]) {
		t.Fatal("the file shows the key")
	}
	dir := t.TempDir()
	t.Setenv("XDG_DATA_HOME", dir) // another machine
	bob := name(t, "bob")
	for why, c := range map[string]struct {
		file []byte
		pass string
		want error
	}{
		"another passphrase": {sealed(t, formatKey(testKey(1)), pass, 2), "several words are good!", ErrPassphrase},
		"none":               {file, "", ErrPassphrase},
		"cut":                {file[:len(file)/2], pass, ErrExport},
		"a bit":              {bytes.Replace(file, file[60:61], []byte("~"), 1), pass, ErrExport},
		"nothing":            {nil, pass, ErrExport},
		"a key file":         {formatKey(alice.Secret.PrivateKey()), pass, ErrExport},
		// Without doing the work: the head says how much it would be.
		"hard work":     {bytes.Replace(sealed(t, formatKey(testKey(1)), pass, 2), []byte(" 2\n"), []byte(" 19\n"), 1), pass, ErrExport},
		"another text":  {sealed(t, []byte("hello\n"), pass, 2), pass, ErrExport},
		"a longer text": {sealed(t, bytes.Repeat([]byte("x"), MaxExportBytes+10), pass, 2), pass, ErrExport},
		"for a key":     {forKey(t), pass, ErrExport},
	} {
		_, err := Import(bob, c.file, c.pass)
		t.Run(why, func(t *testing.T) { wantError(t, err, c.want) })
	}
	if _, err := Load(bob); err == nil {
		t.Fatal("something was imported")
	}
	got, err := Import(bob, file, pass)
	if err != nil || got.Author != alice.Author || !got.Imported() || alice.Imported() {
		t.Fatalf("got %v, %v", got, err)
	}
	before := tree(t, got.Dir)
	_, err = Import(bob, sealed(t, formatKey(testKey(2)), pass, 2), pass)
	wantError(t, err, ErrExists, "nothing was changed")
	if after := tree(t, got.Dir); len(after) != len(before) || after[keyPath(got.Dir)] != before[keyPath(got.Dir)] {
		t.Error("a key was replaced")
	}
	if p, err := Load(bob); err != nil || p.Author != alice.Author {
		t.Fatalf("got %v, %v", p, err)
	}
	if info, err := os.Stat(keyPath(got.Dir)); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("got %v, %v", info.Mode(), err)
	}
}

func TestExportPassphrase(t *testing.T) {
	home(t)
	alice := mustInit(t, "alice")
	for _, pass := range []string{"", "short", strings.Repeat("x", MaxPassphraseBytes+1)} {
		_, err := alice.Export(pass)
		wantError(t, err, ErrPassphrase)
	}
}

// sealed is content encrypted by a passphrase, with so much work.
func sealed(t *testing.T, content []byte, pass string, work int) []byte {
	t.Helper()
	to, err := age.NewScryptRecipient(pass)
	if err != nil {
		t.Fatal(err)
	}
	to.SetWorkFactor(work)
	return encrypted(t, content, to)
}

func forKey(t *testing.T) []byte {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return encrypted(t, formatKey(testKey(1)), id.Recipient())
}

func encrypted(t *testing.T, content []byte, to age.Recipient) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
