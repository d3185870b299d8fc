package tui

import "testing"

// TestWelcome: who has no entry in a room of others gets three lines of help, until the first entry or some keys.
func TestWelcome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 20 {
		w.enter("bob", "bob -> carol 3.00")
	}
	d := newDriver(t, w, 80, 24)
	d.sees("Welcome", "agrees", "lists the keys", "kept, sent.", "commands.", "ends this.", "alice paid 60 EUR for alice, bob: dinner")
	d.write("alice -> bob 12.50 dinner")
	d.press("enter")
	d.seesNot("Welcome")
	if d := newDriver(t, w, 80, 24); d.m.welcome.shown {
		t.Error("it is back though there is an own entry")
	}

	w = newWorld(t)
	w.enter("bob", "bob -> carol 3.00")
	d = newDriver(t, w, 120, 36)
	d.sees("Welcome")
	w.enter("bob", "bob -> carol 4.00")
	d.m.takeSnapshot()
	d.sees("Welcome")
	w.enter("alice", "alice -> carol 3.00") // by a command beside the screen
	d.m.takeSnapshot()
	d.seesNot("Welcome")

	w = newWorld(t)
	w.enter("bob", "bob -> carol 3.00")
	d = newDriver(t, w, 120, 36)
	d.press("esc")
	d.sees("Welcome")
	for range welcomeKeys {
		d.press("j")
	}
	d.seesNot("Welcome")
	for _, size := range [][2]int{{80, 12}, {40, 12}, {20, 5}, {1, 1}} {
		newDriver(t, w, size[0], size[1]).seesNot("Welcome")
	}
}
