package crdt

import (
	"fmt"
	"slices"
)

// without is p less the runs and the fronts of runs that l has. The set of accepted
// changes is closed under ancestors, so what it has of a run is a front.
func (l *log) without(p *Pack) *Pack {
	if !slices.ContainsFunc(p.runs, func(r run) bool { return l.hasFirst(p, &r) }) {
		return p
	}
	rest := *p
	rest.runs, rest.changes = nil, 0
	for _, run := range p.runs {
		for run.n > 0 && l.has(p.ids[run.first]) {
			run.prev = p.ids[run.first]
			run.first++
			run.n--
		}
		if run.n > 0 {
			rest.runs = append(rest.runs, run)
			rest.changes += int(run.n)
		}
	}
	return &rest
}

// hasFirst is has of the first change of a run of p. Mostly it is new, and what it
// follows has no child: then there is no need to look for it everywhere.
func (l *log) hasFirst(p *Pack, r *run) bool {
	if r.prev == ChangeID(l.room) {
		if a, ok := l.authorOf[r.author]; !ok || l.authors[a].genesis == none {
			return false
		}
	} else if i, ok := l.find(r.prev); !ok || l.child(i) == none {
		return false
	}
	return l.has(p.ids[r.first])
}

// A fit is how a pack fits to the log.
type fit struct {
	pack    *Pack
	missing []ChangeID // parents that are neither in the log nor in the pack, at most MaxMissing
	// Where the others are: log indexes, and none for what is in the pack itself.
	prevs    []int32 // by run: what it follows; none also for the room
	links    []int32 // of all changes
	linkFrom []int32 // by change: where its links begin; nil if there are none

	// An order in which every parent comes first; nil if that of the pack is one.
	order []int32
}

// fit finds the parents of p.
func (r *Replica) fit(p *Pack) (fit, *RefusedError) {
	f := fitter{log: r.log, sorter: sorter{pack: p}, fit: fit{pack: p, prevs: make([]int32, len(p.runs))}}
	if p.links > 0 {
		f.links, f.linkFrom = make([]int32, 0, p.links), make([]int32, len(p.ids))
	}
	for k := range p.runs {
		run := &p.runs[k]
		f.prevs[k] = none
		if run.prev != ChangeID(r.room) {
			var err error
			if f.prevs[k], err = f.prev(run); err != nil {
				return f.fit, p.refuse(run, run.first, err)
			}
		}
		for i := run.first; p.links > 0 && i < run.end(); i++ {
			if p.places[i]&flagLinks == 0 {
				continue
			}
			f.linkFrom[i] = int32(len(f.links))
			links := reparse(p.payload(i)).links
			for k := range links.Len() {
				at, err := f.parent(i, links.At(k))
				if err != nil {
					return f.fit, p.refuse(run, i, err)
				}
				f.links = append(f.links, at)
			}
		}
	}
	if len(f.missing) == 0 {
		f.order = f.sorter.order()
	}
	return f.fit, nil
}

// fitter is what fit carries through a pack.
type fitter struct {
	fit
	log    *log
	sorter sorter
	named  map[ChangeID]bool // missing
}

// prev is where what a run follows is, which its author must have written.
func (f *fitter) prev(r *run) (int32, error) {
	if i, found := f.log.find(r.prev); found {
		if f.log.keys[f.log.author(i)] != r.author {
			return none, ErrChainAuthor
		}
		return i, nil
	}
	if author, found := f.sorter.author(r.prev); found && author != r.author {
		return none, ErrChainAuthor
	}
	return f.parent(r.first, r.prev)
}

// parent is where a parent of change i of the pack is. It notes what is in the pack, and
// what is missing.
func (f *fitter) parent(i int32, id ChangeID) (int32, error) {
	if at, found := f.log.find(id); found {
		return at, nil
	}
	switch {
	case f.sorter.within(i, id):
	case f.log.refused.has(id):
		return none, fmt.Errorf("%w: %v", ErrAncestorRefused, id)
	case len(f.missing) < MaxMissing && !f.named[id]:
		if f.named == nil {
			f.named = make(map[ChangeID]bool)
		}
		f.named[id] = true
		f.missing = append(f.missing, id)
	}
	return none, nil
}
