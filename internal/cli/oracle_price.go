package cli

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/transport"
)

const oraclePriceLong = `Reads a room of oracles and says what its log says the price is: by the log alone, so whoever
has the same heads gets the same digest. It needs no key and writes nothing: without NAME it
takes the whole room from a peer, checks it, and keeps nothing; with NAME it reads what that
person holds, and goes on from there.

low and high are proved: while no more oracles lie than the room allows (f), honest prices
reach to both sides of them. status is ok, wide (low and high lie far apart: perhaps more than
f lie), insufficient (too few oracles have a vote: there is no price, and the last is told
with its time) or halted (it moved too far, or was missing too long, to be used). The
time is that of the log, the lower median of the oracles' own; how long ago that is, by
this machine's clock, is told beside it. What is ok but older than --max-age is told as
stale; with --json, status stays that of the log, and age_ms tells.

With --watch a line comes with each change until a signal ends it, and one when nothing
new has come for the room's heartbeat. Without, it ends with 6 if there is no price that
may be used: insufficient, halted, or older than --max-age.`

// priceFlags are the flags of oracle price.
type priceFlags struct {
	room    string
	pairs   []string
	watch   bool
	json    bool
	connect []string
	offline bool
	wait    time.Duration
	every   time.Duration
	maxAge  time.Duration
}

func (p *program) oraclePriceCommand() *cobra.Command {
	var f priceFlags
	cmd := &cobra.Command{
		Use:   "price [NAME]",
		Short: "say what a room's oracles say a price is",
		Long:  oraclePriceLong,
		Example: `tallystick oracle price --room btc.charter --connect ws://192.0.2.1:8080
tallystick oracle price --room btc.charter --pair BTC/USD --watch --json`,
		Args:              oneName,
		ValidArgsFunction: completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			f := f
			if !cmd.Flags().Changed("max-age") {
				f.maxAge = -1
			}
			if !cmd.Flags().Changed("every") {
				f.every = -1
			}
			return p.oraclePrice(cmd.Context(), args, f)
		},
	}
	s := cmd.Flags()
	s.StringVar(&f.room, "room", "", "the `FILE` of the room's charter")
	s.StringArrayVar(&f.pairs, "pair", nil, "a `PAIR`; may be given several times (default: all of the room)")
	s.BoolVar(&f.watch, "watch", false, "go on, and say each change")
	s.BoolVar(&f.json, "json", false, "one JSON object a line")
	s.StringArrayVar(&f.connect, "connect", nil, "connect to the relay or node at `URL`; may be given several times (default: "+defaultURL+")")
	s.BoolVar(&f.offline, "offline", false, "with NAME: say what is here already")
	s.DurationVar(&f.wait, "wait", defaultWait, "how long to wait for a peer")
	s.DurationVar(&f.every, "every", 0, "with --watch: at most one line of a pair in this time; 0: one at every change (default: the room's slot)")
	s.DurationVar(&f.maxAge, "max-age", 0, "an older price is none, by this machine's clock; 0: any age (default: the room's heartbeat)")
	return cmd
}

// oraclePrice reads a room's prices.
func (p *program) oraclePrice(ctx context.Context, args []string, f priceFlags) (err error) {
	charter, terms, err := oracleRoom(f.room)
	if err != nil {
		return err
	}
	pairs, err := roomPairs(terms, f.pairs)
	if err != nil {
		return err
	}
	if f.wait < 0 || f.every < -1 || f.maxAge < -1 {
		return usage("--wait, --every and --max-age are lengths of time")
	}
	if f.every < 0 {
		f.every = time.Duration(terms.Policy.SlotMS) * time.Millisecond
	}
	if f.maxAge < 0 {
		f.maxAge = time.Duration(terms.Policy.HeartbeatMS) * time.Millisecond
	}
	var person *profile.Person
	if len(args) == 1 {
		if person, err = load(args[0]); err != nil {
			return err
		}
	} else if f.offline {
		return usage("--offline says what NAME holds: give NAME, or leave it out")
	}
	s, done, err := p.session(person, charter, f.connect, "", f.offline, false)
	if err != nil {
		return err
	}
	defer done()
	if s.plan.meet != "" { // who only reads serves nobody
		s.plan.connect, s.plan.meet = []string{"ws://" + s.plan.meet}, ""
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	r := &priceReader{
		p: p, flags: f, terms: terms, pairs: pairs, log: oracle.NewLog(terms), said: make([]saidPrice, len(pairs)),
		out: newEventWriter(bufio.NewWriterSize(p.Out, 64<<10), f.json), poke: make(chan struct{}, 1),
	}
	start := func(f func()) { go f() } // session.open waits for them
	if r.o, err = s.open(ctx, start, func(string, ...any) {}, func() { poke(r.poke) }); err != nil {
		return err
	}
	err = r.run(ctx)
	if stopErr := r.o.stop(); err == nil {
		err = stopErr
	}
	return err
}

// priceReader reads prices. One goroutine, run, has all of it.
type priceReader struct {
	p     *program
	flags priceFlags
	terms oracle.Terms
	pairs []oracle.Pair
	log   *oracle.Log
	out   *eventWriter
	o     *opened
	poke  chan struct{}

	said     []saidPrice // by pair
	eventSeq uint64
	quiet    bool      // that nothing new comes was told
	newAt    time.Time // when log time last moved, by our clock
	newTime  int64     // what it was then
}

// saidPrice is what was said of a pair.
type saidPrice struct {
	any  bool
	full [32]byte     // digest of the last price that was told
	last oracle.Price // the newest with a price; zero: none

	halted string // why the breaker stops its use
}

// run says prices until there is nothing more to say.
func (r *priceReader) run(ctx context.Context) error {
	patience := time.NewTimer(r.flags.wait)
	defer patience.Stop()
	quiet := time.Duration(r.terms.Policy.HeartbeatMS) * time.Millisecond
	beat := time.NewTimer(quiet)
	defer beat.Stop()
	pace := time.NewTimer(0)
	defer pace.Stop()
	waited, paced, began := r.flags.offline, true, false
	r.newAt = time.Now()
	for {
		snap := r.o.node.Snapshot()
		if !began && (waited || caughtUp(snap)) {
			if snap.View.Changes() == 0 && !caughtUp(snap) && !r.flags.watch {
				return r.nobody(snap)
			}
			began = true
		}
		if began {
			if r.flags.watch {
				r.events(snap)
			}
			changed := r.log.Update(snap.View)
			if paced && (changed || r.pending()) {
				r.tell(snap)
				if r.flags.every > 0 {
					paced = false
					pace.Reset(r.flags.every)
				}
			}
			if t, ok := r.log.Time(); ok && t != r.newTime {
				r.newTime, r.newAt = t, time.Now()
				beat.Reset(quiet)
				if r.quiet {
					r.quiet = false
					r.out.silence(r.newAt, 0)
				}
			}
			if !r.flags.watch {
				return r.finish(snap)
			}
		}
		if err := r.out.flush(); err != nil {
			return err
		}
		select {
		case <-r.o.node.Changed():
		case <-r.poke:
		case <-patience.C:
			waited = true
		case <-pace.C:
			paced = true
		case <-beat.C:
			if r.flags.watch && !r.quiet {
				r.quiet = true
				r.out.silence(time.Now(), time.Since(r.newAt))
			}
		case <-ctx.Done():
			if r.flags.watch && began {
				r.log.Update(snap.View)
				if r.pending() {
					r.tell(snap)
				}
				r.out.end(endEvent(snap.View))
				return r.out.flush()
			}
			return ctx.Err()
		case <-r.o.ended:
			return fmt.Errorf("stopped: %w", r.o.nodeErr)
		}
	}
}

// nobody is why there is nothing to be said.
func (r *priceReader) nobody(snap *transport.Snapshot) error {
	for i := range snap.Peers {
		if why := snap.Peers[i].Reason; why.Code != "" {
			return fmt.Errorf("no peer has shown the room within %v: %s: %s", r.flags.wait, why.Code, why.Text)
		}
	}
	return fmt.Errorf("no peer has shown the room within %v: give --connect the address of a relay that has it", r.flags.wait)
}

// events tells what happened in the room besides prices.
func (r *priceReader) events(snap *transport.Snapshot) {
	for _, e := range snap.Events {
		if e.Seq > r.eventSeq {
			r.eventSeq = e.Seq
			r.out.event(e)
			noteEvent(r.p, e)
		}
	}
}

// price is that of a pair now. It cannot fail: the pair is the room's.
func (r *priceReader) price(i int) oracle.Price {
	price, err := r.log.Price(r.pairs[i].Name, -1)
	if err != nil {
		panic("cli: internal error: " + err.Error())
	}
	return price
}

// pending says whether a price differs from what was told last.
func (r *priceReader) pending() bool {
	for i := range r.pairs {
		if p := r.price(i); !r.said[i].any || r.said[i].full != p.Digest {
			return true
		}
	}
	return false
}

// tell says the prices that differ from what was told last.
func (r *priceReader) tell(snap *transport.Snapshot) {
	now := time.Now()
	for i := range r.pairs {
		price := r.price(i)
		said := &r.said[i]
		if said.any && said.full == price.Digest {
			continue
		}
		said.any, said.full = true, price.Digest
		if price.Status != oracle.Insufficient {
			said.last = price
		} else if said.last.Price == 0 {
			said.last = r.lastPrice(i, price.At)
		}
		j := priceEvent(now, &price, &said.last, snap.View.Changes(), r.terms)
		j.old = j.Age != nil && r.flags.maxAge > 0 && *j.Age > r.flags.maxAge.Milliseconds()
		if said.halted = r.halted(i, price.At); said.halted != "" && price.Status != oracle.Insufficient {
			j.Status, j.Halted = oracle.Halted.String(), said.halted
		}
		r.out.price(now, j)
	}
}

// breakerMS is how far back a breaker looks: the five minutes of its mean, and as much again in which it may have halted.
const breakerMS = 10 * 60 * 1000

// halted is why the room's breaker stops the use of a price of that time, "" if it does not: by the slots of the log that have ended in
// the ten minutes before, maxLookBack of them at most, so that it follows from the log as the price does.
func (r *priceReader) halted(i int, at int64) string {
	slot := r.terms.Policy.SlotMS
	last := at/slot - 1
	var slots []oracle.SlotPrice
	for s := max(0, last-min(breakerMS/slot, maxLookBack)); s <= last; s++ {
		p, err := r.log.Price(r.pairs[i].Name, (s+1)*slot)
		if err != nil || p.Status == oracle.Insufficient && len(slots) == 0 {
			continue // before there was any
		}
		slots = append(slots, oracle.SlotPrice{Slot: s, Price: p.Price, Low: p.Low, High: p.High, Status: p.Status})
	}
	if state := oracle.BreakerOver(slots, r.terms.Policy); state.Halted {
		return state.String()
	}
	return ""
}

// maxLookBack bounds the slots that are looked at for the last price there was.
const maxLookBack = 3600

// lastPrice is the newest price before a time, of the slots' ends; a zero one if there is none.
func (r *priceReader) lastPrice(i int, at int64) oracle.Price {
	slot := r.terms.Policy.SlotMS
	for k := range int64(maxLookBack) {
		end := (at/slot - k) * slot
		if end < 0 {
			break
		}
		if p, err := r.log.Price(r.pairs[i].Name, end); err == nil && p.Status != oracle.Insufficient {
			return p
		}
	}
	return oracle.Price{}
}

// finish decides the exit code of one look.
func (r *priceReader) finish(snap *transport.Snapshot) error {
	if err := r.out.flush(); err != nil {
		return err
	}
	if !caughtUp(snap) && !r.flags.offline {
		r.p.note("no peer has answered: this is what was here already")
	}
	for i := range r.pairs {
		price := r.price(i)
		if price.Status == oracle.Insufficient {
			return &codedError{ExitNoPrice, fmt.Errorf("%s: there is no price: %s", price.Pair, price.Lack())}
		}
		if r.said[i].halted != "" {
			return &codedError{ExitNoPrice, fmt.Errorf("%s: %s", price.Pair, r.said[i].halted)}
		}
		if age := time.Since(time.UnixMilli(price.At)); r.flags.maxAge > 0 && age > r.flags.maxAge {
			return &codedError{ExitNoPrice, fmt.Errorf("%s: the newest price is %v old, and --max-age is %v: the oracles have stopped, or do not reach this peer", price.Pair, age.Round(time.Second), r.flags.maxAge)}
		}
	}
	return nil
}

// priceJSON is a price. All but age_ms, last and changes is what the log says, and the same for all who have the same heads.
type priceJSON struct {
	Time      string     `json:"time"`
	Kind      string     `json:"kind"`
	Pair      string     `json:"pair"`
	Status    string     `json:"status"`
	Halted    string     `json:"halted,omitempty"` // why, if that is the status. It is no part of the digest
	Price     *string    `json:"price"`            // null: there is none
	Low       *string    `json:"low"`
	High      *string    `json:"high"`
	MAD       *string    `json:"mad"`
	Expo      int        `json:"expo"`
	At        *int64     `json:"at"`     // log time, Unix ms; null: no majority of oracles has spoken yet
	Age       *int64     `json:"age_ms"` // by this machine's clock
	Votes     int        `json:"votes"`
	Present   int        `json:"present"`
	Stale     int        `json:"stale"`
	Early     int        `json:"early"`
	Convicted int        `json:"convicted"`
	Oracles   int        `json:"oracles"`
	F         int        `json:"f"`
	Quorum    int        `json:"quorum"`
	Strategy  string     `json:"strategy"`
	Heads     string     `json:"heads_digest"`
	Digest    string     `json:"digest"`
	Changes   int        `json:"changes"`
	Last      *lastPrice `json:"last,omitempty"` // where there is no price: the last there was

	old bool // older than it may be, by this machine's clock
}

type lastPrice struct {
	Price string `json:"price"`
	At    int64  `json:"at"`
}

// priceEvent is what is said of a price. last is the newest there was.
func priceEvent(now time.Time, p, last *oracle.Price, changes int, terms oracle.Terms) priceJSON {
	j := priceJSON{
		Time: stamp(now), Kind: kindPrice, Pair: p.Pair, Status: p.Status.String(), Expo: p.Expo, Votes: p.Votes, Present: p.Present, Stale: p.Stale,
		Early: p.Early, Convicted: p.Convicted, Oracles: len(terms.Oracles), F: p.F, Quorum: 2*p.F + 1, Strategy: p.Strategy.String(),
		Heads: hex.EncodeToString(p.Heads[:]), Digest: hex.EncodeToString(p.Digest[:]), Changes: changes,
	}
	if p.At > 0 {
		age := now.UnixMilli() - p.At
		j.At, j.Age = &p.At, &age
	}
	if p.Status == oracle.Insufficient {
		if last.Price != 0 {
			j.Last = &lastPrice{oracle.FormatPrice(last.Price, last.Expo), last.At}
		}
		return j
	}
	for _, x := range []struct {
		to **string
		v  int64
	}{{&j.Price, p.Price}, {&j.Low, p.Low}, {&j.High, p.High}, {&j.MAD, p.MAD}} {
		text := oracle.FormatPrice(x.v, p.Expo)
		*x.to = &text
	}
	return j
}

// price writes a price: as columns
//
//	time price pair status price low…high votes time-of-the-log digest
func (w *eventWriter) price(now time.Time, j priceJSON) {
	if w.json {
		w.object(j)
		return
	}
	price, bounds := "", ""
	switch {
	case j.Price != nil:
		price, bounds = *j.Price, *j.Low+" … "+*j.High
	case j.Last != nil:
		price = fmt.Sprintf("none; last %s at %s", j.Last.Price, stampMS(j.Last.At))
	default:
		price = "none"
	}
	votes := fmt.Sprintf("%d votes of %d", j.Votes, j.Oracles)
	if j.Status == oracle.Insufficient.String() && j.Votes < j.Quorum {
		votes += fmt.Sprintf(", %d needed", j.Quorum)
	}
	for _, x := range []struct {
		n    int
		word string
	}{{j.Stale, "stale"}, {j.Early, "early"}, {j.Convicted, "convicted"}} {
		if x.n > 0 {
			votes += fmt.Sprintf(", %d %s", x.n, x.word)
		}
	}
	if j.Status == oracle.Insufficient.String() && j.Votes >= j.Quorum {
		votes += ": more than may lie"
	}
	if j.Halted != "" {
		votes += "; " + j.Halted
	}
	at := "no time yet"
	if j.At != nil {
		at = fmt.Sprintf("%s, %s", stampMS(*j.At), ago(*j.Age))
	}
	status := j.Status
	if j.old && status == oracle.OK.String() {
		status = "stale" // the log's own time has stopped with the oracles: by that the price is still ok
	}
	w.columns(j.Time, kindPrice, j.Pair, status, price, bounds, votes, at, j.Digest)
}

// ago says how long ago something was, by this machine's clock.
func ago(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case ms < 0:
		return fmt.Sprintf("%v ahead of this clock", -d)
	case ms < 10_000:
		return fmt.Sprintf("%v ago", d)
	default:
		return fmt.Sprintf("%v ago", d.Round(time.Second))
	}
}

// stampMS is a claimed time in ms.
func stampMS(ms int64) string {
	const year10000 = 253402300800_000
	if ms < 0 || ms >= year10000 {
		return fmt.Sprintf("@%d ms", ms)
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// silenceJSON is whether anything new comes.
type silenceJSON struct {
	Time  string `json:"time"`
	Kind  string `json:"kind"`
	State string `json:"state"` // "silent" or "speaks"
	For   int64  `json:"for_ms,omitempty"`
}

// silence writes that nothing new has come for so long, or, for 0, that something has again.
func (w *eventWriter) silence(now time.Time, d time.Duration) {
	j := silenceJSON{Time: stamp(now), Kind: kindSilent, State: "speaks", For: d.Milliseconds()}
	words := "the log goes on"
	if d > 0 {
		j.State, words = kindSilent, fmt.Sprintf("nothing new for %v: the oracles have stopped, or do not reach us", d.Round(time.Second))
	}
	if w.json {
		w.object(j)
		return
	}
	w.columns(j.Time, kindSilent, "", "", words)
}
