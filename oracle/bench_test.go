package oracle

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// A day makes the changes of a committee that attests all its pairs once a second, each
// change after all of the second before: heads are as many as oracles.
type day struct {
	terms  Terms
	prev   []crdt.ChangeID
	last   []crdt.ChangeID // of the second before
	second int64
}

const dayStart = 1_760_000_000_000

func newDay(t testing.TB, oracles, pairs int, change func(*Policy)) *day {
	names := make([]string, pairs)
	for i := range names {
		names[i] = fmt.Sprintf("P%d/USD", i)
	}
	return &day{terms: testTerms(t, oracles, names, change), prev: make([]crdt.ChangeID, oracles)}
}

// next are the changes of the next second. They are good until the one after.
func (d *day) next() []Change {
	n := len(d.terms.Oracles)
	changes := make([]Change, n)
	links := make([]crdt.ChangeID, 0, n*n)
	ids := make([]crdt.ChangeID, n)
	for o := range n {
		t := dayStart + d.second*1000 + int64(o*17%400)
		from := len(links)
		for k, id := range d.last {
			if k != o {
				links = append(links, id)
			}
		}
		body := make([]crdt.Literal, len(d.terms.Pairs))
		for p := range body {
			a := Attestation{Pair: d.terms.Pairs[p].Name, Price: 2500_00000000 + int64(p)*1e8 + (d.second*7919+int64(o)*104729)%1e7, T: t}
			body[p], _ = a.Encode()
		}
		binary.BigEndian.PutUint64(ids[o][:], uint64(d.second)*0x9e3779b97f4a7c15+uint64(o)*0xbf58476d1ce4e5b9)
		binary.BigEndian.PutUint64(ids[o][8:], uint64(d.second))
		ids[o][30], ids[o][31] = 1, byte(o)
		changes[o] = Change{ID: ids[o], Author: d.terms.Oracles[o], Prev: d.prev[o], Links: links[from:], Body: body}
	}
	copy(d.prev, ids)
	d.last = ids
	d.second++
	return changes
}

// BenchmarkDay is an hour of 31 oracles and 10 pairs, one change an oracle and second: what
// it takes to take in all attestations, and to make the price of every slot of every
// pair. s/day is that times 24.
func BenchmarkDay(b *testing.B) {
	const seconds = 3600
	for _, part := range []string{"add", "price"} {
		b.Run(part, func(b *testing.B) {
			b.ReportAllocs()
			attestations := 0
			for range b.N {
				b.StopTimer()
				d := newDay(b, 31, 10, nil)
				l := NewLog(d.terms)
				attestations = 0
				for range seconds / 60 {
					var minute [][]Change
					for range 60 {
						minute = append(minute, d.next())
					}
					if part == "add" {
						b.StartTimer()
					}
					for _, changes := range minute {
						for i := range changes {
							l.Add(changes[i])
							attestations += len(changes[i].Body)
						}
					}
					b.StopTimer()
				}
				if part == "price" {
					b.StartTimer()
					var p Price
					for pair := range d.terms.Pairs {
						for s := range int64(seconds) {
							l.price(Median, pair, dayStart+(s+1)*1000, &p)
							if p.Status != OK {
								b.Fatal(p)
							}
						}
					}
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(attestations), "ns/attestation")
			b.ReportMetric(float64(b.Elapsed().Seconds())/float64(b.N)*86400/seconds, "s/day")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	terms := testTerms(b, 1, []string{"BTC/USD", "ETH/USD"}, nil)
	a := Attestation{Pair: "ETH/USD", Price: 2500_00000000, T: dayStart}
	withSource := a
	withSource.Spread, withSource.Flags = 1e7, FlagRounded
	withSource.Src = []Source{{Name: "kraken", Price: 2500_00000000, T: dayStart, Volume: "123.456", Digest: make([]byte, 32)}}
	for name, a := range map[string]Attestation{"plain": a, "source": withSource} {
		l := literal(b, a)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			pairs := newPairTable(&terms)
			var r record
			for b.Loop() {
				if reason := r.decode(l, pairs); reason != NotVoid {
					b.Fatal(reason)
				}
			}
		})
	}
}
