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
	// If none is missing: what each run follows, if that is not the room, and behind it each link of its changes, by log
	// index; none for what is in the pack itself.
	parents []int32
	// An order in which every parent comes first; nil if that of the pack is one.
	order []int32
}

// fit finds the parents of p.
func (r *Replica) fit(p *Pack) (fit, *RefusedError) {
	f := fitter{log: r.log, sorter: sorter{pack: p}, fit: fit{pack: p, parents: make([]int32, 0, len(p.runs)+p.links)}}
	for k := range p.runs {
		run := &p.runs[k]
		if run.prev != ChangeID(r.room) {
			if err := f.prev(run); err != nil {
				return f.fit, p.refuse(run, run.first, err)
			}
		}
		for i := run.first; p.links > 0 && i < run.end(); i++ {
			if p.places[i]&flagLinks == 0 {
				continue
			}
			links := reparse(p.payload(i)).links
			for k := range links.Len() {
				if err := f.parent(i, links.At(k)); err != nil {
					return f.fit, p.refuse(run, i, err)
				}
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

// prev notes what a run follows, which its author must have written.
func (f *fitter) prev(r *run) error {
	if i, found := f.log.find(r.prev); found {
		f.parents = append(f.parents, i)
		if f.log.keys[f.log.author(i)] != r.author {
			return ErrChainAuthor
		}
		return nil
	}
	if author, found := f.sorter.author(r.prev); found && author != r.author {
		return ErrChainAuthor
	}
	return f.parent(r.first, r.prev)
}

// parent notes a parent of change i of the pack.
func (f *fitter) parent(i int32, id ChangeID) error {
	at, found := f.log.find(id)
	if !found {
		at = none
	}
	f.parents = append(f.parents, at)
	switch {
	case found || f.sorter.within(i, id):
	case f.log.refused.has(id):
		return fmt.Errorf("%w: %v", ErrAncestorRefused, id)
	case len(f.missing) < MaxMissing && !f.named[id]:
		if f.named == nil {
			f.named = make(map[ChangeID]bool)
		}
		f.named[id] = true
		f.missing = append(f.missing, id)
	}
	return nil
}
