package proof

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
	"github.com/tallystick/tallystick/internal/ledger"
)

// KindEntry is the proof of who signed an entry of a ledger room. Its body is
//
//	[charter, [change, thing], [chain…]]
//	chain = [author, prev or null, [part…], signature]      part = payload, or [payload hash…]
//
// The entry is a thing that a change made. Each chain is a stretch of one author's,
// signed at its end; of its changes there is what the entry and the marks on it say, and of
// the others the hashes, by which a mark's name of the entry is followed.
const KindEntry = "entry"

// maxEntryChains bounds the chains of a file: one or two for each of at most
// [ledger.MaxPostings] sides, and for what the entry replaces.
const maxEntryChains = 2*ledger.MaxPostings + 4

// An EntryStatement is what the proof of an entry says.
type EntryStatement struct {
	Name   crdt.Name
	Entry  ledger.Entry // valid; its texts are untrusted
	Writer crdt.Author
	Time   int64 // Unix seconds, the writer's claim
	// Tallied says that all sides are bound and stand by it; else it is claimed by those
	// that do.
	Tallied bool
	Sides   []EntrySide // one for each posting, in their order
	// Replaced is the entry that this one corrects; nil if the file does not show it.
	Replaced *ReplacedEntry
}

// An EntrySide is one party's part in it.
type EntrySide struct {
	Key    *crdt.Author  // nil: it is not bound to a key
	Stands bool          // it wrote the entry, or agreed to it
	Change crdt.ChangeID // by which it stands by it
	Time   int64         // Unix seconds, the side's claim
	Memo   string        // what it said besides; untrusted
}

// A ReplacedEntry is what another one corrects.
type ReplacedEntry struct {
	Name    crdt.Name
	Literal crdt.Literal // untrusted
}

// Standing is the word for what is proved: tallied, or claimed.
func (s *EntryStatement) Standing() string {
	if s.Tallied {
		return "tallied"
	}
	return "claimed"
}

// stands counts the sides that stand by it.
func (s *EntryStatement) stands() (n int) {
	for i := range s.Sides {
		if s.Sides[i].Stands {
			n++
		}
	}
	return n
}

// A path is a stretch of one chain that a proof follows, by log index.
type path struct {
	from, to int
	shown    []int // changes of it whose payloads are in the file
}

// EntryFileName is what a proof of an entry is called that is shown by that id.
func EntryFileName(id string) string { return "entry-" + strings.ReplaceAll(id, ".", "-") + ".proof" }

// AppendEntry appends the proof file of an entry in the ledger room of r, whose document
// must be whole: r is no keeper. It checks what it wrote. The error wraps
// [crdt.ErrNoTarget] if n is no entry; [ErrUnprovable] if no side signed it, or not all
// that signed it stand by it; [crdt.ErrUnsigned]; [ErrTooLarge] beyond [MaxBytes]. What
// follows from corrections is the caller's to know. O(log).
func AppendEntry(dst []byte, r *crdt.Replica, n crdt.Name) ([]byte, error) {
	if kind := r.Charter().Kind; kind != crdt.Ledger {
		return dst, fmt.Errorf("%w: a room of kind %s has no entries", ErrUnprovable, kind)
	}
	paths, err := pathsOf(r, n)
	if err != nil {
		return dst, err
	}
	b := dcbor.AppendArray(nil, 3)
	b = dcbor.AppendBytes(b, r.Charter().Append(nil))
	b = dcbor.AppendUint(dcbor.AppendBytes(dcbor.AppendArray(b, 2), n.Change[:]), uint64(n.Index))
	b = dcbor.AppendArray(b, len(paths))
	for _, p := range paths {
		if b, err = p.append(b, r); err != nil {
			return dst, err
		}
	}
	f := file{KindEntry, kinds[KindEntry].version, b}.append(nil)
	if len(f) > MaxBytes {
		return dst, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(f), MaxBytes)
	}
	if _, err := checkEntry(b); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrUnprovable, err)
	}
	return append(dst, f...), nil
}

// pathsOf are what the proof of an entry has to show, those of one author together.
func pathsOf(r *crdt.Replica, n crdt.Name) ([]path, error) {
	v := r.View()
	at, ok := r.Index(n.Change)
	if !ok {
		return nil, fmt.Errorf("%w: no change %v", crdt.ErrNoTarget, n.Change)
	}
	key := crdt.Key{Change: at, Index: n.Index}
	rows := v.RowsOf(at)
	row := slices.IndexFunc(rows, func(row crdt.Row) bool { return row.Key == key })
	if row < 0 {
		return nil, fmt.Errorf("%w: no entry %v", crdt.ErrNoTarget, n)
	}
	e, err := ledger.Decode(rows[row].Literal)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnprovable, err)
	}
	said, err := r.Doc().Marks(n)
	if err != nil {
		return nil, err
	}
	marks := map[crdt.Author]crdt.Said{}
	for _, m := range said {
		marks[m.Author] = m
	}
	paths := []path{{at, at, []int{at}}}
	signed := 0
	for i := range e.Postings {
		p := &e.Postings[i]
		if p.Key == nil {
			continue
		}
		m := marks[*p.Key]
		switch what, _ := ledger.DecodeSay(m.Literal); {
		case what == ledger.Dispute:
			return nil, fmt.Errorf("%w: %v disputes it", ErrUnprovable, *p.Key)
		case what == ledger.Withdraw:
			return nil, fmt.Errorf("%w: %v asks to withdraw it", ErrUnprovable, *p.Key)
		case *p.Key == r.Author(at):
			signed++
		case what == ledger.Agree:
			signed++
			by, _ := r.Index(m.Change) // of this replica's document
			if paths, err = appendMarkPaths(paths, r, v, by, key); err != nil {
				return nil, err
			}
		}
	}
	if signed == 0 {
		return nil, fmt.Errorf("%w: no side of it has signed it", ErrUnprovable)
	}
	if ref := e.Replaces; !ref.IsZero() {
		old, ok := v.Element(at, ref.K, ref.I, ref.D)
		if !ok {
			return nil, fmt.Errorf("%w: %w", ErrUnprovable, &ledger.InvalidError{Reason: ledger.ReasonReplaces})
		}
		end := at
		if ref.K < 0 {
			end, _ = r.Index(r.At(at).Links.At(int(-1 - ref.K)))
		}
		paths = append(paths, path{old.Change, end, []int{old.Change}})
	}
	return merged(r, paths), nil
}

// appendMarkPaths appends the paths that show that change by marks key, and nothing else
// than its last mark on it counts.
func appendMarkPaths(paths []path, r *crdt.Replica, v *crdt.View, by int, key crdt.Key) ([]path, error) {
	paths = append(paths, path{by, by, []int{by}})
	c := r.At(by)
	p, err := crdt.ReadPayload(c.Payload, r.Room(), c.Prev)
	if err != nil {
		return nil, err
	}
	for _, m := range p.Marks {
		t := m.Target
		if t.Fixed || t.K >= 0 || t.Index != int64(key.Index) {
			continue
		}
		if target, ok := v.Element(by, t.K, key.Index, t.D); ok && target == key {
			end, _ := r.Index(c.Links.At(int(-1 - t.K)))
			paths = append(paths, path{key.Change, end, nil})
		}
	}
	return paths, nil
}

// merged are the paths without those that lie in others, ordered by author and place.
func merged(r *crdt.Replica, paths []path) (kept []path) {
	on := func(i int, p path) bool {
		if r.Author(i) != r.Author(p.to) || r.Seq(i) < r.Seq(p.from) || r.Seq(i) > r.Seq(p.to) {
			return false
		}
		at, ok := r.Back(p.to, r.Seq(p.to)-r.Seq(i))
		return ok && at == i
	}
	slices.SortStableFunc(paths, func(a, b path) int {
		return cmp.Compare(r.Seq(b.to)-r.Seq(b.from), r.Seq(a.to)-r.Seq(a.from)) // the longest first
	})
	for _, p := range paths {
		k := slices.IndexFunc(kept, func(q path) bool { return on(p.from, q) && on(p.to, q) })
		if k < 0 {
			kept = append(kept, p)
			continue
		}
		kept[k].shown = append(kept[k].shown, p.shown...)
	}
	slices.SortFunc(kept, func(a, b path) int {
		x, y := r.Author(a.from), r.Author(b.from)
		return cmp.Or(bytes.Compare(x[:], y[:]), cmp.Compare(r.Seq(a.from), r.Seq(b.from)), compareIDs(r.ID(a.to), r.ID(b.to)))
	})
	return kept
}

// append appends the chain of p.
func (p path) append(b []byte, r *crdt.Replica) ([]byte, error) {
	run, changes, err := r.SignedRun(p.from, p.to)
	if err != nil {
		return nil, err
	}
	if len(b)+len(run.Hashes)*len(run.Hashes[0]) > MaxBytes {
		return nil, fmt.Errorf("%w: more than %d bytes: %d changes of one author lie between", ErrTooLarge, MaxBytes, len(changes))
	}
	b = dcbor.AppendArray(b, 4)
	b = dcbor.AppendBytes(b, run.Author[:])
	if run.Prev == (crdt.ChangeID{}) {
		b = dcbor.AppendNull(b)
	} else {
		b = dcbor.AppendBytes(b, run.Prev[:])
	}
	var all []byte
	parts := 0
	for k := 0; k < len(changes); parts++ {
		if slices.Contains(p.shown, changes[k]) {
			all = dcbor.AppendBytes(all, r.At(changes[k]).Payload)
			k++
			continue
		}
		end := k
		for end < len(changes) && !slices.Contains(p.shown, changes[end]) {
			end++
		}
		all = dcbor.AppendArray(all, end-k)
		for ; k < end; k++ {
			all = dcbor.AppendBytes(all, run.Hashes[k][:])
		}
	}
	b = append(dcbor.AppendArray(b, parts), all...)
	return dcbor.AppendBytes(b, run.Signature[:]), nil
}

// An entryChain is a chain of a proof, read.
type entryChain struct {
	run      crdt.SignedRun
	payloads map[int][]byte // by place in the run
	ids      []crdt.ChangeID
}

// readEntryChain reads a chain. What is wrong with the encoding is left to r.
func readEntryChain(r *dcbor.Reader) (entryChain, error) {
	c := entryChain{payloads: map[int][]byte{}}
	r.ArrayN(4)
	copy(c.run.Author[:], r.BytesN(32))
	if prev := optional(r); prev != nil && r.Err() == nil {
		if len(prev) != 32 || crdt.ChangeID(prev) == (crdt.ChangeID{}) {
			return c, fmt.Errorf("%w: a chain after %d bytes that are no change", ErrInvalid, len(prev))
		}
		c.run.Prev = crdt.ChangeID(prev)
	}
	hashed := false
	for range r.Array() {
		if r.Kind() == dcbor.KindBytes {
			b := r.Bytes()
			c.payloads[len(c.run.Hashes)] = b
			c.run.Hashes, hashed = append(c.run.Hashes, sha256.Sum256(b)), false
			continue
		}
		n := r.Array()
		if r.Err() == nil && (n == 0 || hashed) {
			return c, fmt.Errorf("%w: hashes that are not given in one part", ErrInvalid)
		}
		hashed = true
		for range n {
			c.run.Hashes = append(c.run.Hashes, r.Bytes32())
		}
	}
	copy(c.run.Signature[:], r.BytesN(64))
	return c, nil
}

// An entryReader follows names through what a file shows.
type entryReader struct {
	room   crdt.RoomID
	chains []entryChain
	at     map[crdt.ChangeID][]entryPlace
	shown  map[crdt.ChangeID]*crdt.Payload
}

type entryPlace struct{ chain, at int }

// checkEntry checks a body, trusting nobody.
func checkEntry(body []byte) (*Statement, error) {
	r := dcbor.NewReader(body)
	r.ArrayN(3)
	rawCharter := r.Bytes()
	r.ArrayN(2)
	change, thing := crdt.ChangeID(r.Bytes32()), r.Uint()
	n := r.Array()
	if r.Err() == nil && n > maxEntryChains {
		return nil, fmt.Errorf("%w: %d chains, at most %d", ErrInvalid, n, maxEntryChains)
	}
	x := entryReader{at: map[crdt.ChangeID][]entryPlace{}, shown: map[crdt.ChangeID]*crdt.Payload{}}
	for range n {
		c, err := readEntryChain(&r)
		if err != nil {
			return nil, err
		}
		x.chains = append(x.chains, c)
	}
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	charter, err := crdt.ParseCharter(rawCharter)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	case charter.Kind != crdt.Ledger:
		return nil, fmt.Errorf("%w: a room of kind %s has no entries", ErrInvalid, charter.Kind)
	}
	x.room = charter.ID()
	for k := range x.chains {
		if err := x.take(k, charter); err != nil {
			return nil, err
		}
	}
	if thing > crdt.MaxPayloadBytes {
		return nil, fmt.Errorf("%w: no entry is thing %d of its change", ErrInvalid, thing)
	}
	e, err := x.entry(crdt.Name{Change: change, Index: uint32(thing)})
	if err != nil {
		return nil, err
	}
	s := &Statement{RoomID: x.room, Room: &charter.Name, Entry: e}
	s.tellEntry()
	return s, nil
}

// take proves that chain k was signed, and takes up what it shows.
func (x *entryReader) take(k int, charter crdt.Charter) error {
	c := &x.chains[k]
	if charter.Closed() && !slices.Contains(charter.Writers, c.run.Author) {
		return fmt.Errorf("%w: %v may not write in this room", ErrInvalid, c.run.Author)
	}
	var err error
	if c.ids, err = c.run.Check(x.room); err != nil {
		return fmt.Errorf("%w: %v: %w", ErrInvalid, c.run.Author, err)
	}
	prev := c.run.Prev
	for at, id := range c.ids {
		x.at[id] = append(x.at[id], entryPlace{k, at})
		if b, ok := c.payloads[at]; ok {
			p, err := crdt.ReadPayload(b, x.room, prev)
			if err != nil {
				return fmt.Errorf("%w: change %v: %w", ErrInvalid, id, err)
			}
			x.shown[id] = &p
		}
		prev = id
	}
	return nil
}

// back is the change d before id on its chain, as far as the file shows it.
func (x *entryReader) back(id crdt.ChangeID, d int64) (crdt.ChangeID, bool) {
	if d == 0 {
		return id, true
	}
	for _, p := range x.at[id] {
		if c := &x.chains[p.chain]; int64(p.at) >= d {
			return c.ids[int64(p.at)-d], true
		}
	}
	return crdt.ChangeID{}, false
}

// resolve is what a change calls so, as far as the file shows it.
func (x *entryReader) resolve(by crdt.ChangeID, k, index, d int64) (crdt.Name, bool) {
	p := x.shown[by]
	if p == nil || index < 0 || index > crdt.MaxPayloadBytes || d < 0 {
		return crdt.Name{}, false
	}
	from := by
	switch {
	case k >= 0:
		d = k
	case -1-k >= int64(p.Links.Len()):
		return crdt.Name{}, false
	default:
		from = p.Links.At(int(-1 - k))
	}
	id, ok := x.back(from, d)
	return crdt.Name{Change: id, Index: uint32(index)}, ok
}

// literal is the row of that name, if the file shows it.
func (x *entryReader) literal(n crdt.Name) (crdt.Literal, bool) {
	p := x.shown[n.Change]
	if p == nil {
		return nil, false
	}
	k := slices.Index(p.Things, n.Index)
	if k < 0 {
		return nil, false
	}
	return p.Appends[k], true
}

// A heard is the last that an author says of the entry on a chain, as far as the file
// shows it.
type heard struct {
	say    ledger.Say
	memo   string
	change crdt.ChangeID
}

// entry is what the file says of the entry n.
func (x *entryReader) entry(n crdt.Name) (*EntryStatement, error) {
	invalid := func(format string, args ...any) (*EntryStatement, error) {
		return nil, fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
	}
	l, ok := x.literal(n)
	if !ok {
		return invalid("what is shown of change %v is no entry", n.Change)
	}
	s := &EntryStatement{Name: n, Writer: x.chains[x.at[n.Change][0].chain].run.Author, Time: x.shown[n.Change].Time}
	var err error
	if s.Entry, err = ledger.Decode(l); err != nil {
		return invalid("%w", err)
	}
	said, used := x.hear(n), map[crdt.ChangeID]bool{n.Change: true}
	for i := range s.Entry.Postings {
		p := &s.Entry.Postings[i]
		side := EntrySide{Key: p.Key}
		if p.Key == nil {
			s.Sides = append(s.Sides, side)
			continue
		}
		if *p.Key == s.Writer {
			side.Stands, side.Change, side.Time = true, n.Change, s.Time
		}
		for _, h := range said[*p.Key] {
			switch h.say {
			case ledger.Agree:
				if !side.Stands {
					side.Stands, side.Change, side.Time, side.Memo = true, h.change, x.shown[h.change].Time, h.memo
				}
			case ledger.Dispute, ledger.Withdraw:
				return invalid("%v does not stand by the entry: change %v says %s", *p.Key, h.change, h.say)
			}
		}
		if side.Stands {
			used[side.Change] = true
		}
		s.Sides = append(s.Sides, side)
	}
	switch s.stands() {
	case 0:
		return invalid("no side of the entry has signed it")
	case len(s.Sides):
		s.Tallied = true
	}
	if ref := s.Entry.Replaces; !ref.IsZero() {
		if old, ok := x.resolve(n.Change, ref.K, int64(ref.I), ref.D); ok {
			if l, ok := x.literal(old); ok {
				s.Replaced = &ReplacedEntry{Name: old, Literal: l}
				used[old.Change] = true
			}
		}
	}
	for id := range x.shown {
		if !used[id] {
			return invalid("change %v has nothing to do with the entry", id)
		}
	}
	return s, nil
}

// hear is what authors say of n, the last of each chain: of who forked there may be
// several.
func (x *entryReader) hear(n crdt.Name) map[crdt.Author][]heard {
	said := map[crdt.Author][]heard{}
	for k := range x.chains {
		c := &x.chains[k]
		var last *heard
		for at, id := range c.ids {
			if c.payloads[at] == nil {
				continue
			}
			for _, m := range x.shown[id].Marks {
				t := m.Target
				if of, ok := x.resolve(id, t.K, t.Index, t.D); ok && !t.Fixed && of == n {
					said, memo := ledger.DecodeSay(m.Literal)
					last = &heard{said, memo, id}
				}
			}
		}
		if last != nil {
			said[c.run.Author] = append(said[c.run.Author], *last)
		}
	}
	return said
}

// tellEntry says in words what is proved and what is not.
func (s *Statement) tellEntry() {
	e := s.Entry
	n := e.stands()
	switch {
	case e.Tallied && n == 2:
		s.Proved = "both sides signed this entry in this room: it is tallied"
	case e.Tallied:
		s.Proved = fmt.Sprintf("all %d sides signed this entry in this room: it is tallied", n)
	default:
		s.Proved = fmt.Sprintf("%d of %d sides signed this entry in this room: it is claimed by %s", n, len(e.Sides), e.claimants())
	}
	s.Keys = append(s.Keys, e.Writer)
	for i := range e.Sides {
		if side := &e.Sides[i]; side.Stands && *side.Key != e.Writer {
			s.Keys = append(s.Keys, *side.Key)
		}
	}
	s.NotProved = []string{
		"that nothing came later: a side may have disputed it, taken its agreement back, asked to withdraw it or corrected it since. Whoever holds the room sees that",
		"that no side has forked its chain: another branch of the same key may say otherwise. Whoever holds the room sees that, too",
		"who the people behind the keys are: compare the keys with them. Names in an entry are what its writer typed",
		"when it was signed: times are the authors' own claims",
		"that what it says is true, or was paid",
		"that a copy of the room holds it: the file shows what was signed, not who has it",
	}
	if !e.Tallied {
		s.NotProved = append(s.NotProved, "that the other sides agree: the file holds no signature of theirs")
	}
	if !e.Entry.Replaces.IsZero() && e.Replaced == nil {
		s.NotProved = append(s.NotProved, "that there is the entry which this one corrects: if there is none, this one is invalid")
	}
}

// claimants are the keys of those that stand by it, for people.
func (s *EntryStatement) claimants() string {
	var b []byte
	for i := range s.Sides {
		if side := &s.Sides[i]; side.Stands {
			if len(b) > 0 {
				b = append(b, ", "...)
			}
			b = append(b, side.Key.String()...)
		}
	}
	return string(b)
}
