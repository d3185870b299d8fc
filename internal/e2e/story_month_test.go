//go:build unix

package e2e

import "fmt"

// monthOffline: bob is away for a month and writes all the same; when he is back, what alice wrote of him waits for his word, and he
// agrees to one after another.
func monthOffline(s *scene) {
	alice, bob := s.machine("alice", "alice"), s.machine("bob", "bob")
	alice.showsUp()
	bob.showsUp()
	bob.adds("bob -> alice 9 EUR tent")
	b := bob.hero("run", "bob", "--offline")
	if !s.form.plain() {
		b.sees("offline")
	}
	for i, what := range []string{"ferry", "hut", "bread"} {
		b.writes(fmt.Sprintf("bob -> alice %d.50 EUR %s", 30+i, what))
		b.sees(fmt.Sprintf("%d.50", 30+i))
	}
	b.moment("away", []string{"list", "--offline"})
	b.ends()

	// Three changes, so that what follows them comes after bob's three in everybody's order.
	alice.agrees("tent")
	alice.does(0, append([]string{"undo"}, alice.others()...)...)
	alice.agrees("tent")
	const days = 6
	for i := range days {
		alice.adds(fmt.Sprintf("alice -> bob %d EUR day-%d", 11+i, i+1))
	}
	b = bob.hero(bob.online()...)
	b.sees("live", fmt.Sprint(10+days))
	b.moment("back", []string{"list"}, []string{"inbox"})
	if s.form.plain() {
		for i := range days {
			b.does(nil, ":agree "+bob.idOf(fmt.Sprintf("day-%d", i+1)))
		}
	} else {
		b.does([]string{"NAV", "I"}, "")
		b.moment("inbox")
		for left := days - 1; left > 0; left-- {
			b.does([]string{"a", fmt.Sprintf("see %d wait", left)}, "")
		}
		b.does([]string{"a"}, "")
	}
	for _, what := range []string{"ferry", "hut", "bread"} {
		alice.agrees(what)
	}
	b.moment("agreed", []string{"list"}, []string{"balances"})
	b.ends()
}
