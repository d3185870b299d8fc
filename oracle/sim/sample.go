package sim

import (
	"math/big"
	"math/bits"
	"slices"

	"github.com/tallystick/tallystick/oracle"
)

// At the end of every slot each honest replica is asked for every price, as a consumer would.

// agreement is what came of comparing honest replicas.
type agreement struct {
	seen       map[[32]byte]verdict // by digest of the heads: what was computed from them first, whoever and whenever
	heads      int64                // replicas that were found at heads that another had, or it itself had before
	digests    int64                // of those, that said the same
	mismatches int64
	equal, of  int     // at the newest look: the largest group that says the same, of how many
	converged  []int64 // ms that each healing took; math.MaxInt64: it did not end
	settledMS  int64   // when all were equal at the end; −1: not
}

// A verdict is what a replica says at some heads, as a digest; of one strategy.
type verdict struct {
	strategy oracle.Strategy
	digest   [32]byte
}

// look brings the consumers of all running replicas up to date, and compares the honest ones.
func (r *Run) look() {
	if r.agree.seen == nil || len(r.agree.seen) > maxVerdicts {
		r.agree.seen = make(map[[32]byte]verdict)
	}
	groups := make(map[[32]byte]int)
	r.agree.equal, r.agree.of = 0, 0
	for _, p := range r.players {
		if !p.up() {
			p.log = nil
			continue
		}
		if p.log == nil {
			p.log = oracle.NewLog(r.terms)
		}
		p.log.Update(p.viewOf())
		if !p.honest() {
			continue
		}
		digest := r.ask(p)
		heads := p.log.Heads()
		v, known := r.agree.seen[heads]
		switch {
		case !known || v.strategy != r.strategy:
			r.agree.seen[heads] = verdict{r.strategy, digest}
		default:
			r.agree.heads++
			if v.digest == digest {
				r.agree.digests++
			} else {
				r.agree.mismatches++
			}
		}
		r.agree.of++
		groups[digest]++
		r.agree.equal = max(r.agree.equal, groups[digest])
	}
}

// ask has a consumer compute every price; it returns a digest of all that it says.
func (r *Run) ask(p *player) [32]byte {
	var all [32]byte
	for i := range r.sc.Pairs {
		r.asked++
		price, err := p.log.PriceBy(r.strategy, r.sc.Pairs[i].Pair, -1)
		if err != nil {
			r.broken("%v", err)
			return all
		}
		p.view[i].price = price
		if i == 0 {
			all = price.Digest
		} else {
			for k := range all { // each is a hash: their sum by bytes tells any difference that comes by chance
				all[k] += price.Digest[k]
			}
		}
	}
	for _, s := range p.log.Oracles() {
		for k := range 8 {
			all[k] += byte(s.Least >> (8 * k))
		}
		if s.Convicted {
			all[s.Oracle%32]++
		}
	}
	return all
}

// sample is look, and notes what the slot that has ended gave.
func (r *Run) sample() {
	r.look()
	slot := r.slot - 1
	lying := r.lied()
	for i := range r.pairs {
		truth := r.markets[i].at(slot)
		for _, p := range r.players {
			if p.honest() && p.log != nil {
				r.note(p, i, truth, lying <= r.terms.F())
			}
		}
		r.chart(i, truth)
	}
	if v := r.viewer(); v != nil {
		for i := range r.pairs {
			r.count(v, i)
		}
	}
	r.tell.look(r)
}

// count takes in the votes at the viewer.
func (r *Run) count(v *player, pair int) {
	price := v.view[pair].carried
	for _, vote := range v.log.Votes(r.sc.Pairs[pair].Pair, -1) {
		o := r.players[vote.Oracle]
		switch {
		case vote.State == oracle.Voted:
			if pair == 0 {
				o.voted++
			}
			o.maxGap = max(o.maxGap, abs(gap(vote.Value, price)))
		case vote.State == oracle.Stale && pair == 0:
			o.stale++
		}
	}
}

// note takes in what one consumer has of a pair at the end of a slot.
func (r *Run) note(p *player, pair int, truth int64, bound bool) {
	s := &p.view[pair]
	s.fresh = s.price.Status != oracle.Insufficient && s.price.At > s.at
	if !s.fresh {
		s.missed++
		if s.price.Status == oracle.Insufficient {
			s.short++
		}
		return
	}
	s.low, s.high = s.price.Low, s.price.High
	s.at, s.carried, s.carriedMS = s.price.At, s.price.Price, r.elapsedMS()
	if s.price.Status == oracle.Wide {
		s.wide++
	}
	r.pairs[pair].errors.add(r.off(pair, s.price.Price, truth))
	if !bound || r.strategy == oracle.MeanIQR {
		return
	}
	r.pairs[pair].judged++
	low, high := int64(oracle.MaxPrice), int64(0)
	for _, v := range p.log.Votes(r.sc.Pairs[pair].Pair, s.price.At) {
		if v.State == oracle.Voted && !r.players[v.Oracle].fallen {
			low, high = min(low, v.Value), max(high, v.Value)
		}
	}
	if s.price.Price < low || s.price.Price > high {
		r.pairs[pair].outside++
	}
}

// off is how far a price is from the truth, or in a recording outside of what honest venues say, in ppm.
func (r *Run) off(pair int, price, truth int64) int64 {
	if rec := r.recordings[pair]; rec != nil {
		return rec.outside(price, r.elapsedMS())
	}
	return gap(price, truth)
}

// chart adds the slot to what is drawn, and to the figures of the strategies that are compared.
func (r *Run) chart(pair int, truth int64) {
	st := &r.pairs[pair]
	if rec := r.recordings[pair]; rec != nil {
		truth = rec.middle(r.elapsedMS())
	}
	point := Point{AtMS: r.elapsedMS(), Truth: truth}
	if v := r.viewer(); v != nil && v.view[pair].fresh {
		s := &v.view[pair]
		point.Price, point.Low, point.High = s.price.Price, s.price.Low, s.price.High
		st.newest = r.off(pair, s.price.Price, truth)
		for k, strategy := range r.compare {
			price, err := v.log.PriceBy(strategy, r.sc.Pairs[pair].Pair, s.price.At)
			if err != nil {
				r.broken("%v", err)
				return
			}
			if price.Price > 0 {
				st.by[k].add(r.off(pair, price.Price, truth))
			}
			if strategy == oracle.MeanIQR {
				point.Naive = price.Price
			}
		}
	}
	st.series = append(st.series, point)
}

// add takes in one error, in ppm.
func (f *figures) add(ppm int64) {
	a := uint64(abs(ppm))
	hi, lo := bits.Mul64(a, a)
	var carry uint64
	f.lo, carry = bits.Add64(f.lo, lo, 0)
	f.hi += hi + carry
	f.n++
	f.most = max(f.most, int64(a))
}

// rms is the root of the mean square, rounded down.
func (f *figures) rms() int64 {
	if f.n == 0 {
		return 0
	}
	sum := new(big.Int).SetUint64(f.hi)
	sum.Lsh(sum, 64).Add(sum, new(big.Int).SetUint64(f.lo))
	sum.Div(sum, big.NewInt(f.n))
	return sum.Sqrt(sum).Int64()
}

// series are the newest slots of a pair.
func (st *pairState) last() []Point {
	return slices.Clip(st.series[max(0, len(st.series)-maxSeries):])
}
