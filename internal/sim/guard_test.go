package sim

import (
	"testing"
	"time"

	"github.com/tallystick/tallystick/transport"
)

// TestGuardInBusyRoom: who gets back what its disk has lost may write soon, though others never stop writing: when the relay has it,
// and when another brings it to both.
func TestGuardInBusyRoom(t *testing.T) {
	const bound = 10 * time.Second
	const writing = "+0s flood 1 600 200ms\n+100ms flood 3 600 200ms\n" // for two minutes
	for _, lost := range []struct{ what, do string }{
		{"by its author", "+0s cut 2 3\n" + writing + "+5s start 2\n"},
		{"by its author and the relay", "+0s crash 1 kill\n+0s crash 3 kill\n+0s cut 2 3\n+0s cut 0 3\n" +
			"+0s start 0\n+0s start 2\n+5s start 1\n+0s start 3\n" + writing},
	} {
		t.Run(lost.what, func(t *testing.T) {
			sc, err := Parse("seed 7\nroom json open\nnode relay 0 0s memory\n" +
				"node author 1 0s memory\nnode author 2 0s memory\nnode author 3 0s memory\n" +
				"link 1 0 200ms 1ms 999999 5\nlink 2 0 200ms 1ms 999999 5\nlink 3 0 200ms 1ms 999999 5\n" +
				"+0s flood 2 12 100ms\n+6s quiet\n" + lost.do)
			if err != nil {
				t.Fatal(err)
			}
			s, err := New(Config{Scenario: sc})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, a := range sc.Do {
				s.RunFor(a.Wait)
				s.Do(a)
			}
			author := s.nodes[2]
			if got := author.core.Snapshot(author.now()).Writing; got != transport.WriteGuarded {
				t.Fatalf("after its disk was damaged: %s", writeWord(got))
			}
			if !s.runUntil(s.now.Add(bound), func() bool { return author.snap != nil && author.snap.Writing == transport.WriteOpen }) {
				t.Errorf("guarded for %v; it holds all again: %v; %v", bound, author.guardedInVain(), s.failure)
			}
		})
	}
}
