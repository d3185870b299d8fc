package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tallystick/tallystick/transport"
)

// place is an address as the rendezvous of several nodes see it, without a network.
type place struct {
	sync.Mutex
	owner    *visitor // who listens there
	stranger error    // what probe says if it is no tallystick
	bindErr  error    // what bind says if nobody listens
	refuse   transport.Reason
	binds    int
}

// visitor is one node.
type visitor struct {
	*rendezvous
	place  *place
	name   string
	said   []string
	leave  context.CancelFunc
	gone   chan struct{}
	peers  []chan struct{} // of those that are connected to it: closed when it leaves
	breaks chan error      // breaks its listener
	hungUp int
}

// visit starts the rendezvous of a new node; call it within a bubble.
func (p *place) visit(t *testing.T, name string) *visitor {
	v := &visitor{place: p, name: name, gone: make(chan struct{}), breaks: make(chan error)}
	v.rendezvous = &rendezvous{
		addr: "here",
		probe: func(context.Context) error {
			p.Lock()
			defer p.Unlock()
			switch {
			case p.stranger != nil:
				return p.stranger
			case p.owner == nil:
				return errNobody
			}
			return nil
		},
		bind: func() (net.Listener, error) {
			p.Lock()
			defer p.Unlock()
			p.binds++
			switch {
			case p.owner != nil:
				return nil, fmt.Errorf("bind: %w", syscall.EADDRINUSE)
			case p.bindErr != nil:
				return nil, p.bindErr
			}
			p.owner = v
			return nil, nil
		},
		serve: func(ctx context.Context, _ net.Listener) (err error) {
			select {
			case <-ctx.Done():
			case err = <-v.breaks:
			}
			p.Lock()
			defer p.Unlock()
			p.owner = nil
			for _, c := range v.peers {
				close(c)
			}
			v.peers = nil
			return err
		},
		dial: func() (dialled, error) {
			p.Lock()
			defer p.Unlock()
			ended := make(chan struct{})
			if p.owner != nil && p.refuse.Code == "" {
				p.owner.peers = append(p.owner.peers, ended)
			} else {
				close(ended)
			}
			return dialled{
				peer: 7, ended: ended, hangUp: func() {
					p.Lock()
					defer p.Unlock()
					v.hungUp++
				},
				why: func(context.Context) transport.Reason {
					p.Lock()
					defer p.Unlock()
					return p.refuse
				},
			}, nil
		},
		say: func(m meeting) {
			p.Lock()
			defer p.Unlock()
			word := map[meetingState]string{
				meetSearching: "searching", meetDialled: "dialled", meetListening: "listening", meetStranger: "stranger", meetTrouble: "trouble",
			}[m.state]
			v.said = append(v.said, word)
			if m.err != nil {
				v.said[len(v.said)-1] += ": " + m.err.Error()
			}
		},
		random: func(d time.Duration) time.Duration { return d / 2 },
	}
	ctx, cancel := context.WithCancel(t.Context())
	v.leave = func() {
		cancel()
		<-v.gone
	}
	go func() {
		defer close(v.gone)
		v.run(ctx)
	}()
	synctest.Wait()
	return v
}

// last is what was said last.
func (v *visitor) last() string {
	v.place.Lock()
	defer v.place.Unlock()
	if len(v.said) == 0 {
		return ""
	}
	return v.said[len(v.said)-1]
}

func (v *visitor) want(t *testing.T, word string) {
	t.Helper()
	if got := v.last(); !strings.HasPrefix(got, word) {
		t.Errorf("%s: got %q, want %q", v.name, got, word)
	}
}

// set changes the place.
func (p *place) set(f func()) {
	p.Lock()
	defer p.Unlock()
	f()
}

// reports is how often something was said.
func (v *visitor) reports() int {
	v.place.Lock()
	defer v.place.Unlock()
	return len(v.said)
}

// later lets time pass in the bubble.
func later(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
	synctest.Wait()
}

func TestRendezvousFirstListensOthersDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{}
		a := p.visit(t, "a")
		b := p.visit(t, "b")
		c := p.visit(t, "c")
		a.want(t, "listening")
		b.want(t, "dialled")
		c.want(t, "dialled")

		a.leave()
		later(raceJitter)
		owners := 0
		for _, v := range []*visitor{b, c} {
			listens, hungUp := false, 0
			p.set(func() { listens, hungUp = p.owner == v, v.hungUp })
			if listens {
				owners++
				v.want(t, "listening")
			} else {
				v.want(t, "dialled")
			}
			if hungUp != 1 {
				t.Errorf("%s: hung up %d times, want 1", v.name, hungUp)
			}
		}
		if owners != 1 {
			t.Errorf("got %d that listen, want 1", owners)
		}
		b.leave()
		later(raceJitter)
		c.want(t, "listening")
		c.leave()
		if p.owner != nil {
			t.Error("somebody listens after all have left")
		}
	})
}

// Two find nobody; bind decides, and who loses dials the winner.
func TestRendezvousRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{}
		winner := &visitor{place: p, name: "winner"}
		p.bindErr = fmt.Errorf("bind: %w", syscall.EADDRINUSE) // it takes the address between our probe and our bind
		v := p.visit(t, "loser")
		if got := v.last(); got != "" {
			t.Fatalf("said %q", got)
		}
		p.set(func() { p.owner, p.bindErr = winner, nil })
		later(raceJitter)
		v.want(t, "dialled")
		v.leave()
	})
}

func TestRendezvousStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{stranger: errors.New("a web server")}
		v := p.visit(t, "v")
		v.want(t, "stranger: a web server")
		later(time.Hour)
		p.set(func() {
			if p.binds != 0 {
				t.Errorf("tried to listen %d times where something answers", p.binds)
			}
		})
		// It asks again, but ever less often: at most one in 3/4 retryMax.
		if n := v.reports(); n < 60 || n > 200 {
			t.Errorf("asked %d times in an hour", n)
		}
		p.set(func() { p.stranger = nil })
		later(retryMax)
		v.want(t, "listening")
		v.leave()
	})
}

// The one that listens does not serve our room.
func TestRendezvousRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{refuse: transport.Reason{Code: "no-room", Text: "no such room", Remote: true}}
		p.owner = &visitor{}
		v := p.visit(t, "v")
		v.want(t, "trouble: the tallystick that listens on here does not serve this room")
		before := v.reports()
		later(time.Minute)
		if n := v.reports() - before; n > 20 {
			t.Errorf("%d reports in a minute: it asks too often", n)
		}
		p.set(func() { p.refuse = transport.Reason{} })
		later(retryMax)
		v.want(t, "dialled")
		v.leave()
	})
}

// Going away is no refusal: the place is free at once.
func TestRendezvousGoingAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{}
		a := p.visit(t, "a")
		b := p.visit(t, "b")
		p.set(func() { p.refuse = transport.Reason{Code: transport.Code(transport.ErrGoingAway), Remote: true} })
		a.leave()
		p.set(func() { p.refuse = transport.Reason{} })
		later(raceJitter)
		b.want(t, "listening")
		b.leave()
	})
}

func TestRendezvousCannotListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &place{bindErr: syscall.EACCES}
		v := p.visit(t, "v")
		v.want(t, "trouble: listen on here: permission denied")
		p.set(func() { p.bindErr = nil })
		later(retryMin)
		v.want(t, "listening")
		v.breaks <- errors.New("broken")
		synctest.Wait()
		v.want(t, "trouble: listen on here: broken")
		later(retryMin)
		v.want(t, "listening")
		v.leave()
	})
}

// It ends at once, whatever it does.
func TestRendezvousEnds(t *testing.T) {
	for name, p := range map[string]*place{
		"listening": {},
		"dialled":   {owner: &visitor{}},
		"stranger":  {stranger: errors.New("x")},
		"trouble":   {bindErr: syscall.EACCES},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := p.visit(t, "v")
				v.want(t, name)
				began := time.Now()
				v.leave()
				if took := time.Since(began); took != 0 {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}
