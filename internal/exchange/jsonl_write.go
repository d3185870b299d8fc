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
	Time   string `json:"time"`
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Author string `json:"author"`
	Content
	Standing string `json:"standing"`
	By       string `json:"by,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// kindEntry is the kind of a line that is an entry.
const kindEntry = "entry"

func exportJSONL(w *bufio.Writer, rows iter.Seq[Row]) error {
	var line []byte
	for r := range rows {
		j := entryJSON{
			Time: TimeText(r.Time), Kind: kindEntry, ID: r.ID(), Author: hex.EncodeToString(r.Author[:]),
			Content: ContentOf(nil), Standing: r.Status.Standing.String(), By: r.by(),
		}
		if r.Status.Standing == ledger.Invalid {
			j.Reason = string(r.Status.Reason)
		} else {
			j.Content = ContentOf(&r.Entry)
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
