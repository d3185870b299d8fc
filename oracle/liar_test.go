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
