//go:build unix

package e2e

// dinnerOfFour: alice pays for four. Two agree, dave had only soup and disputes it; she corrects it, all agree, and she looks who
// owes whom.
func dinnerOfFour(s *scene) {
	alice, bob, carol, dave := s.machine("alice", "alice"), s.machine("bob", "bob"), s.machine("carol", "carol"), s.machine("dave", "dave")
	for _, m := range []*machine{bob, carol, dave} {
		m.showsUp()
	}
	a := alice.hero(alice.online()...)
	a.sees("live")
	a.writes("alice paid 80 EUR for alice, bob, carol, dave: dinner")
	a.sees("60")
	bob.agrees("dinner")
	carol.agrees("dinner")
	dave.disputes("dinner", "I had only soup")
	a.sees(s.or("disputed", "#"))
	a.moment("disputed", []string{"list"}, []string{"balances"})

	corrected := "alice paid 80 EUR for alice 25, bob 25, carol 25, dave 5: dinner, soup for dave"
	if s.form.plain() {
		alice.does(0, "add", corrected, "--replaces", alice.idOf("dinner"), "--as", "alice")
	} else {
		a.does([]string{"NAV", "G", "e", "see correcting", "\x15", corrected, "\r"}, "")
	}
	a.sees("55")
	for _, m := range []*machine{bob, carol, dave} {
		m.agrees("soup")
	}
	a.sees(s.or("tallied", "="))
	a.moment("tallied", []string{"list"}, []string{"balances"})
	a.does([]string{"NAV", "B"}, "")
	a.moment("balances", []string{"balances"})
	a.does([]string{"s"}, ":settle EUR")
	a.sees(s.or("bob pays alice", "bob"))
	a.moment("settle", []string{"settle", "EUR"})
	a.ends()
}
