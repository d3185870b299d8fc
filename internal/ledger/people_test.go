package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// someone is an author whose key begins with the given bytes.
func someone(b ...byte) (a crdt.Author) {
	copy(a[:], b)
	return a
}

func TestAlike(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"alice", "alice", true},
		{"alice", "Alice", true},
		{"alice", "ALICE", true},
		{"alice", "aIice", true},  // capital i
		{"alice", "a1ice", true},  // one
		{"alice", "аlice", true},  // Cyrillic а
		{"alice", "АLІСЕ", true},  // Cyrillic capitals but L
		{"alice", "αlice", true},  // Greek alpha
		{"alice", "ａｌｉｃｅ", true},  // fullwidth
		{"alice", "𝐚𝐥𝐢𝐜𝐞", true},  // mathematical
		{"alice", " alice", true}, // a blank more
		{"alice", "alice\u00a0", true},
		{"al ice", "al\u2003ice", true},
		{"alice", "al\ufe0fice", true}, // a variation selector
		{"carol", "сагоl", true},
		{"bob", "b0b", true},
		{"bob", "ƄоЬ", true},
		{"tom", "torn", true},
		{"marnie", "mamie", true},
		{"Straße", "STRASSE", true},
		{"ραυl", "paul", true},
		{"Ωmega", "omega", false},
		{"alice", "alicia", false},
		{"alice", "alicé", false},
		{"alice", "al ice", false},
		{"bob", "rob", false},
		{"", "a", false},
		{"漢", "汉", false},
	} {
		if got := Alike(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: got %v; %q %q", c.a, c.b, got, looks(c.a), looks(c.b))
		}
		if Alike(c.a, c.b) != Alike(c.b, c.a) {
			t.Errorf("%q and %q: not the same the other way round", c.a, c.b)
		}
	}
}

// TestSkeletonTwice: what looks like something else looks like itself.
func TestSkeletonTwice(t *testing.T) {
	t.Parallel()
	for r, to := range confusableTable() {
		if once := skeleton(string(r)); skeleton(once) != once {
			t.Errorf("%q (%x) looks like %q, which looks like %q (%q in the table)", r, r, once, skeleton(once), to)
		}
	}
	for b := byte('a'); b <= 'z'; b++ {
		s := string(b)
		if looksLikeItself(s) && (skeleton(s) != s || foldCase(s) != s) {
			t.Errorf("%s looks like %s", s, skeleton(s))
		}
	}
}

func TestLooksOfAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if !Alike(s, s) || !Alike(s, strings.ToValidUTF8(s, "")+" ") {
			t.Fatalf("%q is not like itself", s)
		}
		if got, want := looks(s), [2]string{skeleton(foldCase(s)), skeleton(foldCase(skeleton(s)))}; got != want {
			t.Fatalf("%q: the short cut gives %q, not %q", s, got, want)
		}
	})
}

func newContacts(t testing.TB, list ...Contact) Contacts {
	t.Helper()
	c, err := NewContacts(list)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestContacts(t *testing.T) {
	t.Parallel()
	bob, carol := someone(1), someone(2)
	for name, list := range map[string][]Contact{
		"no name":         {{Author: bob, Confirmed: true}},
		"blank":           {{Author: bob, Name: " bob"}},
		"control":         {{Author: bob, Name: "b\x1bb"}},
		"digits":          {{Author: bob, Name: "bob#12345678"}},
		"an author twice": {{Author: bob, Name: "bob"}, {Author: bob, Name: "Robert"}},
		"a name twice":    {{Author: bob, Name: "bob"}, {Author: carol, Name: "bob"}},
		"after NFC":       {{Author: bob, Name: "é"}, {Author: carol, Name: "e\u0301"}},
	} {
		if _, err := NewContacts(list); !errors.Is(err, ErrContacts) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	c := newContacts(t, Contact{Author: bob, Name: "bob"})
	c2, err := c.With(Contact{Author: bob, Name: "Robert", Confirmed: true})
	if err != nil || len(c2.All()) != 1 || c2.All()[0].Name != "Robert" || c.All()[0].Name != "bob" {
		t.Fatalf("got %v, %v, and the old one %v", c2.All(), err, c.All())
	}
	if c3 := c2.Without(bob); len(c3.All()) != 0 || len(c2.All()) != 1 {
		t.Fatalf("got %v", c3.All())
	}
}

// room is people of whom me is "me", with key ff.
func room(c Contacts, claims map[crdt.Author]string) *People {
	var authors []crdt.Author
	for a := range claims {
		authors = append(authors, a)
	}
	return NewPeople(authors, func(a crdt.Author) string { return claims[a] }, c, someone(0xff), "me")
}

func TestLookup(t *testing.T) {
	t.Parallel()
	me := someone(0xff)
	bob, bob2, carol, other := someone(0xb0, 1, 2, 3, 4), someone(0xb0, 1, 2, 3, 0x50), someone(0xca), someone(0xee)
	p := room(newContacts(t, Contact{Author: other, Name: "dora", Confirmed: true}), map[crdt.Author]string{
		bob: "bob", bob2: "bob", carol: "carol", other: "eve", someone(0x77): "саrоlа", someone(0x78): "dora", someone(0x79): "me",
		someone(0x7a): "bob#ca000000", someone(0x7b): "Eve", someone(0x7c): "Dora", someone(0x7d): "ca00000000", someone(0x7e): "ＣＡ０００００００",
		someone(0x7f): "\u00a0 ", someone(0x80): "bob＃ｃａ000000", someone(0x81): strings.Repeat("ab", 32),
	})
	for label, want := range map[string]crdt.Author{
		"carol": carol, "саrоlа": someone(0x77), "dora": other, "eve": other, "me": me,
		"bob#b0010203045": {}, "bob#b001020304": bob, "bob#B001020350": bob2, "x#ca000000": carol, "bob#ca000000": carol,
		"dora#78000000": someone(0x78), "me#79000000": someone(0x79),
	} {
		got, ok, err := p.Lookup(label)
		if want == (crdt.Author{}) {
			if err == nil {
				t.Errorf("%s: got %x", label, got)
			}
			continue
		}
		if err != nil || !ok || got != want {
			t.Errorf("%s: got %v, %v, %v, want %v", label, got, ok, err, want)
		}
	}
	for _, label := range []string{"Carol", "nobody", "", "bob#b00102", "bob#", "ca00000000", "ＣＡ０００００００", "\u00a0 ", "bob＃ｃａ000000", strings.Repeat("ab", 32)} {
		if _, ok, err := p.Lookup(label); ok || err != nil {
			t.Errorf("%q: found, or %v", label, err)
		}
	}
	var ambiguous *AmbiguousError
	for _, label := range []string{"bob", "bob#b0010203"} {
		if _, ok, err := p.Lookup(label); ok || !errors.As(err, &ambiguous) || !slices.Equal(ambiguous.Candidates, []crdt.Author{bob, bob2}) {
			t.Errorf("%s: got %v, %v", label, ok, err)
		} else if want := "can be any of 2: say which: bob#b00102030, bob#b00102035"; !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q in it", err, want)
		}
	}
	// Who looks like somebody else is not taken without a question; whom the user named is, by whatever name alone is its own.
	for label, want := range map[string][]crdt.Author{"Eve": {someone(0x7b), other}, "Dora": {someone(0x7c), other}} {
		if label == "Dora" {
			want = []crdt.Author{someone(0x78), someone(0x7c), other} // eve is called dora, and one more calls itself so
		}
		if _, ok, err := p.Lookup(label); ok || !errors.As(err, &ambiguous) || !slices.Equal(ambiguous.Candidates, want) {
			t.Errorf("%s: got %v, %v", label, ok, err)
		}
	}
	if _, ok, err := p.Lookup("bob#12345678"); ok || !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != 0 {
		t.Errorf("a key of nobody: got %v, %v", ok, err)
	}
}

func TestBind(t *testing.T) {
	t.Parallel()
	bob, bob2 := someone(0xb0, 1), someone(0xb0, 2)
	p := room(Contacts{}, map[crdt.Author]string{bob: "bob", bob2: "bob"})
	e := NewTransfer("me", "bob#b0020000", 5, 0, "", "")
	if err := p.Bind(&e); err != nil {
		t.Fatal(err)
	}
	if got := e.Postings; *got[0].Key != someone(0xff) || got[1].Label != "bob" || *got[1].Key != bob2 {
		t.Fatalf("got %v", got)
	}
	e = NewTransfer("me", "bob", 5, 0, "", "")
	if err := p.Bind(&e); err == nil || e.Postings[0].Key != nil {
		t.Fatalf("got %v, %v", e.Postings, err)
	}
	e = NewTransfer("me", "stranger", 5, 0, "", "")
	if err := p.Bind(&e); err != nil || e.Postings[0].Key == nil || e.Postings[1].Key != nil || e.Postings[1].Label != "stranger" {
		t.Fatalf("got %v, %v", e.Postings, err)
	}
}

func TestShown(t *testing.T) {
	t.Parallel()
	bob, bob2, carol, dora, imp := someone(0xb0, 1, 2, 3, 4), someone(0xb0, 1, 2, 3, 0x50), someone(0xca), someone(0xd0), someone(0xd1)
	p := room(newContacts(t, Contact{Author: dora, Name: "dora", Confirmed: true}), map[crdt.Author]string{
		bob: "bob", bob2: "Bob", carol: "carol", dora: "d", imp: "dora", someone(0x79): "ΜΕ",
	})
	for a, want := range map[crdt.Author]Shown{
		bob:                          {"bob", false, "b00102030", true},
		bob2:                         {"Bob", false, "b00102035", true},
		carol:                        {"carol", false, "ca000000", false},
		dora:                         {"dora", true, "d0000000", false},
		imp:                          {"dora", false, "d1000000", true},
		someone(0x79):                {"ΜΕ", false, "79000000", true},
		someone(0xff):                {"me", true, "ff000000", false},
		someone(0x11):                {"", false, "11000000", false}, // not known
		someone(0xca, 0, 0, 0, 0, 1): {"", false, "ca0000000001", false},
	} {
		if got := p.Shown(a); got != want {
			t.Errorf("%v: got %+v, want %+v", a, got, want)
		}
	}
	if got, want := fmt.Sprint(p.Labels()), "[Bob#b00102035 bob#b00102030 carol d dora me ΜΕ#79000000]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestPeopleProperties compares People with what ledger.md says of names, everyone
// with everyone.
func TestPeopleProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.Custom(func(t *rapid.T) crdt.Author {
			return someone(rapid.SampledFrom([]byte{0, 1}).Draw(t, "a"), 0, 0, rapid.SampledFrom([]byte{0, 0x10, 1}).Draw(t, "b"), rapid.SampledFrom([]byte{0, 1, 0x10}).Draw(t, "c"))
		})
		name := rapid.SampledFrom([]string{"", "bob", "Bob", "b0b", "ЬоЬ", "carol", "me", "rn", "m", "bob#00000000"})
		claims := rapid.MapOf(key, name).Draw(t, "claims")
		me := key.Draw(t, "me")
		myName := rapid.SampledFrom([]string{"me", "bob", "m"}).Draw(t, "my name")
		var c Contacts
		for range rapid.IntRange(0, 4).Draw(t, "contacts") {
			one := Contact{key.Draw(t, "contact"), name.Draw(t, "name"), rapid.Bool().Draw(t, "confirmed")}
			if with, err := c.With(one); err == nil {
				c = with
			}
		}
		var authors []crdt.Author
		for a := range claims {
			authors = append(authors, a)
		}
		p := NewPeople(authors, func(a crdt.Author) string { return claims[a] }, c, me, myName)
		everyone := p.Of()

		own := func(a crdt.Author) string {
			if a == me {
				return myName
			}
			if one, ok := c.Of(a); ok && one.Name != myName {
				return one.Name
			}
			return ""
		}
		claim := func(a crdt.Author) string {
			if strings.Contains(claims[a], "#") {
				return ""
			}
			return claims[a]
		}
		for _, label := range []string{"bob", "Bob", "b0b", "carol", "me", "m", "nobody"} {
			var decided, calling []crdt.Author
			for _, x := range everyone {
				if own(x.Author) == label {
					decided = append(decided, x.Author)
				}
				if c2, ok := c.Of(me); ok && x.Author == me && c2.Name == label && label != myName {
					decided = append(decided, me)
				}
				if claim(x.Author) == label && x.Author != me {
					calling = append(calling, x.Author)
				}
			}
			if len(decided) == 0 {
				decided = calling
			}
			if byThemselves := len(calling) == 1 && decided[0] == calling[0] && p.own[label] == (crdt.Author{}); byThemselves {
				// Whoever else could be meant, for the eye.
				for _, y := range everyone {
					if y.Author != calling[0] && (own(y.Author) != "" && Alike(own(y.Author), label) ||
						own(calling[0]) == "" && claim(y.Author) != "" && Alike(claim(y.Author), label)) {
						decided = append(decided, y.Author)
					}
				}
			}
			got, ok, err := p.Lookup(label)
			switch {
			case len(decided) > 1:
				if err == nil || ok {
					t.Fatalf("%s means %v, got %v", label, decided, got)
				}
			case err != nil || ok != (len(decided) == 1) || ok && got != decided[0]:
				t.Fatalf("%s means %v, got %v, %v, %v", label, decided, got, ok, err)
			}
		}
		for _, x := range everyone {
			shown := p.Shown(x.Author)
			// Whose name is the user's own choice is like another such; any other is like whatever anybody is called.
			want := false
			for _, y := range everyone {
				if x.Author == y.Author {
					continue
				}
				mine, theirs := own(x.Author), own(y.Author)
				switch {
				case mine != "":
					want = want || theirs != "" && Alike(mine, theirs)
				case claim(x.Author) != "":
					want = want || theirs != "" && Alike(claim(x.Author), theirs) || claim(y.Author) != "" && Alike(claim(x.Author), claim(y.Author))
				}
				if strings.HasPrefix(p.Shown(y.Author).Digits, shown.Digits) {
					t.Fatalf("%x and %x are both shown as %s", x.Author, y.Author, shown.Digits)
				}
			}
			if shown.LookAlike != want {
				t.Fatalf("%x, %q: marked %v, want %v", x.Author, shown.Name, shown.LookAlike, want)
			}
			if got, ok, err := p.Lookup("x#" + shown.Digits); err != nil || !ok || got != x.Author {
				t.Fatalf("%s is %v, %v, %v, not %x", shown.Digits, got, ok, err, x.Author)
			}
		}
		for _, label := range p.Labels() {
			if _, ok, err := p.Lookup(label); !ok || err != nil {
				t.Fatalf("%s is offered and is nobody: %v", label, err)
			}
		}
	})
}

// TestSafetyNumber fixes the number, which two versions of the program must both give.
func TestSafetyNumber(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	a, b := someone(1), someone(2)
	const want = "92435 15413 24055 21242 56876 86090"
	if got := SafetyNumber(a, b); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	seen := map[string]bool{}
	for _, pair := range [][2]crdt.Author{{a, b}, {a, a}, {b, b}, {a, someone(3)}, {b, someone(3)}} {
		n := SafetyNumber(pair[0], pair[1])
		if n != SafetyNumber(pair[1], pair[0]) {
			t.Errorf("%v: another number the other way round", pair)
		}
		if seen[n] || len(n) != 35 || strings.Trim(n, "0123456789 ") != "" {
			t.Errorf("%v: got %q", pair, n)
		}
		seen[n] = true
	}
}

func BenchmarkSafetyNumber(b *testing.B) {
	x, y := someone(1), someone(2)
	for b.Loop() {
		SafetyNumber(x, y)
	}
}

func BenchmarkPeople(b *testing.B) {
	var authors []crdt.Author
	names := map[crdt.Author]string{}
	for i := range 1000 {
		a := someone(byte(i), byte(i>>8))
		authors = append(authors, a)
		names[a] = fmt.Sprintf("Person %d", i)
	}
	for b.Loop() {
		NewPeople(authors, func(a crdt.Author) string { return names[a] }, Contacts{}, someone(0xff, 0xff), "me")
	}
}
