//go:build !unix

package tui

import (
	"context"
	"fmt"
)

// Run needs a Unix terminal: elsewhere it returns [ErrNoTerminal], and plain mode is the way.
func Run(ctx context.Context, o Options) error {
	return fmt.Errorf("%w: the screen is not built for this system; --plain works", ErrNoTerminal)
}
