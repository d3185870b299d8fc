package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/liar"
	"github.com/tallystick/tallystick/oracle/sim"
)

// oracleFlags are the flags of work oracle.
type oracleFlags struct {
	oracles, pairs, hours, runs int
	scenario                    string
}

func oracleWork(flags *flag.FlagSet) func(context.Context, *run) error {
	var o oracleFlags
	flags.IntVar(&o.oracles, "oracles", 31, "oracle: size of the committee")
	flags.IntVar(&o.pairs, "pairs", 10, "oracle: pairs that each reports on every second")
	flags.IntVar(&o.hours, "hours", 24, "oracle: how long")
	flags.IntVar(&o.runs, "sims", 5, "oracle: runs of the scenario")
	flags.StringVar(&o.scenario, "scenario", "two-of-seven", "oracle: the shipped scenario that is run")
	return func(ctx context.Context, r *run) error {
		if err := r.oracle(ctx, o); err != nil {
			return fmt.Errorf("oracle: %w", err)
		}
		return nil
	}
}

func (r *run) oracle(ctx context.Context, o oracleFlags) error {
	if o.oracles < 1 || o.oracles > oracle.MaxOracles || o.pairs < 1 || o.pairs > oracle.MaxPairs || o.hours < 1 || o.hours > 48 || o.runs < 1 {
		return errors.New("-oracles, -pairs, -hours or -sims is out of bounds")
	}
	if err := r.oracleDay(ctx, o); err != nil {
		return err
	}
	return r.oracleScenario(o)
}

// oracleDay takes in a day of attestations, and makes every slot's price of every pair, as they come, on one core.
func (r *run) oracleDay(ctx context.Context, o oracleFlags) error {
	d, err := newOracleDay(o.oracles, o.pairs)
	if err != nil {
		return err
	}
	slots := int64(o.hours) * 3600
	r.say("oracle: %d oracles, %d pairs, %d slots", o.oracles, o.pairs, slots)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var took, adding, prices time.Duration
	for slot := range slots {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := d.make(slot); err != nil { // encoding is the oracles' work, and not counted
			return err
		}
		start := cpuTime()
		for i := range d.round {
			d.log.Add(d.round[i])
		}
		added := cpuTime()
		if err := d.aggregate(slot); err != nil {
			return err
		}
		adding += added - start
		prices += cpuTime() - added
	}
	start := cpuTime()
	standings := d.log.Oracles()
	scores := cpuTime() - start
	took = adding + prices + scores
	runtime.GC()
	runtime.ReadMemStats(&after)
	n := slots * int64(o.oracles) * int64(o.pairs)
	accepted := 0
	for _, s := range standings {
		accepted += s.Accepted
	}
	if int64(accepted) != n || d.missed > 0 {
		return fmt.Errorf("%d of %d attestations count, %d slots have no price", accepted, n, d.missed)
	}
	in := fmt.Sprintf("%d oracles, %d pairs, %d h", o.oracles, o.pairs, o.hours)
	add := func(name, unit string, v float64, note string, budgets ...report.Budget) {
		r.add(report.Figure{Work: "oracle", Case: in, Name: name, Unit: unit, Summary: stat.Summary{N: 1, Median: v, P95: v, P99: v, Max: v, Min: v}, Budgets: budgets, Note: note})
	}
	var budgets []report.Budget
	if n >= 26_000_000 {
		budgets = append(budgets, report.AtMost("p50", 10))
	}
	add("attestations aggregated", "s", took.Seconds(), fmt.Sprintf("%.1f million, every slot's price, CPU time on one core, log already checked", float64(n)/1e6), budgets...)
	add("of that, taken in", "s", adding.Seconds(), fmt.Sprintf("%.0f ns an attestation", float64(adding.Nanoseconds())/float64(n)))
	add("of that, prices", "s", prices.Seconds(), fmt.Sprintf("%.1f µs each, %d", float64(prices.Microseconds())/float64(slots*int64(o.pairs)), slots*int64(o.pairs)))
	add("of that, scores", "s", scores.Seconds(), "of all slots, at the end")
	add("memory", "MiB", float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), fmt.Sprintf("heap after GC, %.1f B an attestation; without the room itself", float64(after.HeapAlloc-before.HeapAlloc)/float64(n)))
	runtime.KeepAlive(d)
	return nil
}

// cpuTime is what this process has used so far. Others' load does not count in it; with one core nor does what is done beside.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("bench: internal error: " + err.Error())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// An oracleDay makes the changes of a committee, one an oracle and slot, with an attestation of each pair in it.
type oracleDay struct {
	terms  oracle.Terms
	log    *oracle.Log
	tips   []crdt.ChangeID
	round  []oracle.Change
	ids    []crdt.ChangeID // of the round before
	bodies [][]byte        // by oracle and pair
	missed int
}

const dayBegins = 1_790_000_000_000 // Unix ms

func newOracleDay(oracles, pairs int) (*oracleDay, error) {
	t := oracle.Terms{Policy: oracle.DefaultPolicy()}
	for i := range oracles {
		seed := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("bench oracle"), uint64(i)))
		t.Oracles = append(t.Oracles, crdt.Author(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)))
	}
	slices.SortFunc(t.Oracles, func(a, b crdt.Author) int { return bytes.Compare(a[:], b[:]) })
	for i := range pairs {
		t.Pairs = append(t.Pairs, oracle.Pair{Name: fmt.Sprintf("P%02d/USD", i), Expo: oracle.DefaultExpo})
	}
	c, err := oracle.NewCharter("bench", nil, t)
	if err != nil {
		return nil, err
	}
	if t, err = oracle.ParseTerms(c); err != nil {
		return nil, err
	}
	return &oracleDay{terms: t, log: oracle.NewLog(t), tips: make([]crdt.ChangeID, oracles), round: make([]oracle.Change, oracles), bodies: make([][]byte, oracles*pairs)}, nil
}

// appendPlain appends what an attestation of no more than these encodes to. Encode makes a slice for each: to collect that
// garbage, beside which a day's log is searched for pointers, would be counted as the log's work.
func appendPlain(b []byte, pair string, price, t int64) []byte {
	b = dcbor.AppendMap(b, 3)
	b = dcbor.AppendInt(dcbor.AppendText(b, "t"), t)
	b = dcbor.AppendText(dcbor.AppendText(b, "pair"), pair)
	return dcbor.AppendInt(dcbor.AppendText(b, "price"), price)
}

// make makes the changes of a slot. Each links what all others said in the slot before.
func (d *oracleDay) make(slot int64) error {
	before := append(d.ids[:0], d.tips...)
	d.ids = before
	for o := range d.round {
		c := &d.round[o]
		*c = oracle.Change{Author: d.terms.Oracles[o], Prev: before[o], Seq: uint64(slot) + 1, Body: c.Body[:0], Links: c.Links[:0]}
		binary.BigEndian.PutUint64(c.ID[:], liar.Draw(1, o, int(slot))) // as even as a hash is
		binary.BigEndian.PutUint64(c.ID[8:], uint64(slot))
		binary.BigEndian.PutUint64(c.ID[16:], uint64(o)+1)
		for k, tip := range before {
			if k != o && slot > 0 {
				c.Links = append(c.Links, tip)
			}
		}
		for p, pair := range d.terms.Pairs {
			noise := int64(liar.Draw(2, o*len(d.terms.Pairs)+p, int(slot)) % 1_000_000)
			a := oracle.Attestation{Pair: pair.Name, Price: 2_500_00000000 + slot*1000 + noise, T: dayBegins + slot*1000 + int64(o)}
			k := o*len(d.terms.Pairs) + p
			d.bodies[k] = appendPlain(d.bodies[k][:0], a.Pair, a.Price, a.T)
			if slot == 0 {
				if want, err := a.Encode(); err != nil || !bytes.Equal(want, d.bodies[k]) {
					return fmt.Errorf("attestation %x, want %x %v", d.bodies[k], want, err)
				}
			}
			c.Body = append(c.Body, d.bodies[k])
		}
		d.tips[o] = c.ID
	}
	return nil
}

// aggregate makes the price of every pair at the end of a slot.
func (d *oracleDay) aggregate(slot int64) error {
	for _, pair := range d.terms.Pairs {
		price, err := d.log.Price(pair.Name, dayBegins+slot*1000+999)
		if err != nil {
			return err
		}
		if price.Status == oracle.Insufficient {
			d.missed++
		}
	}
	return nil
}

// oracleScenario runs a shipped scenario of real replicas.
func (r *run) oracleScenario(o oracleFlags) error {
	sc, err := sim.Load(o.scenario)
	if err != nil {
		return err
	}
	var times []float64
	for range o.runs {
		start := cpuTime()
		one, err := sim.New(sc)
		if err != nil {
			return err
		}
		for one.Step() {
		}
		if !one.Report().OK {
			return fmt.Errorf("scenario %s is not met", o.scenario)
		}
		times = append(times, (cpuTime() - start).Seconds())
	}
	f := report.Figure{
		Work: "oracle", Case: o.scenario, Name: fmt.Sprintf("%d s of real replicas simulated", sc.DurationMS/1000), Unit: "s", Summary: stat.Of(times),
		Note: "CPU time: keys, signatures, stores and sessions; with the report",
	}
	if o.scenario == "two-of-seven" {
		f.Budgets = []report.Budget{report.AtMost("p50", 1)}
	}
	r.add(f)
	return nil
}
