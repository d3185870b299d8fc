package exchange

import (
	"bufio"
	"encoding/hex"
	"iter"
	"strings"

	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
)

// columns are the header of a CSV file, in the order in which it is written.
var columns = [...]string{
	"id", "time", "author", "standing", "by", "from", "to", "amount", "unit", "memo", "parties", "keys", "reason",
}

// exportCSV writes RFC 4180: lines end in CR LF, cells are in quotes if they must be.
func exportCSV(w *bufio.Writer, rows iter.Seq[Row]) error {
	line := []byte(strings.Join(columns[:], ",") + "\r\n")
	_, err := w.Write(line)
	for r := range rows {
		if err != nil {
			return err
		}
		line = line[:0]
		for i, cell := range r.cells() {
			if i > 0 {
				line = append(line, ',')
			}
			line = appendCell(line, cell)
		}
		_, err = w.Write(append(line, "\r\n"...))
	}
	return err
}

func (r *Row) cells() [len(columns)]string {
	c := [len(columns)]string{
		r.ID(), guard(TimeText(r.Time)), hex.EncodeToString(r.Author[:]), r.Status.Standing.String(), r.by(),
	}
	if r.Status.Standing == ledger.Invalid {
		c[12] = string(r.Status.Reason)
		return c
	}
	e := &r.Entry
	if e.Postings[0].Amount < 0 && len(e.Postings) == 2 {
		c[5], c[6], c[7] = guard(e.Postings[0].Label), guard(e.Postings[1].Label), ledger.FormatAmount(e.Postings[1].Amount, e.Scale)
	} else {
		c[10] = guard(string(ledger.AppendParties(nil, e)))
	}
	c[8], c[9] = e.Unit, guard(plainMemo(e.Memo))
	c[11] = keysText(e.Postings)
	return c
}

// noKey stands for the key of a label that was not resolved.
const noKey = "none"

// keysText is whose the postings are: a key or noKey for each, "" if none is known.
func keysText(postings []ledger.Posting) string {
	var b strings.Builder
	known := false
	for i := range postings {
		if i > 0 {
			b.WriteByte(' ')
		}
		if k := postings[i].Key; k != nil {
			known = true
			b.WriteString(hex.EncodeToString(k[:]))
		} else {
			b.WriteString(noKey)
		}
	}
	if !known {
		return ""
	}
	return b.String()
}

// plainMemo is a memo without characters that a terminal or an editor would obey, still short enough for a memo.
func plainMemo(memo string) string {
	memo = safe.Text(memo, safe.NoLimit).String()
	for len(memo) > ledger.MaxMemoBytes {
		memo = safe.Text(memo, max(1, len(memo)/2)).String()
	}
	return memo
}

// A spreadsheet takes a cell that begins so for a formula, and its author may be anybody. An apostrophe in front makes it a
// text; one that was there gets another, so that [unguard] finds what was.
const formula = "=+-@\t\r'"

func guard(cell string) string {
	if cell != "" && strings.IndexByte(formula, cell[0]) >= 0 {
		return "'" + cell
	}
	return cell
}

func unguard(cell string) string {
	if len(cell) > 1 && cell[0] == '\'' && strings.IndexByte(formula, cell[1]) >= 0 {
		return cell[1:]
	}
	return cell
}

// appendCell quotes a cell that holds what parts cells, or blanks at an end, which some programs cut.
func appendCell(dst []byte, cell string) []byte {
	if !strings.ContainsAny(cell, "\",\r\n") && strings.TrimSpace(cell) == cell {
		return append(dst, cell...)
	}
	dst = append(dst, '"')
	for i := range len(cell) {
		if cell[i] == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, cell[i])
	}
	return append(dst, '"')
}
