package crdt_test

import (
	"flag"
	"os"
	"testing"

	"github.com/tallystick/tallystick/internal/race"
)

// TestMain sets how many programs each property tries, unless -rapid.checks does:
// the race detector makes each ten times dearer.
func TestMain(m *testing.M) {
	flag.Parse()
	checks := "100"
	if race.Enabled || testing.Short() {
		checks = "25"
	}
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "rapid.checks" })
	if !set {
		if err := flag.Set("rapid.checks", checks); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// raceless is n, but few with the race detector: it makes everything ten times dearer,
// and what one goroutine does many times over it need not see as often.
func raceless(n, few int) int {
	if race.Enabled {
		return few
	}
	return n
}
