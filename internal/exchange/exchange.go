package exchange

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

// A Format is a form of files.
type Format string

// The forms. Journals of hledger are written and not read.
const (
	CSV     Format = "csv"
	JSONL   Format = "jsonl"
	Hledger Format = "hledger"
)

// Formats are the forms that are written.
var Formats = []Format{CSV, JSONL, Hledger}

// ParseFormat is the form of a name.
func ParseFormat(name string) (Format, error) {
	for _, f := range Formats {
		if string(f) == name {
			return f, nil
		}
	}
	return "", fmt.Errorf("no format is called %q: there are csv, jsonl and hledger", name)
}

// A Row is an entry of a room, and what the room makes of it.
type Row struct {
	Change crdt.ChangeID
	Number int // which of the change's entries, counted from 1; 0 if it has no other
	Author crdt.Author
	Time   int64 // as its author claims, in Unix seconds
	Entry  ledger.Entry
	Status ledger.Status
}

// ID is what an entry is called in files: the change's id, and .N if it has several entries.
func (r *Row) ID() string {
	id := hex.EncodeToString(r.Change[:])
	if r.Number > 0 {
		id += "." + strconv.Itoa(r.Number)
	}
	return id
}

// counts reports whether an entry is part of the balances, tallied or claimed.
func (r *Row) counts() bool {
	return r.Status.Standing == ledger.Tallied || r.Status.Standing == ledger.Claimed
}

// by is whom the standing names, "" if it names nobody but the author.
func (r *Row) by() string {
	switch r.Status.Standing {
	case ledger.None, ledger.Invalid, ledger.Tallied:
		return ""
	}
	if r.Status.By == (crdt.Author{}) {
		return ""
	}
	return hex.EncodeToString(r.Status.By[:])
}

// ExportOptions say what is known besides the entries.
type ExportOptions struct {
	Room string                   // what the room is called, for a heading
	Name func(crdt.Author) string // what to call the owner of a key in account names; "" or nil: as in the entries
}

// Export writes the rows in the form f. A journal takes them twice: rows must give the same again.
func Export(w io.Writer, f Format, rows iter.Seq[Row], o ExportOptions) error {
	out := bufio.NewWriterSize(w, 1<<16)
	var err error
	switch f {
	case CSV:
		err = exportCSV(out, rows)
	case JSONL:
		err = exportJSONL(out, rows)
	case Hledger:
		err = exportHledger(out, rows, o)
	default:
		_, err = ParseFormat(string(f))
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

const year10000 = 253402300800

// TimeText is a time that somebody claims: RFC 3339, or @ and the seconds if it is far off.
func TimeText(unix int64) string {
	if unix < 0 || unix >= year10000 {
		return "@" + strconv.FormatInt(unix, 10)
	}
	return time.Unix(unix, 0).UTC().Format(time.RFC3339)
}
