package store

import (
	"fmt"
	"os"
	"testing"
)

// childEnv names the work of a child process that is this test binary again.
const childEnv = "TALLYSTICK_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	switch work := os.Getenv(childEnv); work {
	case "":
		os.Exit(m.Run())
	case "append", "journal":
		if err := appendForEver(os.Args[1], os.Args[2], work == "journal", os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		fmt.Fprintf(os.Stderr, "no such work: %q\n", work)
		os.Exit(1)
	}
}
