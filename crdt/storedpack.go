package crdt

import (
	"math"

	"github.com/tallystick/tallystick/crdt/dcbor"
)

// A StoredPack is a pack of a replica's own store, for [Replica.LoadStored]. One of a
// segment lies as it lay in the log, and says where its parents are: who loads the
// segment whole looks for none of them. It is not safe for concurrent use.
type StoredPack struct {
	pack   *Pack // if it is one of a frame, or was asked for
	room   RoomID
	record *storedRecord // nil: of a frame
	placed []ChangeID    // by place: what the record names from outside, and its changes up to those of this pack
	filePack
}

// A storedRecord is what the packs of one segment share.
type storedRecord struct {
	outside int32    // how many changes it names from outside: they have the first places
	authors []Author // by number
}

// Pack is the pack as its frame would be read.
func (p *StoredPack) Pack() *Pack {
	if p.pack == nil {
		p.pack = p.packed()
	}
	return p.pack
}

// packed makes the frame: run by run, each whole.
func (s *StoredPack) packed() *Pack {
	p := &Pack{runs: make([]run, len(s.runs)), ids: s.ids, places: make([]uint32, len(s.ids)), changes: len(s.ids), links: len(s.links)}
	if len(s.runs) > 1 {
		p.ids = make([]ChangeID, len(s.ids))
	}
	sizes := make([]int, len(s.runs)) // of each run's payloads with their heads
	for k, end := 0, 0; k < len(s.changes); k = end {
		end = s.stretch(k)
		sizes[s.changes[k].run] += int(s.placeOf(end) - s.changes[k].place)
	}
	frame := dcbor.AppendArray(make([]byte, 0, packOverheadBytes+runOverheadBytes*len(s.runs)+len(s.payload)), len(s.runs))
	next := make([]struct{ number, place uint32 }, len(s.runs)) // of the change of each run
	number := int32(0)
	for k := range s.runs {
		from, to := &s.runs[k], &p.runs[k]
		first := &s.changes[from.first-s.base]
		prev := ChangeID(s.room)
		if first.prev != none {
			prev = s.placed[first.prev]
		}
		*to = run{author: s.record.authors[first.author], prev: prev, first: number, n: int32(from.changes), sig: from.sig, offset: len(frame)}
		frame = appendRunHead(frame, to.author, to.prev, from.changes)
		next[k].number, next[k].place = uint32(number), uint32(len(frame))
		frame = frame[:len(frame)+sizes[k]]
		frame = dcbor.AppendBytes(frame, to.sig[:])
		number += to.n
	}
	links := int32(0)
	for k, end := 0, 0; k < len(s.changes); k = end {
		end = s.stretch(k)
		to := &next[s.changes[k].run]
		moved := to.place - s.changes[k].place // modulo 2^32
		to.place += uint32(copy(frame[to.place:], s.payload[s.changes[k].place:s.placeOf(end)]))
		if len(s.runs) > 1 {
			copy(p.ids[to.number:], s.ids[k:end])
		}
		for i := k; i < end; i++ {
			c := &s.changes[i]
			place := c.place + moved
			if c.decodes {
				place |= flagDecodes
			}
			if c.links > links {
				place |= flagLinks
			}
			links = c.links
			p.places[to.number] = place
			to.number++
		}
	}
	p.frame = frame
	return p
}

// stretch is the number of the first change behind k that is in another run.
func (p *filePack) stretch(k int) int {
	for run := p.changes[k].run; k < len(p.changes) && p.changes[k].run == run; {
		k++
	}
	return k
}

// placeOf is where the payload of change k begins, or those of all end.
func (p *filePack) placeOf(k int) uint32 {
	if k == len(p.changes) {
		return uint32(len(p.payload))
	}
	return p.changes[k].place
}

// A placing says where the log has what one segment names, if its packs so far were put
// there in a row.
type placing struct {
	record     *storedRecord
	start, end int32    // log indexes from the first of them to behind the last
	outside    []int32  // by place: log indexes of what it names from outside
	authors    []uint32 // by number: those of the log plus 1, 0 if not looked for yet, or newcomer
}

// newcomer is in place of the number of an author who may write, and has nothing in the log.
const newcomer = math.MaxUint32

// index is the log index of what lies before a pack.
func (w *placing) index(place int32) int32 {
	switch n := int32(len(w.outside)); {
	case place >= n:
		return w.start + place - n
	case place == none:
		return none
	default:
		return w.outside[place]
	}
}

// LoadStored is [Replica.LoadPack] of p.Pack(), and a good deal faster where the segment
// that p is from is loaded pack by pack, with nothing in between, and none of it is known.
func (r *Replica) LoadStored(p *StoredPack) error {
	if err := r.ready(); err != nil {
		return err
	}
	if !r.places(p) {
		return r.LoadPack(p.Pack())
	}
	w := &r.placing
	from := r.log.n
	ends, err := r.put(&p.filePack, true, w.index, func(number uint32) uint32 {
		a := &w.authors[number]
		if *a == newcomer {
			*a = r.log.authorIndex(p.record.authors[number]) + 1
		}
		return *a - 1
	})
	if err != nil {
		return err
	}
	w.end = r.log.n
	r.log.seal(ends)
	for i := from; i < r.log.n; i++ {
		r.apply(i)
	}
	r.publish()
	return nil
}

// places reports whether the log has all that p names, where r.placing says, and nothing
// of p, and p may be there: it judges what LoadPack does. If not, LoadPack says why.
func (r *Replica) places(p *StoredPack) bool {
	l, w := r.log, &r.placing
	switch {
	case p.record == nil:
		return false
	case p.base == p.record.outside:
		*w = placing{record: p.record, start: l.n, end: l.n, authors: make([]uint32, len(p.record.authors))}
		for _, id := range p.placed[:p.base] {
			at, found := l.find(id)
			if !found {
				w.record = nil
				return false
			}
			w.outside = append(w.outside, at)
		}
	case w.record != p.record || w.end-w.start != p.base-p.record.outside:
		return false
	}
	for k := range p.changes {
		c := &p.changes[k]
		number := w.authors[c.author]
		if number == 0 {
			if number = r.authorNumber(&p.record.authors[c.author]); number == 0 {
				return false
			}
			w.authors[c.author] = number
		}
		// What follows a change of the pack is as new as that, and was judged with it.
		if c.prev >= p.base || c.prev == none && number == newcomer {
			continue
		}
		var sibling int32
		if c.prev == none {
			sibling = l.authors[number-1].genesis
		} else if prev := w.index(c.prev); l.author(prev) == number-1 {
			sibling = l.child(prev)
		} else {
			return false
		}
		if sibling != none && l.has(p.ids[k]) {
			return false
		}
	}
	return true
}

// authorNumber is the number of an author in the log plus 1; newcomer if there is none,
// or 0 if that author must not write.
func (r *Replica) authorNumber(a *Author) uint32 {
	if number, found := r.log.authorOf[*a]; found {
		return number + 1
	}
	if _, err := ParseAuthor(a[:]); err != nil || !r.charter.writes(*a) {
		return 0
	}
	return newcomer
}

// put adds the changes of p to the log, and returns the ends of its runs; or it returns
// [ErrFull] and does nothing. index is the log index of a place before p, author the
// number in the log of one of its authors. If the payloads of p are kept, nobody writes to
// them any more.
func (r *Replica) put(p *filePack, kept bool, index func(place int32) int32, author func(number uint32) uint32) ([]runEnd, error) {
	l := r.log
	if err := l.space(len(p.changes), len(p.links), len(p.payload)); err != nil {
		return nil, err
	}
	if err := r.doc.room(len(p.payload)); err != nil {
		return nil, err
	}
	moved := l.n - p.base
	at := func(place int32) int32 {
		if place >= p.base {
			return place + moved
		}
		return index(place)
	}
	pos := l.blocks.add(l.n, p.payload, kept)
	var parents []int32
	links := p.links
	linked := int32(0)
	for k := range p.changes {
		c := &p.changes[k]
		parents = parents[:0]
		for ; linked < c.links; linked++ {
			parents = append(parents, at(links[linked]))
		}
		start, end := byteStringAt(p.payload, c.place)
		i := l.add(&p.ids[k], author(c.author), at(c.prev), parents, c.decodes, uint32(pos)+c.place, int(end-start))
		if c.takes {
			l.setChild(at(c.prev), i)
		}
	}
	ends := make([]runEnd, len(p.runs))
	for k := range p.runs {
		ends[k] = runEnd{last: at(p.runs[k].last), sig: p.runs[k].sig}
	}
	return ends, nil
}
