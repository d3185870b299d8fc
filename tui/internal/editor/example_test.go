package editor_test

import (
	"fmt"

	"github.com/tallystick/tallystick/tui/internal/editor"
)

func ExampleLine() {
	var l editor.Line
	l.Insert("alice -> bob 12.50")
	l.KillWord()
	l.Insert("3")
	fmt.Printf("%q, cursor at byte %d\n", l.String(), l.Cursor())
	// Output: "alice -> bob 3", cursor at byte 14
}
