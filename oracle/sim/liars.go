package sim

import (
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/byz"
	"github.com/tallystick/tallystick/internal/sim"
	"github.com/tallystick/tallystick/oracle"
)

// What liars do that no honest program can: look at others first, say two things at once, keep back what they said, break rules.

// eyes are what a liar has seen of others in its own replica.
type eyes struct {
	run  *Run
	seen int             // changes that were looked at
	by   [][][]sightOf   // pair, oracle, in order of arrival; the newest maxSights
	last []crdt.ChangeID // by oracle: its newest change
}

type sightOf struct{ t, price int64 }

func newEyes(r *Run) *eyes {
	e := &eyes{run: r, by: make([][][]sightOf, len(r.sc.Pairs)), last: make([]crdt.ChangeID, r.sc.oracles())}
	for i := range e.by {
		e.by[i] = make([][]sightOf, r.sc.oracles())
	}
	return e
}

// look takes in what its replica has got.
func (e *eyes) look(n *sim.Node) {
	v := n.Core().Replica().View()
	if v.Changes() < e.seen {
		e.seen = 0
	}
	for ; e.seen < v.Changes(); e.seen++ {
		c := v.ChangeAt(e.seen)
		who, ok := e.run.terms.Oracle(c.Author)
		if !ok {
			continue
		}
		e.last[who] = c.ID
		for _, row := range v.RowsOf(e.seen) {
			a, err := oracle.ParseAttestation(row.Literal)
			if err != nil {
				continue
			}
			if pair := e.run.sc.pair(a.Pair); pair >= 0 {
				s := append(e.by[pair][who], sightOf{a.T, a.Price})
				e.by[pair][who] = s[max(0, len(s)-maxSights):]
			}
		}
	}
}

func (e *eyes) newest(pair, who int) int64 {
	if s := e.by[pair][who]; len(s) > 0 {
		return s[len(s)-1].price
	}
	return 0
}

// before is the newest of a time; 0: it was silent then.
func (e *eyes) before(pair, who int, t int64) int64 {
	s := e.by[pair][who]
	for i := len(s) - 1; i >= 0; i-- {
		if s[i].t <= t {
			return s[i].price
		}
	}
	return 0
}

// highest is the greatest price that somebody who does not lie has said in a slot; 0: none.
func (e *eyes) highest(pair int, slot int64) (most int64) {
	begin := baseMS + slot*e.run.sc.IntervalMS
	for who, s := range e.by[pair] {
		if e.run.players[who].lie != nil || len(s) == 0 {
			continue
		}
		if last := s[len(s)-1]; last.t-e.run.players[who].group.ClockMS >= begin {
			most = max(most, last.price)
		}
	}
	return most
}

// craft says something in a change that is made by hand, on one machine; or keeps it back for a while.
func (p *player) craft(on *sim.Node, tip *crdt.ChangeID, say []crdt.Literal, keep bool) {
	if on.Core() == nil {
		return
	}
	r := p.run
	v := on.Core().Replica().View()
	author := authorOf(p.key)
	if *tip == (crdt.ChangeID{}) {
		*tip = newestOf(v, author)
	}
	var links []crdt.ChangeID
	for _, id := range v.Heads() {
		if i, ok := on.Core().Replica().Index(id); ok && on.Core().Replica().Author(i) != author && len(links) < crdt.MaxOwnLinks {
			links = append(links, id)
		}
	}
	ops := make(byz.List, 0, len(say))
	for _, l := range say {
		ops = append(ops, byz.List{0, 1, byz.Raw(l)}) // append to the feed
	}
	pack, id := r.net.Craft(p.key, *tip, on.Now().Unix(), links, byz.Encode(ops))
	*tip = id
	if !keep {
		on.Say(pack)
		return
	}
	p.held = append(p.held, pack)
	wait := time.Duration(p.lie.MS) * time.Millisecond
	if wait == 0 {
		wait = 8 * time.Second
	}
	r.net.After(wait, func() {
		if len(p.held) > 0 && p.up() {
			p.node.Say(p.held[0])
			p.held = p.held[1:]
		}
	})
}

// release gives out what was kept back, and forgets where its chain ends: its process knows.
func (p *player) release() {
	if p.up() && len(p.held) > 0 {
		p.node.Say(p.held...)
	}
	p.held = nil
	if !p.forked {
		p.tip = crdt.ChangeID{}
	}
}

// newestOf is the newest change of an author in a log, the room if there is none.
func newestOf(v *crdt.View, author crdt.Author) crdt.ChangeID {
	for i := v.Changes() - 1; i >= 0; i-- {
		if c := v.ChangeAt(i); c.Author == author {
			return c.ID
		}
	}
	return crdt.ChangeID(v.Room())
}

// split gives an oracle a second machine on its key: half of those that it was connected to, it now meets with that.
func (r *Run) split(p *player) {
	if !p.up() {
		return
	}
	twin, err := r.net.Twin(p.node)
	if err != nil {
		r.broken("a twin of %s: %v", p.name, err)
		return
	}
	p.tip = newestOf(p.node.Core().Replica().View(), authorOf(p.key))
	p.twin, p.twinTip, p.forked = twin, p.tip, true
	neighbours := r.neighbours(p.node.ID())
	for _, n := range neighbours[len(neighbours)/2:] {
		if len(neighbours) > 1 { // else both meet the same one
			r.net.Part(p.node, n)
		}
		r.net.Join(twin, n, r.linkSpec())
	}
	twin.Start()
}

// unsplit takes the second machine away.
func (r *Run) unsplit(p *player) {
	for _, n := range r.neighbours(p.twin.ID()) {
		r.net.Part(p.twin, n)
		r.net.Part(p.node, n)
		r.net.Join(p.node, n, r.linkSpec())
	}
	p.twin.Kill()
	p.twin = nil
}

// neighbours are the machines that one is linked with, in order.
func (r *Run) neighbours(id int) (out []*sim.Node) {
	for _, l := range r.net.Lines() {
		switch id {
		case l.From:
			out = append(out, r.net.Nodes()[l.To])
		case l.To:
			out = append(out, r.net.Nodes()[l.From])
		}
	}
	return out
}

// malformed breaks a rule, in each slot another one.
func (r *Run) malformed(p *player, pair int, slot int64) []crdt.Literal {
	name := r.sc.Pairs[pair].Pair
	t, price := p.clock(), max(r.markets[pair].at(slot), 1)
	plain := func(change ...any) any {
		m := map[string]any{"pair": name, "price": price, "t": t}
		for i := 0; i < len(change); i += 2 {
			m[change[i].(string)] = change[i+1]
		}
		return m
	}
	words := []any{
		"not an attestation",
		plain("price", int64(0)),
		plain("price", -price),
		plain("price", "2500.00"),
		plain("pair", "NO/SUCH"),
		plain("t", int64(-1)),
		plain("t", t-3_600_000),
		plain("spread", int64(-1)),
		plain("confidence", int64(100)),
		plain("flags", int64(1<<40)),
		[]any{name, price, t},
		map[string]any{},
	}
	l, err := crdt.EncodeLiteral(words[int(slot)%len(words)])
	if err != nil {
		r.broken("a malformed literal of %s: %v", p.name, err)
		return nil
	}
	return []crdt.Literal{l}
}
