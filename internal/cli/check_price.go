package cli

import (
	"encoding/hex"
	"time"

	"github.com/tallystick/tallystick/internal/proof"
	"github.com/tallystick/tallystick/oracle"
)

// sayPrice says for people what the proof of a price shows.
func sayPrice(say func(format string, args ...any), s *proof.PriceStatement) {
	p := &s.Price
	if p.Status == oracle.Insufficient {
		say("price: none: %s", p.Lack())
	} else {
		say("price: %s, proved between %s and %s", oracle.FormatPrice(p.Price, p.Expo), oracle.FormatPrice(p.Low, p.Expo), oracle.FormatPrice(p.High, p.Expo))
	}
	say("status: %v, by %v of %d votes, of which %d may be lies", p.Status, p.Strategy, p.Votes, p.F)
	for o := range s.Votes {
		v := &s.Votes[o]
		switch v.State {
		case oracle.Voted:
			say("oracle %d %s: %s at %s, from %d reports", o, fullHex(v.Author), oracle.FormatPrice(v.Value, p.Expo), utc(v.T), len(v.From))
		case oracle.Stale, oracle.Early:
			say("oracle %d %s: %v, at %s: no vote", o, fullHex(v.Author), v.State, utc(v.T))
		case oracle.Convicted:
			say("oracle %d %s: convicted, for it told two stories: no vote", o, fullHex(v.Author))
		default:
			say("oracle %d %s: %v: no vote", o, fullHex(v.Author), v.State)
		}
	}
	say("heads: %d, log digest %x", s.Heads, p.Heads)
	say("digest: %x", p.Digest)
}

// priceProof is what --json says of the proof of a price. Prices are decimal text.
type priceProof struct {
	Pair      string      `json:"pair"`
	AtMS      int64       `json:"at_ms"`
	Price     *string     `json:"price"` // null: there is none
	Low       *string     `json:"low"`
	High      *string     `json:"high"`
	Status    string      `json:"status"`
	Strategy  string      `json:"strategy"`
	F         int         `json:"f"`
	Votes     int         `json:"votes"`
	Stale     int         `json:"stale"`
	Early     int         `json:"early"`
	Convicted int         `json:"convicted"`
	Heads     int         `json:"heads"`
	LogDigest string      `json:"log_digest"`
	Digest    string      `json:"digest"`
	Oracles   []voteProof `json:"oracles"`
}

type voteProof struct {
	ID      int      `json:"id"`
	Author  string   `json:"author"`
	State   string   `json:"state"`
	Value   *string  `json:"value"`
	TMS     *int64   `json:"t_ms"`
	Changes []string `json:"changes"`
	Shown   int      `json:"changes_shown"`
	Hashed  int      `json:"changes_hashed"`
	InLog   bool     `json:"in_log"`
}

func priceProofOf(s *proof.PriceStatement) *priceProof {
	p := &s.Price
	decimal := func(v int64) *string {
		text := oracle.FormatPrice(v, p.Expo)
		return &text
	}
	j := &priceProof{
		Pair: p.Pair, AtMS: p.At, Status: p.Status.String(), Strategy: p.Strategy.String(), F: p.F, Votes: p.Votes, Stale: p.Stale, Early: p.Early,
		Convicted: p.Convicted, Heads: s.Heads, LogDigest: hex.EncodeToString(p.Heads[:]), Digest: hex.EncodeToString(p.Digest[:]),
	}
	if p.Status != oracle.Insufficient {
		j.Price, j.Low, j.High = decimal(p.Price), decimal(p.Low), decimal(p.High)
	}
	for o := range s.Votes {
		v := &s.Votes[o]
		one := voteProof{ID: o, Author: fullHex(v.Author), State: v.State.String(), Changes: []string{}, Shown: v.Shown, Hashed: v.Hashed, InLog: v.InLog}
		if v.State == oracle.Voted {
			one.Value = decimal(v.Value)
		}
		if len(v.From) > 0 {
			one.TMS = &v.T
		}
		for _, id := range v.From {
			one.Changes = append(one.Changes, fullHex(id))
		}
		j.Oracles = append(j.Oracles, one)
	}
	return j
}

// utc is a time in Unix ms for people.
func utc(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
