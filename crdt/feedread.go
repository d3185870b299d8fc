package crdt

import "github.com/tidwall/btree"

// What readers ask of the document of a ledger or oracle room: a root map with
// one key, which holds the feed.

func (d *feedDoc) holder(t thing) (in thing, key string, ok bool) {
	switch {
	case t == fixedThing(Feed.Index):
		return fixedThing(Root.Index), d.name, true
	case t.change == none || !d.exists(t):
		return thing{}, "", false
	default:
		return fixedThing(Feed.Index), "", true
	}
}

func (d *feedDoc) lives(t thing) bool { return d.exists(t) }

func (d *feedDoc) literal(t thing) Literal {
	it, _ := d.items.Get(feedItem{thing: t})
	return d.log.literalAt(it.change, it.offset)
}

func (d *feedDoc) keys(thing) []string { return []string{d.name} }

func (d *feedDoc) living(_ thing, key string) []thing {
	if key != d.name {
		return nil
	}
	return []thing{fixedThing(Feed.Index)}
}

func (d *feedDoc) winner(_ thing, key string) (thing, bool) {
	return fixedThing(Feed.Index), key == d.name
}

func (d *feedDoc) size(thing) int { return d.items.Len() }

func (d *feedDoc) itemAt(_ thing, index int) thing {
	it, _ := d.items.GetAt(index)
	return it.thing
}

func (d *feedDoc) rank(t thing) int {
	i, _ := feedRank(d.log, d.items, t)
	return i
}

// feedRank is the place of t in the feed. O(log² of its length).
func feedRank(l *log, items *btree.BTreeG[feedItem], t thing) (int, bool) {
	lo, hi := 0, items.Len()
	for lo < hi {
		mid := (lo + hi) / 2
		it, _ := items.GetAt(mid)
		switch {
		case it.thing == t:
			return mid, true
		case it.change == t.change && it.index < t.index,
			it.change != t.change && l.before(it.change, t.change):
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false
}

func (d *feedDoc) runs(_ thing, from, to int, yield func(first thing, n int) bool) {
	if from == to {
		return
	}
	first, _ := d.items.GetAt(from)
	i := from
	d.items.Ascend(first, func(it feedItem) bool {
		i++
		return yield(it.thing, 1) && i < to
	})
}

func (d *feedDoc) walk(feed thing, yield func(first thing, n int, live bool) bool) {
	d.runs(feed, 0, d.items.Len(), func(first thing, n int) bool { return yield(first, n, true) })
}

func (*feedDoc) chain(thing, int, int32, func(thing, int)) {}

// A room of this kind holds no counter and no text.

func (*feedDoc) total(thing) int64 { return 0 }

func (*feedDoc) appendSlice(b []byte, _ thing, _, _ int) []byte { return b }

func (*feedDoc) appendText(b []byte, _ thing, _ int) []byte { return b }

func (*feedDoc) offset(_ thing, index int, _ Unit) int { return index }

func (*feedDoc) indexOf(_ thing, offset int, _ Unit) (int, bool) { return offset, true }
