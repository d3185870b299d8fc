package transport

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tallystick/tallystick/crdt"
)

// loadAhead is the number of packs that are read and hashed before the replica has taken them: at most as many MiB.
const loadAhead = 16

// What a merge at opening rewrites at most, and how many records it must be worth.
const (
	mergeChanges = 16 * crdt.MaxPackChanges
	mergeRecords = 256
)

// load puts the store into replica: one goroutine reads and hashes while this one links and applies. Every hash, every
// link and every tip's signature is checked. The newest records are merged if they are many and small.
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
	var starts []int // by record: the log index of its first change
	for p := range packs {
		if refused != nil {
			continue // the reader is on its way out
		}
		starts = append(starts, replica.Len())
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
	if err := replica.VerifyTips(); err != nil {
		return err
	}
	return merge(cfg.Store, replica, starts)
}

// merge rewrites the newest records as the replica has merged their packs in memory. Nothing is lost by a crash meanwhile:
// it is one transaction.
func merge(s Store, replica *crdt.Replica, starts []int) error {
	m, ok := s.(Merger)
	if !ok {
		return nil
	}
	from := len(starts)
	for from > 0 && starts[from-1] >= replica.Len()-mergeChanges {
		from--
	}
	if len(starts)-from < mergeRecords {
		return nil
	}
	var frames [][]byte
	for i := starts[from]; i < replica.Len(); {
		var frame []byte
		frame, i = replica.PackFrom(i, nil)
		frames = append(frames, frame)
	}
	if len(frames) == 0 || 4*len(frames) > len(starts)-from {
		return nil
	}
	if err := m.Replace(uint64(from), frames); err != nil {
		return fmt.Errorf("%w: merge records: %w", ErrFatal, err)
	}
	return nil
}
