//go:build unix

package e2e

// dinnerOfFour: alice pays for four; two agree, and one disputes until she has corrected it.
func dinnerOfFour(s *scene) {
	alice, bob, carol, dave := s.machine("alice", "alice"), s.machine("bob", "bob"), s.machine("carol", "carol"), s.machine("dave", "dave")
	a := alice.hero(alice.online()...)
	var others []*talker
	for _, m := range []*machine{bob, carol, dave} {
		others = append(others, m.talks(m.online()...))
	}
	a.writes("alice -> bob 5 EUR coffee")
	for _, o := range others {
		o.sees("coffee")
	}
	a.moment("coffee")
	for _, o := range others {
		o.ends()
	}
	a.ends()
}
