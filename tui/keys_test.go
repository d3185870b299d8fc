package tui

import (
	"reflect"
	"testing"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// every calls f with each binding of the table and its name.
func (k *KeyMap) every(f func(name string, b key.Binding)) {
	v := reflect.ValueOf(*k)
	for i := range v.NumField() {
		group := v.Field(i)
		for j := range group.NumField() {
			f(v.Type().Field(i).Name+"."+group.Type().Field(j).Name, group.Field(j).Interface().(key.Binding))
		}
	}
}

// TestNoKeyTwice walks the table of every focus: one key, one meaning.
func TestNoKeyTwice(t *testing.T) {
	t.Parallel()
	k := DefaultKeyMap()
	for f := onLedger; f <= onHelp; f++ {
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
	for f := onLedger; f <= onHelp; f++ {
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
	k.every(func(name string, b key.Binding) {
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
	special := map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
		"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd, "backspace": tea.KeyBackspace, "delete": tea.KeyDelete, "f1": tea.KeyF1,
	}
	if c, ok := special[name]; ok {
		return tea.KeyPressMsg{Code: c}
	}
	switch {
	case name == "shift+tab":
		return tea.KeyPressMsg{Code: tea.KeyTab, Mod: tea.ModShift}
	case name == "space":
		return tea.KeyPressMsg{Code: tea.KeySpace, Text: " "}
	case len(name) > 5 && name[:5] == "ctrl+":
		k := keyNamed(name[5:])
		k.Mod, k.Text = tea.ModCtrl, ""
		return k
	}
	r := []rune(name)[0]
	return tea.KeyPressMsg{Code: r, Text: name}
}

func TestKeyNames(t *testing.T) {
	t.Parallel()
	k := DefaultKeyMap()
	k.every(func(_ string, b key.Binding) {
		for _, name := range b.Keys() {
			if got := keyNamed(name).String(); got != name {
				t.Errorf("%q comes as %q: no key press would match it", name, got)
			}
		}
	})
}
