package crdt

import (
	"crypto/ed25519"
	"fmt"
	"slices"
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
	return &Writer{replica: r, key: key, author: author, number: r.log.authorIndex(author)}, nil
}

// Author is who writes.
func (w *Writer) Author() Author { return w.author }

// Change makes one change of the ops that edit adds to its Tx, appends it to the
// log and applies it. unix is the claimed time in seconds. The change is unsigned
// until [Writer.Sign]; several may be made before, as many as one pack holds.
//
// If edit or Change returns an error, log and document are as before:
// [ErrEmptyChange], [ErrOverLimit], [ErrUnsigned] (call Sign first: a pack is
// full, or another writer of this replica has not signed), [ErrOwnFork] (this
// author's chain is forked: go on as a new author), [ErrObserving], or edit's own.
func (w *Writer) Change(unix int64, edit func(*Tx) error) (ChangeID, error) {
	if w.replica.observing {
		return ChangeID{}, ErrObserving
	}
	l := w.replica.log
	state := &l.authors[w.number]
	if state.forked {
		return ChangeID{}, fmt.Errorf("%w: %v", ErrOwnFork, w.author)
	}
	tx := &Tx{replica: w.replica, author: w.number, prev: state.tip}
	if err := edit(tx); err != nil {
		return ChangeID{}, err
	}
	payload, err := tx.payload(unix)
	if err != nil {
		return ChangeID{}, err
	}
	prev := ChangeID(w.replica.room)
	if state.tip != none {
		prev = l.id(state.tip)
	}
	env, err := parseEnvelope(payload, w.replica.room, prev)
	if err != nil {
		return ChangeID{}, err
	}
	c := &checkedChange{id: state.prefix.id(prev, payloadHash(payload)), payload: payload, envelope: env, decodes: decodes(env.ops)}
	if err := w.fits(len(payload)); err != nil {
		return ChangeID{}, err
	}
	i := l.add(w.number, state.tip, c)
	l.unsigned += len(payload) + changeOverheadBytes
	w.replica.apply(i)
	w.replica.publish()
	return c.id, nil
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

// links are the heads that an author names: the newest MaxOwnLinks, and besides
// what needed names. prev is left out.
func (r *Replica) links(prev int32, needed []int32) []ChangeID {
	var links []ChangeID
	count := 0
	r.log.heads.Reverse(func(i int32) bool {
		if i != prev {
			links = append(links, r.log.id(i))
		}
		count++
		return count < MaxOwnLinks
	})
	for _, i := range needed {
		links = append(links, r.log.id(i))
	}
	slices.SortFunc(links, ChangeID.compare)
	return slices.Compact(links)
}
