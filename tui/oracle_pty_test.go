//go:build unix

package tui

import (
	"regexp"
	"strconv"
	"testing"
)

// TestOracleOnATerminal walks through what there is to do, in a real terminal and with the real pace.
func TestOracleOnATerminal(t *testing.T) {
	t.Parallel()
	p := child120(t, "oracle")
	p.sees("THE PRICE HOLDS", "2 of 7 lie", "Votes in order")
	p.types(">>>")
	p.sees("×8")
	p.types("b")
	p.sees("how shall o0 lie?")
	p.types("\r")
	p.sees("3 of 7 lie", "NOT PROVED")
	p.types("o")
	p.sees("2 of 7 lie", "THE PRICE HOLDS")
	p.types("p")
	p.sees("CUT", "NO NEW PRICE")
	p.types("h")
	p.sees("THE PRICE HOLDS")
	p.types(" ")
	p.sees("paused")
	p.types("r")
	p.sees("rounds back")
	p.types("R") // the beginning, wherever that was
	p.sees(" 1 s ")
	p.types("...") // so that there is more than one change
	p.sees(" 4 s ")
	p.types("\r")
	p.sees("What nobody can alter unseen", "prev")
	seq := regexp.MustCompile(`seq +([0-9]+)`)
	at := func() (n int) {
		if found := seq.FindStringSubmatch(p.text()); found != nil {
			n, _ = strconv.Atoi(found[1])
		}
		return n
	}
	first := at()
	p.types("\r")
	p.waits(func(string) bool { return at() == first-1 }, "the parent")
	p.types("\x1b")
	p.waits(func(string) bool { return at() == first }, "the attestation again")
	p.types("\x1b")
	p.sees("Votes in order")
	p.resize(80, 24)
	p.sees("oracle simulation", "Oracles", "needed")
	p.resize(40, 12)
	p.resize(1, 1)
	p.resize(120, 36)
	p.sees("Votes in order")
	p.types("q")
	p.leaves()
	p.drained("ended: quit")
	p.clean()
}
