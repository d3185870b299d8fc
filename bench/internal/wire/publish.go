package wire

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// Publisher sends a chain and measures how long it takes until each of its changes is said to be stored.
type Publisher struct {
	Client *Client
	chain  *Chain
	under  int // changes under way at most

	mu      sync.Mutex
	changed *sync.Cond
	sentAt  []time.Time
	stored  int    // packs
	credit  uint64 // messages
	took    []time.Duration
	ended   bool
	err     error
}

// NewPublisher connects to url and publishes nothing yet. It keeps at most under changes under way.
func NewPublisher(ctx context.Context, url string, charter crdt.Charter, chain *Chain, under int) (*Publisher, error) {
	p := &Publisher{chain: chain, under: under, sentAt: make([]time.Time, len(chain.Packs))}
	p.changed = sync.NewCond(&p.mu)
	var err error
	if p.Client, err = Dial(ctx, url, charter, p.onStored); err != nil {
		return nil, err
	}
	go func() {
		err := p.Client.Run()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ended, p.err = true, err
		p.changed.Broadcast()
	}()
	return p, p.Client.WaitLive(10 * time.Second)
}

func (p *Publisher) onStored(s *transport.Stored) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.credit = s.Credit
	for _, e := range s.Ends {
		if e.Author != p.chain.Author {
			continue
		}
		for _, id := range e.IDs {
			end, ok := p.chain.Ends[id]
			if !ok {
				continue
			}
			for ; p.stored <= end; p.stored++ {
				p.took = append(p.took, now.Sub(p.sentAt[p.stored]))
			}
		}
	}
	p.changed.Broadcast()
}

// Run publishes until the chain or ctx ends, then waits until all that was sent is stored. It returns how many changes
// that were, from when to when, and how long each pack took.
func (p *Publisher) Run(ctx context.Context) (changes int, took []time.Duration, err error) {
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.changed.Broadcast()
	})
	defer stop()
	perWindow := max(p.under/p.chain.Run, 1)
	messages := uint64(0)
	sent := 0
	for {
		p.mu.Lock()
		for !p.ended && ctx.Err() == nil && sent < len(p.chain.Packs) && (sent-p.stored >= perWindow || messages-p.credit >= transport.WindowMessages) {
			p.changed.Wait()
		}
		if p.ended || ctx.Err() != nil || sent == len(p.chain.Packs) {
			break
		}
		n := min(perWindow-(sent-p.stored), len(p.chain.Packs)-sent, transport.MaxPacksPerMessage)
		now := time.Now()
		for i := sent; i < sent+n; i++ {
			p.sentAt[i] = now
		}
		p.mu.Unlock()
		if err := p.Client.Send(p.chain.Packs[sent : sent+n]); err != nil {
			return 0, nil, err
		}
		sent += n
		messages++
	}
	defer p.mu.Unlock()
	for !p.ended && p.stored < sent {
		p.changed.Wait()
	}
	if p.stored < sent {
		return 0, nil, fmt.Errorf("publish: %d of %d packs were stored when the connection ended: %w", p.stored, sent, p.err)
	}
	return sent * p.chain.Run, p.took, nil
}
