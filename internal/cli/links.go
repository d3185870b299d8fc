package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/tallystick/tallystick/transport"
)

// links are a node's connections, as the command line asks for them.
type links struct {
	hub     *transport.Hub
	node    *transport.Node
	say     func(format string, args ...any) // for the user, one line each; from any goroutine
	changed func()                           // settled may answer otherwise now
	also    func(meeting)                    // takes what the rendezvous reports; nil: nobody else does

	mu         sync.Mutex
	dialled    []transport.PeerID // that were asked for
	meeting    meeting            // of the rendezvous
	meetAt     string             // where that is; empty: there is none; set before the others run
	endMeeting context.CancelFunc // as above
}

// linkPlan is what connections are wanted.
type linkPlan struct {
	connect []string     // complete URLs
	shared  []string     // those of them that the user chose: all rooms are to be found there
	listen  net.Listener // nil: do not listen
	meet    string       // keep up the default connection at this address; empty: do not
}

// listenHandshake bounds what a peer has to send before it is a websocket.
const listenHandshake = 10 * time.Second

// run makes the connections of plan and keeps them up until ctx ends.
func (l *links) run(ctx context.Context, plan linkPlan, start func(func())) error {
	for _, url := range plan.connect {
		id, err := l.hub.Connect(l.node, url)
		if err != nil {
			return err
		}
		l.mu.Lock()
		l.dialled = append(l.dialled, id)
		l.mu.Unlock()
	}
	if plan.listen != nil {
		l.say("listening on ws://%s", plan.listen.Addr())
		start(func() {
			if err := l.serve(ctx, plan.listen); err != nil && ctx.Err() == nil {
				l.say("listening on %s ended: %v", plan.listen.Addr(), err)
			}
		})
	}
	if plan.meet != "" {
		l.meetAt = plan.meet
		r := &rendezvous{
			addr:  plan.meet,
			probe: func(ctx context.Context) error { return probeAt(ctx, plan.meet) },
			bind:  func() (net.Listener, error) { return net.Listen("tcp", plan.meet) },
			serve: l.serve, dial: l.dial, say: l.report, random: randomUpTo,
		}
		meeting, end := context.WithCancel(ctx)
		l.endMeeting = end
		start(func() {
			defer end()
			r.run(meeting)
		})
	}
	return nil
}

// disconnect ends a peer's connection for the user. If it is the default one, that is kept up no more: else it would come
// back at once.
func (l *links) disconnect(id transport.PeerID) {
	l.mu.Lock()
	ours := l.meeting.state == meetDialled && l.meeting.peer == id
	l.mu.Unlock()
	if ours {
		l.endMeeting()
	}
	l.hub.Disconnect(id)
}

// serve accepts peers on ln until ctx ends or ln breaks. It closes ln; the hub closes the connections.
func (l *links) serve(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("/websocket", l.hub)
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: listenHandshake, IdleTimeout: listenHandshake, MaxHeaderBytes: 8 << 10,
		ErrorLog: discardLog(),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // nothing but the listener and half-made requests
	defer stop()
	err := server.Serve(ln)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// dial is rendezvous.dial.
func (l *links) dial() (dialled, error) {
	id, err := l.hub.Connect(l.node, "ws://"+l.meetAt)
	if err != nil {
		return dialled{}, err
	}
	return dialled{
		peer: id, ended: l.hub.Ended(id),
		why:    func(ctx context.Context) transport.Reason { return l.whyEnded(ctx, id) },
		hangUp: func() { l.hub.Disconnect(id) },
	}, nil
}

// reasonWait is how long the node may take to publish what the hub knows already.
const reasonWait = 200 * time.Millisecond

// whyEnded returns why the connection to id, which has ended, did so.
func (l *links) whyEnded(ctx context.Context, id transport.PeerID) transport.Reason {
	tick := time.NewTicker(reasonWait / 20)
	defer tick.Stop()
	for range 20 {
		p, ok := l.node.Snapshot().Peer(id)
		if ok && (p.State == transport.PeerRetry || p.State == transport.PeerClosed) {
			return p.Reason
		}
		select {
		case <-ctx.Done():
			return transport.Reason{}
		case <-tick.C:
		}
	}
	return transport.Reason{}
}

// report takes the reports of the rendezvous.
func (l *links) report(m meeting) {
	l.mu.Lock()
	before := l.meeting
	l.meeting = m
	l.mu.Unlock()
	l.changed()
	if l.also != nil {
		l.also(m)
	}
	switch m.state {
	case meetDialled:
		l.say("connected to %s", "ws://"+l.meetAt)
	case meetListening:
		l.say("nobody answers on %s: listening there", "ws://"+l.meetAt)
	case meetStranger, meetTrouble:
		if before.err == nil || before.err.Error() != m.err.Error() {
			l.say("%v", m.err)
		}
	}
}

// settled says whether nothing more is to be expected of the connections for now: those asked for were made or failed,
// and all that are made have caught up, in both directions.
func (l *links) settled(s *transport.Snapshot) bool {
	l.mu.Lock()
	want := append([]transport.PeerID(nil), l.dialled...)
	if l.meetAt != "" {
		switch l.meeting.state {
		case meetSearching:
			l.mu.Unlock()
			return false
		case meetDialled:
			want = append(want, l.meeting.peer)
		}
	}
	l.mu.Unlock()
	for _, id := range want {
		if _, ok := s.Peer(id); !ok {
			return false
		}
	}
	for i := range s.Peers {
		switch s.Peers[i].State {
		case transport.PeerConnecting, transport.PeerComparing, transport.PeerCatchingUp:
			return false
		}
	}
	return true
}

// listen takes the address of --listen.
func listen(addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err == nil {
		return ln, nil
	}
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: %w: something listens there already; stop it, or give --listen another port", addr, syscall.EADDRINUSE)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listen on %s: %w: give --listen a port above 1023", addr, syscall.EACCES)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("listen on %s: %w: this machine has no such address; 0.0.0.0 means all it has", addr, syscall.EADDRNOTAVAIL)
	case errors.As(err, &dns):
		return nil, fmt.Errorf("listen on %s: %w: give --listen HOST:PORT, as in 127.0.0.1:8080", addr, err)
	}
	return nil, &codedError{ExitUsage, fmt.Errorf("listen on %s: %w: give --listen HOST:PORT, as in 127.0.0.1:8080", addr, err)}
}
