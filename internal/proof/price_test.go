package proof

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
	"github.com/tallystick/tallystick/oracle"
)

const begin = 1_790_000_000_000 // Unix ms, when the rooms of these tests begin

// priced is a room of oracles in one replica.
type priced struct {
	r       *crdt.Replica
	keys    []ed25519.PrivateKey // by oracle
	writers []*crdt.Writer
}

func pricedRoom(n int, change func(*oracle.Policy)) crdt.Charter {
	t := oracle.Terms{Policy: oracle.DefaultPolicy(), Pairs: []oracle.Pair{{Name: "BTC/USD", Expo: -2}, {Name: "ETH/USD", Expo: -8}}}
	t.Policy.VoteK = 2
	if change != nil {
		change(&t.Policy)
	}
	for _, k := range oracleKeys(n) {
		t.Oracles = append(t.Oracles, crdt.Author(k[32:]))
	}
	return must(oracle.NewCharter("prices", nil, t))
}

// oracleKeys are those of n oracles, by number.
func oracleKeys(n int) (keys []ed25519.PrivateKey) {
	for i := range n {
		keys = append(keys, key(fmt.Sprintf("oracle %d", i)))
	}
	slices.SortFunc(keys, func(a, b ed25519.PrivateKey) int { return bytes.Compare(a[32:], b[32:]) })
	return keys
}

func newPriced(c crdt.Charter, n int) *priced {
	p := &priced{r: must(crdt.NewReplica(c)), keys: oracleKeys(n)}
	for _, k := range p.keys {
		p.writers = append(p.writers, must(p.r.Writer(k)))
	}
	return p
}

// say has an oracle say prices, in one change that it signs.
func (p *priced) say(o int, all ...oracle.Attestation) {
	must(p.writers[o].Change(begin/1000, func(tx *crdt.Tx) error {
		for i := range all {
			if _, err := tx.Append(must(all[i].Encode())); err != nil {
				return err
			}
		}
		return nil
	}))
	p.writers[o].Sign()
}

func eth(second int, price int64) oracle.Attestation {
	return oracle.Attestation{Pair: "ETH/USD", Price: price, T: begin + int64(second)*1000}
}

// gives has to accept what from holds.
func gives(from, to *crdt.Replica) {
	c := crdt.NewChecker(from.Charter())
	for i := 0; i < from.Signed(); {
		var frame []byte
		frame, i = from.PackFrom(i, nil)
		if out := to.Receive(must(c.Check(frame, nil)), 1, time.Time{}); out.Err != nil {
			panic(out.Err)
		}
	}
}

// fourOracles is a small room: three are of one mind, the last lies.
func fourOracles() *priced {
	p := newPriced(pricedRoom(4, nil), 4)
	for second := range 3 {
		for o := range 4 {
			price := int64(2_500_00000000 + 100*o + second)
			if o == 3 {
				price *= 2
			}
			p.say(o, eth(second, price))
		}
	}
	return p
}

// convictedRoom is fourOracles with one that is two-faced.
func convictedRoom() *priced {
	p, other := fourOracles(), newPriced(pricedRoom(4, nil), 4)
	other.say(3, eth(1, 77))
	gives(other.r, p.r)
	return p
}

// logOf is what the replica says.
func logOf(r *crdt.Replica) *oracle.Log {
	l := oracle.NewLog(must(oracle.ParseTerms(r.Charter())))
	l.Update(r.View())
	return l
}

// TestPrice: the proof gives the very price of the log, by the votes of the log, and says who signed what of it.
func TestPrice(t *testing.T) {
	t.Parallel()
	p := fourOracles()
	b := must(AppendPrice([]byte("front"), p.r, "ETH/USD", -1))
	s, err := Check(bytes.TrimPrefix(b, []byte("front")))
	if err != nil {
		t.Fatal(err)
	}
	l := logOf(p.r)
	want := must(l.Price("ETH/USD", -1))
	if s.Price.Price != want || want.Price != 2_500_00000151 || want.Heads != p.r.LogDigest() {
		t.Errorf("got %+v, want %+v", s.Price.Price, want)
	}
	if s.Kind != KindPrice || s.RoomID != p.r.Room() || *s.Room != "prices" || s.Price.Heads != 1 || len(s.Keys) != 4 {
		t.Errorf("says %+v", s)
	}
	for o, v := range l.Votes("ETH/USD", -1) {
		got := s.Price.Votes[o]
		if !reflect.DeepEqual(got.Vote, v) || !got.InLog || got.Shown < 2 || got.Hashed > 0 || s.Keys[o] != v.Author {
			t.Errorf("oracle %d: got %+v, want %+v", o, got, v)
		}
	}
	if !strings.Contains(s.Proved, "2500.00000101 to 2500.00000201") || !strings.Contains(strings.Join(s.NotProved, "\n"), "that nothing was left out") {
		t.Errorf("says %q, not %q", s.Proved, s.NotProved)
	}
	s = must(Check(must(AppendPrice(nil, p.r, "BTC/USD", -1))))
	if s.Price.Price.Status != oracle.Insufficient || len(s.Keys) != 4 || !strings.Contains(s.Proved, "gives no price: of 4 oracles, 0 votes, and it takes 3") {
		t.Errorf("of what nobody spoke: %+v", s)
	}
}

// Who is two-faced is convicted by evidence in the file, and nothing else is told of it.
func TestPriceConvicted(t *testing.T) {
	t.Parallel()
	p := convictedRoom()
	s := must(Check(must(AppendPrice(nil, p.r, "ETH/USD", -1))))
	want := must(logOf(p.r).Price("ETH/USD", -1))
	if s.Price.Price != want || want.Convicted != 1 || want.F != 0 || want.Votes != 3 || s.Price.Votes[3].State != oracle.Convicted || s.Price.Votes[3].Shown > 0 || len(s.Keys) != 4 {
		t.Errorf("got %+v", s.Price)
	}
}

// TestPriceLongAgo: of what was said long after the votes there are hashes alone.
func TestPriceLongAgo(t *testing.T) {
	t.Parallel()
	p := newPriced(pricedRoom(4, nil), 4)
	for second := range maxOpenTail + 20 {
		for o := range 4 {
			p.say(o, eth(second, int64(1000+second)))
		}
	}
	at := int64(begin + 5000)
	b := must(AppendPrice(nil, p.r, "ETH/USD", at))
	s := must(Check(b))
	if want := must(logOf(p.r).Price("ETH/USD", at)); s.Price.Price != want || want.Price != 1004 && want.Price != 1006 {
		t.Errorf("got %+v, want %+v", s.Price.Price, want)
	}
	for o, v := range s.Price.Votes {
		if v.Hashed == 0 { // and the links that lead to the others are among what is hidden
			t.Errorf("oracle %d: %+v", o, v)
		}
	}
	if !strings.Contains(strings.Join(s.NotProved, "\n"), "what oracle 0 said later: of ") || len(b) > 60_000 {
		t.Errorf("%d bytes; not proved: %q", len(b), s.NotProved)
	}
}

// TestPriceWidens: what counts may depend on what was said long before: as much is shown as is needed.
func TestPriceWidens(t *testing.T) {
	t.Parallel()
	p := newPriced(pricedRoom(4, func(policy *oracle.Policy) { policy.FloodMax = 3 }), 4)
	for o := range 4 {
		p.say(o, eth(9, 1000))
		p.say(o, eth(10, 2000))
	}
	for i := range 50 { // of which three count, and those that go back none
		p.say(0, eth(10, int64(3000+i)))
		p.say(1, eth(8, int64(4000+i)))
	}
	s := must(Check(must(AppendPrice(nil, p.r, "ETH/USD", -1))))
	if want := must(logOf(p.r).Price("ETH/USD", -1)); s.Price.Price != want {
		t.Errorf("got %+v, want %+v", s.Price.Price, want)
	}
}

func TestPriceRefuses(t *testing.T) {
	t.Parallel()
	p := fourOracles()
	if _, err := AppendPrice(nil, p.r, "DOGE/USD", -1); !errors.Is(err, oracle.ErrPair) {
		t.Errorf("no such pair: %v", err)
	}
	if _, err := AppendPrice(nil, forked(lunch, true), "ETH/USD", -1); !errors.Is(err, oracle.ErrTerms) {
		t.Errorf("a ledger: %v", err)
	}
	weighted := newPriced(pricedRoom(4, func(policy *oracle.Policy) { policy.Strategy = oracle.Weighted }), 4)
	weighted.say(0, eth(1, 1))
	if _, err := AppendPrice(nil, weighted.r, "ETH/USD", -1); !errors.Is(err, ErrUnprovable) {
		t.Errorf("weighted: %v", err)
	}
	if s, err := Check(must(AppendPrice(nil, newPriced(pricedRoom(4, nil), 4).r, "ETH/USD", -1))); err != nil || s.Price.Price.Status != oracle.Insufficient || s.Price.Heads != 0 {
		t.Errorf("nobody has spoken: %v, %+v", err, s)
	}
}

// TestPriceRandom: whatever happened in a room, the proof of any price is valid, and gives the price and votes of the log.
func TestPriceRandom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(rt, "oracles")
		charter := pricedRoom(n, func(policy *oracle.Policy) {
			policy.VoteK = rapid.IntRange(1, 6).Draw(rt, "vote_k")
			policy.FloodMax = rapid.IntRange(1, 4).Draw(rt, "flood_max")
			policy.Strategy = rapid.SampledFrom([]oracle.Strategy{oracle.Median, oracle.Fenced, oracle.Hodges}).Draw(rt, "strategy")
		})
		sides := []*priced{newPriced(charter, n), newPriced(charter, n)}
		second := 0
		for range rapid.IntRange(1, 60).Draw(rt, "changes") {
			second += rapid.IntRange(0, 3).Draw(rt, "later")
			side := sides[rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 0, 0, 0, 1}).Draw(rt, "side")] // the other: it forks
			var all []oracle.Attestation
			for range rapid.IntRange(1, 3).Draw(rt, "said") {
				a := eth(second+rapid.SampledFrom([]int{0, 0, 0, 0, 0, -1, -20, 1, 3, 30}).Draw(rt, "skew"), rapid.Int64Range(1, 2000).Draw(rt, "price"))
				if rapid.IntRange(0, 5).Draw(rt, "other") == 0 {
					a.Pair = "BTC/USD"
				}
				a.T = max(a.T, 0)
				all = append(all, a)
			}
			side.say(rapid.IntRange(0, n-1).Draw(rt, "oracle"), all...)
		}
		r := must(crdt.NewReplica(charter))
		gives(sides[0].r, r)
		gives(sides[1].r, r)
		l := logOf(r)
		at := int64(-1)
		if rapid.Bool().Draw(rt, "at") {
			at = begin + 1000*rapid.Int64Range(-5, int64(second)+40).Draw(rt, "second")
		}
		want, err := l.Price("ETH/USD", at)
		if err != nil {
			return // no log time yet
		}
		b, err := AppendPrice(nil, r, "ETH/USD", at)
		if err != nil {
			rt.Fatal(err)
		}
		s, err := Check(b)
		if err != nil {
			rt.Fatal(err)
		}
		if s.Price.Price != want {
			rt.Fatalf("got %+v, want %+v", s.Price.Price, want)
		}
		for o, v := range l.Votes("ETH/USD", at) {
			if got := s.Price.Votes[o]; got.State != v.State || got.Value != v.Value || got.Shown > 0 && !got.InLog && len(r.Forks()) == 0 {
				rt.Fatalf("oracle %d: got %+v, want %+v", o, got, v)
			}
		}
	})
}

// TestEveryByteOfAPrice: a proof of which any byte is another, or any end missing, is refused, with a reason.
func TestEveryByteOfAPrice(t *testing.T) {
	t.Parallel()
	for k, room := range []*priced{fourOracles(), convictedRoom()} {
		valid := must(AppendPrice(nil, room.r, "ETH/USD", -1))
		step := 1 + 4*k // of the second mostly the evidence is new, and that is tried where it is made
		if testing.Short() {
			step += 6
		}
		for at := 0; at < len(valid); at += step {
			b := slices.Clone(valid)
			b[at] ^= 1 << (at % 8)
			if s, err := Check(b); Code(err) == "" {
				t.Fatalf("byte %d of %d flipped: %+v, %v", at, len(valid), s, err)
			}
			if _, err := Check(valid[:at]); Code(err) == "" {
				t.Fatalf("the first %d bytes: %v", at, err)
			}
		}
	}
}

// A price body in parts, to be put together in other ways.
type priceBody struct {
	charter         []byte
	pair            string
	at              int64
	heads, evidence [][]byte
	chains          [][]byte // encoded
	digest          []byte
}

func readPriceBody(file []byte) (p priceBody) {
	f := must(parse(file))
	r := dcbor.NewReader(f.body)
	r.Array()
	p.charter, p.pair, p.at = r.Bytes(), r.Text(), r.Int()
	for range r.Array() {
		p.heads = append(p.heads, r.Bytes())
	}
	for range r.Array() {
		p.evidence = append(p.evidence, r.Bytes())
	}
	for range r.Array() {
		from := r
		r.Skip()
		p.chains = append(p.chains, from.Between(&r))
	}
	p.digest = r.Bytes()
	return p
}

func (p priceBody) file() []byte {
	b := dcbor.AppendArray(nil, 7)
	b = dcbor.AppendBytes(b, p.charter)
	b = dcbor.AppendInt(dcbor.AppendText(b, p.pair), p.at)
	for _, list := range [][][]byte{p.heads, p.evidence} {
		b = dcbor.AppendArray(b, len(list))
		for _, one := range list {
			b = dcbor.AppendBytes(b, one)
		}
	}
	b = dcbor.AppendArray(b, len(p.chains))
	for _, c := range p.chains {
		b = append(b, c...)
	}
	return file{KindPrice, 1, dcbor.AppendBytes(b, p.digest)}.append(nil)
}

// redigested has the digest of what is in it, so that what is wrong besides is found.
func (p priceBody) redigested() []byte {
	if s, err := recompute(must(parse(p.file())).body); err == nil {
		p.digest = s.Price.Price.Digest[:]
	}
	return p.file()
}

// TestPriceParts: a file whose parts do not fit is refused; one that leaves out what was said is valid, and says that this is not
// ruled out: its digest is that of no log.
func TestPriceParts(t *testing.T) {
	t.Parallel()
	room := convictedRoom()
	whole := must(AppendPrice(nil, room.r, "ETH/USD", -1))
	if got := readPriceBody(whole).file(); !bytes.Equal(got, whole) {
		t.Fatal("the parts do not make the whole")
	}
	other := must(Check(must(AppendPrice(nil, fourOracles().r, "ETH/USD", -1))))
	otherParts := readPriceBody(must(AppendPrice(nil, fourOracles().r, "ETH/USD", -1)))
	for name, c := range map[string]struct {
		change func(*priceBody)
		want   string // in the error
	}{
		"digest of another":       {func(p *priceBody) { p.digest = other.Price.Price.Digest[:] }, "gives the digest"},
		"another time":            {func(p *priceBody) { p.at++ }, "gives the digest"},
		"another pair":            {func(p *priceBody) { p.pair = "BTC/USD" }, "gives the digest"},
		"no such pair":            {func(p *priceBody) { p.pair = "DOGE/USD" }, "pair"},
		"time below zero":         {func(p *priceBody) { p.at = -1 }, "at -1"},
		"a head less":             {func(p *priceBody) { p.heads = p.heads[1:] }, "gives the digest"},
		"a head twice":            {func(p *priceBody) { p.heads = append(p.heads, p.heads[len(p.heads)-1]) }, "heads are not sorted"},
		"a chain less":            {func(p *priceBody) { p.chains = p.chains[1:] }, "gives the digest"},
		"a chain twice":           {func(p *priceBody) { p.chains = append(p.chains, p.chains[2]) }, "one each, in order"},
		"chains in another order": {func(p *priceBody) { p.chains[0], p.chains[1] = p.chains[1], p.chains[0] }, "one each, in order"},
		"a chain of who is out":   {func(p *priceBody) { p.chains = append(p.chains, otherParts.chains[3]) }, "one each, in order"},
		"evidence less":           {func(p *priceBody) { p.evidence = nil }, "gives the digest"},
		"evidence twice":          {func(p *priceBody) { p.evidence = append(p.evidence, p.evidence[0]) }, "one each, in order"},
		"evidence of another room": {func(p *priceBody) {
			p.evidence[0] = must(forked(lunch, true).Evidence(ordered(forked(lunch, true).Forks()[0])))
		}, "evidence is of room"},
		"another room's charter": {func(p *priceBody) { p.charter = pricedRoom(5, nil).Append(nil) }, ""},
		"no room of oracles":     {func(p *priceBody) { p.charter = lunch.Append(nil) }, "of kind"},
		"no charter":             {func(p *priceBody) { p.charter = nil }, "charter"},
	} {
		p := readPriceBody(whole)
		p.heads, p.chains, p.evidence = slices.Clone(p.heads), slices.Clone(p.chains), slices.Clone(p.evidence)
		c.change(&p)
		if _, err := Check(p.file()); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
	p := readPriceBody(whole)
	p.chains = p.chains[1:]
	s, err := Check(p.redigested())
	if err != nil || s.Price.Votes[0].State != oracle.Silent || s.Price.Price.Digest == must(logOf(room.r).Price("ETH/USD", -1)).Digest {
		t.Errorf("with one left out: %v, %+v", err, s)
	}
	p = readPriceBody(whole)
	p.heads = [][]byte{bytes.Repeat([]byte{1}, 32)}
	s, err = Check(p.redigested())
	if err != nil || s.Price.Votes[0].InLog || !strings.Contains(strings.Join(s.NotProved, "\n"), "that what oracle 0 said is in the log") {
		t.Errorf("with heads of nothing: %v, %+v", err, s)
	}
}
