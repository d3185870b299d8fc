// Package salvage opens the store of a room, damaged or not. Of a damaged one, what is intact goes into a new store, what is
// lost is named, and the damaged file stays beside it, never written to. Peers bring back what they have of the rest.
//
// A record is taken for intact if its checksum says so, every id in it follows from its bytes, and every signature is good.
// Records whose parents are lost are kept in the new store too: they wait there (see package orphan).
//
// # Own changes
//
// A damaged file may hold an own change that was being written when the process was killed. Nobody was told of it, and
// another was made in its place since: to bring it back would make its author a forked one. So of own changes to which
// nothing leads from a committed state, those alone are taken that the last file vouches for: the newest that may have left
// this machine, and what it follows. Whatever was acknowledged is among them. The new store may not be written to under its
// key before a peer's tips were seen, as any that looks copied ([store.Store.Moved]).
package salvage

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/internal/orphan"
	"github.com/tallystick/tallystick/internal/store"
)

// maxNamed bounds how many lost changes a Report names.
const maxNamed = 8

// ErrWrongRoom: the file holds another room than the one asked for.
var ErrWrongRoom = errors.New("it holds another room: move the file away")

// ErrFailed: the store is damaged, and no new one could be made. Nothing was changed.
var ErrFailed = errors.New("the damaged store could not be salvaged")

// Own is the author who writes into the store.
type Own struct {
	Author crdt.Author
	Last   crdt.ChangeID // what the last file holds
	Wrote  bool          // it holds something
}

// A Report is what a salvage found.
type Report struct {
	Damage error  // what is wrong with the file, and where
	Kept   string // where the damaged file is now; empty: in its place, nothing was changed

	Records int           // intact ones, not counting what stands there more than once
	Lost    []store.Range // numbers of those that are lost, if Known: the first of them
	Of      uint64        // how many there should be, if Known
	Known   bool
	Partial bool // some of the file was not looked through

	Changes  int    // in the log of the new store
	Waiting  int    // further ones, that wait for lost ones
	Missing  []Lost // lost ones that others name, at most maxNamed
	Refused  int    // records that are intact and hold what the rules refuse
	SetAside int    // own changes that nobody was told of
	OwnLost  bool   // the newest own change that may have left this machine is not in the log
}

// Lost is a change that another names and that is not there.
type Lost struct {
	Change crdt.ChangeID
	Author crdt.Author // zero if unknown
}

// Open opens the store at path of the room that c founds. If it is damaged it is salvaged, and the Report says how that went;
// else that is nil. own is nil if nobody writes into it.
//
// Errors: those of [store.Open] but for damage; [ErrWrongRoom]; [ErrFailed], around [store.ErrTooManyDamaged] or what the file
// system says. After any of them the damaged file is in its place.
func Open(path string, c crdt.Charter, own *Own) (*store.Store, *Report, error) {
	st, err := store.Open(path)
	if !damaged(err) {
		return st, nil, err
	}
	return Rebuild(path, c, own, err)
}

// damaged reports whether a salvage may help.
func damaged(err error) bool {
	return errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrNotStore) && !errors.Is(err, disk.ErrNotRegular)
}

// Rebuild is Open of a store that is known to be damaged, by why. It must not be open.
func Rebuild(path string, c crdt.Charter, own *Own, why error) (*store.Store, *Report, error) {
	w, report, k, err := survey(path, c, own, why)
	if err != nil {
		return nil, nil, err
	}
	st, kept, err := w.Rebuild(store.Meta{Room: c.ID(), Charter: c.Append(nil)}, k.each)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w; what is wrong with it: %w", ErrFailed, err, why)
	}
	report.Kept = kept
	return st, report, nil
}

// Survey says what Rebuild would do, and changes nothing.
func Survey(path string, c crdt.Charter, own *Own, why error) (*Report, error) {
	w, report, _, err := survey(path, c, own, why)
	if err != nil {
		return nil, err
	}
	return report, w.Close()
}

func survey(path string, c crdt.Charter, own *Own, why error) (*store.Wreck, *Report, *keeper, error) {
	w, err := store.OpenWreck(path)
	if err != nil {
		return nil, nil, nil, err
	}
	report, k, err := judge(w, c, own)
	if err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("store %s: %w", path, err), w.Close())
	}
	report.Damage = why
	return w, report, k, nil
}

// keeper is what is taken from a wreck.
type keeper struct {
	checker *crdt.Checker
	replica *crdt.Replica
	waiting orphan.Packs
	report  *Report
	signed  bool // a pack was signed for this room

	own   *Own
	stray []*crdt.StoredPack // that hold own changes, and nothing leads to them
	prev  map[crdt.ChangeID]crdt.ChangeID
}

// judge reads every intact record of w.
func judge(w *store.Wreck, c crdt.Charter, own *Own) (*Report, *keeper, error) {
	replica, err := crdt.NewKeeper(c)
	if err != nil {
		return nil, nil, err
	}
	k := &keeper{checker: crdt.NewChecker(c), replica: replica, own: own, report: &Report{}, prev: map[crdt.ChangeID]crdt.ChangeID{}}
	k.waiting.Checker = k.checker
	k.report.Lost, k.report.Of, k.report.Known = w.Lost()
	k.report.Partial = w.Partial()
	if err := w.Each(k.record); err != nil {
		return nil, nil, err
	}
	// What the file seems to say of its room may be what somebody wrote into a record that is damaged now. Signatures are of one
	// room: a good one tells more.
	if room, ok := w.Room(); ok && room != c.ID() && !k.signed {
		return nil, nil, ErrWrongRoom
	}
	k.vouch()
	k.report.Changes, k.report.Waiting = replica.Len(), k.waiting.Changes()
	k.missing()
	if own != nil && own.Wrote {
		_, found := replica.Index(own.Last)
		k.report.OwnLost = !found
	}
	return k.report, k, nil
}

// record judges one record. Of a segment, the packs before a bad one are taken.
func (k *keeper) record(r store.Intact, record []byte) error {
	k.report.Records++
	err := k.checker.EachStored(bytes.Clone(record), func(stored *crdt.StoredPack) error {
		pack := stored.Pack()
		if err := k.checker.Verify(pack); err != nil {
			return err
		}
		k.signed = true
		if k.hasOwn(pack) && r.Stray {
			k.stray = append(k.stray, stored)
			return nil
		}
		return k.waiting.Load(k.replica, stored)
	})
	if errors.Is(err, crdt.ErrFull) {
		return err
	}
	if err != nil {
		k.report.Refused++
	}
	return nil
}

// hasOwn reports whether own changes are in pack, and notes what they follow.
func (k *keeper) hasOwn(pack *crdt.Pack) (own bool) {
	if k.own == nil {
		return false
	}
	pack.EachRun(func(a crdt.Author, prev crdt.ChangeID, ids []crdt.ChangeID) bool {
		if a == k.own.Author {
			own = true
			for _, id := range ids {
				k.prev[id] = prev
				prev = id
			}
		}
		return true
	})
	return own
}

// vouch takes those of the stray packs whose own changes the last file vouches for.
func (k *keeper) vouch() {
	if k.own == nil {
		return
	}
	vouched := map[crdt.ChangeID]bool{}
	if k.own.Wrote {
		for id, ok := k.own.Last, true; ok && !vouched[id]; {
			vouched[id] = true
			id, ok = k.prev[id]
		}
	}
	for _, stored := range k.stray {
		good, unknown := true, 0
		stored.Pack().EachRun(func(a crdt.Author, _ crdt.ChangeID, ids []crdt.ChangeID) bool {
			if a == k.own.Author && !vouched[ids[len(ids)-1]] {
				good = false
				for _, id := range ids {
					if _, here := k.replica.Index(id); !here {
						unknown++
					}
				}
			}
			return true
		})
		if good {
			if err := k.waiting.Load(k.replica, stored); err != nil {
				k.report.Refused++
			}
			continue
		}
		k.report.SetAside += unknown
	}
}

// missing names what those that wait wait for, and that is not among them.
func (k *keeper) missing() {
	named := map[crdt.ChangeID]bool{}
	authors := map[crdt.ChangeID]crdt.Author{}
	k.waiting.Each(func(pack *crdt.Pack) bool {
		pack.EachRun(func(a crdt.Author, prev crdt.ChangeID, ids []crdt.ChangeID) bool {
			authors[prev] = a
			for _, id := range ids {
				named[id] = true
			}
			return true
		})
		return true
	})
	k.waiting.Each(func(pack *crdt.Pack) bool {
		for _, id := range k.replica.MissingOf(pack) {
			if !named[id] && len(k.report.Missing) < maxNamed {
				named[id] = true
				k.report.Missing = append(k.report.Missing, Lost{id, authors[id]})
			}
		}
		return len(k.report.Missing) < maxNamed
	})
}

// each calls add with the records of the new store: the log, as few segments, then what waits.
func (k *keeper) each(add func([]byte) error) error {
	for i := 0; i < k.replica.Len(); {
		var record []byte
		if record, i = k.replica.RecordFrom(i); len(record) == 0 {
			continue
		}
		if err := add(record); err != nil {
			return err
		}
	}
	var err error
	k.waiting.Each(func(pack *crdt.Pack) bool {
		err = add(pack.Frame())
		return err == nil
	})
	return err
}

// String says it all in one line, for people.
func (r *Report) String() string {
	words := append([]string{r.Damage.Error()}, r.Lines()...)
	if r.Kept != "" {
		words = append(words, "the damaged file is kept: "+r.Kept)
	}
	return strings.Join(words, "; ")
}

// Lines says what is intact and what is not, one thing a line.
func (r *Report) Lines() []string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	say("intact: %d records with %d changes", r.Records, r.Changes+r.Waiting)
	if r.Waiting > 0 {
		say("of these wait for lost ones: %d changes", r.Waiting)
	}
	switch {
	case !r.Known:
		say("lost: how many records is not known")
	case len(r.Lost) == 0:
		say("lost: none of %d records", r.Of)
	default:
		say("lost: of %d records %s", r.Of, ranges(r.Lost))
	}
	for _, m := range r.Missing {
		if m.Author == (crdt.Author{}) {
			say("lost: change %v", m.Change)
		} else {
			say("lost: change %v of %v", m.Change, m.Author)
		}
	}
	if r.OwnLost {
		say("lost or waiting: your own newest change")
	}
	if r.SetAside > 0 {
		say("left out: %d own changes that nobody was told of", r.SetAside)
	}
	if r.Refused > 0 {
		say("left out: %d records that the rules refuse", r.Refused)
	}
	if r.Partial {
		say("left out: a part of the file that holds too much that looks like records")
	}
	return lines
}

func ranges(lost []store.Range) string {
	var words []string
	for _, l := range lost {
		words = append(words, l.String())
	}
	return strings.Join(words, ", ")
}
