package tui

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// TestNoKeyTwice walks the table of every focus: one key, one meaning.
func TestNoKeyTwice(t *testing.T) {
	t.Parallel()
	k := DefaultKeyMap()
	for f := onLedger; f < focuses; f++ {
		seen := map[string]string{}
		for _, s := range k.focuses(f) {
			for _, b := range s.keys {
				for _, name := range b.Keys() {
					if other, ok := seen[name]; ok {
						t.Errorf("focus %d: %q is both %q and %q", f, name, other, b.Help().Desc)
					}
					seen[name] = b.Help().Desc
				}
			}
		}
	}
}

// TestKeysFitTheirMode: no printable key is a command in TYPE, none is bound that terminals take, and each has a help text
// and can be found in the help of some focus.
func TestKeysFitTheirMode(t *testing.T) {
	t.Parallel()
	k := DefaultKeyMap()
	taken := map[string]bool{"ctrl+s": true, "ctrl+q": true, "ctrl+b": true, `ctrl+\`: true, "ctrl+i": true, "ctrl+m": true, "ctrl+[": true, "f10": true, "f11": true}
	inHelp := map[string]bool{}
	for f := onLedger; f < focuses; f++ {
		for _, s := range k.focuses(f) {
			for _, b := range s.keys {
				inHelp[b.Help().Key+b.Help().Desc] = true
			}
		}
	}
	for _, b := range k.focuses(onType)[0].keys {
		for _, name := range b.Keys() {
			if len([]rune(name)) == 1 {
				t.Errorf("in TYPE %q is a command (%s)", name, b.Help().Desc)
			}
		}
	}
	k.each(func(name string, b *key.Binding) {
		if len(b.Keys()) == 0 || b.Help().Key == "" || b.Help().Desc == "" {
			t.Errorf("%s: %q has keys %q and help %q", name, b.Help().Desc, b.Keys(), b.Help().Key)
		}
		for _, s := range b.Keys() {
			if taken[s] {
				t.Errorf("%s: %q belongs to terminals and multiplexers", name, s)
			}
		}
		if !inHelp[b.Help().Key+b.Help().Desc] {
			t.Errorf("%s is in no help", name)
		}
	})
}

// keyNamed makes the message of a key by the name that the table uses.
func keyNamed(name string) tea.KeyPressMsg {
	k, ok := pressOf(name)
	if !ok {
		panic("no key is called " + name)
	}
	return k
}

func TestKeyNames(t *testing.T) {
	t.Parallel()
	k := DefaultKeyMap()
	k.each(func(_ string, b *key.Binding) {
		for _, name := range b.Keys() {
			if got := keyNamed(name).String(); got != name {
				t.Errorf("%q comes as %q: no key press would match it", name, got)
			}
		}
	})
}

func TestKeysOfTheConfig(t *testing.T) {
	t.Parallel()
	k, err := DefaultKeyMap().with(map[string][]string{"ledger.sort": {"o", "ctrl+o"}, "global.quit": {"Q"}, "move.page-down": {"ctrl+f"}, "type.clear": {"ctrl+g"}})
	if err != nil {
		t.Fatal(err)
	}
	if b := k.Ledger.Sort; b.Help().Key != "o" || b.Keys()[1] != "ctrl+o" || b.Help().Desc != "sort by the next column" {
		t.Errorf("got %q %q", b.Keys(), b.Help())
	}
	for _, c := range []struct {
		name string
		keys []string
		says string
	}{
		{"ledger.sort", []string{"y"}, `"y" is also ledger.`},
		{"ledger.copy", []string{"q"}, `"q" is also`},
		{"global.quit", []string{"j"}, `"j" is also`},
		{"peers.add", []string{"ctrl+z"}, `"ctrl+z" is also`},
		{"type.enter", []string{"x"}, `"x" is text while one types`},
		{"type.leave", []string{"space"}, `"space" is text while one types`},
		{"type.leave", []string{"é"}, "is text while one types"},
		{"ledger.sort", nil, "needs a key"},
		{"ledger.sort", []string{""}, "is no key"},
		{"ledger.sort", []string{"日"}, "is no key"},
		{"ledger.sort", []string{"\u0301"}, "is no key"},
		{"ledger.sort", []string{"hyper+s"}, `"hyper+s" is no key`},
		{"ledger.sort", []string{"\x1b"}, `"\x1b" is no key`},
		{"ledger.sort", []string{"ctrl+ctrl+s"}, "is no key"},
		{"ledger.nothing", []string{"s"}, `"ledger.nothing": is no binding; of ledger there are back copy`},
		{"nothing", []string{"s"}, "there are groups of them: balances choose"},
	} {
		err := CheckKeys(map[string][]string{c.name: c.keys})
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s = %q: got %v, want %q", c.name, c.keys, err, c.says)
		}
	}
	d := newDriver(t, newWorld(t).demo(5), 80, 24, func(o *Options) {
		o.Keys = map[string][]string{"ledger.sort": {"o"}, "global.help": {"H"}}
	})
	d.press("esc", "o")
	d.sees("by time")
	d.sees("H help")
	d.press("H")
	d.sees("sort by the next column", "o ")
}

// TestSentencesNameTheUsersKeys: keys that a sentence names are those of the table, whatever the config made of it.
func TestSentencesNameTheUsersKeys(t *testing.T) {
	t.Parallel()
	k := DefaultKeyMap()
	names := k.names()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\{([a-z]{4,}\.[a-z-]+)\}`)
	n := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(b), -1) {
			if n++; names[m[1]] == "" {
				t.Errorf("%s: no binding is called %s", file, m[0])
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d keys are named in sentences", n)
	}
	w := newWorld(t)
	w.demo(5)
	d := newDriver(t, w, 120, 36, func(o *Options) {
		o.Keys = map[string][]string{"global.new": {"z"}, "mark.agree": {"%"}, "ledger.open": {"J"}}
	})
	d.press("esc", "k")
	d.sees("z to type", "J  whole screen")
	d.press("space")
	d.sees("1 selected: % agrees, d disputes")
}

// TestNoKeyIsWrittenDown: a sentence names keys by their bindings, so that it is right with keys of the user's own too. Looked for are
// keys that no other word is like, in the texts of this package.
func TestNoKeyIsWrittenDown(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	key := regexp.MustCompile(`\b(Esc|Enter|Tab|PgUp|PgDn|F1|ctrl\+[a-z])\b|\by/[nN]\b`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "keys") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range text.FindAllString(string(b), -1) {
			if k := key.FindString(s); k != "" {
				t.Errorf("%s: %s says %s itself", file, s, k)
			}
		}
	}
}

// TestUsersKeysOnPages: questions, choices and the oracle name the keys that work.
func TestUsersKeysOnPages(t *testing.T) {
	t.Parallel()
	w := tale(t)
	d := newDriver(t, w, 120, 36, func(o *Options) {
		o.Keys = map[string][]string{
			"dialog.yes": {"1"}, "dialog.no": {"2"}, "mark.memo": {"3"}, "mark.undo": {"4"}, "oracle.pause": {"5"}, "oracle.step": {"6"}, "oracle.lie": {"7"},
			"choose.take": {"8"}, "choose.back": {"9"}, "global.oracle": {"0"}, "global.ledger": {"!"}, "global.peers": {"$"}, "global.events": {"&"},
			"rooms.back": {"esc", "f2"}, "inspect.back": {"f3"},
		}
	})
	d.press("esc")
	d.sees("! Ledger", "$ Peers", "0 Oracle", "& Events")
	d.press("d")
	d.sees("1 yes · 3 with a memo · 2 no", "1/2, 3 memo")
	d.seesNot("Esc", "y/N")
	d.press("2", "0")
	d.m.oracle.take(picture(7, 0))
	d.draw()
	d.sees("7 makes the chosen one lie")
	d.m.chooseLie(0)
	d.sees("8 takes it · 9 leaves")
	d.press("9", "5")
	d.sees("paused: 5 goes on, 6 makes one step")
}
