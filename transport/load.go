package transport

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/orphan"
)

// loadAhead is the number of packs that are read and hashed before the replica has taken them: at most as many MiB.
const loadAhead = 16

// What a merge at opening rewrites at most, and what it must be worth: so many records, or so many bytes of packs that are
// no segments yet.
const (
	mergeChanges  = 64 * crdt.MaxPackChanges
	mergeMaxBytes = 64 << 20
	mergeRecords  = 256
	mergeBytes    = 64 << 10
)

// stored is what load notes of a record.
type stored struct {
	start   int // log index of its first change
	bytes   int
	segment bool
}

// load puts the store into replica: one goroutine reads and hashes while this one links and applies. Every hash, every
// link and every tip's signature is checked. What lacks a parent, since part of the store was lost, waits in orphans; then
// nothing is merged. Else the newest records are merged if they are many or large.
func load(ctx context.Context, cfg NodeConfig, replica *crdt.Replica, orphans *orphan.Packs) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	type numbered struct {
		n    uint64
		pack *crdt.StoredPack
		stored
	}
	packs := make(chan numbered, loadAhead)
	read := make(chan error, 1)
	checker := cfg.Checker
	orphans.Checker = checker
	go func() {
		defer close(packs)
		read <- cfg.Store.Records(func(n uint64, record []byte) error {
			of := stored{bytes: len(record), segment: crdt.IsSegment(record)}
			if !of.segment {
				record = bytes.Clone(record) // its pack keeps it
			}
			var gone error
			err := checker.EachStored(record, func(pack *crdt.StoredPack) error {
				select {
				case packs <- numbered{n, pack, of}:
				case <-ctx.Done():
					gone = ctx.Err()
				}
				return gone
			})
			if err != nil && gone == nil {
				return fmt.Errorf("record %d: %w", n, err)
			}
			return err
		})
	}()
	var refused error
	var records []stored
	for p := range packs {
		if refused != nil {
			continue // the reader is on its way out
		}
		if p.n == uint64(len(records)) { // the first pack of its record
			p.start = replica.Len()
			records = append(records, p.stored)
		}
		if err := orphans.Load(replica, p.pack); err != nil {
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
	if err := checker.VerifyTips(replica); err != nil {
		return err
	}
	if orphans.Len() > 0 {
		return nil // a merge keeps what is in the log, and no more
	}
	return merge(cfg.Store, replica, records)
}

// merge rewrites the newest records as segments of the packs that the replica has made of theirs. Nothing is lost by a
// crash meanwhile: it is one transaction.
func merge(s Store, replica *crdt.Replica, records []stored) error {
	m, ok := s.(Merger)
	if !ok {
		return nil
	}
	from, worth := mergeFrom(records, replica.Len())
	if !worth {
		return nil
	}
	var merged [][]byte
	for i := records[from].start; i < replica.Len(); {
		var record []byte
		record, i = replica.RecordFrom(i)
		merged = append(merged, record)
	}
	if len(merged) == 0 {
		return nil
	}
	if err := m.Replace(uint64(from), merged); err != nil {
		return fmt.Errorf("%w: merge records: %w", ErrFatal, err)
	}
	return nil
}

// mergeFrom is the first of the records that are to be merged, of a log of n changes. An older segment is merged with
// what follows if that has as many changes: so a change is written again but a few times, and segments stay few.
func mergeFrom(records []stored, n int) (from int, worth bool) {
	loose, looseBytes, total := 0, 0, 0
	for from = len(records); from > 0; from-- {
		r := records[from-1]
		if total += r.bytes; n-r.start > mergeChanges || total > mergeMaxBytes {
			break
		}
		if !r.segment {
			loose++
			looseBytes += r.bytes
			continue
		}
		next := n
		if from < len(records) {
			next = records[from].start
		}
		if next-r.start > n-next {
			break
		}
	}
	return from, loose >= mergeRecords || looseBytes >= mergeBytes
}
