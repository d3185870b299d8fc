package crdt

// A sorter finds an order of a pack's changes in which every parent comes before
// its children (Kahn, "Topological sorting of large networks", 1962). Changes are
// numbered over the runs of the pack. The work is linear in changes and links.
//
// The ids of the pack are looked up only where a run begins and where a change
// links what is not in the log yet: a pack of one run seldom builds the index.
type sorter struct {
	pack  *Pack
	index map[ChangeID]int32 // nil until it is needed
	waits []int32            // by child: its parents within the pack
	edges []edge
	first []int32 // by parent: its newest edge, or -1
}

type edge struct{ child, next int32 }

func newSorter(p *Pack) *sorter { return &sorter{pack: p} }

func (s *sorter) find(id ChangeID) (int32, bool) {
	if s.index == nil {
		s.index = make(map[ChangeID]int32, s.pack.changes)
		s.pack.each(func(i int, _ *run, c *checkedChange, _ ChangeID) bool {
			s.index[c.id] = int32(i)
			return true
		})
	}
	i, ok := s.index[id]
	return i, ok
}

// within reports whether id is in the pack, and if so notes that change i comes
// after it.
func (s *sorter) within(i int, id ChangeID) bool {
	parent, ok := s.find(id)
	if ok {
		s.after(int32(i), parent)
	}
	return ok
}

func (s *sorter) after(child, parent int32) {
	if s.waits == nil {
		s.waits = make([]int32, s.pack.changes)
		s.first = make([]int32, s.pack.changes)
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
	n := int32(0)
	for k := range s.pack.runs {
		if n += int32(len(s.pack.runs[k].changes)); want < n {
			return s.pack.runs[k].author, true
		}
	}
	return Author{}, false
}

// order is called once, when every parent within the pack was noted. Hashes make
// cycles impossible.
func (s *sorter) order() []int32 {
	order := make([]int32, 0, s.pack.changes)
	if len(s.edges) == 0 || len(s.pack.runs) == 1 {
		// No run needs another, and a run's own order will do.
		for i := range s.pack.changes {
			order = append(order, int32(i))
		}
		return order
	}
	i := int32(0)
	for k := range s.pack.runs {
		for j := range s.pack.runs[k].changes {
			if j > 0 {
				s.after(i, i-1)
			}
			i++
		}
	}
	for i, w := range s.waits {
		if w == 0 {
			order = append(order, int32(i))
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
