//go:build unix

package e2e

// nameTaken: somebody else calls himself bob. Nothing of what bob signed becomes his, alice is asked whom she means, and what
// is bob's the other cannot agree to.
func nameTaken(s *scene) {
	alice, bob, mallory := s.machine("alice", "alice"), s.machine("bob", "bob"), s.machine("mallory", "bob")
	bob.showsUp()
	a := alice.hero(alice.online()...)
	a.sees("live")
	a.writes("alice -> bob 5 EUR coffee")
	a.sees("5")
	bob.agrees("coffee")
	a.sees(s.or("tallied", "="))
	mallory.showsUp()
	mallory.adds("bob -> alice 900 EUR loan")
	a.sees("900")
	a.moment("two", []string{"list"})
	a.writes("alice -> bob 7 EUR lunch")
	a.sees(s.or(bob.digits(), "bob"))
	a.moment("which")
	if s.form.plain() {
		a.writes("alice -> bob#" + bob.digits() + " 7 EUR lunch")
	} else {
		a.does([]string{"see Which", "\r"}, "") // the first: bob, whose key comes first
	}
	bob.agrees("lunch")
	mallory.does(1, append([]string{"agree", mallory.id("lunch")}, mallory.others()...)...)
	a.moment("told-apart", []string{"list"}, []string{"balances"})
	a.does([]string{"NAV", "P"}, ":people")
	a.moment("people", []string{"people"})
	a.ends()
}
