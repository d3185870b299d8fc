package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/bits"
	"math/rand/v2"

	"github.com/tallystick/tallystick/oracle"
)

// million is a whole, in ppm.
const million = 1_000_000

// mostPPM is the greatest gap that is told: a thousand times as much.
const mostPPM = 1_000_000_000

// stream is a source of random numbers for one purpose, which no other disturbs.
func (sc *Scenario) stream(of string, n int) *rand.Rand {
	b := binary.BigEndian.AppendUint64([]byte("tallystick oracle simulation "+of+" "), sc.Seed)
	h := sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(n)))
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])))
}

// part is p·ppm/10^6, rounded toward zero. |ppm| may be more than a million; what is beyond a price is the greatest.
func part(p, ppm int64) int64 {
	hi, lo := bits.Mul64(uint64(p), uint64(abs(ppm)))
	if hi >= million/2 {
		return sign(ppm) * oracle.MaxPrice
	}
	q, _ := bits.Div64(hi, lo, million)
	return sign(ppm) * int64(min(q, oracle.MaxPrice))
}

// shift is p moved by ppm of itself, within what a price may be.
func shift(p, ppm int64) int64 { return min(max(p+part(p, ppm), 1), oracle.MaxPrice) }

func abs(x int64) int64 {
	if x < 0 {
		return -x
	}
	return x
}

func sign(x int64) int64 {
	if x < 0 {
		return -1
	}
	return 1
}

// gap is how far p is from of, in ppm of of, signed; at most mostPPM.
func gap(p, of int64) int64 {
	if of <= 0 {
		return 0
	}
	d := p - of
	hi, lo := bits.Mul64(uint64(abs(d)), million)
	if hi >= uint64(of) {
		return sign(d) * mostPPM
	}
	q, _ := bits.Div64(hi, lo, uint64(of))
	return sign(d) * int64(min(q, mostPPM))
}

// normal is a number of about a normal distribution, with standard deviation sd: the sum of twelve uniform ones (integers, so that
// it is the same on every machine).
func normal(r *rand.Rand, sd int64) int64 {
	if sd == 0 {
		return 0
	}
	const one = 1 << 20
	sum := int64(-6 * one)
	for range 12 {
		sum += r.Int64N(one)
	}
	return sum * sd / one
}

// ppm is one draw of noise.
func (n Noise) ppm(r *rand.Rand) int64 {
	switch {
	case n.PPM == 0:
		return 0
	case n.Kind == Gauss:
		return normal(r, n.PPM)
	case n.Kind == T2:
		// By inversion: t = (2u−1)/√(2u(1−u)). Division and root are exact to the last bit on every machine, by IEEE 754.
		u := (float64(r.Int64N(1<<52)) + 0.5) / (1 << 52)
		v := 2 * u
		w := v * (1 - u)
		t := (v - 1) / math.Sqrt(w)
		return int64(float64(n.PPM) * min(max(t, -20), 20))
	default:
		return r.Int64N(2*n.PPM+1) - n.PPM
	}
}

// A market is the true price of one pair over time.
type market struct {
	truth Truth
	start int64
	rand  *rand.Rand
	by    []int64 // slot
	every int64   // ms
}

func (sc *Scenario) newMarket(i int) (*market, error) {
	p := sc.Pairs[i]
	m := &market{truth: p.Truth, rand: sc.stream("truth", i), every: sc.IntervalMS}
	if p.Truth.Kind == Replay {
		return m, nil
	}
	var err error
	m.start, _, err = oracle.ParsePrice(p.Truth.Start, int(p.Expo))
	return m, err
}

// at is the true price in a slot; 0: there is none.
func (m *market) at(slot int64) int64 {
	if m.truth.Kind == Replay {
		return 0
	}
	for int64(len(m.by)) <= slot {
		if len(m.by) == 0 {
			m.by = append(m.by, m.start)
			continue
		}
		p := shift(m.by[len(m.by)-1], normal(m.rand, m.truth.StepPPM))
		if m.truth.Kind == OU {
			p += pull(m.start, p, m.truth.PullPPM)
		}
		begin := int64(len(m.by)) * m.every
		if m.truth.Kind == Jump && m.truth.AtMS >= begin && m.truth.AtMS < begin+m.every {
			p = shift(p, m.truth.JumpPPM)
		}
		m.by = append(m.by, min(max(p, 1), oracle.MaxPrice))
	}
	return m.by[slot]
}

// pull is ppm of the way from p to mean.
func pull(mean, p, ppm int64) int64 { return sign(mean-p) * part(abs(mean-p), ppm) }
