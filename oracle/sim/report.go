package sim

import (
	"encoding/hex"
	"math"
	"slices"

	"github.com/tallystick/tallystick/oracle"
)

// A Report says what came of a run. As JSON it is the same bytes whenever the scenario is, but for wall_ms. Prices are decimal
// text; a price that there is none of is empty.
type Report struct {
	V          int    `json:"v"`
	Scenario   string `json:"scenario"`
	Seed       uint64 `json:"seed"`
	DurationMS int64  `json:"duration_ms"`
	WallMS     int64  `json:"wall_ms"` // filled in by who has a clock

	Oracles   []ReportOracle  `json:"oracles"`
	Pairs     []ReportPair    `json:"pairs"`
	Network   ReportNetwork   `json:"network"`
	Agreement ReportAgreement `json:"agreement"`
	Log       ReportLog       `json:"log"`
	Rates     ReportRates     `json:"rates"`
	Evidence  []ReportFork    `json:"evidence"`
	Expect    Verdicts        `json:"expect"`
	OK        bool            `json:"ok"` // all of Expect
}

// ReportOracle is one of the committee. byzantine and kind are what the scenario knows; all else is what the log of the first honest
// replica that runs says.
type ReportOracle struct {
	ID        int      `json:"id"`
	Author    string   `json:"author"`
	Byzantine bool     `json:"byzantine"` // at the end, or at some time before
	Kind      string   `json:"kind"`
	Sent      int      `json:"sent"`
	Accepted  int      `json:"accepted"`
	Void      int      `json:"void"`
	Stale     int      `json:"stale"` // slots at whose end its vote on the first pair was stale
	Early     int      `json:"early"`
	Late      int      `json:"late"`
	ScorePPM  int64    `json:"score_ppm"`
	MaxGapPPM int64    `json:"max_gap_ppm"` // of its votes to the price
	Findings  []string `json:"findings"`
	Convicted bool     `json:"convicted"`
}

// ReportPair is one pair. Errors are of every new price that an honest replica had at the end of a slot, against the truth then; in a recording,
// how far outside of what honest venues said. ByStrategy is of the first honest replica that runs.
type ReportPair struct {
	Pair              string                    `json:"pair"`
	Price             string                    `json:"price"` // the newest there was
	Low               string                    `json:"low"`
	High              string                    `json:"high"`
	Status            string                    `json:"status"` // at the end
	Truth             string                    `json:"truth"`
	ErrorPPM          int64                     `json:"error_ppm"` // of Price
	RMSPPM            int64                     `json:"rms_ppm"`
	MaxPPM            int64                     `json:"max_ppm"`
	Prices            int64                     `json:"prices"`             // that these are of
	OutsideHonest     int64                     `json:"outside_honest"`     // of them, that were not between honest votes; not asked with more than f liars
	InsufficientSlots int64                     `json:"insufficient_slots"` // at the honest replica that had most
	NoNewPriceSlots   int64                     `json:"no_new_price_slots"` // so too, for want of votes or because log time stood still
	WideSlots         int64                     `json:"wide_slots"`         // so too
	ByStrategy        map[string]ReportStrategy `json:"by_strategy"`
}

// ReportStrategy is how one strategy did.
type ReportStrategy struct {
	RMSPPM int64 `json:"rms_ppm"`
	MaxPPM int64 `json:"max_ppm"`
}

// ReportNetwork is what the network did.
type ReportNetwork struct {
	Messages    int   `json:"messages"`
	Bytes       int   `json:"bytes"`
	Lost        int   `json:"lost"`
	Duplicated  int   `json:"duplicated"`
	Reordered   int   `json:"reordered"`
	Partitions  int   `json:"partitions"`
	PartitionMS int64 `json:"partition_ms"`
	Crashes     int   `json:"crashes"`
}

// ReportAgreement is what came of comparing honest replicas at the end of every slot: what they say whenever they hold the same,
// at one moment or at different ones.
type ReportAgreement struct {
	Replicas          int   `json:"replicas"`
	EqualHeadsChecks  int64 `json:"equal_heads_checks"`
	EqualDigestChecks int64 `json:"equal_digest_checks"`
	Mismatches        int64 `json:"mismatches"`
	ConvergedAtMS     int64 `json:"converged_at_ms"` // when all were equal after the last slot; −1: not within a minute, or parted
	HealedInMS        int64 `json:"healed_in_ms"`    // the longest from a healing until all held what was there then; −1: one never did
}

// ReportLog is the log of the first honest replica that runs; signatures are those that all machines together have checked.
type ReportLog struct {
	Changes           int   `json:"changes"`
	Bytes             int64 `json:"bytes"`
	Runs              int   `json:"runs"`
	SignaturesChecked int   `json:"signatures_checked"`
}

// ReportRates are of virtual time.
type ReportRates struct {
	AttestationsPerS int64 `json:"attestations_per_s"` // that were accepted
	AggregatesPerS   int64 `json:"aggregates_per_s"`   // prices that honest replicas computed
}

// ReportFork is evidence that an author is two-faced.
type ReportFork struct {
	Author string `json:"author"`
	Prev   string `json:"prev"`
	A      string `json:"a"`
	B      string `json:"b"`
}

// Report says what has come of the run so far.
func (r *Run) Report() Report {
	rep := Report{V: 1, Scenario: r.sc.Name, Seed: r.sc.Seed, DurationMS: r.elapsedMS(), Evidence: []ReportFork{}}
	if r.slot >= r.slots() {
		rep.DurationMS = r.sc.DurationMS
	}
	v := r.viewer()
	var standings []oracle.Standing
	if v != nil {
		standings = v.log.Oracles()
	}
	accepted, found := 0, r.kindsOf(v)
	for i, p := range r.players {
		o := ReportOracle{ID: i, Author: hex.EncodeToString(r.terms.Oracles[i][:]), Byzantine: p.fallen, Kind: string(p.kind), Findings: found[i], Stale: p.stale, MaxGapPPM: p.maxGap}
		if v != nil {
			s := &standings[i]
			o.Sent, o.Accepted, o.Void, o.Early, o.Late, o.ScorePPM, o.Convicted = s.Sent, s.Accepted, s.Void.Sum(), s.Early, s.Late, s.Least, s.Convicted
			accepted += s.Accepted
		}
		rep.Oracles = append(rep.Oracles, o)
	}
	for i := range r.pairs {
		rep.Pairs = append(rep.Pairs, r.reportPair(i, v))
	}
	stats := r.net.Stats()
	rep.Network = ReportNetwork{
		Messages: stats.Messages, Bytes: stats.Bytes, Lost: stats.Lost, Duplicated: stats.Duplicated, Reordered: stats.Reordered,
		Partitions: r.counters.partitions, PartitionMS: r.counters.partitionMS, Crashes: r.counters.crashes,
	}
	a := &r.agree
	rep.Agreement = ReportAgreement{
		Replicas: a.of, EqualHeadsChecks: a.heads, EqualDigestChecks: a.digests, Mismatches: a.mismatches, ConvergedAtMS: a.settledMS, HealedInMS: r.healedIn(),
	}
	if v != nil {
		replica := v.node.Core().Replica()
		runs := 0
		for i := range replica.Len() {
			if !replica.Continued(i) {
				runs++
			}
		}
		rep.Log = ReportLog{Changes: replica.Len(), Bytes: v.node.DiskBytes(), Runs: runs, SignaturesChecked: stats.Verified}
		for _, f := range v.viewOf().Forks() {
			rep.Evidence = append(rep.Evidence, ReportFork{hex.EncodeToString(f.Author[:]), hex.EncodeToString(f.Prev[:]), hex.EncodeToString(f.A[:]), hex.EncodeToString(f.B[:])})
		}
	}
	if rep.DurationMS > 0 {
		rep.Rates = ReportRates{AttestationsPerS: int64(accepted) * 1000 / rep.DurationMS, AggregatesPerS: r.asked * 1000 / rep.DurationMS}
	}
	rep.Expect = r.judge(&rep)
	rep.OK = !slices.ContainsFunc(rep.Expect, func(v Expected) bool { return !v.Met })
	return rep
}

// healedIn is the longest that a healing took; −1: one did not end.
func (r *Run) healedIn() int64 {
	most := int64(0)
	for _, ms := range r.agree.converged {
		most = max(most, ms)
	}
	if most == math.MaxInt64 {
		return -1
	}
	return most
}

func (r *Run) reportPair(i int, v *player) ReportPair {
	st, sc := &r.pairs[i], r.sc.Pairs[i]
	p := ReportPair{
		Pair: sc.Pair, Status: oracle.Insufficient.String(), RMSPPM: st.errors.rms(), MaxPPM: st.errors.most, Prices: st.errors.n, OutsideHonest: st.outside,
		ErrorPPM: st.newest, ByStrategy: make(map[string]ReportStrategy),
	}
	text := func(price int64) string {
		if price <= 0 {
			return ""
		}
		return oracle.FormatPrice(price, int(sc.Expo))
	}
	if n := len(st.series); n > 0 {
		p.Truth = text(st.series[n-1].Truth)
	}
	if v != nil {
		s := &v.view[i]
		p.Price, p.Low, p.High, p.Status = text(s.carried), text(s.low), text(s.high), s.price.Status.String()
	}
	for _, o := range r.players {
		if o.fallen {
			continue
		}
		p.InsufficientSlots = max(p.InsufficientSlots, o.view[i].short)
		p.NoNewPriceSlots = max(p.NoNewPriceSlots, o.view[i].missed)
		p.WideSlots = max(p.WideSlots, o.view[i].wide)
	}
	for k, s := range r.compare {
		p.ByStrategy[s.String()] = ReportStrategy{st.by[k].rms(), st.by[k].most}
	}
	return p
}

func hexOf(b [32]byte) string { return hex.EncodeToString(b[:]) }
