package crdt

import (
	"fmt"
	"slices"

	"github.com/hdevalence/ed25519consensus"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// A packReader reads the packs of a segment, of a room file or of a stored record.
// Changes have places: in a file their log indexes, in a record those of what it
// names from outside, and behind them its own.
type packReader struct {
	room    RoomID
	earlier earlier // what lies before the pack
	authors []fileAuthor
	keys    map[Author]bool // of them
	segmentReader
	unpacker *unpacker
	pack     filePack
	ops      []byte // of one change
}

// earlier is what changes may refer to before their pack.
type earlier interface {
	idAt(place int32) *ChangeID
	// followed reports whether a change follows prev already, or an error if a's next
	// change must not follow it.
	followed(a *fileAuthor, prev int32) (bool, error)
	has(id ChangeID) bool
}

// A filePack is the pack that is being read: nothing of it is in the log yet. Its
// changes are numbered by place less base.
type filePack struct {
	base    int32
	ids     []ChangeID
	changes []fileChange
	links   []int32 // places, of all changes, as their payloads sort them
	payload []byte  // of all changes, each with its head
	bare    int     // bytes of the payloads without their heads
	runs    []fileRun
	seen    map[ChangeID]struct{} // its ids, if it forks
}

type fileChange struct {
	author  uint32 // by number in the file
	prev    int32  // place, or none
	next    int32  // place of the change in the pack that goes on with its run, or none
	run     int32
	place   uint32 // of the payload's head
	links   int32  // in filePack.links, behind its last
	decodes bool
	takes   bool // it became prev's next though another came first
}

// A fileRun is a run of the pack, by places.
type fileRun struct {
	first, last int32
	changes     int
	sig         [64]byte
}

// readPack reads the next pack, which ends at log index end or before, judges it
// and puts it into the replica. Of one that is refused nothing is kept.
func (f *fileReader) readPack(end int32, verify bool) *DamageError {
	base := f.replica.log.n
	if i, err := f.decode(base, end); err != nil {
		return f.damaged(i, err)
	}
	if err := f.judgeAuthors(); err != nil {
		return f.damaged(base, err)
	}
	if verify {
		if r, bad := f.unverified(); bad {
			return f.damaged(r.first, ErrBadSignature)
		}
	}
	if err := f.accept(); err != nil {
		return f.damaged(base, err)
	}
	return nil
}

// decode reads the next pack, from place base to end or before, and judges all but
// keys and signatures. The error is that of the change at bad.
func (f *packReader) decode(base, end int32) (bad int32, err error) {
	p := &f.pack
	*p = filePack{base: base, ids: p.ids[:0], changes: p.changes[:0], links: p.links[:0], payload: p.payload[:0], runs: p.runs[:0]}
	n := f.get(colPackLens)
	if f.bad || n == 0 || n > MaxPackChanges || n > uint64(end-base) {
		return base, ErrFileColumns
	}
	for i := base; i < base+int32(n); i++ {
		if err := f.change(i); err != nil {
			return i, err
		}
	}
	if f.failed() {
		return base, ErrFileColumns
	}
	return base, f.group()
}

// damaged is err at change i, which lies in the pack or begins it.
func (f *fileReader) damaged(i int32, err error) *DamageError {
	d := &DamageError{Change: int(i), Err: err}
	if at := int(i - f.pack.base); at < len(f.pack.changes) {
		c := &f.pack.changes[at]
		d.Author = f.authors[c.author].key
		if c.prev != none {
			d.Prev = *f.id(c.prev)
		}
	}
	return d
}

// id is the id of a change that lies before or in the pack, or the room's.
func (f *packReader) id(i int32) *ChangeID {
	switch {
	case i == none:
		return (*ChangeID)(&f.room)
	case i < f.pack.base:
		return f.earlier.idAt(i)
	default:
		return &f.pack.ids[i-f.pack.base]
	}
}

// change reads change i.
func (f *packReader) change(i int32) error {
	p := &f.pack
	number := f.run(colAuthorRuns)
	if number >= uint64(len(f.authors)) {
		return fmt.Errorf("%w: author %d of %d", ErrFileColumns, number, len(f.authors))
	}
	author := &f.authors[number]
	p.changes = append(p.changes, fileChange{author: uint32(number), prev: author.tip, next: none})
	c := &p.changes[i-p.base]
	if code := f.run(colPrevRuns); code != 0 {
		distance := (code - 1) / 2
		if distance > uint64(i) {
			return ErrFileColumns
		}
		if c.prev, c.takes = none, (code-1)%2 == 1; distance > 0 {
			c.prev = i - int32(distance)
		}
	}
	forks, err := f.follow(i, c)
	if err != nil {
		return err
	}
	author.tip = i
	payload, err := f.appendChange(i, c, &f.trails[number])
	if err != nil {
		return err
	}
	prev := f.id(c.prev)
	if author.hasher == nil {
		author.hasher = newHasher()
		author.hasher.chainOf(f.room, author.key)
	}
	p.ids = append(p.ids, author.hasher.id(prev, payload))
	return p.unique(f.earlier, forks)
}

// follow checks that change i may follow its prev, and notes it there. forks is
// true if another change may follow prev as well.
func (f *packReader) follow(i int32, c *fileChange) (forks bool, err error) {
	p, a := &f.pack, &f.authors[c.author]
	switch {
	case c.prev == none:
		forks = a.tip != none
	case c.prev >= p.base:
		prev := &p.changes[c.prev-p.base]
		if prev.author != c.author {
			return false, ErrChainAuthor
		}
		if forks = prev.next != none; !forks || c.takes {
			prev.next = i
		}
	default:
		if forks, err = f.earlier.followed(a, c.prev); err != nil {
			return false, err
		}
	}
	if c.takes && (!forks || c.prev < p.base) {
		return false, ErrFileColumns
	}
	return forks, nil
}

// unique refuses the newest change if it stood before or stands in the pack already:
// one that follows the same prev has the same id if it has the same payload.
func (p *filePack) unique(e earlier, forks bool) error {
	if !forks && p.seen == nil {
		return nil
	}
	last := len(p.ids) - 1
	if p.seen == nil {
		p.seen = make(map[ChangeID]struct{}, len(p.ids))
		for _, id := range p.ids[:last] {
			p.seen[id] = struct{}{}
		}
	}
	id := p.ids[last]
	if _, twice := p.seen[id]; twice || forks && e.has(id) {
		return ErrDuplicateChange
	}
	p.seen[id] = struct{}{}
	return nil
}

// appendChange reads the payload of change i and appends it with its head.
func (f *packReader) appendChange(i int32, c *fileChange, t *trail) ([]byte, error) {
	p := &f.pack
	n := f.run(colLinkRuns)
	if n > MaxLinks {
		return nil, overLimit("links", MaxLinks, int(min(n, MaxPackBytes)))
	}
	first := len(p.links)
	at := i
	for range n {
		distance := f.get(colLinks)
		if distance == 0 || distance > uint64(at) {
			return nil, ErrFileColumns
		}
		at -= int32(distance)
		p.links = append(p.links, at)
	}
	links := p.links[first:]
	if n > 1 {
		slices.SortFunc(links, func(a, b int32) int { return f.id(a).compare(*f.id(b)) })
	}
	c.links = int32(len(p.links))
	f.readTime()
	f.ops, c.decodes = f.readOps(f.ops[:0], t)
	if f.bad {
		return nil, ErrFileColumns
	}
	// What the encoding and the distances leave to be judged of an envelope.
	size := 1 + intSize(f.time) + arrayHeadBytes(len(links)) + linkBytes*len(links) + dcbor.BytesSize(len(f.ops))
	total := len(p.payload) + dcbor.BytesSize(size)
	switch {
	case size > MaxPayloadBytes:
		return nil, overLimit("payload bytes", MaxPayloadBytes, size)
	case n > 0 && !f.goodLinks(links, c.prev):
		return nil, ErrBadLinks
	case len(f.ops) == 0:
		return nil, ErrEmptyOps
	case total > MaxPackBytes:
		return nil, overLimit("pack bytes", MaxPackBytes, total)
	}
	c.place = uint32(len(p.payload))
	b := dcbor.AppendBytesHead(p.payload, size)
	at0 := len(b)
	b = dcbor.AppendInt(dcbor.AppendArray(b, 3), f.time)
	b = dcbor.AppendArray(b, len(links))
	for _, link := range links {
		b = dcbor.AppendBytes(b, f.id(link)[:])
	}
	p.payload = dcbor.AppendBytes(b, f.ops)
	p.bare += size
	return p.payload[at0:], nil
}

// goodLinks reports whether sorted links differ, and none is prev or the room: by
// their ids, as what is named from outside may be named twice.
func (f *packReader) goodLinks(links []int32, prev int32) bool {
	before := f.id(prev)
	for k, link := range links {
		id := f.id(link)
		if *id == *before || *id == ChangeID(f.room) || k > 0 && *id == *f.id(links[k-1]) {
			return false
		}
	}
	return true
}

func intSize(v int64) int {
	var b [9]byte
	return len(dcbor.AppendInt(b[:0], v))
}

// group finds the runs of the pack, in the order of their first changes, and
// reads their signatures, which lie in the order of their last.
func (f *packReader) group() error {
	p := &f.pack
	size := len(p.payload)
	for k := range p.changes {
		c, i := &p.changes[k], p.base+int32(k)
		if c.prev >= p.base && p.changes[c.prev-p.base].next == i {
			c.run = p.changes[c.prev-p.base].run
		} else {
			c.run = int32(len(p.runs))
			p.runs = append(p.runs, fileRun{first: i})
		}
		r := &p.runs[c.run]
		r.last, r.changes = i, r.changes+1
		if c.next == none {
			copy(r.sig[:], f.raw[colSigs].bytes(64))
		}
	}
	for k := range p.runs {
		size += 1 + 34 + 34 + arrayHeadBytes(p.runs[k].changes) + 66
	}
	size += arrayHeadBytes(len(p.runs))
	switch {
	case f.raw[colSigs].bad:
		return ErrFileColumns
	case len(p.runs) > MaxPackRuns:
		return overLimit("runs of a pack", MaxPackRuns, len(p.runs))
	case size > MaxPackBytes:
		return overLimit("pack bytes", MaxPackBytes, size)
	}
	return nil
}

// judgeAuthors looks at the keys of authors who have nothing in the log yet.
func (f *fileReader) judgeAuthors() error {
	p := &f.pack
	for k := range p.runs {
		a := &f.authors[p.changes[p.runs[k].first-p.base].author]
		if a.number > 0 {
			continue
		}
		if _, err := ParseAuthor(a.key[:]); err != nil {
			return err
		}
		if !f.replica.charter.writes(a.key) {
			return fmt.Errorf("%w: %v", ErrNotAWriter, a.key)
		}
	}
	return nil
}

func arrayHeadBytes(n int) int { return dcbor.BytesSize(n) - n }

// unverified is the first run whose signature is bad.
func (f *packReader) unverified() (bad fileRun, found bool) {
	p := &f.pack
	author := func(r *fileRun) Author { return f.authors[p.changes[r.first-p.base].author].key }
	if len(p.runs) >= batchFrom {
		batch := ed25519consensus.NewPreallocatedBatchVerifier(len(p.runs))
		for k := range p.runs {
			r := &p.runs[k]
			a := author(r)
			batch.Add(a[:], signed(f.room, *f.id(r.last)), r.sig[:])
		}
		if batch.Verify() {
			return bad, false
		}
	}
	for k := range p.runs {
		r := &p.runs[k]
		if !verify(f.room, author(r), *f.id(r.last), r.sig[:]) {
			return *r, true
		}
	}
	return bad, false
}

// accept puts the pack into the log and the document; or it returns [ErrFull], or
// [ErrFileColumns] if the head claims fewer bytes, and does nothing.
func (f *fileReader) accept() error {
	r, l, p := f.replica, f.replica.log, &f.pack
	if int64(p.bare) > f.payloads { // callers judge the file by its head
		return ErrFileColumns
	}
	f.payloads -= int64(p.bare)
	ends, err := r.put(p, false, func(place int32) int32 { return place }, func(number uint32) uint32 {
		a := &f.authors[number]
		if a.number == 0 {
			a.number = l.authorIndex(a.key) + 1
		}
		return a.number - 1
	})
	if err != nil {
		return err
	}
	l.sealApart(ends)
	for i := p.base; i < l.n; i++ {
		r.apply(i)
	}
	return nil
}
