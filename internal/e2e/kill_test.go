package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// A node is killed again and again while it writes and sends. What it acknowledged is there the next time, and it
// never contradicts itself: a reader who got everything from the relay sees no fork.
func TestKillNode(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 15
	}
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t)
	relay := w.relay()

	acknowledged := make(map[string]string)
	for round := range rounds {
		alice := w.plain("alice", "--connect", relay.url())
		alice.mustWait("it has shown what it acknowledged", func() bool {
			for memo := range acknowledged {
				if alice.memos[memo] == "" {
					return false
				}
			}
			return true
		})
		for memo, id := range acknowledged {
			if alice.shown(memo) != id {
				t.Fatalf("round %d (seed %d): %s was acknowledged as %s and is %s", round, seed, memo, id, alice.shown(memo))
			}
		}
		// Every fourth time it dies before or while the first is written, else some entries later.
		after := rng.IntN(8)
		if round%4 == 0 {
			after = -1
		}
		delay := time.Duration(rng.IntN(3000)) * time.Microsecond
		die := func() { time.AfterFunc(delay, func() { _ = alice.cmd.Process.Kill() }) } // it may be dead
		if after < 0 {
			die()
		}
		for i := 0; ; i++ {
			memo := fmt.Sprintf("r%d-%d", round, i)
			if !alice.say(memo) {
				break
			}
			acknowledged[memo] = alice.shown(memo)
			if i == after {
				die()
			}
		}
		alice.kill()
	}

	if len(acknowledged) < rounds/2 {
		t.Fatalf("only %d entries were acknowledged in %d rounds: the test tests nothing", len(acknowledged), rounds)
	}
	alice := w.plain("alice", "--connect", relay.url(), "--wait", "60s")
	end := alice.finish(0)
	w.verified("alice", end)
	reader := w.plain("reader", "--connect", relay.url())
	reader.mustWait("it has everything", func() bool { return len(reader.memos) == end.Rows })
	if got := reader.finish(0); got.LogDigest != end.LogDigest {
		t.Errorf("the reader has log digest %s, alice %s", got.LogDigest, end.LogDigest)
	}
	w.verified("reader", end)
	t.Logf("killed %d times: %d entries acknowledged, %d kept", rounds, len(acknowledged), end.Rows)
}
