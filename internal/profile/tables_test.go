package profile

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

func authorOf(b byte) crdt.Author { return crdt.Author(testKey(b)[32:]) }

func TestContactsFile(t *testing.T) {
	home(t)
	p := mustInit(t, "alice")
	if c, err := p.Contacts(); err != nil || len(c.All()) != 0 {
		t.Fatalf("without a file: got %v, %v", c.All(), err)
	}
	bob := ledger.Contact{Author: authorOf(1), Name: `b"o\b é 漢`, Confirmed: true}
	carol := ledger.Contact{Author: authorOf(2), Name: "carol"}
	for _, one := range []ledger.Contact{bob, carol} {
		if err := p.ChangeContacts(func(c ledger.Contacts) (ledger.Contacts, error) { return c.With(one) }); err != nil {
			t.Fatal(err)
		}
	}
	c, err := p.Contacts()
	if want := []ledger.Contact{bob, carol}; err != nil || !reflect.DeepEqual(c.All(), want) {
		t.Fatalf("got %v, %v, want %v", c.All(), err, want)
	}
	info, err := os.Stat(p.ContactsPath())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("got mode %v, %v", info.Mode(), err)
	}
	before := tree(t, p.Dir)
	wantError(t, p.ChangeContacts(func(c ledger.Contacts) (ledger.Contacts, error) {
		return c.With(ledger.Contact{Author: authorOf(3), Name: "carol"})
	}), ledger.ErrContacts, "carol")
	if after := tree(t, p.Dir); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("an error changed something")
	}
}

// TestContactsAtOnce: no change of two at once is lost.
func TestContactsAtOnce(t *testing.T) {
	home(t)
	p := mustInit(t, "alice")
	var wg sync.WaitGroup
	for i := range byte(8) {
		wg.Go(func() {
			if err := p.ChangeContacts(func(c ledger.Contacts) (ledger.Contacts, error) {
				return c.With(ledger.Contact{Author: authorOf(i + 1), Name: fmt.Sprint("n", i)})
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if c, err := p.Contacts(); err != nil || len(c.All()) != 8 {
		t.Fatalf("got %v, %v", c.All(), err)
	}
}

func TestBadContacts(t *testing.T) {
	home(t)
	p := mustInit(t, "alice")
	a, b := fmt.Sprintf("author = '%x'\n", testKey(1)[32:]), fmt.Sprintf("author = '%x'\n", testKey(2)[32:])
	const head = "[[contact]]\n"
	for name, c := range map[string]struct{ text, line, why string }{
		"no TOML":        {"name: a\n", "1", ""},
		"unknown field":  {head + "colour = 'red'\n", "2", "colour"},
		"short author":   {head + "name = 'a'\nauthor = '12'\n", "3", "64 hexadecimal digits"},
		"bad author":     {head + "name = 'a'\nauthor = '" + strings.Repeat("0", 64) + "'\n", "3", "author"},
		"no author":      {head + "name = 'a'\n", "1", `"author" is missing`},
		"no name":        {"# mine\n" + head + a, "2", "no name"},
		"name of number": {head + "name = 3\n" + a, "2", "name"},
		"control":        {head + "name = \"\\u001b[2J\"\n" + a, "1", "no name"},
		"two of a name":  {head + "name = 'x'\n" + a + head + "name = 'x'\n" + b, "4", `"x"`},
		"one twice":      {head + "name = 'x'\n" + a + head + "name = 'y'\n" + a, "4", "twice"},
	} {
		if err := os.WriteFile(p.ContactsPath(), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := p.Contacts()
		if !errors.Is(err, ErrContacts) || !strings.Contains(err.Error(), p.ContactsPath()+":"+c.line+":") || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: got %v, want line %s, %q", name, err, c.line, c.why)
		}
		if len(got.All()) != 0 {
			t.Errorf("%s: got %v with the error", name, got.All())
		}
		if err != nil && strings.ContainsAny(err.Error(), "\x1b") {
			t.Errorf("%s: raw escape in %q", name, err)
		}
	}
	for name, make := range map[string]func() error{
		"folder": func() error { return os.Mkdir(p.ContactsPath(), 0o700) },
		"pipe":   func() error { return syscall.Mkfifo(p.ContactsPath(), 0o600) },
		"large":  func() error { return os.Truncate(p.ContactsPath(), maxContactsBytes+1) },
	} {
		if err := os.RemoveAll(p.ContactsPath()); err != nil {
			t.Fatal(err)
		}
		if name == "large" {
			if err := os.WriteFile(p.ContactsPath(), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Contacts(); !errors.Is(err, ErrContacts) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestJoined(t *testing.T) {
	home(t)
	p := mustInit(t, "alice")
	if list, err := p.Joined(); err != nil || list != nil {
		t.Fatalf("without a file: got %v, %v", list, err)
	}
	closed := crdt.Charter{Name: "trip \x1b 漢", Kind: crdt.Ledger, Writers: []crdt.Author{authorOf(2)}, Params: crdt.Literal{0xa0}}
	want := []Joined{{crdt.OpenLedger("main"), nil, 12}, {closed, []string{"ws://x:1"}, 0}}
	if err := p.ChangeJoined(func([]Joined) ([]Joined, error) { return want, nil }); err != nil {
		t.Fatal(err)
	}
	got, err := p.Joined()
	if err != nil || len(got) != 2 {
		t.Fatalf("got %v, %v", got, err)
	}
	for i := range want {
		if got[i].Charter.ID() != want[i].Charter.ID() || got[i].Read != want[i].Read || fmt.Sprint(got[i].Relays) != fmt.Sprint(want[i].Relays) {
			t.Errorf("got %v, want %v", got[i], want[i])
		}
	}
	before := tree(t, p.Dir)
	for _, bad := range [][]Joined{
		append(got, got[0]),
		{{got[0].Charter, make([]string, MaxRelays+1), 0}},
		{{got[0].Charter, []string{strings.Repeat("x", MaxRelayBytes+1)}, 0}},
	} {
		wantError(t, p.ChangeJoined(func([]Joined) ([]Joined, error) { return bad, nil }), ErrJoined)
	}
	if after := tree(t, p.Dir); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("an error changed something")
	}
	for text, where := range map[string]string{
		"[[room]]\nname = 'x'\n":       ":1: ",
		"[[room]]\ncharter = 'x'\n":    ":2: ",
		"[[room]]\ncharter = '8501'\n": ":2: ",
		"\n[[room]]\nread = 'x'\n":     ":3: ",
	} {
		if err := os.WriteFile(p.JoinedPath(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := p.Joined()
		wantError(t, err, ErrJoined, p.JoinedPath()+where)
	}
}
