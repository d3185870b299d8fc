package sim

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/sim"
	"github.com/tallystick/tallystick/oracle"
)

// A player is one oracle of the committee: its machine, what it reads, and how it lies.
type player struct {
	run   *Run
	i     int // its number, in scenario and committee
	name  string
	group *Group
	key   ed25519.PrivateKey
	node  *sim.Node
	rand  *rand.Rand // of its noise
	whims *rand.Rand // of its lies
	phase time.Duration

	lie    *Byzantine // nil: honest
	since  time.Duration
	until  time.Duration // 0: for ever
	fallen bool          // it has lied once, or its disk was rolled back: its votes may be anything

	log  *oracle.Log // of its replica, while its process runs
	view []sight     // by pair, what its consumer has
	said []lastSaid  // by pair

	eyes    *eyes     // of a liar that looks at others
	watch   *eyes     // for frames, of the viewer
	voted   int       // slots in which the viewer counted its vote on the first pair
	stale   int       // and those in which that was stale
	maxGap  int64     // of its votes to the price
	kind    Kind      // how it lies, or did last
	twin    *sim.Node // the second machine of one that equivocates
	tip     crdt.ChangeID
	twinTip crdt.ChangeID
	forked  bool     // its process writes no more: it has seen its own fork
	held    [][]byte // packs that it withholds
}

// lastSaid is what an oracle has said of a pair, for what it says next.
type lastSaid struct {
	t       int64 // of a recording
	price   int64
	pending *oracle.Attestation // committed to, and not revealed
}

// A sight is what the consumer at one replica knows of a pair.
type sight struct {
	price     oracle.Price // of the newest slot
	fresh     bool         // there is a new price in it
	at        int64        // log time of the newest price
	carried   int64        // the newest price
	low, high int64        // of it
	carriedMS int64        // when it came
	missed    int64        // slots without a new one
	short     int64        // of them, for want of votes
	wide      int64
}

func (r *Run) newPlayers() error {
	keys := r.keys
	i := 0
	for g := range r.sc.Oracles {
		group := &r.sc.Oracles[g]
		for k := range group.Count {
			p := &player{
				run: r, i: i, group: group, key: keys[i], node: r.net.Nodes()[i], rand: r.sc.stream("noise", i), whims: r.sc.stream("lies", i),
				view: make([]sight, len(r.sc.Pairs)), said: make([]lastSaid, len(r.sc.Pairs)),
			}
			p.phase = time.Duration(p.rand.Int64N(r.interval.Microseconds()/4+1)) * time.Microsecond
			switch {
			case group.Name == "":
				p.name = fmt.Sprint("o", i)
			case group.Count == 1:
				p.name = group.Name
			default:
				p.name = fmt.Sprintf("%s %d", group.Name, k+1)
			}
			if b := group.Byzantine; b != nil && b.StartMS == 0 {
				r.corrupt(p, b)
			}
			r.players = append(r.players, p)
			i++
		}
	}
	return nil
}

// honest reports whether an oracle follows the rules now: its replica is one of those that are compared.
func (p *player) honest() bool { return p.lie == nil }

func (p *player) up() bool { return p.node.Core() != nil }

// lying is how it lies of a pair now; empty: it does not.
func (p *player) lying(pair int) Kind {
	if p.lie == nil || p.lie.Pair != "" && p.lie.Pair != p.run.sc.Pairs[pair].Pair {
		return ""
	}
	return p.lie.Kind
}

// corrupt makes an oracle lie from now on.
func (r *Run) corrupt(p *player, b *Byzantine) {
	r.convert(p)
	lie := *b
	if lie.PPM == 0 {
		lie.PPM = DefaultPPM(lie.Kind)
	}
	p.kind = lie.Kind
	p.lie, p.fallen, p.since, p.until = &lie, true, r.net.Elapsed(), time.Duration(lie.EndMS)*time.Millisecond
	if lie.Of < 0 {
		lie.Of = int64(r.firstHonest(p.i))
	}
	switch lie.Kind {
	case Edge, Copy, StaleCopy:
		p.eyes = newEyes(r)
	case Equivocate:
		r.split(p)
	}
}

// convert makes it honest again.
func (r *Run) convert(p *player) {
	if p.lie == nil {
		return
	}
	p.lie, p.eyes = nil, nil
	p.release()
	if p.twin != nil {
		r.unsplit(p)
	}
}

// firstHonest is the first oracle besides i that does not lie; i if there is none.
func (r *Run) firstHonest(i int) int {
	for k := range r.sc.oracles() {
		if int(k) == i {
			continue
		}
		if int(k) < len(r.players) && r.players[k].lie != nil || int(k) >= len(r.players) && r.liesFirst(int(k)) {
			continue
		}
		return int(k)
	}
	return i
}

// liesFirst reports whether oracle k lies from the start, as the scenario has it.
func (r *Run) liesFirst(k int) bool {
	for _, g := range r.sc.Oracles {
		if k < int(g.Count) {
			return g.Byzantine != nil && g.Byzantine.StartMS == 0
		}
		k -= int(g.Count)
	}
	return false
}

// moment is when in a slot it speaks.
func (p *player) moment() time.Duration {
	every := p.run.interval
	switch {
	case p.lie == nil:
		return p.phase
	case p.lie.Kind == Edge, p.lie.Kind == Copy:
		return every * 3 / 4
	case p.lie.Collude:
		return every / 8
	default:
		return p.phase
	}
}

// clock is its clock in Unix ms.
func (p *player) clock() int64 { return p.node.Now().UnixMilli() }

// reads is what an oracle reads of a pair in a slot, and of which time that is; false: nothing, or nothing new. plain leaves out its noise.
func (p *player) reads(pair int, slot int64, plain bool) (price, t int64, ok bool) {
	r := p.run
	if rec := r.recordings[pair]; rec != nil {
		price, t, ok = rec.quote(p.group.Venue, r.net.Elapsed().Milliseconds())
		return price, t + baseMS, ok
	}
	price = r.markets[pair].at(slot)
	if !plain {
		price = shift(price, p.group.Noise.ppm(p.rand))
	}
	return price, p.clock(), true
}

// act is one oracle's turn in a slot.
func (p *player) act(slot int64) {
	if !p.up() {
		return
	}
	r := p.run
	if p.eyes != nil {
		p.eyes.look(p.node)
	}
	if p.rand.Int64N(million) >= p.group.ReliabilityPPM {
		return
	}
	var say, other []crdt.Literal // to all; or other in its place to one half
	differs := false
	for pair := range r.sc.Pairs {
		all := p.statements(pair, slot)
		if r.terms.Policy.CommitReveal {
			all = all[:min(len(all), 1)] // there is one commitment a slot
			say = append(say, p.reveal(pair)...)
			other = append(other, say[len(other):]...)
		}
		for _, a := range all {
			say = append(say, p.utter(pair, a, true))
			if p.twin != nil && p.lying(pair) == Equivocate {
				a.Price = shift(p.said[pair].price, -p.lie.PPM)
				other = append(other, p.utter(pair, a, false))
				differs = true
			} else {
				other = append(other, say[len(say)-1])
			}
		}
		if p.lying(pair) == Malformed {
			say = append(say, r.malformed(p, pair, slot)...)
			other = append(other, say[len(other):]...)
		}
	}
	if len(say) == 0 {
		return
	}
	switch {
	case differs && len(other) > 0:
		p.craft(p.node, &p.tip, say, false)
		p.craft(p.twin, &p.twinTip, other, false)
	case p.forked:
		p.craft(p.node, &p.tip, say, false)
	case p.lie != nil && p.lie.Kind == Withhold:
		p.craft(p.node, &p.tip, say, true)
	default:
		for len(say) > 0 {
			n := min(len(say), maxPerChange)
			these := say[:n]
			say = say[n:]
			p.node.Edit(func(tx *crdt.Tx) error {
				for _, l := range these {
					if _, err := tx.Append(l); err != nil {
						return err
					}
				}
				return nil
			}, nil)
		}
	}
}

// statements are what an oracle says of a pair in a slot.
func (p *player) statements(pair int, slot int64) []oracle.Attestation {
	kind := p.lying(pair)
	collude := kind != "" && p.lie.Collude
	price, t, ok := p.reads(pair, slot, collude)
	if !ok || kind == Silent || kind == Malformed {
		return nil
	}
	recorded := p.run.recordings[pair] != nil
	if recorded && kind == "" && t <= p.said[pair].t {
		return nil // nothing new: a silent venue goes stale
	}
	if collude && recorded {
		price, t = p.run.recordings[pair].middle(p.run.net.Elapsed().Milliseconds()), p.clock()
	}
	truth := price
	p.said[pair].price, p.said[pair].t = price, max(t, p.said[pair].t)
	times := int64(1)
	if kind != "" {
		price, t, times = p.lies(kind, pair, slot, price, t)
	}
	if price <= 0 || t < 0 {
		return nil
	}
	a := oracle.Attestation{
		Pair: p.run.sc.Pairs[pair].Pair, Price: price, T: t,
		Spread: part(truth, p.group.Noise.PPM),
		Src:    []oracle.Source{{Name: p.source(), Price: truth, T: t}},
	}
	if recorded {
		a.Flags |= oracle.FlagReplayed
	}
	all := make([]oracle.Attestation, 0, times)
	for range times {
		all = append(all, a)
	}
	return all
}

// source is what it reads.
func (p *player) source() string {
	if p.group.Venue != "" {
		return p.group.Venue
	}
	return "simulated"
}

// lies are price, time and number of what a liar says who reads this. A price of 0 is none.
func (p *player) lies(kind Kind, pair int, slot, price, t int64) (lie, at, times int64) {
	r, b := p.run, p.lie
	or := func(ms, usual int64) int64 {
		if ms == 0 {
			return usual
		}
		return ms
	}
	ppm := b.PPM
	times = 1
	switch kind {
	case Minus:
		ppm = -ppm
	case Ramp:
		ppm = min(ppm*(r.net.Elapsed()-p.since).Milliseconds()/1000, mostPPM)
	case Edge:
		if highest := p.eyes.highest(pair, slot); highest > 0 {
			return highest, t, 1
		}
		ppm = 0
	case Alternate:
		if slot%2 == 1 {
			ppm = -ppm
		}
	case Mix:
		whims := p.whims
		if b.Collude {
			whims = r.sc.stream("mix", int(slot))
		}
		switch dice := whims.IntN(10); {
		case dice < 3:
			ppm = 50_000
		case dice < 6:
			ppm = 200_000
		default:
			ppm = 0
		}
	case Copy:
		return p.eyes.newest(pair, int(b.Of)), t, 1
	case StaleCopy:
		return p.eyes.before(pair, int(b.Of), p.clock()-or(b.MS, 5000)), t, 1
	case Flood:
		times = or(b.Times, floodTimes)
	case ClockForward:
		t += or(b.MS, 60_000)
	case ClockBack:
		t -= or(b.MS, 60_000)
	case Early:
		t += or(b.MS, r.terms.Policy.SkewMaxMS+1000)
	case Late:
		t -= or(b.MS, r.terms.Policy.LateMaxMS+2*r.sc.IntervalMS)
	}
	return shift(price, ppm), t, times
}

// utter is an attestation as it lies in a change; where the room wants that, a commitment to it, which is kept to be revealed if it is remembered.
func (p *player) utter(pair int, a oracle.Attestation, remember bool) crdt.Literal {
	r := p.run
	if !r.terms.Policy.CommitReveal {
		return r.literal(p, &a)
	}
	var nonce [oracle.NonceBytes]byte
	for i := range nonce {
		nonce[i] = byte(p.whims.Uint32())
	}
	a.Flags, a.Nonce = a.Flags|oracle.FlagRevealed, nonce[:]
	if remember {
		p.said[pair].pending = &a
	}
	c := oracle.Commit(r.terms.Room, authorOf(p.key), a.Pair, a.T/r.terms.Policy.SlotMS, a.Price, nonce)
	return r.literal(p, &c)
}

// reveal is what was committed to last.
func (p *player) reveal(pair int) []crdt.Literal {
	a := p.said[pair].pending
	if a == nil {
		return nil
	}
	p.said[pair].pending = nil
	return []crdt.Literal{p.run.literal(p, a)}
}

func (r *Run) literal(p *player, of interface{ Encode() (crdt.Literal, error) }) crdt.Literal {
	l, err := of.Encode()
	if err != nil {
		r.broken("%s would say what is void: %v", p.name, err)
	}
	return l
}
