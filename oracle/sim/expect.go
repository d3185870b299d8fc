package sim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Verdicts are what a scenario expects, in the order of its fields. As JSON an object: name to whether it was met.
type Verdicts []Expected

// Expected is one of them.
type Expected struct {
	Name string
	Met  bool
	Text string // what was, and what was wanted
}

// MarshalJSON implements [json.Marshaler].
func (v Verdicts) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, e := range v {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(e.Name)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s:%v", name, e.Met)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

// judge compares a report with what the scenario expects.
func (r *Run) judge(rep *Report) Verdicts {
	e := &r.sc.Expect
	var all Verdicts
	add := func(name string, met bool, format string, args ...any) {
		all = append(all, Expected{name, met, fmt.Sprintf(format, args...)})
	}
	worst := func(of func(*ReportPair) int64) (most int64) {
		for i := range rep.Pairs {
			most = max(most, of(&rep.Pairs[i]))
		}
		return most
	}
	priced := worst(func(p *ReportPair) int64 { return p.Prices }) > 0
	if e.MaxErrorPPM >= 0 {
		got := worst(func(p *ReportPair) int64 { return p.MaxPPM })
		add("max_error_ppm", priced && got <= e.MaxErrorPPM, "%d, want at most %d", got, e.MaxErrorPPM)
	}
	if e.MaxRMSPPM >= 0 {
		got := worst(func(p *ReportPair) int64 { return p.RMSPPM })
		add("max_rms_ppm", priced && got <= e.MaxRMSPPM, "%d, want at most %d", got, e.MaxRMSPPM)
	}
	if e.DigestsEqual {
		a := &rep.Agreement
		add("digests_equal", a.Mismatches == 0 && a.EqualHeadsChecks > 0, "%d of %d digests differ at equal heads", a.Mismatches, a.EqualHeadsChecks)
	}
	if e.InHonestRange {
		got := worst(func(p *ReportPair) int64 { return p.OutsideHonest })
		if lied, f := r.lied(), r.terms.F(); lied > f { // nothing was looked at: that is no success
			add("in_honest_range", false, "%d of %d lied, and that is promised for at most %d", lied, len(r.players), f)
		} else {
			add("in_honest_range", priced && got == 0, "%d prices were not between honest votes", got)
		}
	}
	if e.Convicted != nil {
		add("convicted", r.convicts(e.Convicted), "%v, want %v at every honest replica", r.convicted(), e.Convicted)
	}
	if e.Status != "" {
		add("status", rep.Pairs[0].Status == e.Status, "%s, want %s", rep.Pairs[0].Status, e.Status)
	}
	if e.InsufficientMin >= 0 {
		got := rep.Pairs[0].InsufficientSlots
		add("insufficient_slots_min", got >= e.InsufficientMin, "%d, want at least %d", got, e.InsufficientMin)
	}
	if e.WithinMS > 0 {
		got := rep.Agreement.HealedInMS
		switch {
		case len(r.agree.converged) == 0:
			add("converged_within_ms", false, "the network did not heal, or was never parted; want at most %d after healing", e.WithinMS)
		case got < 0:
			add("converged_within_ms", false, "not all were equal after healing, want at most %d", e.WithinMS)
		default:
			add("converged_within_ms", got <= e.WithinMS, "%d ms after healing, want at most %d", got, e.WithinMS)
		}
	}
	if len(e.Findings) > 0 {
		var missing []string
		for _, kind := range e.Findings {
			if !slices.ContainsFunc(rep.Oracles, func(o ReportOracle) bool { return slices.Contains(o.Findings, kind) }) {
				missing = append(missing, kind)
			}
		}
		add("findings", len(missing) == 0, "not found: %s", strings.Join(missing, ", "))
	}
	return all
}

// lied is how many oracles have lied so far, or had their disks rolled back.
func (r *Run) lied() (n int) {
	for _, p := range r.players {
		if p.fallen {
			n++
		}
	}
	return n
}

// convicted are those that some honest replica has convicted.
func (r *Run) convicted() []int64 {
	found := []int64{}
	for _, p := range r.players {
		if !p.honest() || p.log == nil {
			continue
		}
		for _, s := range p.log.Oracles() {
			if s.Convicted && !slices.Contains(found, int64(s.Oracle)) {
				found = append(found, int64(s.Oracle))
			}
		}
	}
	slices.Sort(found)
	return found
}

// convicts reports whether every honest replica that runs has convicted these, and no others.
func (r *Run) convicts(want []int64) bool {
	asked := false
	for _, p := range r.players {
		if !p.honest() || p.log == nil {
			continue
		}
		asked = true
		for _, s := range p.log.Oracles() {
			if s.Convicted != slices.Contains(want, int64(s.Oracle)) {
				return false
			}
		}
	}
	return asked
}
