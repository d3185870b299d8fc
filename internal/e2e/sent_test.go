package e2e

import "testing"

// What a relay has said to have stored is remembered: the next run, offline, does not call it unsent.
func TestSentIsRemembered(t *testing.T) {
	w := newWorld(t)
	relay := w.relay()
	alice := w.plain("alice", "--connect", relay.url(), "--wait", "60s")
	if !alice.say("one") || !alice.say("two") {
		t.Fatalf("alice stopped: %s", &alice.err)
	}
	alice.finish(0)
	w.plain("alice", "--offline").finish(0)

	alice = w.plain("alice", "--offline")
	if !alice.say("three") {
		t.Fatalf("alice stopped: %s", &alice.err)
	}
	alice.finish(exitUnsent)
}
