package crdt_test

import (
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// regrouped is a pack of just MaxPackBytes that would take a byte more for each fork if a run went on with whatever was
// accepted first: of each author a run of two changes, and one of 23 that branches off after the first and is accepted
// before the second, which links it.
func regrouped(m *mill, forks int) refPack {
	build := func(pad int) (p refPack) {
		for a := range forks {
			payloads := [][]byte{refPayload(int64(a), nil, noOps)}
			first := m.ids(m.run(a, m.room, payloads...))[0]
			var branch [][]byte
			for i := range 23 {
				branch = append(branch, refPayload(int64(100+i), nil, noOps))
			}
			other := m.run(a, first, branch...)
			payloads = append(payloads, refPayload(1, []hash32{m.ids(other)[0]}, noOps))
			p = append(p, m.run(a, m.room, payloads...), other)
		}
		big := make([][]byte, 0, 17)
		for pad > 0 {
			n := min(pad, 60000)
			big = append(big, m.payload(n))
			pad -= n
		}
		return append(p, m.run(forks, m.room, big...))
	}
	pad := 1<<20 - len(build(1).frame())
	for {
		p := build(pad)
		d := crdt.MaxPackBytes - len(p.frame())
		if d == 0 {
			return p
		}
		pad += d
	}
}

// What a replica writes of a pack is a pack, also where forks within it make longer runs than those that came.
func TestRegroupedPackFits(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	m := newMill(t, crdt.Ledger)
	p := regrouped(m, 100)
	r := newReplica(t, m.charter)
	if code := deliver(t, r, p.frame(), 1); code != "" {
		t.Fatal(code)
	}
	checkReplica(t, r)
	again := newReplica(t, m.charter)
	for i := 0; i < r.Len(); {
		var frame []byte
		frame, i = r.PackFrom(i, nil)
		if err := again.Load(frame); err != nil {
			t.Fatal(err)
		}
	}
	if again.LogDigest() != r.LogDigest() {
		t.Fatal("differ")
	}
}
