package cli

import (
	"context"
	"errors"
)

// screen shows the ledger.
func (s *session) screen(context.Context) error {
	return errors.New("there is no screen yet: use --plain")
}
