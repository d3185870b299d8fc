package exchange

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"iter"

	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
)

// entryJSON is a line: the fields of `list --json`, as far as they are about the entry.
type entryJSON struct {
	Time     string        `json:"time"`
	Kind     string        `json:"kind"`
	ID       string        `json:"id"`
	Author   string        `json:"author"`
	Postings []postingJSON `json:"postings"`
	Scale    int           `json:"scale"`
	Unit     *string       `json:"unit"`
	Memo     *string       `json:"memo"`
	Standing string        `json:"standing"`
	By       string        `json:"by,omitempty"`
	Reason   string        `json:"reason,omitempty"`
}

// kindEntry is the kind of a line that is an entry.
const kindEntry = "entry"

// postingJSON is [label, key, amount]: key is null or hex, amount an integer in units of 10^-scale.
type postingJSON ledger.Posting

func (p postingJSON) MarshalJSON() ([]byte, error) {
	var key *string
	if p.Key != nil {
		k := hex.EncodeToString(p.Key[:])
		key = &k
	}
	return json.Marshal([]any{p.Label, key, p.Amount})
}

func exportJSONL(w *bufio.Writer, rows iter.Seq[Row]) error {
	var line []byte
	for r := range rows {
		j := entryJSON{
			Time: timeText(r.Time), Kind: kindEntry, ID: r.ID(), Author: hex.EncodeToString(r.Author[:]),
			Postings: []postingJSON{}, Standing: r.Status.Standing.String(), By: r.by(),
		}
		if e := &r.Entry; r.Status.Standing == ledger.Invalid {
			j.Reason = string(r.Status.Reason)
		} else {
			j.Scale, j.Unit, j.Memo = e.Scale, present(e.Unit), present(e.Memo)
			for _, p := range e.Postings {
				j.Postings = append(j.Postings, postingJSON(p))
			}
		}
		b, err := json.Marshal(j)
		if err != nil {
			return err
		}
		line = append(safe.EscapeJSON(line[:0], b), '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

func present(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
