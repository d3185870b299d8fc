package transport

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tallystick/tallystick/crdt"
)

// loadAhead is the number of packs that are read and hashed before the replica has taken them: at most as many MiB.
const loadAhead = 16

// load puts the store into replica: one goroutine reads and hashes while this one links and applies. Every hash, every
// link and every tip's signature is checked.
func load(ctx context.Context, cfg NodeConfig, replica *crdt.Replica) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	type numbered struct {
		n    uint64
		pack *crdt.Pack
	}
	packs := make(chan numbered, loadAhead)
	read := make(chan error, 1)
	checker := crdt.NewChecker(cfg.Charter)
	go func() {
		defer close(packs)
		read <- cfg.Store.Records(func(n uint64, frame []byte) error {
			pack, err := checker.Stored(bytes.Clone(frame))
			if err != nil {
				return fmt.Errorf("record %d: %w", n, err)
			}
			select {
			case packs <- numbered{n, pack}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	var refused error
	for p := range packs {
		if refused != nil {
			continue // the reader is on its way out
		}
		if err := replica.LoadPack(p.pack); err != nil {
			refused = fmt.Errorf("record %d: %w", p.n, err)
			stop()
		}
	}
	if err := <-read; refused == nil && err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	return replica.VerifyTips()
}
