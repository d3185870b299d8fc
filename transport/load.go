package transport

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/orphan"
)

// Records are read and hashed by so many goroutines, each its own, and at most so many packs of each before the replica
// has taken them: those of a segment. One more batch may wait. A batch is one segment, or frames of so many bytes.
const (
	loadReaders = 2
	loadAhead   = crdt.MaxFileSegmentPacks
	batchBytes  = 64 << 10
)

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

// A batch is records that one goroutine reads.
type batch struct {
	records []record
	bytes   int
	packs   chan storedPack // closed when all are read, or err says why not
	err     error
}

type record struct {
	n     uint64
	bytes []byte
}

type storedPack struct {
	record
	*crdt.StoredPack
}

// read is run once. It ends early with ctx.
func (b *batch) read(ctx context.Context, checker *crdt.Checker) {
	defer close(b.packs)
	for _, r := range b.records {
		err := checker.EachStored(r.bytes, func(p *crdt.StoredPack) error {
			select {
			case b.packs <- storedPack{r, p}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if ctx.Err() != nil {
			b.err = ctx.Err()
			return
		}
		if err != nil {
			b.err = fmt.Errorf("record %d: %w", r.n, err)
			return
		}
	}
}

// eachBatch makes batches of all records, and sends each to be read, and on in order.
func eachBatch(ctx context.Context, s Store, unread, inOrder chan<- *batch) error {
	next := &batch{}
	send := func() error {
		b := next
		b.packs = make(chan storedPack, loadAhead)
		next = &batch{}
		for _, to := range []chan<- *batch{unread, inOrder} { // in this order: who waits for the packs of one knows that it is read
			select {
			case to <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
	err := s.Records(func(n uint64, encoded []byte) error {
		if crdt.IsSegment(encoded) && len(next.records) > 0 {
			if err := send(); err != nil {
				return err
			}
		}
		next.records = append(next.records, record{n, bytes.Clone(encoded)})
		if next.bytes += len(encoded); next.bytes < batchBytes && !crdt.IsSegment(encoded) {
			return nil
		}
		return send()
	})
	if err == nil && len(next.records) > 0 {
		err = send()
	}
	return err
}

// load puts the store into replica: some goroutines read and hash while this one links and applies. Every hash, every
// link and every tip's signature is checked. What lacks a parent, since part of the store was lost, waits in orphans; then
// nothing is merged. Else the newest records are merged if they are many or large.
func load(ctx context.Context, cfg NodeConfig, replica *crdt.Replica, orphans *orphan.Packs) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	unread, inOrder := make(chan *batch), make(chan *batch, 1)
	read := make(chan error, 1)
	checker := cfg.Checker
	orphans.Checker = checker
	go func() {
		read <- eachBatch(ctx, cfg.Store, unread, inOrder)
		close(unread)
		close(inOrder)
	}()
	for range loadReaders {
		go func() {
			for b := range unread {
				b.read(ctx, checker)
			}
		}()
	}
	var refused error
	var records []stored
	for b := range inOrder {
		for p := range b.packs {
			if refused != nil {
				continue // the readers are on their way out
			}
			if p.n == uint64(len(records)) { // the first pack of its record
				records = append(records, stored{start: replica.Len(), bytes: len(p.bytes), segment: crdt.IsSegment(p.bytes)})
			}
			if err := orphans.Load(replica, p.StoredPack); err != nil {
				refused = fmt.Errorf("record %d: %w", p.n, err)
				stop()
			}
		}
		if refused == nil && b.err != nil {
			refused = b.err
			stop()
		}
	}
	if err := <-read; refused == nil && err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	verified := make(chan error, 1)
	go func() { verified <- checker.VerifyTips(replica) }()
	replica.View() // sorts the marks that came meanwhile: what is verified is in the log alone
	if err := <-verified; err != nil {
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
