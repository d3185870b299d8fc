package oracle

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// More old slots than are remembered one by one come late, and nobody asks between.
func TestLateChainBeyondTheBound(t *testing.T) {
	t.Parallel()
	terms := testTerms(t, 4, []string{"BTC/USD"}, nil)
	own, others := steady(t, terms, maxDirtySlots+900, rand.New(rand.NewPCG(1, 2)))
	l, fresh := NewLog(terms), NewLog(terms)
	for _, c := range others {
		l.Add(c)
	}
	l.Findings()
	for i, c := range own {
		l.Add(c)
		if i == len(own)/4 {
			l.Oracles()
		}
		if n := len(l.scores.pairs[0].dirty); n > maxDirtySlots {
			t.Fatalf("%d dirty slots", n)
		}
	}
	for _, c := range slices.Concat(own, others) {
		fresh.Add(c)
	}
	if got, want := l.Oracles(), fresh.Oracles(); !reflect.DeepEqual(got, want) {
		t.Fatalf("\n got %+v\nwant %+v", got, want)
	}
	if got, want := l.Findings(), fresh.Findings(); !reflect.DeepEqual(got, want) {
		t.Fatalf("\n got %+v\nwant %+v", got, want)
	}
	for slot := int64(1000); slot < 6000; slot += 37 {
		got, err := l.SlotBy(Weighted, "BTC/USD", slot)
		want, _ := fresh.SlotBy(Weighted, "BTC/USD", slot)
		if err != nil || got != want {
			t.Fatalf("slot %d: %+v, want %+v, %v", slot, got, want, err)
		}
	}
}

// Times at both ends of what can be claimed, slots of a millisecond and greatest prices
// overflow nothing, and nobody walks over the slots between.
func TestExtremes(t *testing.T) {
	t.Parallel()
	terms := testTerms(t, 4, []string{"BTC/USD"}, func(p *Policy) { p.SlotMS, p.LateMaxMS, p.FenceFloor = 1, dayMS, 0 })
	l := NewLog(terms)
	id := byte(0)
	var tips [4]crdt.ChangeID
	for _, at := range []int64{0, 1, MaxTimeMS - 2*dayMS, MaxTimeMS} {
		for o := range 4 {
			id++
			price := int64(MaxPrice)
			if o == 0 {
				price = 1
			}
			l.Add(Change{ID: crdt.ChangeID{id}, Author: terms.Oracles[o], Prev: tips[o], Body: []crdt.Literal{
				literal(t, Attestation{Pair: "BTC/USD", Price: price, Spread: MaxPrice, T: at}), {0xf6},
			}})
			tips[o] = crdt.ChangeID{id}
		}
		l.Findings()
		for _, s := range l.Oracles() {
			if s.Least < 0 || s.Least > fullScore {
				t.Fatalf("%+v", s)
			}
		}
		for _, at := range []int64{-1, 0, MaxTimeMS} {
			for _, s := range Strategies() {
				if p, err := l.PriceBy(s, "BTC/USD", at); err != nil || p.Status != Insufficient && (p.Price < p.Low && s != MeanIQR || p.Low < 1 || p.High > MaxPrice) {
					t.Fatalf("%v at %d: %+v %v", s, at, p, err)
				}
			}
		}
	}
	if n := len(l.scores.pairs[0].judged); n != 3 { // the last is not final
		t.Errorf("%d slots judged", n)
	}
	for _, slot := range []int64{-1, MaxTimeMS, 1<<63 - 1, -1 << 63} {
		if _, err := l.Slot("BTC/USD", slot); err == nil {
			t.Errorf("slot %d", slot)
		}
	}
}

// However much is void, and however many keys say it, findings stay as few.
func TestVoidFlood(t *testing.T) {
	t.Parallel()
	terms := testTerms(t, 4, []string{"BTC/USD", "ETH/USD"}, nil)
	l := NewLog(terms)
	body := slices.Repeat([]crdt.Literal{{0xf6}}, crdt.MaxOps)
	l.Add(Change{ID: crdt.ChangeID{1}, Author: terms.Oracles[0], Body: []crdt.Literal{literal(t, Attestation{Pair: "BTC/USD", Price: 5, T: 5000})}})
	for i := range byte(50) {
		l.Add(Change{ID: crdt.ChangeID{1, i + 1}, Author: terms.Oracles[0], Prev: crdt.ChangeID{1, i}, Body: body})
		l.Add(Change{ID: crdt.ChangeID{2, 200 - i}, Author: crdt.Author{7, i}, Body: body})
	}
	f := l.Findings()
	if len(f) != 2 {
		t.Fatalf("%d findings", len(f))
	}
	for _, f := range f {
		if f.Kind != Void || f.Count != 50*crdt.MaxOps || len(f.Changes) != maxFindingChanges {
			t.Errorf("%+v", f)
		}
		if f.Oracle < 0 && (f.Reason != VoidNonMember || f.Changes[0] != crdt.ChangeID{2, 151}) {
			t.Errorf("%+v", f)
		}
	}
	if n := len(l.chains[0].voidIn); n != 1 {
		t.Errorf("%d slots noted", n)
	}
}

// BenchmarkLateSlot is what one attestation costs that comes thousands of slots late, with
// scores and findings asked for after each: the worst that one liar can make of a change.
func BenchmarkLateSlot(b *testing.B) {
	terms := testTerms(b, 31, []string{"BTC/USD"}, nil)
	own, others := steady(b, terms, 8000, rand.New(rand.NewPCG(1, 2)))
	l := NewLog(terms)
	for _, c := range others {
		l.Add(c)
	}
	l.Findings()
	for i := 0; b.Loop(); i++ {
		l.Add(own[i%len(own)])
		l.Oracles()
		l.Findings()
	}
}

// linkers is a room of 128 oracles that talk, and a thousand changes none of which covers
// another, each the end of a chain: of strangers, of an oracle that forked, or of one's own.
func linkers(t testing.TB, who string) (l *Log, links []crdt.ChangeID) {
	terms := testTerms(t, MaxOracles, []string{"A/B"}, nil)
	l = NewLog(terms)
	n := uint32(0)
	say := func(a crdt.Author, prev crdt.ChangeID, links []crdt.ChangeID) crdt.ChangeID {
		n++
		id := crdt.ChangeID{byte(n * 251), byte(n), byte(n >> 8), byte(n >> 16), 1}
		l.Add(Change{ID: id, Author: a, Prev: prev, Links: links})
		return id
	}
	tips := make([]crdt.ChangeID, MaxOracles)
	for range 2 {
		heard := slices.Clone(tips)
		for o := range tips {
			tips[o] = say(terms.Oracles[o], tips[o], heard)
		}
	}
	for k := range crdt.MaxLinks {
		switch who {
		case "strangers":
			prev := crdt.ChangeID{}
			for range keyEvery {
				prev = say(crdt.Author{9, byte(k), byte(k >> 8)}, prev, tips)
			}
			links = append(links, prev)
		case "forked":
			prev := tips[0]
			for range keyEvery {
				prev = say(terms.Oracles[0], prev, tips[1:])
			}
			links = append(links, prev)
		default:
			tips[0] = say(terms.Oracles[0], tips[0], nil)
			links = append(links, tips[0])
		}
	}
	return l, links
}

var linkersAll = []string{"strangers", "forked", "one chain"}

// As many links as a change may have cost no more steps than there are numbers in as many
// clocks: of each change linked, one clock is read at most, and that stands whole, or one is
// read for all the chain.
func TestManyLinks(t *testing.T) {
	t.Parallel()
	for _, who := range linkersAll {
		l, links := linkers(t, who)
		from := l.Terms().Oracles[5]
		l.Add(Change{ID: crdt.ChangeID{0xff}, Author: from, Links: links})
		steps := 0
		for k, n := range l.linked {
			nd := l.node(n)
			if k > 0 && who == "one chain" {
				if nd.oracle != 0 || n > l.linked[0] {
					t.Fatalf("%s: link %d is no ancestor of the first", who, k)
				}
				continue
			}
			steps += int(nd.depth) + 1
		}
		if len(l.linked) != len(links) || steps > len(links)+keyEvery {
			t.Errorf("%s: %d links, %d clocks are read", who, len(l.linked), steps)
		}
	}
}

// BenchmarkManyLinks is what one change of 32 KiB of links costs a room of 128 oracles.
func BenchmarkManyLinks(b *testing.B) {
	for _, who := range linkersAll {
		b.Run(who, func(b *testing.B) {
			l, links := linkers(b, who)
			from := l.Terms().Oracles[5]
			for i := uint32(0); b.Loop(); i++ {
				l.Add(Change{ID: crdt.ChangeID{0xff, byte(i), byte(i >> 8), byte(i >> 16)}, Author: from, Prev: crdt.ChangeID{0xfe}, Links: links})
			}
		})
	}
}
