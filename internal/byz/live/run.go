package live

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/byz"
)

// Attack runs one attack at the relay and at a node that listens, alone or among honest traffic. What comes after a restart is
// looked at by Restart: the result is whole only then.
func (w *World) Attack(ctx context.Context, a byz.Attack, busy bool) *Result {
	r := &Result{Class: a.Class, Name: a.Name, What: a.What, Busy: busy}
	w.play(ctx, r, a.Kind, a.Charter, a.Want, func(ctx context.Context, s *scene) error {
		gangs := &gang{}
		ctx, end := context.WithCancel(ctx)
		var wait func()
		defer func() {
			end()
			if wait != nil {
				wait()
			}
		}()
		victims := s.victims()
		var groups [][]*attacker // as their Peers were made together
		for i, victim := range victims {
			if a.Spread && i > 0 {
				break // all have their victim
			}
			peers := a.Peers(s.room)
			at := slices.Repeat([]string{victim}, len(peers))
			if busy || a.Spread { // one each to several
				for k := range at {
					at[k] = victims[(i+k)%len(victims)]
				}
			}
			if err := gangs.attack(ctx, s.source, peers, at, s.counted); err != nil {
				return err
			}
			group := gangs.members[len(gangs.members)-len(peers):]
			groups = append(groups, group)
			for k, m := range group {
				s.attackedFrom(at[k], m.local)
			}
		}
		wait = gangs.loose(ctx)
		if busy {
			if err := s.busy(ctx); err != nil {
				return err
			}
		}
		wanted := patience
		if a.Slow {
			wanted = slowPatience
		}
		awaiting, cancel := within(ctx, wanted, "the attack is through")
		defer cancel()
		err := gangs.through(awaiting, func() bool {
			return !a.Want.Closed || !slices.ContainsFunc(groups, func(g []*attacker) bool { return !gangs.closed(g) })
		})
		if err != nil {
			return err
		}
		// The attackers stay while the honest edit travels.
		if err := s.travel(ctx); err != nil {
			return err
		}
		if a.Want.Withholds { // the relay has no word for it
			if err := s.near.misses(ctx, s.gang[s.near.address()]); err != nil {
				return err
			}
		}
		if why := gangs.thrownOut(); !a.Want.Closed && why != nil {
			return fmt.Errorf("an attacker's connection was closed: %w", why)
		}
		return nil
	})
	return r
}

// Wire runs one attack that needs a socket, at the relay and at a node that listens.
func (w *World) Wire(ctx context.Context, a byz.Wire, busy bool) *Result {
	r := &Result{Class: a.Class, Name: a.Name, What: a.What, Busy: busy}
	w.play(ctx, r, "", nil, a.Want, func(ctx context.Context, s *scene) error {
		attacking, cancel := within(ctx, slowPatience, "the attack is through")
		defer cancel()
		var traffic error
		var wg sync.WaitGroup
		if busy {
			wg.Go(func() { traffic = s.busy(ctx) })
		}
		var failed error
		for _, victim := range s.victims() {
			if a.Relay && victim != w.relay.addr {
				continue
			}
			d := &dialer{addr: victim, source: s.source, codes: s.counted(victim)}
			t := &byz.Target{Addr: victim, Room: s.room, Relay: victim == w.relay.addr, Dial: d.dial}
			t.Told = func(nc net.Conn, code string) { d.codes.add(nc.LocalAddr().String(), code) }
			t.AwaitEnd = func(ctx context.Context, nc net.Conn) error { return d.codes.awaitEnd(ctx, nc.LocalAddr().String()) }
			if err := a.Run(attacking, t); err != nil {
				failed = errors.Join(failed, fmt.Errorf("at %s: %w", s.victim(victim), err))
			}
			for local := range d.locals() {
				s.attackedFrom(victim, local)
			}
			if victim == w.relay.addr && strings.Contains(a.Name, "flood") {
				// The addresses are used again soon: what the relay has to say of so many must be over by then.
				ending, cancel := within(ctx, patience, "the relay has noted all ends")
				for local := range d.locals() {
					failed = errors.Join(failed, d.codes.awaitEnd(ending, local))
				}
				cancel()
			}
		}
		wg.Wait()
		return errors.Join(failed, traffic, s.travel(ctx))
	})
	return r
}

// play makes the scene of an attack, has it done, and looks at all but what a restart shows.
func (w *World) play(ctx context.Context, r *Result, kind crdt.Kind, charter func(*byz.Room, []crdt.Author) crdt.Charter, want byz.Want, act func(context.Context, *scene) error) {
	s, err := w.newScene(ctx, kind, charter, r)
	if s != nil {
		s.want = want
	}
	if err == nil {
		w.relay.forgetPeak()
		err = act(ctx, s)
		r.Relay, r.Node = w.relay.peakBytes(), s.near.peakBytes()
	}
	if err == nil {
		err = s.judge(ctx)
	}
	if err != nil {
		r.Err = err
		if s != nil {
			s.abandon()
		}
		return
	}
	w.mu.Lock()
	w.done = append(w.done, s)
	w.mu.Unlock()
}

func (s *scene) attackedFrom(victim, local string) {
	if s.gang[victim] == nil {
		s.gang[victim] = make(map[string]bool)
	}
	s.gang[victim][local] = true
}

// victim is the word for who is at an address.
func (s *scene) victim(addr string) string {
	if addr == s.w.relay.addr {
		return "the relay"
	}
	return "the node"
}

// travel makes an honest edit on each side, while the attackers are there, and measures how long both take to the other side.
func (s *scene) travel(ctx context.Context) error {
	began := time.Now()
	err := s.edit(ctx, "after")
	s.result.Edit = time.Since(began)
	if err == nil && s.result.Edit > maxEdit {
		err = fmt.Errorf("an honest edit took %v both ways, at most %v", s.result.Edit, maxEdit)
	}
	return err
}

// judge looks at what the victims have counted, at their memory, and at what they have in the end.
func (s *scene) judge(ctx context.Context) error {
	var errs []error
	for victim, locals := range s.gang {
		codes := s.counted(victim)
		for _, code := range s.want.Refused {
			awaiting, cancel := within(ctx, patience, "%s has counted %s", s.victim(victim), code)
			if err := codes.awaitFault(awaiting, code, locals); err != nil {
				errs = append(errs, fmt.Errorf("%w; it has counted %v", err, codes.faults(locals)))
			}
			cancel()
		}
	}
	for _, h := range []honest{s.near, s.far} {
		errs = append(errs, h.finish(ctx), h.check())
	}
	for victim, locals := range s.gang {
		for code, n := range s.counted(victim).faults(locals) {
			if !slices.Contains(s.want.Refused, code) {
				errs = append(errs, fmt.Errorf("%s has counted %d of %s, which was not to be", s.victim(victim), n, code))
			}
		}
	}
	near, err := s.near.verify(ctx)
	errs = append(errs, err)
	far, err := s.far.verify(ctx)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := near.equal(far); err != nil {
		errs = append(errs, fmt.Errorf("the honest nodes differ: %w", err))
	}
	if got := near.Changes - s.made; got != s.want.Accepted {
		errs = append(errs, fmt.Errorf("%d of the attackers' changes are accepted, want %d", got, s.want.Accepted))
	}
	if near.Forked != s.want.Forks {
		errs = append(errs, fmt.Errorf("%d authors are shown as forked, want %d", near.Forked, s.want.Forks))
	}
	if s.want.Void && s.room.Charter.Kind != crdt.JSON && near.Rows != s.made {
		errs = append(errs, fmt.Errorf("%d rows of the attackers are shown, want none: all is void", near.Rows-s.made))
	}
	return errors.Join(append(errs, s.bounds(near))...)
}

// bounds looks at memory and disk.
func (s *scene) bounds(near ending) error {
	var errs []error
	if s.result.Relay > maxRelayBytes {
		errs = append(errs, fmt.Errorf("the relay took %d MiB of memory, at most %d", s.result.Relay>>20, maxRelayBytes>>20))
	}
	if s.result.Node > maxNodeBytes {
		errs = append(errs, fmt.Errorf("the node took %d MiB of memory, at most %d", s.result.Node>>20, maxNodeBytes>>20))
	}
	for who, size := range map[string]int64{"relay": s.w.relay.fileBytes(s.room.ID()), "node": near.FileBytes} {
		if size > maxFileBytes {
			errs = append(errs, fmt.Errorf("the file of the %s has %d MiB, at most %d", who, size>>20, maxFileBytes>>20))
		}
	}
	return errors.Join(errs...)
}

// outcome is what came of the attack, in words.
func (s *scene) outcome() string {
	if s.words != "" {
		return s.words
	}
	var parts []string
	for _, code := range s.want.Refused {
		parts = append(parts, "`"+code+"`")
	}
	if len(s.want.Refused) > 0 {
		parts = []string{"refused " + strings.Join(parts, ", ")}
	}
	switch {
	case s.want.Closed:
		parts = append(parts, "connection closed")
	case len(s.want.Refused) == 0:
		parts = append(parts, "no effect on others")
	}
	if s.want.Accepted > 0 {
		parts = append(parts, fmt.Sprintf("%d changes accepted alike", s.want.Accepted))
	}
	if s.want.Void {
		parts = append(parts, "all of them void")
	}
	if s.want.Forks > 0 {
		parts = append(parts, fmt.Sprintf("evidence against %d", s.want.Forks))
	}
	if s.want.Withholds {
		parts = append(parts, "shown as `withholds`")
	}
	if s.want.Pending {
		parts = append(parts, "the rest waits, within bounds")
	}
	return strings.Join(parts, "; ")
}

// newcomer is one who has nothing of the room yet.
func (s *scene) newcomer() honest {
	switch far := s.far.(type) {
	case *plainNode:
		return &plainNode{binary: far.binary, home: far.home, name: "newcomer", room: far.room, args: far.args}
	case *member:
		return &member{charter: far.charter, dir: far.dir + "-newcomer", relay: far.relay}
	default:
		panic(fmt.Sprintf("live: internal error: an honest %T", far))
	}
}

// Restart kills the relay, starts it again, and so the nodes of all attacks that went well so far: a newcomer reads each room from
// the relay alone, a further edit travels to it, and all digests must be equal. What is not as it must be goes into the results.
func (w *World) Restart(ctx context.Context, parallel int) error {
	w.relay.kill()
	if err := w.relay.fault(); err != nil {
		return fmt.Errorf("the relay: %w", err)
	}
	if err := w.relay.start(ctx); err != nil {
		return err
	}
	w.mu.Lock()
	scenes := w.done
	w.done = nil
	w.mu.Unlock()
	var wg sync.WaitGroup
	places := make(chan struct{}, parallel)
	for _, s := range scenes {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			if s.result.Err = s.again(ctx); s.result.Err != nil {
				s.result.Err = fmt.Errorf("after the restart: %w", s.result.Err)
				s.abandon()
			} else {
				s.result.Outcome = s.outcome()
			}
		})
	}
	wg.Wait()
	return nil
}

// again is what Restart does for one room.
func (s *scene) again(ctx context.Context) error {
	newcomer := s.newcomer()
	defer newcomer.abandon()
	for _, h := range []honest{s.near, newcomer} {
		if err := h.begin(ctx); err != nil {
			return err
		}
	}
	for _, id := range s.edits {
		if err := newcomer.shows(ctx, id); err != nil {
			return err
		}
	}
	last, err := s.near.say(ctx, "again-near")
	if err != nil {
		return err
	}
	if err := newcomer.shows(ctx, last); err != nil {
		return err
	}
	var errs []error
	var all []ending
	for _, h := range []honest{s.near, newcomer} {
		errs = append(errs, h.finish(ctx), h.check())
		e, err := h.verify(ctx)
		all, errs = append(all, e), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return all[0].equal(all[1])
}
