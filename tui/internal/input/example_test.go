package input_test

import (
	"fmt"

	"github.com/tallystick/tallystick/tui/internal/input"
)

func ExampleDecoder() {
	var d input.Decoder
	for _, msg := range d.Feed(nil, []byte("j\x1b[A\x1b[200~q\rq\x1b[201~")) {
		fmt.Printf("%T %q\n", msg, fmt.Sprint(msg))
	}
	// Output:
	// tea.KeyPressMsg "j"
	// tea.KeyPressMsg "up"
	// tea.PasteMsg "q\rq"
}
