package profile

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a", "Z", "0", "_", "-a", "a-", "alice", "Bob-2_x", strings.Repeat("n", 32)} {
		n, err := ParseName(s)
		if err != nil || n.String() != s || n.IsZero() {
			t.Errorf("%q: got %q, %v", s, n, err)
		}
	}
	for s, why := range map[string]string{
		"":                              "empty",
		"-":                             "standard input",
		strings.Repeat("n", 33):         "33 bytes",
		strings.Repeat("n", 1<<20):      "1048576 bytes",
		"a b":                           "' '",
		"a.b":                           "'.'",
		"..":                            "'.'",
		"a/b":                           "'/'",
		"a\x00":                         `'\x00'`,
		"a\n":                           `'\n'`,
		"é":                             "'é'",
		"\xff":                          `'�'`,
		"\u202ea":                       `'\u202e'`,
		"\x1b[2J":                       `'\x1b'`,
		strings.Repeat("\x1b[2J\n", 99): "bytes",
	} {
		_, err := ParseName(s)
		wantError(t, err, ErrName, why)
		if strings.ContainsAny(err.Error(), "\x1b\u202e") || len(err.Error()) > 300 {
			t.Errorf("%.40q: its error shows it raw: %.300q", s, err)
		}
	}
}

func FuzzParseName(f *testing.F) {
	f.Add("alice")
	f.Add("a\x1b")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if (err == nil) == n.IsZero() || err == nil && n.String() != s {
			t.Fatalf("%q: got %q, %v", s, n, err)
		}
		if err == nil && (len(s) > 32 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "") {
			t.Fatalf("%q is taken", s)
		}
	})
}

func TestNamesOfTheGrammar(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s := rapid.StringMatching(`[A-Za-z0-9_][A-Za-z0-9_-]{0,31}|-[A-Za-z0-9_-]{1,31}`).Draw(r, "name")
		if n, err := ParseName(s); err != nil || n.String() != s {
			r.Fatalf("%q: got %q, %v", s, n, err)
		}
	})
}

func TestDefaultName(t *testing.T) {
	old := loginName
	defer func() { loginName = old }()
	for login, want := range map[string]string{"carol": "carol", "john.doe": "me", "": "me", "../x": "me"} {
		loginName = func() string { return login }
		if got := DefaultName(Config{}); got.String() != want {
			t.Errorf("login %q: got %q, want %q", login, got, want)
		}
		if got := DefaultName(Config{Name: name(t, "dave")}); got.String() != "dave" {
			t.Errorf("login %q: got %q, want dave", login, got)
		}
	}
	if got := old(); strings.ContainsAny(got, `\/`) {
		t.Errorf("got login name %q", got)
	}
}
