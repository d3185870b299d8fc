package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/source"
	"github.com/tallystick/tallystick/transport"
)

const oracleNodeLong = `Runs NAME as an oracle of a room: asks its sources, signs the median of what they say, and
publishes it. It runs until a signal ends it.

A source is [PAIR=][VENUE=]URL. The venue, whose answers it gives, follows from the URL's
host where that is the venue's own; the pair is needed where an answer names none and there
are several. Venues: %s.
A source that fails is tried again, is left alone for a while after five failures, and is
passed over: the price is the median of the others. With fewer than the room's min_sources
nothing is said, and that is told.

--replay reads recorded prices instead: one moment of FILE each --every, with the times that
were recorded; it ends with the file. FILE:VENUE is one of its columns or venues.

Each event is a line of columns parted by tabs (--json: an object): report, once what was said
is saved; source, silent and clock, when they change; peer, refused, evidence, store and end as
in plain mode. A time never goes back, also after a crash. A key that is in use on
two machines forks: its oracle is convicted in this room for ever.`

// nodeFlags are the flags of oracle node.
type nodeFlags struct {
	room     string
	pairs    []string
	sources  []string
	replay   string
	every    time.Duration
	connect  []string
	listen   string
	offline  bool
	onlyCopy bool
	json     bool
	wait     time.Duration
}

func (p *program) oracleNodeCommand() *cobra.Command {
	var f nodeFlags
	cmd := &cobra.Command{
		Use:   "node NAME",
		Short: "be an oracle: fetch prices, sign them, publish them",
		Long:  fmt.Sprintf(oracleNodeLong, strings.Join(source.Venues(), ", ")),
		Example: `tallystick oracle node alice --room btc.charter --pair BTC/USD --connect ws://192.0.2.1:8080 \
  --source https://www.bitstamp.net/api/v2/ticker/btcusd/ --source 'https://api.kraken.com/0/public/Ticker?pair=XBTUSD'
tallystick oracle node bob --room btc.charter --pair BTC/USD --replay daily.csv:kraken`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("oracle node takes one NAME: tallystick oracle node NAME --room FILE%s --pair … --source …", charterSuffix)
			}
			return nil
		},
		ValidArgsFunction: completeNames,
		RunE:              func(cmd *cobra.Command, args []string) error { return p.oracleNode(cmd.Context(), args[0], f) },
	}
	s := cmd.Flags()
	s.StringVar(&f.room, "room", "", "the `FILE` of the room's charter")
	s.StringArrayVar(&f.pairs, "pair", nil, "a `PAIR` to report; may be given several times (default: all of the room)")
	s.StringArrayVar(&f.sources, "source", nil, "ask `[PAIR=][VENUE=]URL`; may be given several times")
	s.StringVar(&f.replay, "replay", "", "read recorded prices from `FILE[:VENUE]` instead")
	s.DurationVar(&f.every, "every", 0, "how often (default: the room's interval)")
	s.StringArrayVar(&f.connect, "connect", nil, "connect to the relay or node at `URL`; may be given several times")
	s.StringVar(&f.listen, "listen", "", "be reachable at `ADDR`, as in 0.0.0.0:8080")
	s.BoolVar(&f.offline, "offline", false, "neither connect nor listen: what is said is sent the next time")
	s.BoolVar(&f.onlyCopy, "only-copy", false, "say that no other copy of this key and its stores is in use, and nothing newer was sent (after a move)")
	s.BoolVar(&f.json, "json", false, "one JSON object a line")
	s.DurationVar(&f.wait, "wait", defaultWait, "how long to wait at first for a peer, and at the end of a recording until a peer has stored it")
	return cmd
}

// oracleNode runs an oracle.
func (p *program) oracleNode(ctx context.Context, word string, f nodeFlags) (err error) {
	charter, terms, err := oracleRoom(f.room)
	if err != nil {
		return err
	}
	pairs, err := roomPairs(terms, f.pairs)
	if err != nil {
		return err
	}
	switch {
	case f.every < 0 || f.wait < 0:
		return usage("--every and --wait are lengths of time above zero")
	case f.every == 0:
		f.every = time.Duration(terms.Policy.IntervalMS) * time.Millisecond
	case f.every < minEvery:
		return usage("--every is at least %v", minEvery)
	}
	if f.replay != "" && len(f.sources) > 0 {
		return usage("--replay reads recorded prices, and --source asks for present ones: leave one out")
	}
	person, err := load(word)
	if err != nil {
		return err
	}
	if _, member := terms.Oracle(person.Author); !member {
		return fmt.Errorf("%s, key %s, is no oracle of room %s: the charter names those that are, and cannot be changed; all that %s says there would be void", person.Name, fullHex(person.Author), charter.Name, person.Name)
	}
	n := &oracleNode{
		p: p, flags: f, terms: terms, reporter: newReporter(terms, person.Author, pairs),
		clocks:  clocks{terms: terms, me: person.Author},
		out:     newEventWriter(bufio.NewWriterSize(p.Out, 64<<10), f.json),
		results: make(chan fetched), receipts: make(chan transport.Receipt, 1), poke: make(chan struct{}, 1),
	}
	if f.replay != "" {
		err = n.readRecording(pairs)
	} else {
		err = n.addSources()
	}
	if err != nil {
		return err
	}
	s, done, err := p.session(person, charter, f.connect, f.listen, f.offline, f.onlyCopy)
	if err != nil {
		return err
	}
	defer done()
	ctx, stop := interruptible(ctx)
	defer stop()
	start := func(f func()) { go f() } // session.open waits for them
	if n.o, err = s.open(ctx, start, p.note, func() { poke(n.poke) }); err != nil {
		return err
	}
	err = n.run(ctx)
	if stopErr := n.o.stop(); err == nil {
		err = stopErr
	}
	return err
}

// minEvery is the shortest time between two reports.
const minEvery = 10 * time.Millisecond

// session is that of a person, or of a reader who is nobody, in a room of any kind. done lets go of lock and listener.
func (p *program) session(person *profile.Person, charter crdt.Charter, connect []string, listenOn string, offline, onlyCopy bool) (*session, func(), error) {
	cfg, err := profile.LoadConfig()
	if err != nil {
		return nil, nil, err
	}
	run := runFlags{connect: connect, listen: listenOn, offline: offline, onlyCopy: onlyCopy}
	urls, listenOn, meet, err := run.plan(cfg)
	if err != nil {
		return nil, nil, err
	}
	s := &session{p: p, flags: run, person: person, room: charter.Name, charter: charter, plan: linkPlan{connect: urls, meet: meet}}
	done := func() {}
	if person != nil {
		lock, err := person.Lock()
		if err != nil {
			return nil, nil, err
		}
		done = func() { _ = lock.Unlock() } // the process's end does it too
	}
	if listenOn != "" {
		if s.plan.listen, err = listen(listenOn); err != nil {
			done()
			return nil, nil, err
		}
		unlock := done
		done = func() {
			_ = s.plan.listen.Close() // served or not
			unlock()
		}
	}
	return s, done, nil
}

// roomPairs are the pairs of those names, all of the room if there are none.
func roomPairs(terms oracle.Terms, names []string) ([]oracle.Pair, error) {
	if len(names) == 0 {
		return terms.Pairs, nil
	}
	var pairs []oracle.Pair
	for k, name := range names {
		i, ok := terms.Pair(name)
		if !ok {
			var all []string
			for _, p := range terms.Pairs {
				all = append(all, p.Name)
			}
			return nil, usage("--pair %s: the room prices %s", name, strings.Join(all, ", "))
		}
		for _, other := range names[:k] {
			if other == name {
				return nil, usage("--pair %s is given twice", name)
			}
		}
		pairs = append(pairs, terms.Pairs[i])
	}
	return pairs, nil
}

// oracleNode is an oracle that runs. One goroutine, run, has all of it; those that fetch hand it what they have got.
type oracleNode struct {
	p        *program
	flags    nodeFlags
	terms    oracle.Terms
	reporter *reporter
	clocks   clocks
	out      *eventWriter
	o        *opened

	polled  []polled  // sources
	replay  *replayer // nil: sources
	results chan fetched

	receipts chan transport.Receipt // one place: one change at most is under way
	poke     chan struct{}          // one place: something about the connections has changed
	under    *statement             // the change that is under way
	made     int                    // how many changes a snapshot has at least that shows the last one made
	eventSeq uint64                 // of the last event
	guarded  bool                   // that writing waits was told
	ready    bool                   // peers have shown what they hold, or were waited for
	saidAt   time.Time              // when it was last looked at what there is to be said
}

// polled is a source, and which pairs it gives.
type polled struct {
	source.Source
	pairs    []polledPair
	err      error // of all pairs alike, as last told
	answered bool  // since something was said last
}

type polledPair struct {
	pair *reportPair
	n    int   // its number there
	err  error // as last told
}

// fetched is what a source said.
type fetched struct {
	source int
	answer source.Answer
	err    error
}

// addSources reads the flags.
func (n *oracleNode) addSources() error {
	if len(n.flags.sources) == 0 {
		return usage("what to report? --source [VENUE=]URL, or --replay FILE")
	}
	if k := len(n.flags.sources); k > source.MaxSources {
		return usage("%d sources, at most %d", k, source.MaxSources)
	}
	names := map[string]int{}
	for _, text := range n.flags.sources {
		s, err := source.ParseSource(text)
		if err != nil {
			return usage("--source: %w", err)
		}
		if names[s.Name]++; names[s.Name] > 1 {
			s.Name = fmt.Sprintf("%s#%d", s.Name, names[s.Name])
		}
		polled := polled{Source: s}
		for _, pair := range n.reporter.pairs {
			if s.Pair == "" || s.Pair == pair.Name {
				polled.pairs = append(polled.pairs, polledPair{pair: pair, n: pair.addSource(s.Name)})
			}
		}
		if len(polled.pairs) == 0 {
			return usage("--source %s: %s is none of the pairs that are reported", text, s.Pair)
		}
		n.polled = append(n.polled, polled)
	}
	for _, pair := range n.reporter.pairs {
		if have, want := len(pair.sources), n.terms.Policy.MinSources; have < want {
			return usage("%s has %d sources, and the room wants %d at least: give another --source", pair.Name, have, want)
		}
	}
	return nil
}

// run reports until ctx ends or the recording does.
func (n *oracleNode) run(ctx context.Context) error {
	polling, endPolling := context.WithCancel(ctx)
	var polls sync.WaitGroup
	defer polls.Wait()
	defer endPolling()
	fetcher := source.NewFetcher(source.FetcherConfig{Agent: "tallystick/" + Version})
	defer fetcher.Close()

	patience := time.NewTimer(n.flags.wait) // for a peer
	defer patience.Stop()
	tick := time.NewTicker(n.flags.every)
	defer tick.Stop()
	over := false // nothing more is said
	var end <-chan time.Time
	done := ctx.Done()
	waited := n.flags.offline
	for {
		snap := n.o.node.Snapshot()
		n.look(snap)
		if !n.ready && (waited || caughtUp(snap)) {
			n.begin(snap)
			for i := range n.polled {
				polls.Go(func() { n.poll(polling, fetcher, i) })
			}
		}
		if err := n.out.flush(); err != nil {
			return err
		}
		// A receipt comes before or after the snapshot that shows its change.
		saved := n.under == nil && snap.View.Changes() >= n.made
		if over && saved && (snap.Unsent == 0 || end == nil || n.flags.offline || snap.Live == 0 && done == nil) {
			return n.finish(snap)
		}
		select {
		case <-n.o.node.Changed():
		case <-n.poke:
		case <-patience.C:
			if waited = true; !n.ready && snap.Live == 0 {
				n.p.note("no peer answers yet: what is said is kept, and sent when one does")
			}
		case got := <-n.results:
			if n.take(got); over || !n.heard() {
				continue
			}
			if err := n.say(ctx, time.Now()); err != nil {
				return err
			}
		case r := <-n.receipts:
			n.receipt(r)
		case now := <-tick.C:
			if over || !n.ready || n.under != nil || n.replay == nil && now.Sub(n.saidAt) < n.flags.every {
				continue
			}
			if n.replay != nil && !n.replay.next(n.reporter) {
				over = true
				end = time.After(n.flags.wait)
				continue
			}
			if err := n.say(ctx, now); err != nil {
				return err
			}
		case <-done:
			done, over = nil, true
			endPolling()
			end = time.After(lastSent)
		case <-end:
			end = nil
		case <-n.o.ended:
			n.look(n.o.node.Snapshot())
			_ = n.out.flush() // the node's error is the one to report
			return fmt.Errorf("stopped: %w; see to the disk, then start again: what was reported is saved", n.o.nodeErr)
		}
	}
}

// caughtUp says whether some peer has shown what it holds and nothing of that is on its way any more. In a room where others write
// without a pause no peer is ever equal for long; the own chain, which is what counts, has come by then.
func caughtUp(snap *transport.Snapshot) bool {
	for i := range snap.Peers {
		p := &snap.Peers[i]
		if p.State == transport.PeerLive || p.State == transport.PeerCatchingUp && p.Behind >= 0 && p.ToReceive == 0 {
			return true
		}
	}
	return false
}

// lastSent is how long an oracle that is ended waits until a peer has stored the last it said.
const lastSent = 2 * time.Second

// begin takes up the own chain where it ends.
func (n *oracleNode) begin(snap *transport.Snapshot) {
	n.ready = true
	n.reporter.resume(snap.View)
	n.clocks.seen = snap.View.Changes() // what came before tells nothing of clocks now
	now := time.Now()
	for _, p := range n.reporter.pairs {
		if n.replay != nil {
			n.replay.skip(p.saidT)
		} else if d := p.ahead(now.UnixMilli()); d > 0 {
			n.p.note("%s: this oracle has said a price of a time %v ahead of this machine's clock: nothing is said until then; is the clock right?", p.Name, d)
		}
	}
}

// poll asks one source again and again.
func (n *oracleNode) poll(ctx context.Context, fetcher *source.Fetcher, i int) {
	tick := time.NewTicker(n.flags.every)
	defer tick.Stop()
	for {
		a, err := fetcher.Fetch(ctx, n.polled[i].Source)
		select {
		case n.results <- fetched{i, a, err}:
		case <-ctx.Done():
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// heard says whether all sources have answered that are known to answer: what they say is said at once. Where one is slow, the
// others' prices wait for the tick at most.
func (n *oracleNode) heard() bool {
	if n.under != nil {
		return false
	}
	any := false
	for i := range n.polled {
		s := &n.polled[i]
		if !s.answered && s.err == nil {
			return false
		}
		any = any || s.answered && s.err == nil
	}
	return any
}

// take makes readings of what a source said, and tells if that is something new about the source.
func (n *oracleNode) take(got fetched) {
	s := &n.polled[got.source]
	now := time.Now()
	s.answered = true
	if changed(s.err, got.err) {
		s.err = got.err
		n.out.source(now, s.Name, s.Pair, got.err)
	}
	if got.err != nil {
		return
	}
	for i := range s.pairs {
		p := &s.pairs[i]
		r, err := source.Read(s.Source, got.answer, p.pair.Pair, n.reporter.maxAge())
		if changed(p.err, err) {
			p.err = err
			n.out.source(now, s.Name, p.pair.Name, err)
		}
		if err == nil {
			p.pair.read[p.n] = r
		}
	}
}

// changed says whether the reason of a failure is another one. What else its text tells, such as numbers, makes none.
func changed(before, now error) bool {
	if before == nil || now == nil {
		return before != now
	}
	return source.Code(before) != source.Code(now)
}

// say submits what there is to be said.
func (n *oracleNode) say(ctx context.Context, now time.Time) error {
	n.saidAt = now
	for i := range n.polled {
		n.polled[i].answered = false
	}
	ms := now.UnixMilli()
	if n.replay != nil {
		ms = n.replay.now
	}
	s, err := n.reporter.at(ms)
	if err != nil {
		return fmt.Errorf("oracle node: internal error: it would say what is void: %w", err)
	}
	for _, p := range s.changed {
		n.out.silent(now, p.Name, p.silent)
	}
	if len(s.literals) == 0 {
		return nil
	}
	err = n.o.node.Submit(ctx, transport.Intent{
		Time: now.Unix(),
		Edit: func(tx *crdt.Tx) error {
			for _, l := range s.literals {
				if _, err := tx.Append(l); err != nil {
					return err
				}
			}
			return nil
		},
		Done: func(r transport.Receipt) { n.receipts <- r }, // there is a place: one is under way
	})
	switch {
	case err == nil:
		n.under = &s
		return nil
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, transport.ErrGuarded):
		n.reporter.lost(&s)
		if !n.guarded {
			n.guarded = true
			n.p.note("this store looks copied, restored or salvaged: nothing is said until a peer shows what it knows of this key; if no other copy is in use, and nothing newer was sent: --only-copy")
		}
		return nil
	case errors.Is(err, transport.ErrStopped):
		return nil // n.o.ended tells why
	case errors.Is(err, transport.ErrSelfFork):
		return fmt.Errorf("%w: this oracle is convicted in this room for ever, and has no vote; find out where else its key is in use", err)
	}
	return err
}

// receipt takes in what became of what was submitted.
func (n *oracleNode) receipt(r transport.Receipt) {
	s := n.under
	n.under = nil
	if r.Err != nil {
		n.reporter.lost(s)
		n.p.note("not saved: %v", r.Err)
		return
	}
	n.guarded, n.made = false, r.Index+1
	n.reporter.saved(s)
	now := time.Now()
	tell := func(kind string, all []oracle.Attestation) {
		for i := range all {
			n.out.report(now, kind, r.ID, &all[i], n.reporter.pair(all[i].Pair).Expo)
		}
	}
	tell(kindReport, s.reveals)
	if len(s.commits) > 0 {
		tell(kindCommit, s.said)
	} else {
		tell(kindReport, s.said)
	}
}

// look prints what snap has more than was printed.
func (n *oracleNode) look(snap *transport.Snapshot) {
	for _, e := range snap.Events {
		if e.Seq > n.eventSeq {
			n.eventSeq = e.Seq
			n.out.event(e)
			noteEvent(n.p, e)
		}
	}
	if n.ready && n.replay == nil {
		now := time.Now()
		if offset, err, changed := n.clocks.look(snap.View, now.UnixMilli()); changed {
			n.out.clock(now, offset, err)
		}
	}
}

// noteEvent says on standard error what an operator has to know.
func noteEvent(p *program, e transport.Event) {
	switch e.Kind {
	case transport.EventGuard:
		p.note("%s: %s", e.Code, e.Text)
	case transport.EventFork:
		p.note("oracle %v signed two changes after one, %v and %v: it is convicted, and has no vote any more", e.Author, e.Change, e.Other)
	case transport.EventSalvage:
		p.note("store %s: %s", e.Code, e.Text)
	case transport.EventSelfFork:
		p.note("this key has written in two places, changes %v and %v: nothing more is said with it", e.Change, e.Other)
	}
}

// finish prints the last line and decides the exit code.
func (n *oracleNode) finish(snap *transport.Snapshot) error {
	end := endEvent(snap.View)
	end.Unsent, end.Live, end.Of = &snap.Unsent, &snap.Live, &snap.Of
	n.out.end(end)
	if err := n.out.flush(); err != nil {
		return err
	}
	if snap.Unsent > 0 {
		n.p.note("saved here, not yet stored by any peer: %d; sent next time", snap.Unsent)
		return &codedError{code: ExitUnsent}
	}
	return nil
}
