package exchange

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/safe"
)

// minKeyDigits is how many digits of a key are in its account's name at least.
const minKeyDigits = 8

// A chart is what the head of a journal has to say: it is known when all rows were seen.
type chart struct {
	scales   map[string]int         // the most digits after the point, of a unit
	names    map[crdt.Author]string // what the owners of keys are called
	digits   map[crdt.Author]int    // how many digits of a key tell it from all others
	accounts map[string]bool        // of the entries that count
}

// exportHledger writes a journal. Entries that are tallied are marked *, those claimed !; all others are comments, so that
// hledger's balances are those of the room: tallied with --cleared, claimed without.
func exportHledger(w *bufio.Writer, rows iter.Seq[Row], o ExportOptions) error {
	c := newChart(rows, o)
	room := ""
	if o.Room != "" {
		room = " of " + plainText(o.Room)
	}
	if _, err := fmt.Fprintf(w, "; Entries%s, written by tallystick. Tallied ones are marked *, claimed ones !;\n"+
		"; what is disputed, withdrawn, invalid, or said by a third person is a comment and counts nowhere.\n\ndecimal-mark .\n\n", room); err != nil {
		return err
	}
	for _, unit := range sortedKeys(c.scales) {
		if _, err := fmt.Fprintf(w, "commodity 1000.%s%s\n", strings.Repeat("0", c.scales[unit]), commodity(unit)); err != nil {
			return err
		}
	}
	for _, account := range sortedKeys(c.accounts) {
		if _, err := fmt.Fprintf(w, "account %s\n", account); err != nil {
			return err
		}
	}
	var b []byte
	for r := range rows {
		b = c.appendEntry(append(b[:0], '\n'), &r)
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

func newChart(rows iter.Seq[Row], o ExportOptions) *chart {
	c := &chart{map[string]int{}, map[crdt.Author]string{}, map[crdt.Author]int{}, map[string]bool{}}
	used := map[crdt.Author]bool{}
	for r := range rows {
		if r.Status.Standing == ledger.Invalid {
			continue
		}
		if r.counts() {
			c.scales[r.Entry.Unit] = max(c.scales[r.Entry.Unit], r.Entry.Scale)
		}
		for i := range r.Entry.Postings {
			p := &r.Entry.Postings[i]
			if p.Key == nil {
				if r.counts() {
					c.accounts[escapeAccount(p.Label)] = true
				}
				continue
			}
			if _, known := c.names[*p.Key]; !known || r.counts() {
				c.names[*p.Key] = p.Label
			}
			used[*p.Key] = used[*p.Key] || r.counts()
		}
	}
	keys := make([]crdt.Author, 0, len(used))
	for k := range used {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b crdt.Author) int { return slices.Compare(a[:], b[:]) })
	for i, k := range keys {
		if o.Name != nil {
			if name := o.Name(k); name != "" {
				c.names[k] = name
			}
		}
		n := minKeyDigits
		for _, j := range [...]int{i - 1, i + 1} {
			if 0 <= j && j < len(keys) {
				n = max(n, commonDigits(k, keys[j])+1)
			}
		}
		c.digits[k] = n
		if used[k] {
			c.accounts[c.account(&ledger.Posting{Key: &k})] = true
		}
	}
	return c
}

// commonDigits is how many hex digits two keys begin with alike.
func commonDigits(a, b crdt.Author) int {
	x, y := hex.EncodeToString(a[:]), hex.EncodeToString(b[:])
	n := 0
	for n < len(x) && x[n] == y[n] {
		n++
	}
	return n
}

// account is a party's account: its label, or the name and key of whom the label was resolved to. No two parties have one account:
// # stands nowhere else.
func (c *chart) account(p *ledger.Posting) string {
	if p.Key == nil {
		return escapeAccount(p.Label)
	}
	return escapeAccount(c.names[*p.Key]) + " #" + hex.EncodeToString(p.Key[:])[:c.digits[*p.Key]]
}

func (c *chart) appendEntry(b []byte, r *Row) []byte {
	comment, mark := "", byte('*')
	switch {
	case r.Status.Standing == ledger.Claimed:
		mark = '!'
	case !r.counts():
		comment = "; "
	}
	id := r.ID()
	short := id[:8] + id[64:]
	b = append(b, comment...)
	b = append(b, date(r.Time)...)
	if comment == "" {
		b = append(b, ' ', mark)
	}
	b = append(append(append(b, " ("...), short...), ')')
	if memo := description(r.Entry.Memo); memo != "" && r.Status.Standing != ledger.Invalid {
		b = append(append(b, ' '), memo...)
	}
	b = append(append(b, '\n'), comment...)
	b = fmt.Appendf(b, "    ; id:%s, author:%x, standing:%s", id, r.Author[:], r.Status.Standing)
	if by := r.by(); by != "" {
		b = append(append(b, ", by:"...), by...)
	}
	if r.Status.Standing == ledger.Invalid {
		return append(append(append(b, ", reason:"...), r.Status.Reason...), '\n')
	}
	b = append(b, '\n')
	for i := range r.Entry.Postings {
		p := &r.Entry.Postings[i]
		b = append(append(append(b, comment...), "    "...), c.account(p)...)
		b = ledger.AppendAmount(append(b, "  "...), p.Amount, r.Entry.Scale)
		b = append(append(b, commodity(r.Entry.Unit)...), '\n')
	}
	return b
}

// commodity is a unit behind an amount. Units hold digits, which hledger wants in quotes.
func commodity(unit string) string {
	if unit == "" {
		return ""
	}
	return ` "` + unit + `"`
}

func date(unix int64) string {
	if unix < 0 || unix >= year10000 {
		unix = 0 // nobody's clock
	}
	return time.Unix(unix, 0).UTC().Format(time.DateOnly)
}

// description is a memo where a semicolon would begin a comment.
func description(memo string) string {
	return strings.ReplaceAll(plainText(memo), ";", "\uff1b")
}

func plainText(s string) string { return strings.TrimSpace(safe.Text(s, safe.NoLimit).String()) }

// escapeAccount writes a name so that hledger reads it as it is, and so that different names stay different: whatever may mean
// something there, and every blank but single ones within, becomes % and the digits of its bytes.
func escapeAccount(name string) string {
	var b strings.Builder
	last := ' ' // what was written before
	for i, r := range name {
		switch {
		case r == ' ':
			if last != ' ' && i+1 < len(name) {
				b.WriteByte(' ')
				last = ' '
				continue
			}
		case 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.'+&,/", r),
			r > unicode.MaxASCII && unicode.IsGraphic(r) && !unicode.IsSpace(r):
			b.WriteRune(r)
			last = r
			continue
		}
		for _, c := range []byte(string(r)) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
		last = '%'
	}
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
