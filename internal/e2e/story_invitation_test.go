//go:build unix

package e2e

import "strings"

// invited: alice founds a closed room and sends bob an invitation of one line. He sees what the charter says before he joins, and
// writes there; dave, who is not among the writers, can read and not write.
func invited(s *scene) {
	alice, bob, dave := s.machine("alice", "alice"), s.machine("bob", "bob"), s.machine("dave", "dave")
	invitation := strings.TrimSpace(alice.does(0, "room", "new", "trip", "--writers", bob.id64(), "--connect", s.relay().URL, "--as", "alice"))
	if strings.Contains(invitation, "\n") {
		s.t.Fatalf("an invitation of several lines: %s", invitation)
	}
	bob.does(1, "join", "--yes", "--as", "bob", invitation[:len(invitation)/2])
	if said := dave.does(0, "join", "--yes", "--as", "dave", invitation); !strings.Contains(said, "you may read this room, not write") {
		s.t.Fatalf("join does not say that dave may not write:\n%s", said)
	}
	alice.does(0, "add", "alice -> bob 40 EUR train", "--room", "trip", "--as", "alice", "--connect", s.relay().URL)
	b := bob.hero(bob.online()...)
	b.sees("live")
	b.writes("/join " + invitation)
	b.sees("trip", "you", "write")
	b.moment("charter", []string{"rooms"})
	b.does([]string{"y"}, ":join "+invitation) // in plain mode: once more
	b.sees("live", "train")
	b.writes("bob -> alice 15 EUR boat")
	b.sees("15")
	dave.does(1, "add", "dave -> bob 99 EUR nothing", "--room", "trip", "--as", "dave", "--connect", s.relay().URL)
	b.does([]string{"NAV"}, "") // which names are offered first follows from what came first
	b.moment("trip", []string{"list", "--room", "trip"}, []string{"rooms"})
	b.ends()
}
