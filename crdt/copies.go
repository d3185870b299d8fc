package crdt

import "slices"

// copyRuns inserts copies of elements of seq, one after the other, at index of to. All
// of them go to the same place: those of one change stand there in order.
func (v *inverse) copyRuns(seq thing, to Name, index int, runs []span) error {
	if kind, _ := v.doc.read.kindOf(seq); kind == TextObject {
		var text []byte
		for _, r := range runs {
			text = v.doc.read.appendText(text, r.first, r.n)
		}
		return v.copyText(to, index, text, runs)
	}
	return v.copyItems(to, index, runs)
}

func (v *inverse) copyText(to Name, index int, text []byte, runs []span) error {
	if len(text) > MaxPayloadBytes {
		return overLimit("payload bytes", MaxPayloadBytes, len(text))
	}
	n, err := v.tx.InsertText(to, index, string(text))
	for _, r := range runs {
		v.copied = append(v.copied, copies{r.first, r.n, n.Index})
		n.Index += uint32(r.n)
	}
	return err
}

// copyItems inserts copies of items of lists at index of to.
func (v *inverse) copyItems(to Name, index int, runs []span) error {
	var literals []Literal
	var from []span
	flush := func() error {
		if len(literals) == 0 {
			return nil
		}
		n, err := v.tx.Insert(to, index, literals...)
		for _, r := range from {
			v.copied = append(v.copied, copies{r.first, r.n, n.Index})
			n.Index += uint32(r.n)
		}
		literals, from = literals[:0], from[:0]
		return err
	}
	for _, r := range runs {
		for t := r.first; r.n > 0; r.n-- {
			kind, isObject := v.doc.read.kindOf(t)
			if !isObject {
				literals, from = append(literals, v.doc.read.literal(t)), append(from, span{t, 1})
				t.index++
				continue
			}
			if err := flush(); err != nil {
				return err
			}
			n, err := v.tx.InsertObject(to, index, kind)
			if err == nil {
				err = v.fill(t, n)
			}
			if err != nil {
				return err
			}
			t.index++
		}
	}
	return flush()
}

// put puts a copy of value into the map or register to; like is one of that kind.
func (v *inverse) put(to Name, key string, value, like thing) error {
	in, _ := v.doc.read.kindOf(like)
	kind, isObject := v.doc.read.kindOf(value)
	var n Name
	var err error
	switch {
	case !isObject && in == MapObject:
		n, err = v.tx.Set(to, key, v.doc.read.literal(value))
	case !isObject:
		n, err = v.tx.SetRegister(to, v.doc.read.literal(value))
	case in == MapObject:
		n, err = v.tx.Make(to, key, kind)
	default:
		n, err = v.tx.MakeRegister(to, kind)
	}
	if err != nil {
		return err
	}
	if isObject {
		return v.fill(value, n)
	}
	v.copied = append(v.copied, copies{value, 1, n.Index})
	return nil
}

// fill copies what stands in the object from, but for what the change did there,
// into its copy to, which the Tx has just made. It recurses as deep as objects nest.
func (v *inverse) fill(from thing, to Name) error {
	v.copied = append(v.copied, copies{from, 1, to.Index})
	switch kind, _ := v.doc.read.kindOf(from); kind {
	case MapObject:
		keys := v.doc.read.keys(from)
		for _, p := range v.places {
			if p.of == from {
				keys = append(keys, p.key)
			}
		}
		slices.SortFunc(keys, compareKeys)
		for _, key := range slices.Compact(keys) {
			if err := v.putBefore(to, place{from, key}); err != nil {
				return err
			}
		}
		return nil
	case RegisterObject:
		return v.putBefore(to, place{of: from})
	case CounterObject:
		if n := v.doc.read.total(from) - v.sums[from]; n != 0 {
			return v.tx.Add(to, n)
		}
		return nil
	default:
		if items := v.itemsBefore(from); len(items) > 0 {
			return v.copyRuns(from, to, 0, items)
		}
		return nil
	}
}

// putBefore puts a copy of what won in a place before the change into to.
func (v *inverse) putBefore(to Name, p place) error {
	if value, _ := v.decide(p, v.puts[p]); value != noThing {
		return v.put(to, p.key, value, p.of)
	}
	return nil
}
