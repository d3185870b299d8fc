package sim

import "github.com/tallystick/tallystick/oracle"

// A SlotReport is one slot of a run as `oracle run --stream` prints it, of the first honest replica that runs.
type SlotReport struct {
	Slot     int64      `json:"slot"`
	AtMS     int64      `json:"at_ms"`
	Pairs    []SlotPair `json:"pairs"`
	Agree    int        `json:"agree"` // replicas that say the same
	Replicas int        `json:"replicas"`
	Changes  int        `json:"changes"`
	Groups   [][]int64  `json:"groups"` // of a partition
}

// A SlotPair is one pair in it. Prices are decimal text, empty if there is none.
type SlotPair struct {
	Pair     string `json:"pair"`
	Truth    string `json:"truth"`
	Price    string `json:"price"` // empty: no new one
	Low      string `json:"low"`
	High     string `json:"high"`
	Status   string `json:"status"`
	Votes    int    `json:"votes"`
	Naive    string `json:"mean_iqr"`
	ErrorPPM int64  `json:"error_ppm"`
	Digest   string `json:"digest"`
}

// Slot is the slot that ended last.
func (r *Run) Slot() SlotReport {
	s := SlotReport{Slot: r.slot - 1, AtMS: r.slot * r.sc.IntervalMS, Agree: r.agree.equal, Replicas: r.agree.of, Groups: r.groups, Pairs: []SlotPair{}}
	if s.Groups == nil {
		s.Groups = [][]int64{}
	}
	v := r.viewer()
	if v != nil {
		s.Changes = v.log.Changes()
	}
	for i := range r.pairs {
		p := r.framePair(i, v)
		text := func(price int64) string {
			if price <= 0 {
				return ""
			}
			return oracle.FormatPrice(price, p.Expo)
		}
		one := SlotPair{
			Pair: p.Name, Truth: text(p.Truth), Price: text(p.Price), Low: text(p.Low), High: text(p.High), Status: p.Status.String(),
			Votes: p.Votes, Naive: text(p.Naive), Digest: hexOf(p.Digest),
		}
		if p.Price > 0 {
			one.ErrorPPM = p.ErrorPPM
		}
		s.Pairs = append(s.Pairs, one)
	}
	return s
}
