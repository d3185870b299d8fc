package crdt

// A sorter finds an order of a pack's changes in which every parent comes before
// its children (Kahn, "Topological sorting of large networks", 1962). The work is
// linear in changes and links.
//
// The ids of the pack are looked up only where a run begins and where a change
// links what is not in the log yet: a pack of one run seldom builds the index.
type sorter struct {
	pack  *Pack
	index *idTable // of the changes that are left; nil until it is needed
	waits []int32  // by number: parents within the pack
	edges []edge
	first []int32 // by number of the parent: its newest edge, or -1
}

type edge struct{ child, next int32 }

func (s *sorter) find(id ChangeID) (int32, bool) {
	p := s.pack
	if s.index == nil {
		s.index = newIDTable(p.changes)
		for k := range p.runs {
			for i := p.runs[k].first; i < p.runs[k].end(); i++ {
				s.index.add(&p.ids[i], uint32(i))
			}
		}
	}
	at, ok := s.index.find(&id, func(at uint32) bool { return p.ids[at] == id })
	return int32(at), ok
}

// within reports whether id is in the pack, and if so notes that change i comes
// after it.
func (s *sorter) within(i int32, id ChangeID) bool {
	parent, ok := s.find(id)
	if ok {
		s.after(i, parent)
	}
	return ok
}

func (s *sorter) after(child, parent int32) {
	if s.waits == nil {
		s.waits = make([]int32, len(s.pack.ids))
		s.first = make([]int32, len(s.pack.ids))
		for i := range s.first {
			s.first[i] = -1
		}
	}
	s.edges = append(s.edges, edge{child: child, next: s.first[parent]})
	s.first[parent] = int32(len(s.edges) - 1)
	s.waits[child]++
}

// author is the author of id if it is in the pack.
func (s *sorter) author(id ChangeID) (Author, bool) {
	want, ok := s.find(id)
	if !ok {
		return Author{}, false
	}
	for k := range s.pack.runs {
		if r := &s.pack.runs[k]; r.first <= want && want < r.end() {
			return r.author, true
		}
	}
	return Author{}, false
}

// order is called once, when every parent within the pack was noted. It is nil if
// no run needs another, so that a run's own order will do. Hashes make cycles
// impossible.
func (s *sorter) order() []int32 {
	if len(s.edges) == 0 || len(s.pack.runs) == 1 {
		return nil
	}
	for k := range s.pack.runs {
		for i := s.pack.runs[k].first + 1; i < s.pack.runs[k].end(); i++ {
			s.after(i, i-1)
		}
	}
	order := make([]int32, 0, s.pack.changes)
	for k := range s.pack.runs {
		for i := s.pack.runs[k].first; i < s.pack.runs[k].end(); i++ {
			if s.waits[i] == 0 {
				order = append(order, i)
			}
		}
	}
	for k := 0; k < len(order); k++ {
		for e := s.first[order[k]]; e >= 0; e = s.edges[e].next {
			child := s.edges[e].child
			if s.waits[child]--; s.waits[child] == 0 {
				order = append(order, child)
			}
		}
	}
	if len(order) != s.pack.changes {
		panic("crdt: internal error: changes of a pack in a cycle")
	}
	return order
}
