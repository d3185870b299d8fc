// Package study holds every strategy against every lie, on committees made by chance
// from one seed: what docs/oracle-study.md shows. It is pure: the same call makes the
// same text.
//
// A committee is N votes on a price of 2500.00: honest ones are off by up to 1 %,
// evenly; liars lie as their kind does. There is no time and no network in it: votes
// are what a log gives, see package oracle/sim for how they come about.
package study

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/liar"
)

// Command is what makes the document.
const Command = "go run . oracle study > docs/oracle-study.md"

const (
	truth    = 2_500_00000000 // units of 10^-8
	noisePPM = 10_000
	seed     = 7
	million  = 1_000_000
)

// A committee is a size that is studied, and in how many draws.
type committee struct{ n, rounds int }

var committees = []committee{{7, 400}, {31, 60}}

// An attack is what the liars do. All of one kind say it at the same moment.
type attack struct {
	name, what string
	price      func(own, low, high int64, draw uint64, k, round int) (int64, bool)
}

// of is the attack of a kind of package liar.
func of(kind liar.Kind, what string) attack {
	return attack{string(kind), what, func(own, _, high int64, draw uint64, _, round int) (int64, bool) {
		return kind.Price(liar.Sight{Own: own, First: truth, High: high, Step: round, Draw: draw})
	}}
}

var attacks = []attack{
	{"none", "no liar", nil},
	of(liar.Plus, "20 % above their reading"),
	of(liar.Minus, "20 % below"),
	of(liar.Drift, "2 % above"),
	{"collude", "all say one price, 20 % above the truth", func(int64, int64, int64, uint64, int, int) (int64, bool) { return truth + truth/5, true }},
	of(liar.Edge, "the highest honest price"),
	{"brink", "just beyond the highest honest price, by the honest range", func(_, low, high int64, _ uint64, _, _ int) (int64, bool) { return high + (high - low), true }},
	of(liar.Alternate, "20 % above and below in turn"),
	{"split", "half of them 20 % above, half below", func(own, _, _ int64, _ uint64, k, _ int) (int64, bool) {
		if k%2 == 0 {
			return own + own/5, true
		}
		return own - own/5, true
	}},
	of(liar.Mix, "by chance 5 %, 20 % above, or honest"),
	{"scatter", "by chance anything from half to one and a half", func(own, _, _ int64, draw uint64, _, _ int) (int64, bool) {
		return own/million*(500_000+int64(draw%million)) + 1, true
	}},
	{"absurd", "a million times as much", func(int64, int64, int64, uint64, int, int) (int64, bool) { return truth * 100_000, true }},
	of(liar.Silent, "say nothing"),
}

// result is what a strategy did against an attack.
type result struct {
	squares big.Int
	max     int64
	outside int // times that it left the honest votes
	rounds  int
}

func (r *result) add(price, low, high int64) {
	d := (price - truth) / (truth / million)
	if d < 0 {
		d = -d
	}
	r.squares.Add(&r.squares, new(big.Int).Mul(big.NewInt(d), big.NewInt(d)))
	r.max = max(r.max, d)
	if price < low || price > high {
		r.outside++
	}
	r.rounds++
}

// rms is the root of the mean square, ppm, rounded down.
func (r *result) rms() int64 {
	mean := new(big.Int).Div(&r.squares, big.NewInt(int64(max(1, r.rounds))))
	return mean.Sqrt(mean).Int64()
}

// draw makes the votes of a round with so many liars, the last ones, and the range of
// the honest.
func (c committee) draw(a attack, liars, round int) (votes []oracle.Vote, low, high int64) {
	own := make([]int64, c.n)
	for o := range own {
		d := int64(liar.Draw(seed, o, 2*round)%(2*noisePPM+1)) - noisePPM
		own[o] = truth + truth/million*d
		if o >= c.n-liars {
			continue
		}
		if low == 0 || own[o] < low {
			low = own[o]
		}
		high = max(high, own[o])
	}
	for o, price := range own {
		v := oracle.Vote{Oracle: o, State: oracle.Voted, Value: price, Spread: truth / million * noisePPM, Weight: 750_000}
		if k := o - (c.n - liars); k >= 0 && a.price != nil {
			lie, ok := a.price(price, low, high, liar.Draw(seed, o, 2*round+1), k, round)
			if !ok {
				continue
			}
			v.Value = min(lie, oracle.MaxPrice)
		}
		votes = append(votes, v)
	}
	return votes, low, high
}

// against holds a strategy against an attack, clamped or not.
func (c committee) against(s oracle.Strategy, a attack, liars int, clamped bool) *result {
	r := new(result)
	policy, f := oracle.DefaultPolicy(), (c.n-1)/3
	for round := range c.rounds {
		votes, low, high := c.draw(a, liars, round)
		var price int64
		var ok bool
		if clamped {
			price, _, _, ok = oracle.Aggregate(s, policy, votes, f)
		} else {
			price, ok = oracle.Unclamped(s, policy, votes, f)
		}
		if ok {
			r.add(price, low, high)
		}
	}
	return r
}

// breaks is how many of the committee must lie until the strategy itself, unclamped, leaves the honest votes by more than
// their noise: each of four lies is tried on a tenth of the rounds. Zero: it does not.
func (c committee) breaks(s oracle.Strategy) int {
	c.rounds /= 10
	policy := oracle.DefaultPolicy()
	for liars := 1; liars < c.n; liars++ {
		for _, a := range attacks {
			if a.name != "collude" && a.name != "brink" && a.name != "absurd" && a.name != "minus" {
				continue
			}
			for round := range c.rounds {
				votes, low, high := c.draw(a, liars, round)
				price, ok := oracle.Unclamped(s, policy, votes, (c.n-1)/3)
				if ok && (price > high+truth/million*noisePPM || price < low-truth/million*noisePPM) {
					return liars
				}
			}
		}
	}
	return 0
}

// Markdown is the document.
func Markdown() string { return markdown(committees) }

// markdown is the document about some committees.
func markdown(committees []committee) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("# Strategies against lies")
	say("")
	say("Made by `%s`, the same each time (seed %d); a test compares. Votes only: no time, no network (`tallystick oracle run` has", Command, seed)
	say("both, and its report compares strategies too). Honest votes are off by up to 1 %%, evenly; f of N lie, all alike. `weighted` has equal weights here.")
	say("Cells: root mean square, and greatest error, in %% of the truth; in brackets how often the price left the range of the honest votes. What is")
	say("clamped never does; `mean_iqr`, the ancestor's rule, is not clamped, and there to compare.")
	for _, c := range committees {
		f := (c.n - 1) / 3
		say("")
		say("## %d oracles, %d lie, %d draws", c.n, f, c.rounds)
		for _, clamped := range []bool{true, false} {
			say("")
			if clamped {
				say("As they are, clamped to the hull of f + 1 and m - f:")
			} else {
				say("Without the clamp:")
			}
			say("")
			line, rule := "| lie |", "| --- |"
			for _, s := range oracle.Strategies() {
				line += " " + s.String() + " |"
				rule += " ---: |"
			}
			say("%s", line)
			say("%s", rule)
			for _, a := range attacks {
				liars := f
				if a.price == nil {
					liars = 0
				}
				line := "| `" + a.name + "` |"
				for _, s := range oracle.Strategies() {
					line += " " + c.against(s, a, liars, clamped).cell() + " |"
				}
				say("%s", line)
			}
		}
		say("")
		say("How many of %d must lie until the strategy itself, without the clamp, is off by more than the honest noise beyond all honest votes:", c.n)
		say("")
		var parts []string
		for _, s := range oracle.Strategies() {
			parts = append(parts, fmt.Sprintf("%v %d", s, c.breaks(s)))
		}
		say("%s.", strings.Join(parts, " · "))
	}
	say("")
	say("## The lies")
	say("")
	for _, a := range attacks {
		say("- `%s`: %s", a.name, a.what)
	}
	return b.String()
}

func (r *result) cell() string {
	if r.rounds == 0 {
		return "no price"
	}
	s := percent(r.rms()) + " / " + percent(r.max)
	if r.outside > 0 {
		s += fmt.Sprintf(" (%d)", r.outside)
	}
	return s
}

// percent has two decimals, rounded half up; what is absurd is said so.
func percent(ppm int64) string {
	if ppm >= 10*million {
		return "> 1000"
	}
	ppm += 50
	return fmt.Sprintf("%d.%02d", ppm/10_000, ppm%10_000/100)
}
