package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/control"
	"github.com/tallystick/tallystick/internal/profile"
)

// deskFlags are the flags of every command that a desk carries out.
type deskFlags struct {
	as       string
	room     string
	connect  []string
	json     bool
	offline  bool
	sync     bool
	onlyCopy bool
	wait     time.Duration
}

func (f *deskFlags) add(cmd *cobra.Command) {
	asFlag(cmd, &f.as)
	roomOrFileFlag(cmd, &f.room)
	s := cmd.Flags()
	s.BoolVar(&f.json, "json", false, "one JSON object a line")
	s.BoolVar(&f.offline, "offline", false, "connect to nobody: what is written is sent next time")
	s.BoolVar(&f.sync, "sync", false, "first take in what others have, for at most as long as --wait")
	s.DurationVar(&f.wait, "wait", defaultWait, "how long to wait for peers")
	s.StringArrayVar(&f.connect, "connect", nil, "if NAME does not run: connect to the relay or node at `URL`; may be given several times")
	s.BoolVar(&f.onlyCopy, "only-copy", false, "if NAME does not run: say that no other copy of this key and its stores is in use, and nothing newer was sent")
	_ = cmd.RegisterFlagCompletionFunc("connect", cobra.NoFileCompletions) // the flag exists
}

// chosen is the person that a command is done as, and the room.
func (f *deskFlags) chosen() (*profile.Person, profile.Config, crdt.Charter, error) {
	person, cfg, err := asWhom(f.as)
	if err != nil {
		return nil, cfg, crdt.Charter{}, err
	}
	charter, err := roomFor(person, f.room, cfg)
	return person, cfg, charter, err
}

// callDesk has a command carried out, by the running program of the person's name if there is one, else here.
func (p *program) callDesk(cmd *cobra.Command, f *deskFlags, c *deskCall) error {
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	err := p.callDeskUntil(ctx, f, c, p.Out)
	if errors.Is(err, context.Canceled) && c.Verb == watchVerb && ctx.Err() != nil {
		return nil // that is how it ends
	}
	return err
}

func (p *program) callDeskUntil(ctx context.Context, f *deskFlags, c *deskCall, out io.Writer) error {
	if f.wait < 0 {
		return usage("--wait is how long to wait: not %v", f.wait)
	}
	if f.offline && (f.sync || len(f.connect) > 0) {
		return usage("--offline connects to nobody: leave out --sync and --connect")
	}
	person, cfg, charter, err := f.chosen()
	if err != nil {
		return err
	}
	if charter.Kind != crdt.Ledger {
		return usage("%s is for ledgers; %s is of kind %s", c.Verb, charter.Name, charter.Kind)
	}
	c.Charter, c.JSON, c.Wait, c.Offline, c.Sync = charter.Append(nil), f.json, f.wait, f.offline, f.sync
	writes := deskVerbs[c.Verb].writes && !c.Preview && (c.Verb != settleVerb || c.Send)
	connects := writes || c.Sync || c.Verb == watchVerb
	if !connects && (len(f.connect) > 0 || f.onlyCopy) {
		return usage("%s connects to nobody: leave out --connect and --only-copy, or add --sync", c.Verb)
	}
	if !connects && c.Verb != importVerb {
		if _, err := os.Lstat(person.RoomPath(charter.ID())); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s has nothing of room %s: to take in what others have of it: --sync; or open it: tallystick run %s --room %s", person.Name, charter.Name, person.Name, charter.Name)
		}
	}
	call, err := json.Marshal(c)
	if err != nil {
		return err
	}
	paths := control.Paths(profile.RuntimeDir(), person.Name.String(), person.Dir)
	for patience := time.Now().Add(max(f.wait, lockPatience)); ; {
		result, err := control.Do(ctx, paths, call, c.Input, out, p.Err)
		if err == nil {
			return resultError(result)
		}
		if !errors.Is(err, control.ErrNobody) {
			return err
		}
		lock, err := person.Lock()
		if err == nil {
			defer lock.Unlock() // the process's end does it too
			return p.carryOutHere(ctx, f, c, cfg, person, charter, connects, out)
		}
		// It is starting, or quitting, or another command is under way.
		if !errors.Is(err, profile.ErrRunning) {
			return err
		}
		if time.Now().After(patience) {
			return fmt.Errorf("%w; it does not take commands: quit it, or wait for it", err)
		}
		if !pause(ctx, lockTick) {
			return ctx.Err()
		}
	}
}

// How long a command waits for another one of the same person, and a start for a command.
const (
	lockPatience = 5 * time.Second
	lockTick     = 10 * time.Millisecond
)

// resultError is the error of a command that ended so.
func resultError(r control.Result) error {
	switch {
	case r.Error != "":
		return &codedError{r.Code, errors.New(r.Error)}
	case r.Code != ExitOK:
		return &codedError{code: r.Code}
	}
	return nil
}

// carryOutHere opens the room for one command. The caller holds the person's lock.
func (p *program) carryOutHere(ctx context.Context, f *deskFlags, c *deskCall, cfg profile.Config, person *profile.Person, charter crdt.Charter, connects bool, out io.Writer) error {
	flags := runFlags{connect: f.connect, offline: f.offline || !connects, onlyCopy: f.onlyCopy}
	if flags.offline {
		flags.connect = nil
	}
	connect, _, meet, err := flags.plan(cfg)
	if err != nil {
		return err
	}
	connect, meet = flags.found(person, charter.ID(), connect, meet)
	// Where nodes meet by default this connects to who is there, and never listens: it would be gone at once.
	if meet != "" {
		probing, cancel := context.WithTimeout(ctx, probeTimeout)
		if err := probeAt(probing, meet); err == nil {
			connect = append(connect, "ws://"+meet)
		}
		cancel()
	}
	s := &session{p: p, flags: flags, person: person, room: charter.Name, charter: charter, plan: linkPlan{connect: connect}}
	changed := func() {}
	o, err := s.open(ctx, func(f func()) { go f() }, p.note, changed)
	if err != nil {
		return err
	}
	for _, found := range o.found {
		p.note("%s", found)
	}
	result := carryOut(ctx, o.desk(charter, person), c, out, p.Err)
	if err := o.stop(); err != nil && result.Code == ExitOK {
		return err
	}
	if ctx.Err() != nil && result.Error == errorLine(context.Canceled) {
		return context.Canceled
	}
	return resultError(result)
}

// answering is what answers the commands of this name while it runs.
type answering struct {
	server *control.Server
}

// end takes no more of them, and waits for those under way.
func (a *answering) end() {
	if a != nil && a.server != nil {
		_ = a.server.Close() // the socket is of no more use
	}
}

// answer starts to answer commands about the room that is open, and others of this person.
func (s *session) answer(o *opened) *answering {
	server, err := control.Listen(control.Paths(profile.RuntimeDir(), s.person.Name.String(), s.person.Dir),
		func(ctx context.Context, call, input []byte, out, errs io.Writer) control.Result {
			return s.carryOut(ctx, o, call, input, out, errs)
		})
	if err != nil {
		o.links.say("commands beside this one cannot reach it: %v", err)
		return nil
	}
	return &answering{server}
}

// carryOut is one call of another process.
func (s *session) carryOut(ctx context.Context, o *opened, call, input []byte, out, errs io.Writer) control.Result {
	c := &deskCall{Input: input}
	fail := func(err error) control.Result { return control.Result{Code: exitCode(err), Error: errorLine(err)} }
	if err := json.Unmarshal(call, c); err != nil {
		return fail(fmt.Errorf("call: %w: quit the running program, and start this version", err))
	}
	charter, err := crdt.ParseCharter(c.Charter)
	if err != nil {
		return fail(fmt.Errorf("call: %w", err))
	}
	room, err := s.roomOf(ctx, o, charter)
	if err != nil {
		return fail(err)
	}
	c.Offline = c.Offline || s.flags.offline
	r := carryOut(ctx, room.desk(charter, s.person), c, out, errs)
	if ctx.Err() != nil && r.Code != ExitOK && r.Code != ExitUnsent {
		return fail(fmt.Errorf("%s was quit meanwhile: run it again", s.person.Name))
	}
	return r
}

// roomOf is the room of that charter, opened beside the others if it does not run.
func (s *session) roomOf(ctx context.Context, o *opened, charter crdt.Charter) (*opened, error) {
	return o.house.open(ctx, charter)
}
