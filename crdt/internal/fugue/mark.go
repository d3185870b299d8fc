package fugue

// closing is the place of the mark that ends the innermost brackets around an
// element; false if there are none.
func (f *Forest) closing(e Elem) (place, bool) {
	f.seek(e)
	return f.forward(f.cur.id, f.cur.i+1, 1)
}

// opening is the place of the mark that begins the innermost brackets around an
// element, which is in some.
func (f *Forest) opening(e Elem) place {
	f.seek(e)
	return f.backward(f.cur.id, f.cur.i-1, 1)
}

// forward is the place of the mark that ends the outermost of so many brackets
// that are open before span i of a leaf.
func (f *Forest) forward(id uint32, i int, open uint32) (place, bool) {
	for {
		spans := f.spans(f.leaves.at(id))
		for ; i < len(spans); i++ {
			f.steps++
			switch n := spans[i].n(); spans[i].kind() {
			case openMark:
				open += n
			case shutMark:
				if n >= open {
					return place{id, i, open - 1}, true
				}
				open -= n
			}
		}
		i = 0
		// The next leaf in which they end.
		child, at, down := id, f.leaves.at(id).parent, false
		for !down {
			if at == nowhere {
				return place{}, false
			}
			f.steps++
			n := f.inners.at(at)
			for j := n.slot(child) + 1; j < int(n.n); j++ {
				if t := &n.marks[j]; t.shut >= open {
					id, down = n.child[j], true
					if !n.low {
						id = f.forwardBelow(id, &open)
					}
					break
				} else {
					open = open - t.shut + t.open
				}
			}
			child, at = at, n.parent
		}
	}
}

// forwardBelow is the leaf below a node in which so many brackets end. It counts
// those that open and end on the way there.
func (f *Forest) forwardBelow(at uint32, open *uint32) uint32 {
	for {
		f.steps++
		n := f.inners.at(at)
		j := 0
		for n.marks[j].shut < *open {
			*open = *open - n.marks[j].shut + n.marks[j].open
			j++
		}
		at = n.child[j]
		if n.low {
			return at
		}
	}
}

// backward is the place of the mark that begins the outermost of so many brackets
// that are not yet closed behind span i of a leaf, and begin.
func (f *Forest) backward(id uint32, i int, shut uint32) place {
	for {
		spans := f.spans(f.leaves.at(id))
		for ; i >= 0; i-- {
			f.steps++
			switch n := spans[i].n(); spans[i].kind() {
			case shutMark:
				shut += n
			case openMark:
				if n >= shut {
					return place{id, i, n - shut}
				}
				shut -= n
			}
		}
		child, at, down := id, f.leaves.at(id).parent, false
		for !down {
			f.steps++
			n := f.inners.at(at)
			for j := n.slot(child) - 1; j >= 0; j-- {
				if t := &n.marks[j]; t.open >= shut {
					id, down = n.child[j], true
					if !n.low {
						id = f.backwardBelow(id, &shut)
					}
					break
				} else {
					shut = shut - t.open + t.shut
				}
			}
			child, at = at, n.parent
		}
		i = int(f.leaves.at(id).n) - 1
	}
}

func (f *Forest) backwardBelow(at uint32, shut *uint32) uint32 {
	for {
		f.steps++
		n := f.inners.at(at)
		j := int(n.n) - 1
		for n.marks[j].open < *shut {
			*shut = *shut - n.marks[j].open + n.marks[j].shut
			j--
		}
		at = n.child[j]
		if n.low {
			return at
		}
	}
}
