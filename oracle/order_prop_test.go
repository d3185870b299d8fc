package oracle

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"pgregory.net/rapid"
)

// A history is a random set of changes, parents first, and who may be convicted in it.
type history struct {
	terms   Terms
	changes []Change
	parents [][]int // by change
	forked  map[int]bool
}

func policyOf(seed uint64) func(*Policy) {
	return func(p *Policy) {
		p.VoteK = 1 + int(seed%7)
		p.FloodMax = 2 + int(seed/7%3)
		p.MaxAgeMS = 4000
		p.CommitReveal = seed%4 == 0
		p.Strategy = Strategy(seed % 6)
	}
}

// newHistory makes a history of honest oracles and of those that do what they like: fork,
// go back in time, flood, forge clocks, append what is malformed, hide links.
func newHistory(t testing.TB, seed uint64, size int) *history {
	rnd := rand.New(rand.NewPCG(seed, 5))
	n := 1 + rnd.IntN(8)
	h := &history{terms: testTerms(t, n, []string{"A/B", "C/D"}, policyOf(seed)), forked: map[int]bool{}}
	policy := h.terms.Policy
	liar := func(o int) bool { return o >= n || o%3 == 0 }
	tips := make([][]int, n+1)       // by author: changes that may be followed, the newest last
	open := map[[2]int]Attestation{} // committed to and not revealed, by oracle and pair
	now := int64(1_000_000)
	for i := range size {
		now += rnd.Int64N(400)
		o := rnd.IntN(n + 1)
		author := crdt.Author{0xff}
		if o < n {
			author = h.terms.Oracles[o]
		}
		c := Change{Author: author}
		var parents []int
		if k := len(tips[o]); k > 0 {
			at := k - 1
			if liar(o) && rnd.IntN(20) == 0 {
				at = rnd.IntN(k+1) - 1 // a fork, mostly
			}
			if at >= 0 {
				parents = append(parents, tips[o][at])
				c.Prev = h.changes[tips[o][at]].ID
			}
		}
		for range rnd.IntN(4) {
			if i > 0 {
				p := i - 1 - rnd.IntN(min(i, 1+rnd.IntN(40)))
				if !slices.Contains(parents, p) {
					parents = append(parents, p)
					c.Links = append(c.Links, h.changes[p].ID)
				}
			}
		}
		for range 1 + rnd.IntN(3) {
			pair := rnd.IntN(2)
			a := Attestation{Pair: h.terms.Pairs[pair].Name, Price: 1_000_000 + rnd.Int64N(2000), T: now - rnd.Int64N(300), Spread: rnd.Int64N(50)}
			if liar(o) {
				switch rnd.IntN(8) {
				case 0:
					a.T -= rnd.Int64N(20_000)
				case 1:
					a.T += rnd.Int64N(20_000)
				case 2:
					a.Price = 1 + rnd.Int64N(MaxPrice)
				case 3:
					a.Pair = "no/pair"
				case 4:
					c.Body = append(c.Body, crdt.Literal{0x80})
				case 5:
					c.Broken = len(c.Body) == 0
				}
			}
			if c.Broken {
				break
			}
			if policy.CommitReveal && o < n {
				key := [2]int{o, pair}
				if b, ok := open[key]; ok {
					c.Body = append(c.Body, literal(t, b))
				}
				a.T += policy.SlotMS
				a.Flags, a.Nonce = FlagRevealed, binary.BigEndian.AppendUint64(make([]byte, 8), uint64(i))
				commit := Commit(h.terms.Room, author, a.Pair, a.T/policy.SlotMS, a.Price, [16]byte(a.Nonce))
				l, err := commit.Encode()
				if err != nil {
					t.Fatal(err)
				}
				c.Body = append(c.Body, l)
				open[key] = a
				continue
			}
			c.Body = append(c.Body, literal(t, a))
			for liar(o) && rnd.IntN(3) == 0 {
				c.Body = append(c.Body, literal(t, a))
			}
		}
		c.ID = sha256.Sum256(binary.BigEndian.AppendUint64([]byte("id"), seed<<32|uint64(i)))
		for _, other := range h.changes {
			h.forked[o] = h.forked[o] || other.Author == author && other.Prev == c.Prev
		}
		h.changes, h.parents = append(h.changes, c), append(h.parents, parents)
		tips[o] = append(tips[o], i)
	}
	return h
}

// shuffled is another order in which parents come first.
func (h *history) shuffled(rnd *rand.Rand) []int {
	waits := make([]int, len(h.changes))
	children := make([][]int, len(h.changes))
	var ready, order []int
	for i, ps := range h.parents {
		waits[i] = len(ps)
		for _, p := range ps {
			children[p] = append(children[p], i)
		}
		if len(ps) == 0 {
			ready = append(ready, i)
		}
	}
	for len(ready) > 0 {
		k := rnd.IntN(len(ready))
		i := ready[k]
		ready[k] = ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		order = append(order, i)
		for _, c := range children[i] {
			if waits[c]--; waits[c] == 0 {
				ready = append(ready, c)
			}
		}
	}
	return order
}

// answers is all that a Log says.
func answers(l *Log, ids []crdt.ChangeID) string {
	var b strings.Builder
	now, ok := l.Time()
	fmt.Fprintf(&b, "time %d %v, heads %x, outside %d\n", now, ok, l.Heads(), l.Outside())
	for _, pair := range l.terms.Pairs {
		for _, at := range []int64{-1, now - 7000, now + 3000} {
			for _, s := range Strategies() {
				p, err := l.PriceBy(s, pair.Name, max(-1, at))
				fmt.Fprintf(&b, "%+v %v\n", p, err)
				if q, err := l.terms.PriceOf(s, pair.Name, p.At, l.VotesFor(s, pair.Name, p.At), l.Heads()); err != nil || q != p {
					fmt.Fprintf(&b, "by votes: %+v %v\n", q, err)
				}
			}
			fmt.Fprintf(&b, "%+v\n", l.Votes(pair.Name, max(-1, at)))
		}
	}
	fmt.Fprintf(&b, "%+v\n", l.Oracles())
	for _, f := range l.Findings() {
		fmt.Fprintf(&b, "%+v\n", f)
	}
	for _, id := range ids {
		in, ok := l.Inspect(id)
		fmt.Fprintf(&b, "%v %+v %v\n", id, in, ok)
	}
	return b.String()
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("got\n%s\nwant\n%s", x[i], y[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(x), len(y))
}

// eachSeed calls f with seeds from 0 on, a quarter as many under -short. A failure names
// the seed; TALLYSTICK_SEEDS says how many else.
func eachSeed(t *testing.T, n int, f func(t *testing.T, seed uint64)) {
	t.Helper()
	if testing.Short() {
		n /= 4
	}
	if s := os.Getenv("TALLYSTICK_SEEDS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	for seed := range uint64(n) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) { f(t, seed) })
	}
}

// Whatever the order of arrival, and whatever was asked on the way, a Log says the same.
func TestLogOrder(t *testing.T) {
	t.Parallel()
	forks, prices := 0, 0
	eachSeed(t, 40, func(rt *testing.T, seed uint64) {
		h := newHistory(t, seed, 1+int(seed*7%120))
		var ids []crdt.ChangeID
		for i := range h.changes {
			ids = append(ids, h.changes[i].ID)
		}
		inOrder := NewLog(h.terms)
		for i := range h.changes {
			inOrder.Add(h.changes[i])
		}
		want := answers(inOrder, ids)
		if strings.Contains(want, "by votes") {
			rt.Fatal("PriceOf differs from PriceBy: " + want[strings.Index(want, "by votes"):][:300])
		}
		rnd := rand.New(rand.NewPCG(seed, 7))
		for range 3 {
			l := NewLog(h.terms)
			for _, i := range h.shuffled(rnd) {
				l.Add(h.changes[i])
				switch rnd.IntN(12) {
				case 0:
					answers(l, nil)
				case 1:
					l.Add(h.changes[i]) // again
				}
			}
			if got := answers(l, ids); got != want {
				rt.Fatal(firstDifference(got, want))
			}
		}
		for o := range h.terms.Oracles {
			if got := inOrder.chains[o].convicted; got != h.forked[o] {
				rt.Fatalf("oracle %d convicted: %v, want %v", o, got, h.forked[o])
			}
			if h.forked[o] {
				forks++
			}
		}
		prices += strings.Count(want, "Status:ok")
	})
	if forks == 0 || prices == 0 {
		t.Fatalf("%d forks, %d prices: the test of them is none", forks, prices)
	}
}

// Clocks are exactly what the ancestors are, across forks too, read back from any age.
func TestClocks(t *testing.T) {
	t.Parallel()
	eachSeed(t, 30, func(rt *testing.T, seed uint64) {
		h := newHistory(t, seed, 1+int(seed*11%300))
		order := h.shuffled(rand.New(rand.NewPCG(seed, 9)))
		l := NewLog(h.terms)
		for _, i := range order {
			l.Add(h.changes[i])
		}
		ancestors := make([]map[int]bool, len(h.changes))
		seq, maxT := make([]uint32, len(h.changes)), make([]int64, len(h.changes))
		for i, ps := range h.parents {
			c := &h.changes[i]
			ancestors[i] = map[int]bool{}
			seq[i], maxT[i] = 1, noTime
			for _, p := range ps {
				ancestors[i][p] = true
				for a := range ancestors[p] {
					ancestors[i][a] = true
				}
				if h.changes[p].ID == c.Prev {
					seq[i], maxT[i] = seq[p]+1, maxT[p]
				}
			}
			for _, literal := range c.Body {
				if a, err := ParseAttestation(literal); err == nil && a.Pair != "no/pair" {
					maxT[i] = max(maxT[i], a.T)
				}
			}
		}
		got := make(clock, len(h.terms.Oracles))
		for i := range h.changes {
			n, _ := l.find(&h.changes[i].ID)
			l.clockOf(n, got)
			var times []int64
			for o, author := range h.terms.Oracles {
				best := -1
				for a := range ancestors[i] {
					if h.changes[a].Author == author && (best < 0 || seq[a] > seq[best] ||
						seq[a] == seq[best] && bytes.Compare(h.changes[a].ID[:], h.changes[best].ID[:]) > 0) {
						best = a
					}
				}
				if best < 0 {
					if got[o] != 0 {
						rt.Fatalf("change %d: oracle %d is no ancestor", i, o)
					}
					times = append(times, noTime)
					continue
				}
				if got[o] == 0 || l.node(l.chains[o].nodes[got[o]-1]).id != h.changes[best].ID {
					rt.Fatalf("change %d, oracle %d: not the newest ancestor", i, o)
				}
				times = append(times, maxT[best])
			}
			slices.Sort(times)
			if want := times[(len(times)-1)/2]; l.node(n).seen != want {
				rt.Fatalf("change %d: its ancestors' time is %d, want %d", i, l.node(n).seen, want)
			}
		}
	})
}

// Evidence from elsewhere comes to the same before, between and after.
func TestConvictAnytime(t *testing.T) {
	t.Parallel()
	eachSeed(t, 30, func(rt *testing.T, seed uint64) {
		h := newHistory(t, seed, 40)
		fork := crdt.Fork{Author: h.terms.Oracles[int(seed)%len(h.terms.Oracles)], A: crdt.ChangeID{1}, B: crdt.ChangeID{2}}
		var want string
		for _, at := range []int{0, 20, 40} {
			l := NewLog(h.terms)
			for i := range h.changes {
				if i == at {
					l.Convict(fork)
				}
				l.Add(h.changes[i])
			}
			l.Convict(fork)
			got := answers(l, nil)
			if want == "" {
				want = got
			} else if got != want {
				rt.Fatal(firstDifference(got, want))
			}
		}
	})
}

// lowerOf finds what sorting finds.
func TestLowerOf(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Int64Range(-5, 40), 1, 128).Draw(t, "x")
		k := rapid.IntRange(0, len(x)-1).Draw(t, "k")
		sorted := slices.Clone(x)
		slices.Sort(sorted)
		if got := lowerOf(slices.Clone(x), k); got != sorted[k] {
			t.Fatalf("got %d, want %d", got, sorted[k])
		}
	})
}

// Real replicas that get the same packs in any order, seen at any time, say the same; an
// author who is two-faced is convicted on all of them.
func TestReplicasAgree(t *testing.T) {
	t.Parallel()
	terms := testTerms(t, 5, []string{"A/B"}, func(p *Policy) { p.VoteK = 3 })
	c, err := NewCharter("test", nil, terms)
	if err != nil {
		t.Fatal(err)
	}
	checker := crdt.NewChecker(c)
	replica := func() *crdt.Replica {
		r, err := crdt.NewReplica(c)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	var packs [][]byte
	rnd := rand.New(rand.NewPCG(1, 2))
	receive := func(r *crdt.Replica, frame []byte) {
		pack, err := checker.Check(frame, nil)
		if err != nil {
			t.Fatal(err)
		}
		if out := r.Receive(pack, 1, time.Time{}); out.Err != nil {
			t.Fatal(out.Err)
		}
	}
	// Each author has a replica of its own; the sixth is the second face of author 2.
	nodes := make([]*crdt.Replica, 6)
	got := make([]int, 6) // packs
	for i := range nodes {
		nodes[i] = replica()
	}
	for round := range 30 {
		for i, r := range nodes {
			if i == 5 && round < 10 {
				continue
			}
			for ; got[i] < len(packs) && rnd.IntN(6) > 0; got[i]++ {
				if i != 5 || rnd.IntN(3) > 0 {
					receive(r, packs[got[i]])
				}
			}
			author := i
			if i == 5 {
				author = 2
			}
			w, err := r.Writer(keyOf(author))
			if err != nil {
				t.Fatal(err)
			}
			from := r.Signed()
			if r.View().Forked(w.Author()) {
				continue // it has met its other face: an honest program writes no more
			}
			if _, err := w.Change(0, func(tx *crdt.Tx) error {
				_, err := tx.Append(literal(t, Attestation{Pair: "A/B", Price: 1000 + int64(i), T: int64(1_000_000 + round*1000 + i)}))
				return err
			}); err != nil {
				t.Fatal(err)
			}
			w.Sign()
			frame, _ := r.PackFrom(from, nil)
			packs = append(packs, frame)
		}
	}
	var want string
	for range 4 {
		r := replica()
		l := NewLog(terms)
		for _, k := range rnd.Perm(len(packs)) {
			receive(r, packs[k])
			if rnd.IntN(10) == 0 {
				l.Update(r.View())
			}
		}
		v := r.View()
		if v.Changes() != len(packs) {
			t.Fatalf("%d changes of %d", v.Changes(), len(packs))
		}
		l.Update(v)
		if l.Update(v) {
			t.Error("an Update from the same View changed something")
		}
		if l.Heads() != v.LogDigest() {
			t.Error("the digest of heads is not the replica's")
		}
		var ids []crdt.ChangeID
		for i := range v.Changes() {
			ids = append(ids, v.ChangeAt(i).ID)
		}
		slices.SortFunc(ids, func(a, b crdt.ChangeID) int { return bytes.Compare(a[:], b[:]) })
		s := answers(l, ids)
		if want == "" {
			want = s
			p, err := l.Price("A/B", -1)
			o, _ := terms.Oracle(authorOf(2))
			if err != nil || p.Convicted != 1 || p.F != 0 || p.Votes != 4 || !l.Oracles()[o].Convicted {
				t.Fatalf("%+v %v", p, err)
			}
		} else if s != want {
			t.Fatal(firstDifference(s, want))
		}
	}
}
