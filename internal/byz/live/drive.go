package live

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tallystick/tallystick/internal/byz"
	"github.com/tallystick/tallystick/transport"
)

// A gang is the connections of attackers who collude: as their peers may share what they know, one of them acts at a time.
type gang struct {
	news
	members []*attacker
}

// An attacker is one connection that a peer of package byz speaks on.
type attacker struct {
	peer  byz.Peer
	ws    *websocket.Conn
	local string
	codes *codes        // of the victim: what it says counts as counted, since a node says nothing of who never reached its room
	kick  chan struct{} // one place: it may have something to say

	// Guarded by gang.news.
	sent, credited uint64    // packs messages
	spoke          time.Time // last
	ended          bool
	byVictim       bool
	why            error
}

// sourceOf is the address of this machine that the attackers of a room come from: one of its own for each, so that no port is that
// of another attack whose end the victim has yet to tell. Nil, for any, where the loopback has one address alone.
func sourceOf(room int64) net.Addr {
	if runtime.GOOS != "linux" {
		return nil
	}
	return &net.TCPAddr{IP: net.IPv4(127, 1+byte(room>>16)%250, byte(room>>8), byte(room))}
}

// attack connects peers to the addresses, one each, from source. counted gives the victim's codes.
func (g *gang) attack(ctx context.Context, source net.Addr, peers []byz.Peer, addrs []string, counted func(addr string) *codes) error {
	for i, p := range peers {
		tcp := &net.Dialer{LocalAddr: source}
		dialer := websocket.Dialer{Subprotocols: []string{"tallystick.v1"}, HandshakeTimeout: patience, NetDialContext: tcp.DialContext}
		ws, _, err := dialer.DialContext(ctx, "ws://"+addrs[i]+"/websocket", nil)
		if err != nil {
			return fmt.Errorf("the attacker does not reach %s: %w", addrs[i], err)
		}
		a := &attacker{peer: p, ws: ws, local: ws.LocalAddr().String(), codes: counted(addrs[i]), kick: make(chan struct{}, 1), spoke: time.Now()}
		a.codes.forget(a.local)
		g.change(func() { g.members = append(g.members, a) })
	}
	return nil
}

// loose starts all attackers; it returns what waits for their end.
func (g *gang) loose(ctx context.Context) (wait func()) {
	var all sync.WaitGroup
	for _, a := range g.members {
		stop := context.AfterFunc(ctx, func() { _ = a.ws.Close() }) // the reader ends with it
		all.Go(func() { g.listen(ctx, a) })
		all.Go(func() {
			g.speak(ctx, a)
			stop()
			_ = a.ws.Close() // stop may have been faster than what it stops: nobody would close it
		})
	}
	return all.Wait
}

func (g *gang) listen(ctx context.Context, a *attacker) {
	for {
		_, msg, err := a.ws.ReadMessage()
		now := time.Now()
		g.change(func() {
			if err != nil {
				a.ended, a.byVictim, a.why = true, ctx.Err() == nil, err
				return
			}
			if m, err := transport.DecodeMessage(msg); err == nil {
				switch b := m.Body.(type) {
				case *transport.Stored:
					a.credited = b.Credit
				case *transport.PeerError:
					a.codes.add(a.local, b.ErrorCode)
				}
			}
			a.peer.Receive(now, msg)
		})
		for _, b := range g.members { // it may have told the others something
			select {
			case b.kick <- struct{}{}:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// speak says what the peer has to say until the connection has ended.
func (g *gang) speak(ctx context.Context, a *attacker) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var msg []byte
		var more, over bool
		var at time.Time
		g.change(func() {
			if over = a.ended; over {
				return
			}
			now := time.Now()
			if msg, more = a.peer.Next(now); more {
				a.spoke = now
				if m, err := transport.DecodeMessage(msg); err == nil {
					if _, packs := m.Body.(transport.Packs); packs {
						a.sent++
					}
				}
			}
			at = a.peer.Deadline()
		})
		switch {
		case over:
			return
		case more:
			// That it cannot be written is what the reader finds out.
			_ = a.ws.SetWriteDeadline(time.Now().Add(patience))
			_ = a.ws.WriteMessage(websocket.BinaryMessage, msg)
			continue
		}
		if !at.IsZero() {
			timer.Reset(max(time.Until(at), time.Millisecond))
		}
		select {
		case <-a.kick:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// through waits until every attacker has said all that it has to say and was credited for it, or was thrown out; and until more holds.
func (g *gang) through(ctx context.Context, more func() bool) error {
	tick := time.NewTicker(calm / 4)
	defer tick.Stop()
	for {
		var left string
		g.see(func() {
			now := time.Now()
			for _, a := range g.members {
				if why := a.busy(now); why != "" {
					left = why
				}
			}
		})
		if left == "" {
			if more() {
				return nil
			}
			left = "is not thrown out"
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w (an attacker %s)", context.Cause(ctx), left)
		}
	}
}

// busy says what is left of an attack on one connection, "" if it is through. Call it under gang.news.
func (a *attacker) busy(now time.Time) string {
	if a.ended {
		return ""
	}
	if d, ok := a.peer.(interface{ Done() bool }); ok && !d.Done() {
		return "has more to say"
	}
	if at := a.peer.Deadline(); !at.IsZero() && at.Before(now.Add(horizon)) {
		if _, ok := a.peer.(interface{ Done() bool }); !ok {
			return "waits for its time"
		}
	}
	if a.credited < a.sent {
		return fmt.Sprintf("has sent %d messages of packs, of which %d were credited", a.sent, a.credited)
	}
	if now.Sub(a.spoke) < calm {
		return "has just spoken"
	}
	return ""
}

// closed reports whether a victim has ended the connection of one of these.
func (g *gang) closed(members []*attacker) (any bool) {
	g.see(func() {
		for _, a := range members {
			any = any || a.ended && a.byVictim
		}
	})
	return any
}

// thrownOut is why the victims have ended connections, nil if they have ended none.
func (g *gang) thrownOut() (why error) {
	g.see(func() {
		for _, a := range g.members {
			if a.ended && a.byVictim {
				why = errors.Join(why, a.why)
			}
		}
	})
	return why
}

// dialer notes the connections of a Wire attack.
type dialer struct {
	addr   string
	source net.Addr
	codes  *codes // of the victim

	mu  sync.Mutex
	all map[string]bool // guarded by mu
}

func (d *dialer) dial(ctx context.Context) (net.Conn, error) {
	nc, err := (&net.Dialer{LocalAddr: d.source}).DialContext(ctx, "tcp", d.addr)
	if err != nil {
		return nil, err
	}
	d.codes.forget(nc.LocalAddr().String())
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil {
		d.all = make(map[string]bool)
	}
	d.all[nc.LocalAddr().String()] = true
	return nc, nil
}

func (d *dialer) locals() map[string]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all
}
