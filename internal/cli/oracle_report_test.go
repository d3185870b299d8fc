package cli

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/source"
)

// committee is a room of n oracles and a replica of it; writer(i) writes as oracle i.
type committee struct {
	terms   oracle.Terms
	replica *crdt.Replica
	keys    map[crdt.Author]ed25519.PrivateKey
	t       interface{ Fatal(...any) }
}

func newCommittee(t interface{ Fatal(...any) }, n int, pairs []oracle.Pair, policy oracle.Policy) *committee {
	c := &committee{keys: map[crdt.Author]ed25519.PrivateKey{}, t: t}
	var all []crdt.Author
	for i := range n {
		seed := sha256.Sum256(fmt.Appendf(nil, "oracle %d", i))
		key := ed25519.NewKeyFromSeed(seed[:])
		a := crdt.Author(key.Public().(ed25519.PublicKey))
		all, c.keys[a] = append(all, a), key
	}
	charter, err := oracle.NewCharter("test", nil, oracle.Terms{Oracles: all, Pairs: pairs, Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	if c.terms, err = oracle.ParseTerms(charter); err != nil {
		t.Fatal(err)
	}
	if c.replica, err = crdt.NewReplica(charter); err != nil {
		t.Fatal(err)
	}
	return c
}

// write appends as oracle i, in one change.
func (c *committee) write(i int, literals []crdt.Literal) {
	w, err := c.replica.Writer(c.keys[c.terms.Oracles[i]])
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := w.Change(1, func(tx *crdt.Tx) error {
		for _, l := range literals {
			if _, err := tx.Append(l); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		c.t.Fatal(err)
	}
	w.Sign()
}

// TestReporterIsNeverVoid: whatever its sources and its clock do, and however often it is killed before or after what it said was saved,
// nothing that an oracle says is void: no time goes back, no slot is flooded, nothing is revealed that was not committed to.
func TestReporterIsNeverVoid(t *testing.T) {
	t.Parallel()
	said := 0
	rapid.Check(t, func(t *rapid.T) {
		policy := oracle.DefaultPolicy()
		policy.CommitReveal = rapid.Bool().Draw(t, "commit_reveal")
		policy.FloodMax = rapid.IntRange(1, 3).Draw(t, "flood_max")
		pairs := []oracle.Pair{{Name: "A/B", Expo: -2}, {Name: "C/D", Expo: -2}}
		c := newCommittee(t, 1, pairs, policy)
		start := func() *reporter {
			r := newReporter(c.terms, c.terms.Oracles[0], c.terms.Pairs)
			for _, p := range r.pairs {
				p.addSource("x")
				p.addSource("y")
			}
			r.resume(c.replica.View())
			return r
		}
		r := start()
		now := int64(1_700_000_000_000)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.Int64Range(-500, 1500).Draw(t, "passes")
			for _, p := range r.pairs {
				i := rapid.IntRange(-1, 1).Draw(t, "source")
				if i >= 0 {
					price := rapid.Int64Range(1, 1000).Draw(t, "price")
					p.read[i] = source.Reading{Name: p.sources[i], Price: price, Low: price, High: price, T: now - rapid.Int64Range(0, 3000).Draw(t, "age")}
				}
			}
			s, err := r.at(now)
			if err != nil {
				t.Fatal(err)
			}
			if len(s.literals) == 0 {
				continue
			}
			switch rapid.SampledFrom([]string{"saved", "saved", "saved", "killed", "killed after", "lost"}).Draw(t, "then") {
			case "saved":
				c.write(0, s.literals)
				r.saved(&s)
			case "killed": // before it was saved
				r = start()
			case "killed after":
				c.write(0, s.literals)
				r = start()
			case "lost":
				r.lost(&s)
			}
		}
		log := oracle.NewLog(c.terms)
		log.Update(c.replica.View())
		o := log.Oracles()[0]
		if o.Void.Sum() != 0 {
			t.Fatalf("%d of %d are void: %v", o.Void.Sum(), o.Sent, o.Void)
		}
		said += o.Accepted
	})
	if said == 0 {
		t.Error("nothing was ever said: the test tests nothing")
	}
}

// What an oracle says of the moment: the median of what is fresh, marked where a source is missing, once, and not at all below min_sources.
func TestReporterSays(t *testing.T) {
	t.Parallel()
	policy := oracle.DefaultPolicy()
	policy.MinSources = 2
	c := newCommittee(t, 4, []oracle.Pair{{Name: "A/B", Expo: -2}}, policy)
	r := newReporter(c.terms, c.terms.Oracles[0], c.terms.Pairs)
	p := r.pairs[0]
	for _, name := range []string{"x", "y", "z"} {
		p.addSource(name)
	}
	read := func(i int, price, at int64) {
		p.read[i] = source.Reading{Name: p.sources[i], Price: price, Low: price, High: price, T: at}
	}
	const t0 = int64(1_700_000_000_000)
	for _, x := range []struct {
		now     int64
		do      func()
		price   int64 // 0: nothing is said
		t       int64
		flags   uint64
		changed bool
		silent  bool
	}{
		{t0, func() {}, 0, 0, 0, true, true},
		{t0, func() { read(0, 100, t0) }, 0, 0, 0, true, true}, // one is too few, too
		{t0, func() { read(1, 103, t0-5) }, 101, t0, oracle.FlagRounded | oracle.FlagHalted, true, false},
		{t0 + 1, func() {}, 0, 0, 0, false, false}, // nothing new
		{t0 + 9, func() { read(2, 900, t0+8) }, 103, t0 + 8, 0, false, false},
		{t0 + 9995, func() { read(0, 100, t0+9994) }, 500, t0 + 9994, oracle.FlagHalted, false, false}, // y is max_age old
		{t0 + 10008, func() {}, 0, 0, 0, true, true},
	} {
		x.do()
		s, err := r.at(x.now)
		if err != nil {
			t.Fatal(err)
		}
		r.saved(&s)
		if (len(s.changed) > 0) != x.changed || (p.silent != nil) != x.silent || x.silent && !errors.Is(p.silent, source.ErrTooFew) {
			t.Errorf("at %d: changed %d, silent %v", x.now-t0, len(s.changed), p.silent)
		}
		if x.price == 0 {
			if len(s.said) != 0 {
				t.Errorf("at %d: says %+v", x.now-t0, s.said)
			}
			continue
		}
		if len(s.said) != 1 || s.said[0].Price != x.price || s.said[0].T != x.t || s.said[0].Flags != x.flags {
			t.Errorf("at %d: says %+v, want %d at %d, flags %d", x.now-t0, s.said, x.price, x.t-t0, x.flags)
		}
	}
}

// A machine's clock is compared with the median of the others', whom a third of liars cannot move.
func TestClocks(t *testing.T) {
	t.Parallel()
	c := newCommittee(t, 7, []oracle.Pair{{Name: "A/B", Expo: -2}}, oracle.DefaultPolicy())
	k := clocks{terms: c.terms, me: c.terms.Oracles[0]}
	const t0 = int64(1_700_000_000_000)
	say := func(at int64, who ...int) {
		for _, i := range who {
			a := oracle.Attestation{Pair: "A/B", Price: 1, T: at}
			l, err := a.Encode()
			if err != nil {
				t.Fatal(err)
			}
			c.write(i, []crdt.Literal{l})
		}
	}
	look := func(now int64, want error, wantChanged bool) {
		t.Helper()
		_, err, changed := k.look(c.replica.View(), now)
		if !errors.Is(err, want) || changed != wantChanged {
			t.Errorf("got %v, %t, want %v, %t", err, changed, want, wantChanged)
		}
	}
	say(t0+60_000, 1, 2)
	look(t0, nil, false) // they may be the liars
	say(t0-20, 3, 4, 5, 6)
	look(t0, nil, false)
	say(t0+5000, 3, 4, 5, 6)
	look(t0+1000, errClockBehind, true)
	look(t0+1000, errClockBehind, false)
	say(t0+6000, 3, 4, 5, 6)
	look(t0+6020, nil, true)
	say(t0+7000, 1, 2, 3, 4, 5, 6)
	look(t0+10_000, errClockAhead, true)
}

func TestParams(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		unit, text string
		want       int64
		bad        bool
	}{
		{"ms", "4s", 4000, false}, {"ms", "1500ms", 1500, false}, {"ms", "1500", 1500, false}, {"ms", "2m", 120_000, false}, {"ms", "1h", 3_600_000, false},
		{"ms", "1.5s", 0, true}, {"ms", "s", 0, true}, {"ms", "99999999999999999h", 0, true},
		{"ppm", "5000", 5000, false}, {"ppm", "5000ppm", 5000, false}, {"ppm", "1%", 0, true},
		{"", "7", 7, false}, {"", "7s", 0, true},
	} {
		got, err := parseParam(x.unit, x.text)
		if got != x.want || (err != nil) != x.bad {
			t.Errorf("%q %s: got %d, %v", x.text, x.unit, got, err)
		}
	}
	for _, param := range oracle.Params() {
		for _, v := range []int64{param.Min, param.Default, param.Max} {
			text := (&paramValue{to: &v, param: param}).String()
			var back int64
			if err := (&paramValue{to: &back, param: param}).Set(text); err != nil || back != v {
				t.Errorf("%s: %d is shown as %s, which is read as %d, %v", param.Name, v, text, back, err)
			}
		}
	}
}

func TestAgo(t *testing.T) {
	t.Parallel()
	got := []string{ago(-5), ago(120), ago(61_400), stampMS(1_700_000_000_123), stampMS(-1), stampMS(1 << 47)}
	want := []string{"5ms ahead of this clock", "120ms ago", "1m1s ago", "2023-11-14T22:13:20.123Z", "@-1 ms", time.UnixMilli(1 << 47).UTC().Format("2006-01-02T15:04:05.000Z07:00")}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
