package tui

import (
	"fmt"
	"strings"

	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/sim"
	"github.com/tallystick/tallystick/tui/internal/screen"
)

// verdict says in plain words how the price stands, what is attacked, and why the price holds or does not: for a person who
// has never heard of any of it. It is a function of the frame, and of what the keys
// are called, alone.
type verdict struct {
	head  screen.Const // in two or three words
	state gravity
	price string // what the price is, and how far from the truth
	short string // the same in fewer words
	what  string // what is attacked, and how
	why   string // why the price holds, or not
	old   string // what the ancestor's rule makes of it
}

// gravity is how good or bad something is.
type gravity uint8

const (
	plainly gravity = iota
	good
	doubtful
	bad
)

// judge makes the verdict about the pair that is shown.
func judge(f *sim.Frame, pair int, k *OracleKeys) verdict {
	var v verdict
	if pair >= len(f.Pairs) {
		return v
	}
	p := &f.Pairs[pair]
	liars, down, cut := 0, 0, 0
	for i := range f.Oracles {
		o := &f.Oracles[i]
		if o.Kind != "" {
			liars++
		}
		if !o.Up {
			down++
		}
		if o.Convicted {
			cut++
		}
	}
	n := len(f.Oracles)
	words := strategyWords(f.Strategy)
	v.what = attackWords(f, liars, k)
	switch {
	case p.Price == 0:
		v.head, v.state = "NO NEW PRICE", doubtful
		v.price = "no price yet."
		if p.Carried > 0 {
			v.price = fmt.Sprintf("the last was %s, %s ago; it is shown with its age, never as if it were new.", priceText(p.Carried, p.Expo), agoText(f.AtMS-p.CarriedAtMS))
		}
		v.why = fmt.Sprintf("%d of %d votes are fresh and %d are needed: with fewer, lies could be half of them.", p.Votes, n, p.Need)
		switch {
		case p.Votes >= p.Need && p.Status == oracle.Insufficient:
			v.why = fmt.Sprintf("%d of %d signed two stories, more than the %d that %d oracles can bear: nothing that the others say is proved.", cut, n, f.F, n)
		case p.Status != oracle.Insufficient:
			v.why = fmt.Sprintf("time is the middle one of all %d oracles' clocks. Most of them are not heard here, so it stands still, and no price of it would be new.", n)
		}
	case liars > f.F:
		v.head, v.state = "NOT PROVED", bad
		v.price = priceWords(p)
		v.why = fmt.Sprintf("%d of %d lie, and %d oracles can bear %d (fewer than a third). Nothing is promised.", liars, n, n, f.F)
		if p.Status == oracle.Wide {
			v.why += fmt.Sprintf(" Nobody need know who lies to see it: low and high are %s apart.", gapText(p.Low, p.High))
		}
		if need := words.liars(n); liars < need {
			v.why += fmt.Sprintf(" This rule happens to stand up to %d.", need-1)
		}
	case liars > 0 && f.Strategy == oracle.MeanIQR:
		v.head, v.state = "NOT PROVED", bad
		v.price = priceWords(p)
		v.why = words.because(n, p.Votes, liars, f.F) + " " + k.Strategy.Help().Key + " takes another rule."
	default:
		v.head, v.state = "THE PRICE HOLDS", good
		v.price = priceWords(p)
		v.why = words.because(n, p.Votes, liars, f.F)
		if p.Status == oracle.Wide {
			v.head, v.state = "HOLDS, BUT WIDE", doubtful
		}
		if cut > 0 {
			v.why += fmt.Sprintf(" %s signed two stories: that is proof, and %s vote is struck out for ever.", namesOf(f, func(o *sim.FrameOracle) bool { return o.Convicted }), oneOr(cut, "its", "their"))
		}
	}
	if v.state == bad {
		v.price = strings.Replace(v.price, "Proved:", "Not proved:", 1)
	}
	if v.short = v.price; p.Price > 0 {
		v.short = fmt.Sprintf("%s, %s from the true price.", priceText(p.Price, p.Expo), percentText(p.ErrorPPM, true))
	}
	if p.Naive > 0 && p.Truth > 0 {
		off := (p.Naive - p.Truth) * 1_000_000 / p.Truth
		v.old = fmt.Sprintf("the mean of all that is within the quartile fence says %s, %s off%s.", priceText(p.Naive, p.Expo), percentText(off, true), naiveWhy(off, liars))
	}
	return v
}

func naiveWhy(ppm int64, liars int) string {
	if liars > 0 && (ppm > 15_000 || ppm < -15_000) {
		return ": the lie got inside"
	}
	return ""
}

// priceWords say the price, and how far it is from the truth and what is proved.
func priceWords(p *sim.FramePair) string {
	return fmt.Sprintf("%s, %s from the true price %s. Proved: from %s to %s.", priceText(p.Price, p.Expo), percentText(p.ErrorPPM, true), priceText(p.Truth, p.Expo),
		priceText(p.Low, p.Expo), priceText(p.High, p.Expo))
}

// attackWords say who lies how, and what is wrong with the network.
func attackWords(f *sim.Frame, liars int, k *OracleKeys) string {
	var parts []string
	// Those who lie alike are named together.
	var kinds []string
	by := map[string][]int{}
	for i := range f.Oracles {
		if k := f.Oracles[i].Kind; k != "" {
			key := lieWords(k, f.Oracles[i].PPM)
			if by[key] == nil {
				kinds = append(kinds, key)
			}
			by[key] = append(by[key], i)
		}
	}
	for i, k := range kinds {
		if i == 3 {
			parts = append(parts, fmt.Sprintf("%d more lie in other ways", len(kinds)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s: %s", names(f, by[k]), k))
	}
	if liars > 0 {
		parts[0] = fmt.Sprintf("%d of %d %s. %s", liars, len(f.Oracles), oneOr(liars, "lies", "lie"), parts[0])
	}
	if len(f.Net.Groups) > 1 {
		var sides []string
		for _, g := range f.Net.Groups {
			sides = append(sides, rangeText(g))
		}
		parts = append(parts, "the network is cut: "+strings.Join(sides, " | "))
	}
	if s := namesOf(f, func(o *sim.FrameOracle) bool { return !o.Up }); s != "" {
		parts = append(parts, s+" crashed")
	}
	if len(parts) == 0 {
		return "nobody lies: every oracle reads the market with a little noise of its own. " + k.Lie.Help().Key + " makes the chosen one lie."
	}
	return strings.Join(parts, "; ") + "."
}

// names lists oracles: three at most, and how many more.
func names(f *sim.Frame, which []int) string {
	var b strings.Builder
	for i, o := range which {
		if i == 3 && len(which) > 4 {
			fmt.Fprintf(&b, " and %d more", len(which)-i)
			break
		}
		switch {
		case i == 0:
		case i == len(which)-1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(f.Oracles[o].Name)
	}
	return b.String()
}

func namesOf(f *sim.Frame, is func(*sim.FrameOracle) bool) string {
	var which []int
	for i := range f.Oracles {
		if is(&f.Oracles[i]) {
			which = append(which, i)
		}
	}
	return names(f, which)
}

// lieWords are what an oracle says that lies so, in plain words.
func lieWords(kind sim.Kind, ppm int64) string {
	by := percentText(ppm, false)
	if ppm == 0 {
		by = "something"
	}
	switch kind {
	case sim.Plus:
		return by + " too much"
	case sim.Minus:
		return by + " too little"
	case sim.Drift:
		return "always " + by + " off, too little to stand out"
	case sim.Ramp:
		return "a little further off each round"
	case sim.Edge:
		return "the highest honest price, which it waits to see"
	case sim.Alternate:
		return by + " too much and too little in turn"
	case sim.Mix:
		return "a little, much or nothing off, by chance"
	case sim.Copy:
		return "another's price, copied"
	case sim.StaleCopy:
		return "an old price of another's"
	case sim.Flood:
		return "50 reports where one is due, " + by + " too much"
	case sim.ClockForward:
		return "prices dated ahead, " + by + " too much"
	case sim.ClockBack:
		return "prices dated back, " + by + " too much"
	case sim.Early:
		return "prices from the near future, " + by + " too much"
	case sim.Late:
		return "prices from the past, when others are known"
	case sim.Equivocate:
		return "two prices at once, one to each half, both signed"
	case sim.Silent:
		return "nothing"
	case sim.Withhold:
		return by + " too much, and kept back from the others"
	case sim.Malformed:
		return "what is no price at all"
	}
	return "lies (" + string(kind) + ")"
}

// scenarioWords say what a shipped scenario is about.
func scenarioWords(name string) string {
	switch name {
	case "two-of-seven":
		return "2 of 7 say 20 % too much; then a cut, a crash"
	case "partition":
		return "the network is cut in two, and healed"
	case "equivocator":
		return "one signs two prices at once, and is struck out"
	case "flood":
		return "one sends 50 times as much as the others"
	case "drift":
		return "2 of 7 are 2 % off, too little to stand out"
	case "clock-liar":
		return "one claims to be from the future"
	case "copycat":
		return "one copies another's price"
	case "crash-restore":
		return "one crashes, one comes back with an old backup"
	case "thirty-one":
		return "31 oracles, 10 of them lie"
	case "too-many":
		return "3 of 7 lie: more than can be borne, and it shows"
	case "aave-crash":
		return "recorded: AAVE on 10 October 2025, 2 of 7 lie"
	case "usdc-depeg":
		return "recorded: USDC breaks its peg in March 2023"
	}
	return ""
}

// strategyText is a strategy in plain words.
type strategyText struct {
	rule  string                          // what the price is
	liars func(n int) int                 // so many liars of n are enough to carry it off
	end   func(n, liars, need int) string // why that does not happen
}

// because says why the price holds.
func (s strategyText) because(n, votes, liars, f int) string {
	out := "the price is " + s.rule + ", one vote an oracle whatever it sends. "
	need := s.liars(n)
	if liars == 0 {
		return out + fmt.Sprintf("Up to %d of %d could lie, and the price would still be between honest votes.", f, n)
	}
	return out + s.end(n, liars, need)
}

// strategyWords are a strategy in words, with its breaking point: how many liars of n carry the unclamped price off.
func strategyWords(s oracle.Strategy) strategyText {
	half := func(n int) int { return (n + 1) / 2 }
	third := func(n int) int { return (n-1)/3 + 1 }
	middle := func(n, liars, need int) string {
		return fmt.Sprintf("%s cannot be the middle of %d: that takes %d.", countText(liars, "liar", "liars"), n, need)
	}
	clamp := func(_, liars, _ int) string {
		return fmt.Sprintf("Whatever it gives is kept between low and high, and %s cannot move those past an honest vote.", countText(liars, "liar", "liars"))
	}
	switch s.String() {
	case "median":
		return strategyText{"the middle one of all votes", half, middle}
	case "fenced":
		return strategyText{"the mean of the votes near the middle", half, func(n, liars, need int) string {
			return fmt.Sprintf("Votes far from the middle are dropped, and %s cannot be the middle of %d: that takes %d.", countText(liars, "liar", "liars"), n, need)
		}}
	case "trimmed":
		return strategyText{"the mean, less as many votes at each end as may lie", third, func(_, liars, _ int) string {
			return fmt.Sprintf("%s cannot reach past the ends that are dropped.", countText(liars, "liar", "liars"))
		}}
	case "weighted":
		return strategyText{"the middle vote by weight, half to one by reputation", third, clamp}
	case "three_vote":
		return strategyText{"the middle of three votes of each: p and p ± its spread", half, middle}
	case "hodges":
		return strategyText{"the middle of the means of all pairs of votes", func(n int) int { return (n*293 + 999) / 1000 }, clamp}
	case "mean_iqr":
		return strategyText{"the ancestor's: the mean of all reports within a quartile fence", func(n int) int { return (n + 3) / 4 }, func(n, _, need int) string {
			return fmt.Sprintf("It is not kept between low and high, and %d liars of %d are enough to move it.", need, n)
		}}
	}
	return strategyText{s.String(), third, clamp}
}

func countText(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func oneOr(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// word is the verdict in a word, for where there is no more room.
func (v *verdict) word() screen.Const {
	switch {
	case v.head == "NO NEW PRICE":
		return "OLD"
	case v.state == bad:
		return "NOT PROVED"
	}
	return "HOLDS"
}

func (m *Model) verdictStyle(v verdict) screen.Style {
	return [...]screen.Style{m.st.Text, m.st.OK | screen.Bold, m.st.Warn, m.st.Error}[v.state]
}

// verdictLines are the verdict in w cells.
func (m *Model) verdictLines(v verdict, w int, parts ...string) []textLine {
	style := m.verdictStyle(v)
	var out []textLine
	for _, which := range parts {
		label, text := screen.Const(""), ""
		labelStyle := m.st.Dim
		switch which {
		case "price":
			label, text, labelStyle = " "+v.head+"  ", v.price, style
		case "what":
			label, text = " Attack  ", v.what
		case "why":
			label, text = " Why     ", v.why
		case "old":
			label, text = " Usually ", v.old
		}
		if text == "" {
			continue
		}
		out = appendWrapped(out, w-1, label, labelStyle, m.st.Text, m.cs.Text(upperFirst(text), safe.NoLimit))
	}
	return out
}

func upperFirst(s string) string {
	if s != "" && s[0] >= 'a' && s[0] <= 'z' && !strings.HasPrefix(s, "o") {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}
