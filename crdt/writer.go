package crdt

import (
	"cmp"
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// A Writer makes changes of one author in one replica. It is used like the
// replica itself: by one goroutine at a time.
//
// The author's rule that makes a crash harmless is the caller's to keep: a
// change must be durable before anybody else hears of it, or the author forks
// itself.
type Writer struct {
	replica *Replica
	key     ed25519.PrivateKey
	author  Author
	number  uint32 // of the author in the log
	hasher  *hasher
	tx      Tx     // of the change that is being made
	payload []byte // its payload
}

// Writer returns the writer for key, or [ErrNotAWriter], [ErrBadAuthor], [ErrKeeper].
func (r *Replica) Writer(key ed25519.PrivateKey) (*Writer, error) {
	if r.keeps() {
		return nil, ErrKeeper
	}
	author, err := ParseAuthor(key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	if !r.charter.writes(author) {
		return nil, fmt.Errorf("%w: %v", ErrNotAWriter, author)
	}
	w := &Writer{replica: r, key: key, author: author, number: r.log.authorIndex(author), hasher: newHasher()}
	w.hasher.chainOf(r.room, author)
	doc, _ := r.doc.(*jsonDoc)
	w.tx = Tx{replica: r, doc: doc, author: w.number}
	return w, nil
}

// Author is who writes.
func (w *Writer) Author() Author { return w.author }

// Change makes one change of the ops that edit adds to its Tx, appends it to the
// log and applies it. The Tx is valid within edit alone. unix is the claimed time in seconds. The change is unsigned
// until [Writer.Sign]; several may be made before, as many as one pack holds.
//
// If edit or Change returns an error, log and document are as before:
// [ErrEmptyChange], [ErrOverLimit], [ErrUnsigned] (call Sign first: a pack is
// full, or another writer of this replica has not signed), [ErrOwnFork] (this
// author's chain is forked: go on as a new author), [ErrObserving], [ErrStale],
// [ErrInChange] (edit called it), [ErrFull], or edit's own.
func (w *Writer) Change(unix int64, edit func(*Tx) error) (ChangeID, error) {
	if w.replica.observing {
		return ChangeID{}, ErrObserving
	}
	l := w.replica.log
	if l.authors[w.number].forked {
		return ChangeID{}, fmt.Errorf("%w: %v", ErrOwnFork, w.author)
	}
	before, tip := l.n, l.authors[w.number].tip
	tx := &w.tx
	if tx.open {
		return ChangeID{}, ErrInChange
	}
	tx.begin(tip)
	defer tx.end()
	if err := cmp.Or(edit(tx), tx.broken); err != nil {
		return ChangeID{}, err
	}
	if l.n != before {
		return ChangeID{}, ErrStale
	}
	var err error
	if w.payload, err = tx.appendPayload(w.payload[:0], unix); err != nil {
		return ChangeID{}, err
	}
	if err := w.fits(len(w.payload)); err != nil {
		return ChangeID{}, err
	}
	if err := l.space(1, len(tx.links), len(w.payload)+changeOverheadBytes); err != nil {
		return ChangeID{}, err
	}
	if err := w.replica.doc.room(len(w.payload)); err != nil {
		return ChangeID{}, err
	}
	prev := (*ChangeID)(&l.room)
	if tip != none {
		prev = l.idAt(tip)
	}
	id := w.hasher.id(prev, w.payload)
	size := dcbor.BytesSize(len(w.payload))
	block, pos := l.blocks.reserve(l.n, size)
	dcbor.AppendBytes(block[pos:pos:pos+size], w.payload)
	i := l.add(&id, w.number, tip, tx.links, true, uint32(pos), len(w.payload))
	w.replica.apply(i)
	w.replica.publish()
	return id, nil
}

// fits checks that a payload of so many bytes fits into one run with the changes
// that wait for Sign, and that those are this author's.
func (w *Writer) fits(payloadBytes int) error {
	l := w.replica.log
	changes, bytes := w.Unsigned()
	size := packOverheadBytes + runOverheadBytes + bytes + payloadBytes + changeOverheadBytes
	if changes > 0 && (changes == MaxPackChanges || size > MaxPackBytes || l.author(l.sealed) != w.number) {
		return fmt.Errorf("%w: %d changes of %d bytes by %v", ErrUnsigned, changes, bytes, l.keys[l.author(l.sealed)])
	}
	return nil
}

// Unsigned is the number of changes of this replica that wait for Sign, and their
// bytes.
func (w *Writer) Unsigned() (changes, bytes int) {
	l := w.replica.log
	return int(l.n - l.sealed), l.unsigned
}

// Sign signs all own changes since the last time, as one run. It returns the log
// indexes [from, to) that are signed now: none if those that wait are another
// writer's.
func (w *Writer) Sign() (from, to int) {
	l := w.replica.log
	from = int(l.sealed)
	if l.sealed == l.n || l.author(l.sealed) != w.number {
		return from, from
	}
	last := l.n - 1
	l.seal([]runEnd{{last: last, sig: sign(w.key, w.replica.room, l.id(last))}})
	return from, int(l.n)
}

// appendOwnLinks appends the heads that an author names: the newest MaxOwnLinks,
// and besides what needed names, by id. prev is left out.
func (l *log) appendOwnLinks(links []int32, prev int32, needed []int32) []int32 {
	if len(needed) == 0 && l.heads.only(prev) {
		return links
	}
	count := 0
	for i := range l.heads.down {
		if i != prev {
			links = append(links, i)
		}
		if count++; count == MaxOwnLinks {
			break
		}
	}
	links = append(links, needed...)
	if len(links) < 2 {
		return links
	}
	slices.SortFunc(links, l.compareIDs)
	return slices.Compact(links)
}

func (l *log) compareIDs(a, b int32) int { return l.idAt(a).compare(l.id(b)) }
