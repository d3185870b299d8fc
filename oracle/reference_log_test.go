package oracle

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"pgregory.net/rapid"
)

// manners are how an oracle of a random log behaves.
type manner int

const (
	honest   manner = iota
	drifts          // a little above, always
	lies            // far above
	copies          // what it sees of another, in the same slot
	sticks          // one price
	ahead           // clock fast
	behind          // clock slow
	backward        // t to and fro
	floods
	garbage // ops of all broken kinds
	silent
	forks
	blinds   // links nobody
	extremes // greatest and least numbers
	manners
)

// A drawnRoom draws a random log: rounds in which each oracle does what its manner says, with
// parts of the network cut off from each other, and readers that see late.
type drawnRoom struct {
	t       *rapid.T
	terms   Terms
	manner  []manner
	changes []Change
	known   [][]int // by writer: numbers of changes it has
	tip     []int   // by writer: of its chain, −1
	price   int64
	said    []map[string]int64 // by writer: t of the pair said last
	nonces  map[string][NonceBytes]byte
}

func drawRoom(t *rapid.T, base Terms, n, rounds int) *drawnRoom {
	r := &drawnRoom{t: t, terms: base, price: 250_000_000_000, nonces: map[string][NonceBytes]byte{}}
	r.price = rapid.SampledFrom([]int64{250_000_000_000, 250_000_000_000, 1000, 3, 5e17}).Draw(t, "price")
	p := &r.terms.Policy
	p.VoteK = rapid.IntRange(1, 6).Draw(t, "vote_k")
	p.SlotMS = rapid.SampledFrom([]int64{1000, 1000, 700, 4000}).Draw(t, "slot")
	p.MaxAgeMS = rapid.Int64Range(1000, 12_000).Draw(t, "max_age")
	p.VoteSpanMS = rapid.Int64Range(500, 10_000).Draw(t, "vote_span")
	p.SkewMaxMS = rapid.Int64Range(0, 3000).Draw(t, "skew")
	p.LateMaxMS = rapid.Int64Range(0, 6000).Draw(t, "late")
	p.Fence = rapid.Int64Range(1, 3).Draw(t, "fence")
	p.FenceFloor = rapid.SampledFrom([]int64{0, 1000}).Draw(t, "floor")
	p.FloodMax = rapid.IntRange(1, 3).Draw(t, "flood_max")
	p.CommitReveal = rapid.IntRange(0, 4).Draw(t, "reveal") == 0
	r.terms.Oracles = base.Oracles[:n]
	writers := n + 1
	for i := range writers {
		m := honest
		if rapid.IntRange(0, 2).Draw(t, fmt.Sprint("liar", i)) == 0 {
			m = manner(rapid.IntRange(0, int(manners)-1).Draw(t, fmt.Sprint("manner", i)))
		}
		r.manner = append(r.manner, m)
		r.known = append(r.known, nil)
		r.tip = append(r.tip, -1)
		r.said = append(r.said, map[string]int64{})
	}
	now := int64(1_000_000)
	cut, group := 0, make([]int, writers)
	for round := range rounds {
		now += p.SlotMS
		if cut--; cut < 0 && rapid.IntRange(0, 9).Draw(t, "cut") == 0 {
			cut = rapid.IntRange(1, 8).Draw(t, "rounds cut")
			for i := range group {
				group[i] = rapid.IntRange(0, 1).Draw(t, "group")
			}
		}
		if cut < 0 {
			clear(group)
		}
		r.price += r.price / 1000 * int64(rapid.IntRange(-3, 3).Draw(t, "move"))
		order := rapid.Permutation(slices.Collect(func(yield func(int) bool) {
			for i := range writers {
				if !yield(i) {
					return
				}
			}
		})).Draw(t, "order")
		for _, w := range order {
			if w == n && round%4 != 0 {
				continue
			}
			first := len(r.changes)
			r.act(w, now)
			for c := first; c < len(r.changes); c++ {
				for o := range writers {
					if o == w || group[o] == group[w] {
						r.known[o] = append(r.known[o], c)
					}
				}
			}
			if cut < 0 { // healed: everybody has everything
				for o := range writers {
					r.known[o] = r.known[o][:0]
					for c := range r.changes {
						r.known[o] = append(r.known[o], c)
					}
				}
			}
		}
	}
	return r
}

func (r *drawnRoom) author(w int) crdt.Author {
	if w < len(r.terms.Oracles) {
		return r.terms.Oracles[w]
	}
	return crdt.Author{0xee}
}

// write adds a change of w after prev (−1: the first) and returns its number.
func (r *drawnRoom) write(w, prev int, blind bool, body ...crdt.Literal) int {
	c := Change{Author: r.author(w), Seq: 1, Body: body, ID: crdt.ChangeID(sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(len(r.changes)))))}
	if prev >= 0 {
		c.Prev, c.Seq = r.changes[prev].ID, r.changes[prev].Seq+1
	}
	if !blind {
		newest := map[crdt.Author]int{}
		for _, k := range r.known[w] {
			if r.changes[k].Author != c.Author {
				newest[r.changes[k].Author] = k
			}
		}
		for _, k := range slices.Sorted(maps.Values(newest)) {
			if rapid.IntRange(0, 9).Draw(r.t, "link") > 0 {
				c.Links = append(c.Links, r.changes[k].ID)
			}
		}
		slices.SortFunc(c.Links, compareIDs)
	}
	if len(body) == 0 && rapid.IntRange(0, 3).Draw(r.t, "broken") == 0 {
		c.Broken = true
	}
	r.changes = append(r.changes, c)
	return len(r.changes) - 1
}

func (r *drawnRoom) act(w int, now int64) {
	t := r.t
	m := r.manner[w]
	if m == silent || rapid.IntRange(0, 11).Draw(t, "idle") == 0 {
		return
	}
	price := max(1, r.price+r.price/1000*int64(rapid.IntRange(-1, 1).Draw(t, "noise")))
	at := now + int64(rapid.IntRange(0, 300).Draw(t, "jitter"))
	times := 1
	switch m {
	case drifts:
		price += price / 100
	case lies:
		price += price / 5
	case sticks:
		price = 250_000_000_000
	case ahead:
		at += int64(rapid.IntRange(0, 20_000).Draw(t, "fast"))
	case behind:
		at -= int64(rapid.IntRange(0, 20_000).Draw(t, "slow"))
	case backward:
		at += int64(rapid.IntRange(-3000, 3000).Draw(t, "to and fro"))
	case floods:
		times = rapid.IntRange(1, 6).Draw(t, "times")
	case extremes:
		price = rapid.SampledFrom([]int64{1, MaxPrice}).Draw(t, "extreme price")
		if rapid.IntRange(0, 9).Draw(t, "far") == 0 {
			at = rapid.SampledFrom([]int64{0, MaxTimeMS}).Draw(t, "extreme t")
		}
	}
	var body []crdt.Literal
	for _, pair := range r.terms.Pairs {
		if rapid.IntRange(0, 7).Draw(t, "skip") == 0 {
			continue
		}
		if m == copies {
			for _, k := range r.known[w] { // the newest that it has
				for _, l := range r.changes[k].Body {
					if a, err := ParseAttestation(l); err == nil && r.changes[k].Author != r.author(w) && a.Pair == pair.Name {
						price = a.Price
					}
				}
			}
		}
		for range times {
			body = append(body, r.attest(w, pair.Name, price, at, len(body))...)
		}
	}
	if m == garbage && rapid.Bool().Draw(t, "break") {
		body = append(body, r.broken(at)...)
	}
	prev := r.tip[w]
	r.tip[w] = r.write(w, prev, m == blinds, body...)
	if m == forks && rapid.IntRange(0, 5).Draw(t, "fork") == 0 {
		twin := r.write(w, prev, false, body...)
		if rapid.Bool().Draw(t, "other branch") {
			r.tip[w] = twin
		}
	}
}

// attest is what an oracle appends to say a price: by commitment, if the room wants it.
func (r *drawnRoom) attest(w int, pair string, price, at int64, k int) (body []crdt.Literal) {
	a := Attestation{Pair: pair, Price: min(price, MaxPrice), T: min(max(at, 0), MaxTimeMS), Spread: min(price/1000, MaxPrice)}
	if r.terms.Policy.CommitReveal {
		slot := a.T / r.terms.Policy.SlotMS
		key := func(slot int64) string { return fmt.Sprint(w, pair, slot) }
		// Of the slot before, whose price is its number so that nobody has to keep it.
		if n, ok := r.nonces[key(slot-1)]; ok && rapid.IntRange(0, 9).Draw(r.t, "hide") > 0 {
			old := a
			old.T, old.Price = (slot-1)*r.terms.Policy.SlotMS, 1000+slot%7
			old.Flags, old.Nonce = FlagRevealed, n[:]
			body = append(body, must(old.Encode()))
		}
		n := [NonceBytes]byte{byte(k), byte(slot)}
		c := Commit(r.terms.Room, r.author(w), pair, slot, 1000+(slot+1)%7, n)
		if rapid.IntRange(0, 9).Draw(r.t, "false") == 0 {
			c.Commit[0]++
		}
		r.nonces[key(slot)] = n
		return append(body, must(c.Encode()))
	}
	if rapid.IntRange(0, 19).Draw(r.t, "reveals for nothing") == 0 {
		a.Flags, a.Nonce = FlagRevealed, make([]byte, NonceBytes)
	}
	return append(body, must(a.Encode()))
}

// broken are literals that break a rule.
func (r *drawnRoom) broken(at int64) (body []crdt.Literal) {
	value := func(change func(m map[string]any)) crdt.Literal {
		m := map[string]any{"pair": r.terms.Pairs[0].Name, "price": int64(5), "t": at}
		change(m)
		return must(crdt.EncodeLiteral(m))
	}
	set := func(key string, v any) crdt.Literal { return value(func(m map[string]any) { m[key] = v }) }
	all := []crdt.Literal{
		must(crdt.EncodeLiteral(7)), must(crdt.EncodeLiteral(map[string]any{})), must(crdt.EncodeLiteral([]any{})),
		set("price", int64(0)), set("price", int64(-1)), set("price", int64(MaxPrice+1)), set("price", "5"), set("price", 1.5),
		set("t", int64(-1)), set("t", int64(MaxTimeMS+1)), set("t", int64(1<<63-1)), set("t", nil),
		set("pair", "NO/PAIR"), set("pair", ""), set("pair", 3), set("pair", []byte("BTC/USD")),
		set("spread", int64(-1)), set("spread", int64(0)), set("flags", int64(16)), set("flags", int64(0)), set("flags", int64(-1)),
		set("flags", int64(8)), set("nonce", make([]byte, 16)), set("nonce", []byte{}), set("nonce", make([]byte, 3)),
		set("src", []any{}), set("src", []any{7}), set("src", slices.Repeat([]any{map[string]any{"name": "x", "price": int64(1), "t": int64(1)}}, MaxSources+1)),
		set("src", []any{map[string]any{"name": "", "price": int64(1), "t": int64(1)}}), set("src", []any{map[string]any{"name": "x", "price": int64(1), "t": int64(1), "volume": "1e5"}}),
		set("src", []any{map[string]any{"name": "x", "price": int64(1), "t": int64(1), "digest": make([]byte, 31)}}), set("confidence", int64(99)),
		must(Commitment{Pair: r.terms.Pairs[0].Name, Slot: at / r.terms.Policy.SlotMS}.encoded()),
		value(func(m map[string]any) { delete(m, "t") }), value(func(m map[string]any) { m["spread"], m["price"] = int64(1<<62), int64(-5) }),
	}
	for range rapid.IntRange(1, 3).Draw(r.t, "how many") {
		body = append(body, rapid.SampledFrom(all).Draw(r.t, "literal"))
	}
	return body
}

func (c Commitment) encoded() (crdt.Literal, error) { return c.Encode() }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// arrive is an order in which the changes can arrive: parents first. One writer's may all come
// as late as they can.
func (r *drawnRoom) arrive(name string) []Change {
	last := r.author(rapid.IntRange(0, len(r.manner)).Draw(r.t, name+" last"))
	index := map[crdt.ChangeID]int{}
	for i := range r.changes {
		index[r.changes[i].ID] = i
	}
	waits := make([]int, len(r.changes))
	children := make([][]int, len(r.changes))
	var ready, late []int
	release := func(i int) {
		if r.changes[i].Author == last {
			late = append(late, i)
		} else {
			ready = append(ready, i)
		}
	}
	for i, c := range r.changes {
		for _, p := range append([]crdt.ChangeID{c.Prev}, c.Links...) {
			if k, ok := index[p]; ok {
				waits[i]++
				children[k] = append(children[k], i)
			}
		}
		if waits[i] == 0 {
			release(i)
		}
	}
	seed := rapid.Uint64().Draw(r.t, name)
	var order []Change
	for len(ready)+len(late) > 0 {
		from := &ready
		if len(ready) == 0 {
			from = &late
		}
		seed = seed*6364136223846793005 + 1442695040888963407
		k := int(seed>>33) % len(*from)
		i := (*from)[k]
		*from = slices.Delete(*from, k, k+1)
		order = append(order, r.changes[i])
		for _, c := range children[i] {
			if waits[c]--; waits[c] == 0 {
				release(c)
			}
		}
	}
	return order
}

// compare holds everything that l says against the reference.
func compareLog(t *rapid.T, l *Log, ref *reference, ats []int64) {
	now := ref.time()
	ms, ok := l.Time()
	if ok != (now != never) || ok && ms != now {
		t.Fatalf("log time %d %v, want %d", ms, ok, now)
	}
	for p, pair := range ref.terms.Pairs {
		for _, at := range ats {
			for _, s := range Strategies() {
				want := ref.price(s, p, at)
				got, err := l.PriceBy(s, pair.Name, at)
				if err != nil {
					t.Fatal(err)
				}
				if got.Digest != got.Sum() || got.Heads != l.Heads() {
					t.Fatal("digest")
				}
				got.Digest, got.Heads = [32]byte{}, [32]byte{}
				if got != want {
					t.Fatalf("%v %s at %d:\n got %+v\nwant %+v", s, pair.Name, at, got, want)
				}
			}
			scores := ref.scores(p, at)
			for o, v := range l.Votes(pair.Name, at) {
				want := ref.vote(p, o, at)
				if want.State == Voted {
					want.Weight = 500_000 + scores[o]/2
				}
				if !reflect.DeepEqual(v, want) {
					t.Fatalf("vote on %s at %d:\n got %+v\nwant %+v", pair.Name, at, v, want)
				}
			}
		}
	}
	for o, s := range l.Oracles() {
		compareStanding(t, s, ref, o, now)
	}
	got, want := l.Findings(), ref.findings()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !reflect.DeepEqual(got[i], want[i]) {
			type plain Finding // without String
			show := func(all []Finding) string {
				if i >= len(all) {
					return "none"
				}
				return fmt.Sprintf("%+v", plain(all[i]))
			}
			t.Fatalf("finding %d of %d, want %d:\n got %s\nwant %s", i, len(got), len(want), show(got), show(want))
		}
	}
}

func compareStanding(t *rapid.T, s Standing, ref *reference, o int, now int64) {
	want := Standing{Oracle: o, Author: ref.terms.Oracles[o], Convicted: ref.guilty[o], Void: s.Void}
	var void Voids
	for _, c := range ref.changes {
		if c.oracle != o {
			continue
		}
		want.Changes++
		if t := c.newestT(); t != never {
			want.Newest, want.Spoke = max(want.Newest, t), true
		}
		for _, op := range c.ops {
			if op.timed {
				want.Flags |= op.flags
			}
			good := op.commitment && op.reason == NotVoid
			if op.commitment && !op.reason.ofBytes() && ref.terms.Policy.CommitReveal {
				want.Commits++
			} else {
				want.Sent++
			}
			if op.reason != NotVoid && (!ref.guilty[o] || op.reason.ofBytes()) {
				void[op.reason]++
			}
			if ref.guilty[o] || op.reason != NotVoid || good {
				continue
			}
			want.Accepted++
			if op.late {
				want.Late++
			}
			if ref.early(op) {
				want.Early++
			}
		}
	}
	for p := range ref.terms.Pairs {
		want.Score = append(want.Score, ref.scores(p, now)[o])
	}
	want.Least = slices.Min(want.Score)
	if void != s.Void || !reflect.DeepEqual(s, want) {
		t.Fatalf("standing:\n got %+v\nwant %+v, void %v", s, want, void)
	}
}

// referenceTerms are those of seven keys and two pairs; a room takes some of them.
func referenceTerms(t *testing.T) Terms {
	return testTerms(t, 7, []string{"BTC/USD", "ETH/USD"}, nil)
}

// What the Log says of any changes, in any order, however often it was asked between, is
// what the specification says of the set of them.
func TestLogIsTheReference(t *testing.T) {
	t.Parallel()
	base := referenceTerms(t)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{1, 3, 4, 4, 5, 7}).Draw(t, "n")
		terms := base
		terms.Pairs = base.Pairs[:rapid.IntRange(1, 2).Draw(t, "pairs")]
		r := drawRoom(t, terms, n, rapid.IntRange(1, 12).Draw(t, "rounds"))
		checkRoom(t, r)
	})
}

// The same of logs that are long enough for every rule of detection.
func TestLongLogIsTheReference(t *testing.T) {
	t.Parallel()
	base := referenceTerms(t)
	base.Pairs = base.Pairs[:1]
	rapid.Check(t, func(t *rapid.T) {
		if rapid.IntRange(0, 3).Draw(t, "some of all") > 0 {
			return // such a log takes as long as ten of the others
		}
		r := drawRoom(t, base, 4, rapid.IntRange(30, 50).Draw(t, "rounds"))
		checkRoom(t, r)
	})
}

func checkRoom(t *rapid.T, r *drawnRoom) {
	var evidence []crdt.Fork
	if rapid.IntRange(0, 7).Draw(t, "evidence") == 0 {
		w := rapid.IntRange(0, len(r.manner)-1).Draw(t, "of")
		evidence = append(evidence, crdt.Fork{Author: r.author(w), A: crdt.ChangeID{9}, B: crdt.ChangeID{8}})
	}
	ref := newReference(r.terms, r.changes, evidence)
	now := max(0, ref.time())
	ats := []int64{now, max(0, now-int64(rapid.IntRange(0, 20_000).Draw(t, "back"))), min(MaxTimeMS, now+int64(rapid.IntRange(0, 20_000).Draw(t, "forth")))}
	for _, name := range []string{"order", "other order"} {
		l := NewLog(r.terms)
		order := r.arrive(name)
		ask := rapid.IntRange(1, len(order)+1).Draw(t, name+" asked every")
		half := rapid.IntRange(0, len(order)).Draw(t, name+" half")
		when := rapid.IntRange(0, len(order)).Draw(t, name+" evidence")
		for i, c := range order {
			if i == when && len(evidence) > 0 {
				l.Convict(evidence[0])
			}
			l.Add(c)
			if i%ask == ask-1 { // what was answered before must not matter
				l.Findings()
				l.PriceBy(Weighted, r.terms.Pairs[0].Name, -1)
			}
			if i == half && name == "order" && len(evidence) == 0 {
				part := newReference(r.terms, order[:i+1], nil)
				compareLog(t, l, part, []int64{max(0, part.time())})
			}
		}
		if len(evidence) > 0 {
			l.Convict(evidence[0])
		}
		compareLog(t, l, ref, ats)
	}
}
