package screen_test

import (
	"fmt"

	"github.com/tallystick/tallystick/tui/internal/screen"
)

func Example() {
	before, after := screen.New(20, 2), screen.New(20, 2)
	before.All().Const(0, 1, screen.Default, "row 7 of 9")
	after.All().Const(0, 1, screen.Default, "row 8 of 9")
	fmt.Printf("%q\n", screen.Diff(nil, before, after))
	// Output:
	// "\x1b[?2026h\x1b[2;5H8\x1b[1H\x1b[?2026l"
}
