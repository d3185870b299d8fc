package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/control"
	"github.com/tallystick/tallystick/internal/invite"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/transport"
)

const defaultWait = 10 * time.Second

// runFlags are the flags of a node.
type runFlags struct {
	room     string
	connect  []string
	listen   string
	plain    bool
	json     bool
	offline  bool
	onlyCopy bool
	wait     time.Duration
	tail     int
	color    string
	ascii    bool
}

// runOnly are those of them that mean nothing to a relay.
var runOnly = []string{"room", "connect", "plain", "offline", "only-copy", "wait", "tail", "color", "ascii"}

func (f *runFlags) add(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.room, "room", "", "the `ROOM`: one list, the same to everyone who says its name (default \"main\")")
	s.StringArrayVar(&f.connect, "connect", nil, "connect to the relay or node at `URL`, as in ws://192.0.2.1:8080; may be given several times")
	s.StringVar(&f.listen, "listen", "", "be reachable at `ADDR`, as in 0.0.0.0:8080; a relay: default "+defaultAddr)
	s.BoolVar(&f.offline, "offline", false, "neither connect nor listen")
	s.BoolVar(&f.plain, "plain", false, "no screen: a transaction a line in, events out")
	s.BoolVar(&f.json, "json", false, "plain mode with one JSON object a line; a relay: JSON logs")
	s.DurationVar(&f.wait, "wait", defaultWait, "plain mode: how long to wait at the end of input until a peer has stored everything")
	s.IntVar(&f.tail, "tail", -1, "plain mode: print only the last `N` of the entries that are here already; -1: all")
	s.BoolVar(&f.onlyCopy, "only-copy", false, "say that no other copy of this key and its stores is in use, and nothing newer was sent (after a move)")
	s.StringVar(&f.color, "color", "auto", "the screen's `COLOURS`: auto, never, or 16")
	s.BoolVar(&f.ascii, "ascii", false, "the screen uses no character beyond ASCII")
	_ = cmd.RegisterFlagCompletionFunc("room", cobra.NoFileCompletions) // the flags exist
	_ = cmd.RegisterFlagCompletionFunc("connect", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("listen", cobra.NoFileCompletions)
}

const runLong = `Opens the ledger as NAME, as "tallystick NAME" does, also if NAME is the word of a command.

In plain mode (--plain, --json, or if standard input or output is no terminal) each line
of input is a transaction:

  FROM -> TO AMOUNT [UNIT] [MEMO]      alice -> bob 12.50 EUR dinner
  TO AMOUNT [UNIT] [MEMO]              from NAME
  [FROM] paid AMOUNT [UNIT] for NAME [SHARE], NAME [SHARE]... [: MEMO]
                                       alice paid 60 EUR for alice, bob: dinner

A line that begins with a colon is a command, as on the screen: :agree ID, :dispute ID
MEMO, :withdraw ID, :undo, :list FILTER, :inbox, :balances UNIT, :settle UNIT. :join ROOM
goes to another room, as does /join: what follows it is of that one, and so is the output
after a line of kind room. Of an invitation it shows what the charter says, and joins when
the same line comes again.

A bad line is named on standard error, is not sent, and does not stop the rest. At the
end of input it waits (--wait) until a peer has stored everything. Each event is a line
of columns parted by tabs, "-" where there is nothing:

  time kind id author from to amount unit memo state standing

kind is entry, mark (what somebody says of the entry id: agree, dispute, withdraw, nothing;
or name), room, state (an own change has got further), refused, evidence, peer, store (a
part of it was lost, or is back), and end, the last line, with the number of rows and
both digests. An entry is printed once it is saved. First come the entries that are here
already (--tail). With --json each line is an object; an entry is

  {"time","kind","id","author","seq","postings":[[label,key,amount]...],
   "scale","unit","memo","state","standing","by","stand_by","sides","replaces"}

with amounts in units of 10^-scale, standing a word (by whom, as sides stand by it, of so
many), a mark is {"time","kind","id","author","seq","say","memo","standing"}, and end is

  {"time","kind","rows","log_digest","doc_digest","room","changes","forks",
   "unsent","bad_lines","live","of"}`

func (p *program) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:               "run [NAME]",
		Short:             "open the ledger as NAME, whatever word it is",
		Long:              runLong,
		Args:              oneName,
		ValidArgsFunction: completeNames,
		RunE:              func(cmd *cobra.Command, args []string) error { return p.run(cmd, args, f) },
	}
	f.add(cmd)
	return cmd
}

// plan decides, from flags and config, which connections are wanted. It checks addresses, and does nothing yet.
func (f *runFlags) plan(cfg profile.Config) (connect []string, listenOn, meet string, err error) {
	if f.offline {
		if len(f.connect) > 0 || f.listen != "" {
			return nil, "", "", usage("--offline neither connects nor listens: leave out --connect and --listen")
		}
		return nil, "", "", nil
	}
	given := f.connect
	if len(given) == 0 {
		given = cfg.Connect
	}
	for _, u := range given {
		full, err := transport.ParseURL(u)
		if err != nil {
			return nil, "", "", &codedError{ExitUsage, fmt.Errorf("connect: %w; give an address as in ws://192.0.2.1:8080", err)}
		}
		connect = append(connect, full)
	}
	listenOn = f.listen
	if listenOn == "" {
		listenOn = cfg.Listen
	}
	if len(connect) == 0 && listenOn == "" {
		meet = defaultAddr
	}
	return connect, listenOn, meet, nil
}

// session is a run of one person in one room.
type session struct {
	p      *program
	flags  runFlags
	person *profile.Person
	room   string // what it is called
	plan   linkPlan
	keys   map[string][]string // of the screen, as the config has them

	charter crdt.Charter
}

// run opens the ledger.
func (p *program) run(cmd *cobra.Command, args []string, f runFlags) error {
	if f.wait < 0 {
		return usage("--wait is how long to wait: not %v", f.wait)
	}
	if f.tail < -1 {
		return usage("--tail is a number of entries, or -1 for all: not %d", f.tail)
	}
	if _, ok := colors[f.color]; !ok {
		return usage("--color is auto, never or 16: not %q", f.color)
	}
	cfg, err := profile.LoadConfig()
	if err != nil {
		return err
	}
	if err := checkKeys(cfg); err != nil {
		return err
	}
	// Before a new name gets a key: a slip of the pen makes none.
	if _, err := roomName(f.room, cfg); err != nil {
		return err
	}
	connect, listenOn, meet, err := f.plan(cfg)
	if err != nil {
		return err
	}
	person, err := p.whoRuns(args, cfg)
	if err != nil {
		return err
	}
	lock, err := p.lock(cmd.Context(), person)
	if err != nil {
		return err
	}
	defer lock.Unlock() // the process's end does it too
	charter, err := roomFor(person, f.room, cfg)
	if err != nil {
		return err
	}
	if _, err := join(person, invite.Invitation{Charter: charter}); err != nil {
		p.note("%v: the room is opened, and not among those that %s has joined", err, person.Name)
	}

	if err := checkKeys(cfg); err != nil {
		return err
	}
	chosen := slices.Clone(connect)
	connect, meet = f.found(person, charter.ID(), connect, meet)
	s := &session{p: p, flags: f, person: person, room: charter.Name, charter: charter, plan: linkPlan{connect: connect, shared: chosen, meet: meet}}
	if listenOn != "" {
		if s.plan.listen, err = listen(listenOn); err != nil {
			return err
		}
		defer s.plan.listen.Close() // served or not
	}
	if why := f.plainBecause(p.Streams); why != "" {
		if why != asked {
			p.note("plain mode: %s; a transaction a line in, events out", why)
		}
		return s.plain(cmd.Context())
	}
	return s.screen(cmd.Context())
}

// lock makes this process the one that runs as person. It waits for a command that is under way, not for a program that runs.
func (p *program) lock(ctx context.Context, person *profile.Person) (*profile.Lock, error) {
	paths, late := control.Paths(profile.RuntimeDir(), person.Name.String(), person.Dir), time.Time{}
	for {
		lock, err := person.Lock()
		if !errors.Is(err, profile.ErrRunning) || control.Listens(ctx, paths) {
			return lock, err
		}
		switch now := time.Now(); {
		case late.IsZero():
			late = now.Add(lockPatience)
			p.note("another command of %s is under way: waiting for it, up to %v", person.Name, lockPatience)
		case now.After(late):
			return nil, err
		}
		if !pause(ctx, lockTick) {
			return nil, ctx.Err()
		}
	}
}

const asked = "asked for"

// plainBecause says why there is no screen, "" if there is one.
func (f *runFlags) plainBecause(s Streams) string {
	switch {
	case f.plain || f.json:
		return asked
	case !s.InTerminal:
		return "standard input is no terminal"
	case !s.OutTerm:
		return "standard output is no terminal"
	default:
		return ""
	}
}

// opened is a room that runs, with its connections.
type opened struct {
	*openRoom
	hub   *transport.Hub
	links *links
	house *house // all rooms of this node

	ended   chan struct{} // closed when the node has stopped by itself or by stop
	nodeErr error         // set before ended is closed
	stop    func() error

	deskOnce sync.Once
	deskHere *desk // made when it is first asked for
}

// desk is where commands of this room are carried out.
func (o *opened) desk(charter crdt.Charter, person *profile.Person) *desk {
	o.deskOnce.Do(func() { o.deskHere = newDesk(o.node, charter, person, o.links.settled) })
	return o.deskHere
}

// open opens the room and starts node and connections. start runs a goroutine; opened.stop ends them all, after the last
// commit, and waits for them. say takes what the user is to be told; changed is called when links.settled may have changed.
func (s *session) open(ctx context.Context, start func(func()), say func(string, ...any), changed func()) (*opened, error) {
	room, err := openRoomOf(ctx, s.person, s.charter, s.flags.onlyCopy)
	if err != nil {
		return nil, err
	}
	o := &opened{openRoom: room, ended: make(chan struct{})}
	o.hub = transport.NewHub(transport.HubConfig{Agent: "tallystick node " + Version})
	if err := o.hub.Add(room.node); err != nil {
		return nil, errors.Join(err, room.close())
	}
	var connections, node sync.WaitGroup
	linkCtx, endLinks := context.WithCancel(context.Background())
	nodeCtx, endNode := context.WithCancel(context.Background())
	under := func(wg *sync.WaitGroup) func(func()) {
		return func(f func()) {
			wg.Add(1)
			start(func() {
				defer wg.Done()
				f()
			})
		}
	}
	under(&node)(func() {
		defer close(o.ended)
		o.nodeErr = room.node.Run(nodeCtx)
	})
	under(&connections)(func() { _ = o.hub.Run(linkCtx) }) // nil once linkCtx ends, and it ends before
	o.stop = sync.OnceValue(func() error {
		endLinks()
		connections.Wait()
		err := o.house.stop()
		endNode()
		node.Wait()
		return errors.Join(o.nodeErr, room.close(), err)
	})
	o.house = newHouse(s, o, start, say)
	o.links = &links{hub: o.hub, node: room.node, say: say, changed: changed, also: o.house.meets}
	if err := o.links.run(linkCtx, s.plan, under(&connections)); err != nil {
		return nil, errors.Join(err, o.stop())
	}
	return o, nil
}
