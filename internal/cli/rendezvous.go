package cli

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
	"time"

	"github.com/tallystick/tallystick/transport"
)

// Where nodes of one machine meet if they are told nothing.
const (
	defaultAddr = "127.0.0.1:8080"
	defaultURL  = "ws://" + defaultAddr
)

// Times of the rendezvous.
const (
	raceJitter   = 150 * time.Millisecond // at most, before a try after one that lost or a connection that ended
	probeTimeout = 5 * time.Second
	retryMin     = 2 * time.Second // after something else was found there; doubled up to retryMax, less jitter
	retryMax     = 30 * time.Second
)

// meetingState is how the default connection stands.
type meetingState uint8

const (
	meetSearching meetingState = iota // not known yet, or the other side has just left
	meetDialled                       // a tallystick answers there, and is connected to
	meetListening                     // nobody answered: this node listens there
	meetStranger                      // something answers that is no tallystick: offline, tried again
	meetTrouble                       // it cannot be reached nor listened on, or does not serve our room: offline, tried again
)

// meeting is a report of the rendezvous.
type meeting struct {
	state meetingState
	peer  transport.PeerID // if meetDialled
	err   error            // why, if meetStranger or meetTrouble: what, where, what to do
}

// rendezvous keeps up the default connection: whoever comes first listens, the others connect to it, and when it
// leaves, one of them takes its place. Whether one may listen is decided by bind, which only one process can win; who loses
// connects to the winner. It never listens anywhere else, and never where something answers.
//
//	search ──answers──► dialled ──connection ends──► search
//	   │ └──nobody────► bind ──won──► listening ──listener breaks──► search
//	   │                  └──lost──► search
//	   └──stranger────► wait, longer each time ──► search
//
// Its fields are set before run and not changed; it uses nothing else, so that tests can stand in for the network.
type rendezvous struct {
	addr string // where, for what is said
	// probe returns nil if a tallystick listens there, errNobody if nothing does, else why it is neither.
	probe func(context.Context) error
	// bind takes the address: syscall.EADDRINUSE is wrapped if somebody has it.
	bind func() (net.Listener, error)
	// serve accepts peers until ctx ends or the listener breaks; it closes the listener.
	serve func(context.Context, net.Listener) error
	dial  func() (dialled, error)
	// say takes each report, one after the other, on the goroutine of run.
	say func(meeting)
	// random returns a duration from 0 to its argument.
	random func(time.Duration) time.Duration
}

// dialled is a connection that was asked for.
type dialled struct {
	peer   transport.PeerID
	ended  <-chan struct{}                        // closed when it has ended or could not be made
	why    func(context.Context) transport.Reason // after that: why
	hangUp func()                                 // ends it for good
}

// errNobody is what probe returns where nothing listens.
var errNobody = errors.New("nobody listens there")

// step is a state: it does what is to be done in it and returns the next, nil when ctx has ended.
type step func(context.Context) step

// run keeps up the connection until ctx ends.
func (r *rendezvous) run(ctx context.Context) {
	backoff := time.Duration(0)
	for next := step(r.search(&backoff)); next != nil && ctx.Err() == nil; {
		next = next(ctx)
	}
}

// search finds out who is there.
func (r *rendezvous) search(backoff *time.Duration) step {
	return func(ctx context.Context) step {
		probing, cancel := context.WithTimeout(ctx, probeTimeout)
		err := r.probe(probing)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			return r.connect(backoff)
		case errors.Is(err, errNobody):
			return r.take(backoff)
		default:
			r.say(meeting{state: meetStranger, err: err})
			return r.later(backoff)
		}
	}
}

// connect stays connected to who listens there.
func (r *rendezvous) connect(backoff *time.Duration) step {
	return func(ctx context.Context) step {
		d, err := r.dial()
		if err != nil {
			r.say(meeting{state: meetTrouble, err: err})
			return r.later(backoff)
		}
		r.say(meeting{state: meetDialled, peer: d.peer})
		select {
		case <-ctx.Done():
			return nil
		case <-d.ended:
		}
		reason := d.why(ctx)
		d.hangUp()
		if reason.Remote && reason.Code != transport.Code(transport.ErrGoingAway) {
			// It is there, but does not want us: it stays, so asking again at once changes nothing.
			r.say(meeting{state: meetTrouble, err: r.refused(reason)})
			return r.later(backoff)
		}
		*backoff = 0
		r.say(meeting{state: meetSearching})
		return r.soon(backoff)
	}
}

// refused says that the other side, a tallystick, refuses our room.
func (r *rendezvous) refused(reason transport.Reason) error {
	if reason.Code == transport.Code(transport.ErrNoRoom) {
		return fmt.Errorf("the tallystick that listens on %s does not serve this room: offline; a relay there would (tallystick --relay), or give --connect", r.addr)
	}
	return fmt.Errorf("the tallystick that listens on %s refuses: %s: %s: offline; give another with --connect", r.addr, reason.Code, reason.Text)
}

// take listens, if nobody else does by now.
func (r *rendezvous) take(backoff *time.Duration) step {
	return func(ctx context.Context) step {
		ln, err := r.bind()
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return r.soon(backoff) // somebody was faster: connect to it
		case err != nil:
			r.say(meeting{state: meetTrouble, err: fmt.Errorf("listen on %s: %w: offline; give --listen another address, or --connect", r.addr, err)})
			return r.later(backoff)
		}
		*backoff = 0
		r.say(meeting{state: meetListening})
		err = r.serve(ctx, ln)
		if ctx.Err() != nil {
			return nil
		}
		r.say(meeting{state: meetTrouble, err: fmt.Errorf("listen on %s: %w: offline; tried again", r.addr, err)})
		return r.later(backoff)
	}
}

// soon searches again after a moment that differs from node to node.
func (r *rendezvous) soon(backoff *time.Duration) step {
	return func(ctx context.Context) step {
		if !pause(ctx, r.random(raceJitter)) {
			return nil
		}
		return r.search(backoff)
	}
}

// later searches again after a while, twice as long each time.
func (r *rendezvous) later(backoff *time.Duration) step {
	return func(ctx context.Context) step {
		*backoff = min(max(2**backoff, retryMin), retryMax)
		if !pause(ctx, *backoff-r.random(*backoff/4)) {
			return nil
		}
		return r.search(backoff)
	}
}

// pause waits; it returns false if ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func randomUpTo(d time.Duration) time.Duration { return rand.N(d + 1) }

// probeAt is rendezvous.probe for the network.
func probeAt(ctx context.Context, addr string) error {
	err := transport.Probe(ctx, "ws://"+addr)
	if err == nil || ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return err
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return errNobody
	}
	return fmt.Errorf("%s is taken: %w: offline, tried again later; give --listen another address, or --connect", addr, err)
}
