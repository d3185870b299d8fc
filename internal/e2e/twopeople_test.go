package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// Two people type on both sides of a relay that dies three times; one of them is killed, types offline for a
// while, and comes back. Nothing is lost, doubled or forked, and both see the same.
func TestTwoPeople(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 200
	}
	w := newWorld(t)
	relay := w.relay()
	online := []string{"--connect", relay.url(), "--wait", "60s"}

	var typing sync.WaitGroup
	typing.Add(2)
	alice := w.plain("alice", online...)
	go func() {
		defer typing.Done()
		for i := range n {
			if !alice.say(fmt.Sprintf("a-%d", i)) {
				t.Errorf("alice stopped at %d: %s", i, &alice.err)
				return
			}
			if i == n/4 || i == n/2 || i == 3*n/4 {
				relay.kill()
				relay.start()
			}
		}
	}()

	var bob *person
	go func() {
		defer typing.Done()
		bob = w.plain("bob", online...)
		for i := range n {
			switch i {
			case 2 * n / 5:
				bob.kill()
				bob = w.plain("bob", "--offline")
			case 3 * n / 5:
				bob.finish(exitUnsent)
				bob = w.plain("bob", online...)
			}
			if !bob.say(fmt.Sprintf("b-%d", i)) {
				t.Errorf("bob stopped at %d: %s", i, &bob.err)
				return
			}
		}
	}()
	typing.Wait()
	if t.Failed() {
		return
	}

	all := func(p *person) func() bool { return func() bool { return len(p.memos) == 2*n } }
	alice.mustWait("all entries have come", all(alice))
	bob.mustWait("all entries have come", all(bob))
	a, b := alice.finish(0), bob.finish(0)
	if a.Rows != 2*n || b.Rows != 2*n {
		t.Errorf("alice has %d rows, bob %d, want %d", a.Rows, b.Rows, 2*n)
	}
	if a.LogDigest != b.LogDigest || a.DocDigest != b.DocDigest || len(a.LogDigest) != 64 {
		t.Errorf("digests differ:\nalice %s %s\nbob   %s %s", a.LogDigest, a.DocDigest, b.LogDigest, b.DocDigest)
	}
	for memo, id := range alice.memos {
		if bob.memos[memo] != id {
			t.Errorf("entry %s is %s for alice, %s for bob", memo, id, bob.memos[memo])
		}
	}
	for _, name := range []string{"alice", "bob"} {
		w.verified(name, a)
		if rows := strings.Count(w.run("show", name, "--json"), `"kind":"entry"`); rows != 2*n {
			t.Errorf("show %s prints %d rows, want %d", name, rows, 2*n)
		}
	}
	t.Logf("%d rows on both sides; log digest %s; doc digest %s", a.Rows, a.LogDigest, a.DocDigest)
}

// exitUnsent is the exit code when something has not been stored by any peer.
const exitUnsent = 3

// verified checks a store with the program's own verify: the digests are those of end, and nobody has forked.
func (w *world) verified(name string, end event) {
	w.t.Helper()
	out := w.run("verify", name)
	for _, want := range []string{"log digest: " + end.LogDigest, "doc digest: " + end.DocDigest} {
		if !strings.Contains(out, want) {
			w.t.Errorf("verify %s does not print %q:\n%s", name, want, out)
		}
	}
	if !strings.Contains(strings.Join(strings.Fields(out), " "), "forks: 0") {
		w.t.Errorf("verify %s does not say that there are no forks:\n%s", name, out)
	}
}
