package crdt_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// permutations of 0 … n-1.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return all
}

// In every order of arrival: what is refused for its bytes or its chain takes
// with it what follows it, nothing of it waits for ever, and nothing else suffers.
func TestRefusedInEveryOrder(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	m := newMill(t, crdt.Ledger)
	good, ids := m.chain(0, 3)
	malformed := m.run(1, m.room, []byte{0x80}, refPayload(1, nil, noOps))
	badIDs := m.ids(malformed)
	heir := m.run(2, m.room, refPayload(1, []hash32{badIDs[1]}, noOps), refPayload(2, nil, noOps))
	stranger := m.run(3, ids[0], refPayload(1, nil, noOps), refPayload(2, nil, noOps))
	cases := map[string]struct {
		packs []refPack
		want  []string // code of each pack
	}{
		"child, grandchild and great-grandchild of the malformed": {
			[]refPack{{malformed}, {heir}, {m.run(3, m.room, refPayload(1, []hash32{m.ids(heir)[0]}, noOps))}, {m.run(4, m.room, refPayload(1, []hash32{m.ids(heir)[1]}, noOps))}},
			[]string{"malformed", "ancestor-refused", "ancestor-refused", "ancestor-refused"},
		},
		"chain through another author, with a child": {
			[]refPack{{good}, {stranger}, {m.run(4, m.room, refPayload(1, []hash32{m.ids(stranger)[1]}, noOps))}},
			[]string{"", "chain-author", "ancestor-refused"},
		},
		"bad key, with a child": {
			[]refPack{
				{refRun{author: hash32{1}, prev: m.room, payloads: [][]byte{refPayload(0, nil, noOps), refPayload(1, nil, noOps)}, sig: make([]byte, 64)}},
				{m.run(4, m.room, refPayload(1, []hash32{m.ids(refRun{author: hash32{1}, prev: m.room, payloads: [][]byte{refPayload(0, nil, noOps), refPayload(1, nil, noOps)}})[1]}, noOps))},
				{good},
			},
			[]string{"bad-author", "ancestor-refused", ""},
		},
		"bad signature condemns nothing": {
			[]refPack{
				{refRun{author: good.author, prev: good.prev, payloads: good.payloads, sig: make([]byte, 64)}},
				{m.cut(0, good, 0, 2)},
				{m.cut(0, good, 2, 3)},
				{m.run(1, m.room, refPayload(1, []hash32{ids[2]}, noOps))},
			},
			[]string{"bad-signature", "", "", ""},
		},
		"a pack with one bad run takes its good ones not with it": {
			[]refPack{{m.cut(0, good, 0, 1), stranger}, {good}, {m.run(1, m.room, refPayload(1, []hash32{ids[0]}, noOps))}},
			[]string{"chain-author", "", ""},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, order := range permutations(len(c.packs)) {
				r := newReplica(t, m.charter)
				accepted := 0
				for _, i := range order {
					code := deliver(t, r, c.packs[i].frame(), 1)
					known := code == "" && c.want[i] == "bad-signature" // dropped unverified
					if code != c.want[i] && code != "pending" && !known {
						t.Fatalf("order %v: pack %d: got %q, want %q", order, i, code, c.want[i])
					}
					checkReplica(t, r)
				}
				for i, want := range c.want {
					for _, run := range c.packs[i] {
						for _, id := range m.ids(run) {
							if _, ok := r.Index(crdt.ChangeID(id)); ok != (want == "") && !slices.Contains(ids, id) && want != "bad-signature" {
								t.Fatalf("order %v: pack %d: change %x: accepted %v", order, i, id[:4], ok)
							} else if ok {
								accepted++
							}
						}
					}
					if code := deliver(t, r, c.packs[i].frame(), 1); code != want && want != "bad-signature" {
						t.Fatalf("order %v: pack %d again: got %q, want %q", order, i, code, want)
					}
				}
				if n, _ := r.Pending(); n > 0 {
					t.Fatalf("order %v: %d packs still wait", order, n)
				}
			}
		})
	}
}

// Packs that wait for one another as a chain are released by the first, without
// recursion, in order.
func TestReleaseOfALongChain(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	m := newMill(t, crdt.Ledger)
	packs, each, peers := 4000, 3, 4
	if race.Enabled {
		packs = 400
	}
	if packs > crdt.MaxPendingPacks {
		t.Fatal("more packs than may wait")
	}
	chain, ids := m.chain(0, packs*each)
	r := newReplica(t, m.charter)
	checker := crdt.NewChecker(m.charter)
	for i := packs - 1; i >= 0; i-- {
		run := refRun{author: chain.author, prev: m.room, payloads: chain.payloads[i*each : (i+1)*each]}
		if i > 0 {
			run.prev = ids[i*each-1]
		}
		run.sig = m.signature(0, ids[(i+1)*each-1])
		p, err := checker.Check(refPack{run}.frame(), nil)
		if err != nil {
			t.Fatal(err)
		}
		out := r.Receive(p, uint64(i%peers), epoch)
		if want := i > 0; (len(out.Missing) > 0) != want || out.Err != nil {
			t.Fatalf("pack %d: got %+v", i, out)
		}
	}
	if n, bytes := r.Pending(); r.Len() != packs*each || n != 0 || bytes != 0 {
		t.Fatalf("got %d changes, %d packs of %d bytes wait", r.Len(), n, bytes)
	}
	for i := range r.Len() {
		if hash32(r.ID(i)) != ids[i] {
			t.Fatalf("change %d out of order", i)
		}
		if d := i * 7919 % (i + 1); i > 0 {
			if at, ok := r.Back(i, uint64(d)); !ok || at != i-d {
				t.Fatalf("%d back from %d: got %d, %v", d, i, at, ok)
			}
		}
	}
	checkReplica(t, r)
}

// waiting is what the naive model of the buffer knows of a pack.
type waiting struct {
	id      hash32
	peer    uint64
	weight  int
	authors map[hash32]int
}

// evict is the rule in the words of design: the heaviest author of the heaviest
// peer gives way, whole packs at a time.
func evict(all []waiting, newest uint64) []waiting {
	for {
		total, peers := 0, map[uint64]int{}
		for _, w := range all {
			total += w.weight
			peers[w.peer] += w.weight
		}
		if total <= crdt.MaxPendingBytes && peers[newest] <= crdt.MaxPendingPeerBytes {
			return all
		}
		peer := newest
		if peers[newest] <= crdt.MaxPendingPeerBytes {
			peer = heaviest(peers, func(a, b uint64) int { return cmp.Compare(a, b) })
		}
		authors := map[hash32]int{}
		for _, w := range all {
			if w.peer == peer {
				for a, n := range w.authors {
					authors[a] += n
				}
			}
		}
		author := heaviest(authors, compareHashes)
		victim := -1
		for i, w := range all {
			if w.peer == peer && (victim < 0 || w.authors[author] > all[victim].authors[author]) {
				victim = i
			}
		}
		all = slices.Delete(all, victim, victim+1)
	}
}

func heaviest[K comparable](of map[K]int, order func(a, b K) int) K {
	keys := slices.SortedFunc(maps.Keys(of), order)
	best := keys[0]
	for _, k := range keys {
		if of[k] > of[best] {
			best = k
		}
	}
	return best
}

// A flood of packs that wait leaves those that the naive rule leaves.
func TestPendingEviction(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	m := newMill(t, crdt.Ledger)
	first, ids := m.chain(9, 1) // what all wait for
	payload := m.payload(63<<10, ids[0])
	seeds := uint64(4)
	if race.Enabled {
		seeds = 1
	}
	for seed := range seeds {
		d := dice{rng: rand.New(rand.NewPCG(seed, 1))}
		r := newReplica(t, m.charter)
		var model []waiting
		var sent []hash32
		for n := range 130 {
			peer := uint64(d.n(6))
			if seed%2 == 1 {
				peer *= uint64(d.n(2)) // peer 0 sends half
			}
			w := waiting{peer: peer, authors: map[hash32]int{}}
			var p refPack
			for k := range 1 + d.n(2) {
				a := d.n(3) + 3*k
				payloads := [][]byte{refPayload(int64(n), []hash32{ids[0]}, noOps)}
				for range d.n(8) {
					payloads = append(payloads, payload)
				}
				run := m.run(a, m.room, payloads...)
				p = append(p, run)
				w.authors[run.author] = 1 + 34 + 34 + 3 + 66
				for _, b := range payloads {
					w.authors[run.author] += len(b) + 5
				}
				w.id = m.ids(run)[0]
			}
			sent = append(sent, w.id)
			pack := m.check(p...)
			w.weight = max(len(p.frame())+128*pack.Changes(), 8<<10)
			model = evict(append(model, w), peer)
			if out := r.Receive(pack, peer, epoch); len(out.Missing) == 0 {
				t.Fatalf("seed %d: got %+v", seed, out)
			}
			checkReplica(t, r)
		}
		r.Receive(m.check(first), 7, epoch)
		for n, id := range sent {
			_, ok := r.Index(crdt.ChangeID(id))
			if want := slices.ContainsFunc(model, func(w waiting) bool { return w.id == id }); ok != want {
				t.Fatalf("seed %d: pack %d: survived %v, want %v", seed, n, ok, want)
			}
		}
	}
}

// Many small packs of one peer push out its own, not the few large ones of
// another.
func TestPendingFloodOfSmallPacks(t *testing.T) {
	if race.Enabled {
		t.Skip("5000 signatures, and nothing that could race")
	}
	t.Parallel()
	m := newMill(t, crdt.Ledger)
	first, ids := m.chain(9, 1)
	r := newReplica(t, m.charter)
	var big [][]byte
	for range 15 {
		big = append(big, m.payload(60<<10, ids[0]))
	}
	honest := m.run(0, m.room, big...)
	r.Receive(m.check(honest), 1, epoch)
	checker := crdt.NewChecker(m.charter)
	for i := range 5000 {
		run := m.run(1+i%4, m.room, refPayload(int64(i), []hash32{ids[0]}, noOps))
		p, err := checker.Check(refPack{run}.frame(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Receive(p, 2+uint64(i%4), epoch)
		if i%500 == 0 {
			checkReplica(t, r)
		}
	}
	if n, bytes := r.Pending(); n > crdt.MaxPendingPacks || bytes > crdt.MaxPendingBytes {
		t.Fatalf("%d packs of %d bytes wait", n, bytes)
	}
	r.Receive(m.check(first), 1, epoch)
	if _, ok := r.Index(crdt.ChangeID(honest.last(m.room))); !ok {
		t.Fatal("the honest peer's pack was pushed out by another's")
	}
	if got := fmt.Sprint(r.Expire(epoch)); got != "[2 3 4 5]" {
		t.Fatalf("evicted peers: got %s, want [2 3 4 5]", got)
	}
}

func TestExpiryAndDrop(t *testing.T) {
	t.Parallel()
	m := newMill(t, crdt.Ledger)
	chain, ids := m.chain(0, 2)
	r := newReplica(t, m.charter)
	late := m.cut(0, chain, 1, 2)
	pend := func(peer uint64) {
		t.Helper()
		out := r.Receive(m.check(late), peer, epoch)
		if len(out.Missing) != 1 || hash32(out.Missing[0]) != ids[0] || out.From != out.To {
			t.Fatalf("got %+v, want missing %x", out, ids[0][:4])
		}
		checkReplica(t, r)
	}
	pend(1)
	if peers := r.Expire(epoch.Add(crdt.PendingExpiry - 1)); len(peers) != 0 {
		t.Fatalf("expired too early: %v", peers)
	}
	if peers := r.Expire(epoch.Add(crdt.PendingExpiry)); !slices.Equal(peers, []uint64{1}) {
		t.Fatalf("expired: got %v, want [1]", peers)
	}
	if peers := r.Expire(epoch.Add(crdt.PendingExpiry)); len(peers) != 0 {
		t.Fatalf("reported twice: %v", peers)
	}
	pend(1)
	pend(2)
	r.DropPeer(1)
	if n, _ := r.Pending(); n != 1 {
		t.Fatalf("%d packs wait, want that of peer 2", n)
	}
	out := r.Receive(m.check(m.cut(0, chain, 0, 1)), 3, epoch)
	if out.From != 0 || out.To != 2 || out.Err != nil {
		t.Fatalf("got %+v, want [0, 2): the pack that waited counts", out)
	}
	if out = r.Receive(m.check(chain), 3, epoch); out.From != out.To || out.Err != nil || out.Missing != nil {
		t.Fatalf("what is known already: got %+v", out)
	}
}

// Packs that wait for the same change are released in the order in which they
// came, whatever the order of a map.
func TestReleaseInOrder(t *testing.T) {
	t.Parallel()
	m := newMill(t, crdt.Ledger)
	first, ids := m.chain(0, 1)
	r := newReplica(t, m.charter)
	var want []hash32
	for a := range 50 {
		run := m.run(1+a, m.room, refPayload(0, ids, noOps))
		want = append(want, m.ids(run)...)
		r.Receive(m.check(run), uint64(a%7), epoch)
	}
	r.Receive(m.check(first), 1, epoch)
	for i, id := range want {
		if hash32(r.ID(1+i)) != id {
			t.Fatalf("change %d is not the %dth that came", 1+i, i)
		}
	}
}

// Missing parents are named once each, and not more than MaxMissing.
func TestMissingIsBounded(t *testing.T) {
	t.Parallel()
	m := newMill(t, crdt.Ledger)
	var links []hash32
	for i := range 1000 {
		links = append(links, hash32{byte(i >> 8), byte(i), 1})
	}
	r := newReplica(t, m.charter)
	out := r.Receive(m.check(m.run(0, m.room, refPayload(0, links, noOps))), 1, epoch)
	if len(out.Missing) != crdt.MaxMissing {
		t.Fatalf("got %d missing, want %d", len(out.Missing), crdt.MaxMissing)
	}
	out = r.Receive(m.check(m.run(0, m.room, refPayload(0, links[:1], noOps), refPayload(1, links[:2], noOps), refPayload(2, links[:1], noOps))), 1, epoch)
	if len(out.Missing) != 2 {
		t.Fatalf("got %d missing, want 2: %v", len(out.Missing), out.Missing)
	}
}
