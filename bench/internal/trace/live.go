package trace

import (
	"fmt"
	"slices"
	"strings"
)

// maxClocks bounds what planning a concurrent trace takes: transactions, and agents, times agents, 4 bytes each.
const maxClocks = 1 << 26

// concurrent plans a concurrent trace as its agents would have lived it: each has one replica, types into it, and takes messages so
// that at each of its transactions the replica holds that transaction's ancestors and nothing else. An agent sends exactly where
// another one's transaction names its own as a parent, so no message holds more than what is to be taken.
func (f *content) concurrent() (*Case, error) {
	n, agents := len(f.Txns), f.NumAgents
	switch {
	case agents < 1:
		return nil, fmt.Errorf("%w: %d agents", ErrDamaged, agents)
	case max(n, agents) > maxClocks/agents:
		return nil, fmt.Errorf("%w: %d transactions of %d agents: more than planning is made for", ErrDamaged, n, agents)
	case f.StartContent != "":
		return nil, fmt.Errorf("%w: a concurrent trace with startContent", ErrDamaged)
	}
	c := &Case{Kind: Live, End: *f.EndContent, Agents: agents}
	begins, err := f.edits(c)
	if err != nil {
		return nil, err
	}
	sends, err := f.sends()
	if err != nil {
		return nil, err
	}
	p := planner{
		Case: c, clocks: make([]int32, n*agents), have: make([][]int32, agents), typed: make([]int32, agents),
		messages: make([][]message, agents),
	}
	for a := range p.have {
		p.have[a] = make([]int32, agents)
	}
	for i, t := range f.Txns {
		if err := p.prepare(i, t); err != nil {
			return nil, err
		}
		for e := begins[i]; e < begins[i+1]; e++ {
			c.Steps = append(c.Steps, Step{Edit, t.Agent, e})
		}
		p.typed[t.Agent]++
		p.have[t.Agent][t.Agent]++
		p.clock(i)[t.Agent]++
		if sends[i] {
			p.send(t.Agent)
		}
	}
	// At the end everybody gets everything.
	all := slices.Clone(p.typed)
	for a := range agents {
		if k := len(p.messages[a]); all[a] > 0 && (k == 0 || p.messages[a][k-1].end < all[a]) {
			p.send(a)
		}
	}
	for a := range agents {
		p.take(a, all)
	}
	c.Wide = strings.ContainsFunc(strings.Join(c.Insert, ""), func(r rune) bool { return r > 0xffff })
	return c, nil
}

// sends says after which transactions their agents send, and checks what the transactions name.
func (f *content) sends() ([]bool, error) {
	sends := make([]bool, len(f.Txns))
	for i, t := range f.Txns {
		if t.Agent < 0 || t.Agent >= f.NumAgents {
			return nil, fmt.Errorf("%w: transaction %d: agent %d of %d", ErrDamaged, i, t.Agent, f.NumAgents)
		}
		for _, parent := range t.Parents {
			if parent < 0 || parent >= i {
				return nil, fmt.Errorf("%w: transaction %d: parent %d does not come before it", ErrDamaged, i, parent)
			}
			if f.Txns[parent].Agent != t.Agent {
				sends[parent] = true
			}
		}
	}
	return sends, nil
}

// planner holds a vector clock for each transaction and for each agent's replica: the number of transactions of each agent.
type planner struct {
	*Case
	clocks   []int32
	have     [][]int32
	typed    []int32
	messages [][]message // by sender
}

// message number id ends with the sender's transaction number end.
type message struct {
	id  int
	end int32
}

func (p *planner) clock(i int) []int32 { return p.clocks[i*p.Agents : (i+1)*p.Agents] }

// prepare has the agent of transaction i take what it needs for it.
func (p *planner) prepare(i int, t transaction) error {
	need := p.clock(i)
	for _, parent := range t.Parents {
		for a, k := range p.clock(parent) {
			need[a] = max(need[a], k)
		}
	}
	for a, k := range p.have[t.Agent] {
		if k > need[a] {
			return fmt.Errorf("%w: transaction %d does not come after all that its agent had before", ErrDamaged, i)
		}
	}
	p.take(t.Agent, need)
	return nil
}

func (p *planner) send(a int) {
	p.Steps = append(p.Steps, Step{Send, a, p.Messages})
	p.messages[a] = append(p.messages[a], message{p.Messages, p.typed[a]})
	p.Messages++
}

// take has agent a take the messages up to need, in the order in which they were sent: parents first.
func (p *planner) take(a int, need []int32) {
	var ids []int
	have := p.have[a]
	for from, k := range need {
		if from == a || have[from] >= k {
			continue
		}
		sent := p.messages[from]
		first, _ := slices.BinarySearchFunc(sent, have[from]+1, func(m message, end int32) int { return int(m.end - end) })
		for _, m := range sent[first:] {
			if m.end > k {
				break
			}
			ids = append(ids, m.id)
		}
		have[from] = k
	}
	slices.Sort(ids)
	for _, id := range ids {
		p.Steps = append(p.Steps, Step{Take, a, id})
	}
}
