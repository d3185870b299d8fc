package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/invite"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/lines"
	"github.com/tallystick/tallystick/transport"
)

// readLines submits every line of the input.
func (m *plain) readLines(ctx context.Context) {
	defer close(m.read)
	in := lines.NewReader(m.p.In, ledger.MaxLineBytes)
	for ctx.Err() == nil {
		line, length, err := in.Next()
		switch {
		case errors.Is(err, io.EOF):
			return
		case errors.Is(err, lines.ErrTooLong):
			m.badLine(in.N, fmt.Sprintf("%d bytes, at most %d: one transaction a line", length, ledger.MaxLineBytes))
			continue
		case err != nil:
			m.readErr = fmt.Errorf("standard input: after line %d: %w", in.N, err)
			return
		}
		text := string(line)
		if strings.TrimSpace(text) == "" {
			continue
		}
		if word := strings.Fields(text)[0]; word == ":join" || word == "/join" {
			if !m.p.InTerminal { // nobody is there who would see that it went wrong
				m.lost = in.N
			}
		} else if m.lost > 0 {
			m.badLine(in.N, fmt.Sprintf("line %d did not go to the room that it names", m.lost))
			continue
		}
		if command, is, wrong := ledger.ParseCommand(text); is {
			if wrong != nil {
				m.badLine(in.N, wrong.Error())
			} else if err := m.command(ctx, command); err != nil && ctx.Err() == nil {
				m.badLine(in.N, err.Error())
			}
			continue
		}
		if err := m.in.d.mayWrite(); err != nil {
			m.badLine(in.N, err.Error())
			continue
		}
		entry, wrong := ledger.ParseLine(text, m.me)
		if wrong != nil {
			m.badLine(in.N, wrong.Error())
			continue
		}
		if err := m.in.d.bind(&entry); err != nil {
			m.badLine(in.N, err.Error())
			continue
		}
		if err := m.submit(ctx, in.N, ledger.AppendEdit(entry, nil)); err != nil {
			if ctx.Err() == nil {
				m.readErr = fmt.Errorf("line %d and what follows it: not saved: %w", in.N, err)
				_ = m.saved(ctx) // or lost, if the node has ended: what came before is told of first
			}
			return
		}
	}
}

// command carries out a command that was typed, after all lines before it are saved. What it writes, run tells.
func (m *plain) command(ctx context.Context, command ledger.Command) error {
	if err := m.saved(ctx); err != nil {
		return err
	}
	if command.Verb == joinVerb {
		return m.join(ctx, command.Rest)
	}
	verb := deskVerbs[command.Verb] // of all others; a test sees to that
	c := &deskCall{Verb: command.Verb, JSON: m.flags.json, Wait: m.flags.wait, Offline: m.flags.offline, live: true}
	switch {
	case command.ID != "":
		c.Args, c.Memo = []string{command.ID}, command.Rest
	case command.Rest != "":
		c.Args = []string{command.Rest}
	}
	var said bytes.Buffer
	out := newDeskOut(&said, m.p.Err, m.flags.json)
	out.p = m.p // whose notes do not mix
	if err := verb.run(ctx, m.in.d, c, out); err != nil {
		return err
	}
	if err := out.flush(); err != nil || verb.writes && command.Verb != settleVerb {
		return err
	}
	select {
	case m.said <- said.Bytes():
	case <-ctx.Done():
	case <-m.in.o.ended:
	}
	return nil
}

const joinVerb = "join"

// join goes to a room: a joined one by its name or the digits of its id, an open one by its name, or that of an invitation. What
// an invitation says is shown first, as well as what a name could be taken for; it is joined when that is said again.
func (m *plain) join(ctx context.Context, word string) error {
	joined, err := m.s.person.Joined()
	if err != nil {
		return err
	}
	charter, sure := crdt.Charter{}, m.sure == word
	m.sure = ""
	if found, err := findJoined(joined, word); err != nil {
		return err
	} else if found != nil {
		charter = found.Charter
	} else {
		in, err := look(m.s.person, word)
		if err != nil {
			return err
		}
		if !sure && (invite.Is(word) && (in.at < 0 || len(in.relays) > 0) || len(in.care) > 0) {
			m.sure = word
			err := in.say(m.s.person, func(format string, args ...any) error {
				m.p.note(format, args...)
				return nil
			})
			m.p.note("to join it, say it again: the same line")
			return err
		}
		if err := m.house.join(in.Invitation); err != nil {
			return err
		}
		charter = in.Charter
	}
	room := m.been[charter.ID()]
	if room == nil {
		o, err := m.house.open(ctx, charter)
		if err != nil {
			return err
		}
		room = m.visit(charter, o)
	}
	select {
	case m.enter <- room:
		m.in, m.lost = room, 0
	case <-ctx.Done():
	case <-m.in.o.ended:
	}
	return nil
}

// saved waits until all lines that were submitted are saved, and known to the desk.
func (m *plain) saved(ctx context.Context) error {
	changed, stop := m.in.o.node.Watch()
	defer stop()
	for !m.in.saved(m.in.d.look()) {
		select {
		case <-changed:
		case <-m.in.o.ended:
			return transport.ErrStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// announce says the name in the room, once, so that others can mean it.
func (m *plain) announce(ctx context.Context) {
	if !m.here.d.unannounced() {
		return
	}
	nothing := func(*crdt.Tx) error { return nil }
	m.here.under.Add(1)
	if err := m.here.d.submit(ctx, nothing, m.receipt(m.here, func(error) {})); err != nil {
		m.here.under.Add(-1) // it goes with the first line then
	}
}

// badLine says that a line was not sent.
func (m *plain) badLine(n int, why string) {
	m.bad.Add(1)
	m.p.note("line %d: not sent: %s", n, why)
}

// submit hands an edit to the node without waiting until it is durable.
func (m *plain) submit(ctx context.Context, line int, edit func(*crdt.Tx) error) error {
	m.in.under.Add(1)
	err := m.in.d.patiently(ctx, m.flags.wait, m.p.note, edit, m.receipt(m.in, func(err error) { m.fail(line, err) }))
	if err != nil {
		m.in.under.Add(-1)
		m.wake()
	}
	return err
}

// receipt takes what became of an edit that was counted in under.
func (m *plain) receipt(room *plainRoom, failed func(error)) func(transport.Receipt) {
	return func(r transport.Receipt) {
		if r.Err != nil {
			failed(r.Err)
		} else if made := int64(r.Index) + 1; made > room.lastMade.Load() {
			room.lastMade.Store(made) // receipts come on one goroutine
		}
		if room.under.Add(-1) == 0 {
			m.wake()
		}
	}
}

// submitHint adds what to do.
func submitHint(err error) error {
	switch {
	case errors.Is(err, transport.ErrGuarded):
		return fmt.Errorf("%w; connect to a peer that knows this key, or, if no other copy is in use and nothing newer was sent, give --only-copy", err)
	case errors.Is(err, transport.ErrNoAuthor):
		return errors.New("you may read this room, not write: its charter names who writes, and you are none of them")
	case errors.Is(err, transport.ErrSelfFork):
		return fmt.Errorf("%w; go on under a new name: tallystick run NAME", err)
	}
	return err
}
