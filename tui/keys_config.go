package tui

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/tui/internal/screen"
)

// KeyError says why a binding of the config cannot be.
type KeyError struct {
	Binding string // as in ledger.sort
	Reason  string // a part of a sentence, without text from outside that is not quoted
}

func (e *KeyError) Error() string { return "keys: " + e.Binding + ": " + e.Reason }

// CheckKeys reports whether the program can work with these keys instead of its own, by the name of the binding. An error
// is a *[KeyError].
func CheckKeys(config map[string][]string) error {
	_, err := DefaultKeyMap().with(config)
	return err
}

// each calls f with every binding of the table and its name, as in ledger.sort: the fields of [KeyMap] as the config has
// them.
func (k *KeyMap) each(f func(name string, b *key.Binding)) {
	v := reflect.ValueOf(k).Elem()
	for i := range v.NumField() {
		group := v.Field(i)
		for j := range group.NumField() {
			f(configName(v.Type().Field(i).Name)+"."+configName(group.Type().Field(j).Name), group.Field(j).Addr().Interface().(*key.Binding))
		}
	}
}

// configName is the name of a field as configs have it: NextHit is next-hit.
func configName(field string) string {
	var b strings.Builder
	for i, r := range field {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// with is k with other keys for some bindings.
func (k KeyMap) with(config map[string][]string) (KeyMap, error) {
	if len(config) == 0 {
		return k, nil
	}
	bindings := map[string]*key.Binding{}
	k.each(func(name string, b *key.Binding) { bindings[name] = b })
	for _, name := range slices.Sorted(maps.Keys(config)) {
		b := bindings[name]
		if b == nil {
			return k, unknownBinding(name, bindings)
		}
		keys := config[name]
		if len(keys) == 0 {
			return k, &KeyError{name, "needs a key, as in \"s\""}
		}
		for _, key := range keys {
			if _, ok := pressOf(key); !ok {
				return k, &KeyError{name, fmt.Sprintf("%q is no key; keys are a character, or %s, with ctrl+ or shift+ before", key, strings.Join(slices.Sorted(maps.Keys(specialKeys)), " "))}
			}
			if strings.HasPrefix(name, "type.") && printable(key) {
				return k, &KeyError{name, fmt.Sprintf("%q is text while one types: it cannot be a command there", key)}
			}
		}
		b.SetKeys(keys...)
		b.SetHelp(keyLabel(keys[0]), b.Help().Desc)
	}
	return k, k.clash(config)
}

// names are what help calls the first key of every binding, by its name in the config.
func (k *KeyMap) names() map[string]string {
	names := map[string]string{}
	k.each(func(name string, b *key.Binding) { names[name] = b.Help().Key })
	return names
}

// keyed puts the keys of this user into a sentence that names them as in {mark.agree}: by their names in the config.
func (m *Model) keyed(s screen.Const) screen.Const {
	return m.keyedAs(s, func(key string) string { return key })
}

// keyedFormat is keyed for a format of fmt.
func (m *Model) keyedFormat(s screen.Const) screen.Const {
	return m.keyedAs(s, func(key string) string { return strings.ReplaceAll(key, "%", "%%") })
}

func (m *Model) keyedAs(s screen.Const, written func(key string) string) screen.Const {
	var b strings.Builder
	for rest := string(s); ; {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		name, after, ended := strings.Cut(after, "}")
		if !found || !ended {
			return screen.Const(b.String())
		}
		b.WriteString(written(m.keyNames[name]))
		rest = after
	}
}

func unknownBinding(name string, bindings map[string]*key.Binding) error {
	group, _, _ := strings.Cut(name, ".")
	var same, groups []string
	for _, b := range slices.Sorted(maps.Keys(bindings)) {
		g, rest, _ := strings.Cut(b, ".")
		if g == group {
			same = append(same, rest)
		}
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	if len(same) > 0 {
		return &KeyError{fmt.Sprintf("%q", name), "is no binding; of " + group + " there are " + strings.Join(same, " ")}
	}
	return &KeyError{fmt.Sprintf("%q", name), "is no binding; there are groups of them: " + strings.Join(groups, " ")}
}

// clash looks for a key that would mean two things in one place, and names the binding first that the config has.
func (k *KeyMap) clash(config map[string][]string) error {
	names := map[string]string{} // of bindings by what they do and their keys
	id := func(b key.Binding) string { return b.Help().Desc + "\x00" + strings.Join(b.Keys(), "\x00") }
	k.each(func(name string, b *key.Binding) {
		if names[id(*b)] == "" {
			names[id(*b)] = name
		}
	})
	for f := focus(0); f < focuses; f++ {
		seen := map[string]key.Binding{}
		for _, s := range k.focuses(f) {
			for _, b := range s.keys {
				for _, key := range b.Keys() {
					if other, ok := seen[key]; ok {
						one, two := names[id(other)], names[id(b)]
						if one == "" {
							one = other.Help().Desc
						}
						if two == "" {
							two = b.Help().Desc
						}
						if config[two] == nil {
							one, two = two, one
						}
						return &KeyError{two, fmt.Sprintf("%q is also %s in the same place: give one of them another key", key, one)}
					}
					seen[key] = b
				}
			}
		}
	}
	return nil
}

// specialKeys are the keys that are no character.
var specialKeys = map[string]rune{
	"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
	"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd, "insert": tea.KeyInsert, "backspace": tea.KeyBackspace, "delete": tea.KeyDelete,
	"f1": tea.KeyF1, "f2": tea.KeyF2, "f3": tea.KeyF3, "f4": tea.KeyF4, "f5": tea.KeyF5, "f6": tea.KeyF6, "f7": tea.KeyF7, "f8": tea.KeyF8, "f9": tea.KeyF9, "f12": tea.KeyF12,
}

// pressOf is the key press that a name of the table means; false if none has that name.
func pressOf(name string) (tea.KeyPressMsg, bool) {
	if c, ok := specialKeys[name]; ok {
		return tea.KeyPressMsg{Code: c}, true
	}
	if name == "space" {
		return tea.KeyPressMsg{Code: tea.KeySpace, Text: " "}, true
	}
	if rest, ok := strings.CutPrefix(name, "shift+"); ok && specialKeys[rest] != 0 {
		return tea.KeyPressMsg{Code: specialKeys[rest], Mod: tea.ModShift}, true
	}
	if rest, ok := strings.CutPrefix(name, "ctrl+"); ok {
		k, ok := pressOf(rest)
		k.Mod, k.Text = k.Mod|tea.ModCtrl, ""
		return k, ok && !strings.ContainsRune(rest, '+') && k.String() == name
	}
	r, n := utf8.DecodeRuneInString(name)
	if n != len(name) || (r <= ' ' || r >= 0x7f) && !unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic) { // what takes one cell
		return tea.KeyPressMsg{}, false
	}
	return tea.KeyPressMsg{Code: r, Text: name}, true
}

// printable reports whether a key is text.
func printable(name string) bool {
	k, _ := pressOf(name)
	return k.Text != ""
}

// keyLabel is a key as help calls it.
func keyLabel(name string) string {
	mod := ""
	for _, p := range []string{"ctrl+", "shift+"} {
		if rest, ok := strings.CutPrefix(name, p); ok && rest != "" {
			mod += p
			name = rest
		}
	}
	switch name {
	case "pgup":
		name = "PgUp"
	case "pgdown":
		name = "PgDn"
	default:
		if specialKeys[name] != 0 {
			name = strings.ToUpper(name[:1]) + name[1:]
		}
	}
	return mod + name
}
