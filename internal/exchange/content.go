package exchange

import (
	"encoding/hex"
	"encoding/json"

	"github.com/tallystick/tallystick/internal/ledger"
)

// Content is what an entry says, as JSON: wherever the program writes one, it is so.
type Content struct {
	Postings []Posting `json:"postings"` // never null
	Scale    int       `json:"scale"`
	Unit     *string   `json:"unit"`
	Memo     *string   `json:"memo"`
}

// ContentOf is what a valid entry says; of nil, one that cannot be read, it is empty.
func ContentOf(e *ledger.Entry) Content {
	if e == nil {
		return Content{Postings: []Posting{}}
	}
	c := Content{Postings: make([]Posting, len(e.Postings)), Scale: e.Scale, Unit: Present(e.Unit), Memo: Present(e.Memo)}
	for i, p := range e.Postings {
		c.Postings[i] = Posting(p)
	}
	return c
}

// Posting is [label, key, amount] as JSON: key is null or hex, amount an integer in units of 10^-scale.
type Posting ledger.Posting

// MarshalJSON implements [json.Marshaler].
func (p Posting) MarshalJSON() ([]byte, error) {
	var key *string
	if p.Key != nil {
		k := hex.EncodeToString(p.Key[:])
		key = &k
	}
	return json.Marshal([]any{p.Label, key, p.Amount})
}

// Present is a text that JSON has as null if there is none.
func Present(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
