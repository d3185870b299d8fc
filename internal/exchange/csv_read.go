package exchange

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

// csv reads a header and the rows below it.
func (p *reading) csv(in *lineSource) error {
	var t *table
	for {
		first, ok := in.next()
		if !ok {
			break
		}
		if t == nil && strings.TrimSpace(first.text) == "" || t != nil && first.text == "" {
			continue
		}
		comma := byte(',')
		if t != nil {
			comma = t.comma
		} else {
			comma = separator(first.text)
		}
		cells, err := record(in, first, comma)
		if t == nil {
			if err != nil {
				return fmt.Errorf("%w: line %d: %v", ErrNoHeader, first.n, err)
			}
			if t, err = p.header(cells, comma); err != nil {
				return err
			}
			continue
		}
		if err := p.row(first.n); err != nil {
			return err
		}
		switch {
		case err == nil && allEmpty(cells): // as spreadsheets leave them below a table
		case err != nil:
			p.bad(first.n, "", err.Error())
		case len(cells) != t.width:
			p.bad(first.n, "", fmt.Sprintf("has %d cells, the header has %d", len(cells), t.width))
		default:
			p.cells(first.n, t, cells)
		}
	}
	if err := in.err(); err != nil {
		return err
	}
	if t == nil {
		return fmt.Errorf("%w: it is empty; write a header like from,to,amount,unit,memo", ErrNoHeader)
	}
	return nil
}

func allEmpty(cells []string) bool {
	return !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" })
}

// separator is what parts the cells: a comma, or what spreadsheets of other countries write.
func separator(header string) byte {
	best, most := byte(','), strings.Count(header, ",")
	for _, c := range []byte{';', '\t'} {
		if n := strings.Count(header, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

var (
	errBareQuote = errors.New(`a quote within a cell that does not begin with one; write the cell in quotes, and "" for a quote`)
	errAfter     = errors.New(`something after the quote that ends a cell; write "" for a quote within`)
	errOpen      = errors.New("a quote that does not close")
	errLong      = errors.New("longer than 32 KiB")
)

// record is the cells of a line, and of those after it that lie within quotes. If these do not close, the lines are given back.
func record(in *lineSource, first textLine, comma byte) ([]string, error) {
	if first.tooLong {
		return nil, errLong
	}
	cells, open, err := split(first.text, comma)
	if err != nil || !open {
		return cells, err
	}
	// As many quotes open cells as close them, so a record ends where their number is even.
	text := append(make([]byte, 0, 2*len(first.text)), first.text...)
	var more []textLine
	for {
		next, ok := in.next()
		if ok {
			more = append(more, next)
			text = append(append(text, '\n'), next.text...)
		}
		if !ok || next.tooLong || len(text) > MaxRecordBytes {
			in.give(more)
			return nil, errOpen
		}
		if strings.Count(next.text, `"`)%2 == 0 {
			continue
		}
		if cells, open, err = split(string(text), comma); err != nil || open {
			in.give(more)
			return nil, cmp.Or(err, errOpen)
		}
		return cells, nil
	}
}

// split parts a record. open: it ends within quotes.
func split(text string, comma byte) (cells []string, open bool, _ error) {
	for {
		if len(cells) >= MaxColumns {
			return nil, false, fmt.Errorf("more than %d cells", MaxColumns)
		}
		if strings.HasPrefix(text, `"`) {
			var b strings.Builder
			i := 1
			for ; ; i++ {
				n := strings.IndexByte(text[i:], '"')
				if n < 0 {
					return nil, true, nil
				}
				b.WriteString(text[i : i+n])
				if i += n; i+1 == len(text) || text[i+1] != '"' {
					break
				}
				b.WriteByte('"')
				i++
			}
			cells, text = append(cells, b.String()), text[i+1:]
			switch {
			case text == "":
				return cells, false, nil
			case text[0] != comma:
				return nil, false, errAfter
			}
			text = text[1:]
			continue
		}
		cell, rest, found := strings.Cut(text, string(comma))
		if strings.Contains(cell, `"`) {
			return nil, false, errBareQuote
		}
		cells = append(cells, cell)
		if !found {
			return cells, false, nil
		}
		text = rest
	}
}

// A table is where a file has what.
type table struct {
	comma byte
	width int
	at    map[string]int // the column of a field, counted from 0
}

// header finds the fields in the first line.
func (p *reading) header(cells []string, comma byte) (*table, error) {
	t := &table{comma, len(cells), map[string]int{}}
	mapped := map[string]string{} // a column to its field
	for _, field := range slices.Sorted(maps.Keys(p.o.Map)) {
		column := p.o.Map[field]
		if !slices.Contains(Fields, field) {
			return nil, fmt.Errorf("no field is called %q: there are %s", field, strings.Join(Fields, ", "))
		}
		if other := mapped[strings.ToLower(column)]; other != "" {
			return nil, fmt.Errorf("the column %s is named for %s and for %s", quoted(column), other, field)
		}
		mapped[strings.ToLower(column)] = field
		if !slices.ContainsFunc(cells, func(c string) bool { return strings.EqualFold(strings.TrimSpace(c), column) }) {
			return nil, fmt.Errorf("%w: there is no column %s for %s; there are %s", ErrNoHeader, quoted(column), field, names(cells))
		}
	}
	for i, cell := range cells {
		if !utf8.ValidString(cell) {
			return nil, fmt.Errorf("%w: the header is not", ErrEncoding)
		}
		column := strings.ToLower(strings.TrimSpace(cell))
		field, ok := mapped[column]
		if !ok {
			if field = column; synonyms[column] != "" {
				field = synonyms[column]
			}
			if p.o.Map[field] != "" || !slices.Contains(Fields, field) {
				if !slices.Contains(unread, column) {
					p.preview.Ignored = append(p.preview.Ignored, cell)
				}
				continue
			}
		}
		if _, twice := t.at[field]; twice {
			return nil, fmt.Errorf("%w: the column %s is there twice", ErrNoHeader, field)
		}
		t.at[field] = i
	}
	_, to := t.at["to"]
	_, amount := t.at["amount"]
	if _, parties := t.at["parties"]; !parties && !(to && amount) {
		return nil, fmt.Errorf("%w: to and amount must be there, or parties; the columns are %s; --map names others, as in --map amount=Betrag",
			ErrNoHeader, names(cells))
	}
	return t, nil
}

// names are the first columns of a header.
func names(cells []string) string {
	const most = 12
	var all []string
	for i, c := range cells {
		if i == most {
			all = append(all, "…")
			break
		}
		all = append(all, quoted(c))
	}
	return strings.Join(all, ", ")
}

func (t *table) cell(cells []string, field string) string {
	if i, ok := t.at[field]; ok {
		return cells[i]
	}
	return ""
}

// cells reads a row.
func (p *reading) cells(line int, t *table, cells []string) {
	for _, c := range cells {
		if !utf8.ValidString(c) {
			p.bad(line, "", "is not UTF-8: save the file as UTF-8")
			return
		}
	}
	trimmed := func(field string) string { return strings.TrimSpace(t.cell(cells, field)) }
	if !p.stands(trimmed("standing")) {
		p.skip(line, WhyStanding)
		return
	}
	f := fields{
		from: unguard(t.cell(cells, "from")), to: unguard(t.cell(cells, "to")), amount: trimmed("amount"),
		unit: trimmed("unit"), memo: unguard(t.cell(cells, "memo")), parties: unguard(t.cell(cells, "parties")),
		keys: trimmed("keys"),
	}
	id := entryID(trimmed("id"))
	if id == "" { // somebody else's file: blanks around a cell mean nothing
		for _, cell := range []*string{&f.from, &f.to, &f.memo} {
			*cell = strings.TrimSpace(*cell)
		}
	}
	e, column, text := f.entry(p.o.Me)
	if text != "" {
		p.bad(line, column, text)
		return
	}
	p.take(line, id, e)
}

// fields are what a row says, as text.
type fields struct {
	from, to, amount, unit, memo, parties, keys string
}

// entry is what the fields come to, or else which is wrong and why.
func (f *fields) entry(me string) (_ ledger.Entry, field, wrong string) {
	e := ledger.Entry{Unit: f.unit, Memo: f.memo}
	if strings.TrimSpace(f.parties) != "" {
		if strings.TrimSpace(f.from+f.to+f.amount) != "" {
			return e, "parties", "there is a list of parties, and from, to or amount as well: leave one empty"
		}
		postings, scale, err := ledger.ParseParties(f.parties)
		if err != nil {
			return e, "parties", err.Error()
		}
		e.Postings, e.Scale = postings, scale
	} else {
		from, ok := ledger.ParseLabel(f.from)
		if f.from == "" {
			if from, ok = me, true; me == "" {
				return e, "from", "is empty: write who gives"
			}
		}
		if !ok {
			return e, "from", notLabel(f.from)
		}
		to, ok := ledger.ParseLabel(f.to)
		if !ok {
			return e, "to", notLabel(f.to)
		}
		if from == to && f.keys == "" {
			return e, "to", "is who gives as well: write somebody else"
		}
		amount, scale, err := ledger.ParseAmount(f.amount)
		if err != nil {
			return e, "amount", wrongAmount(err)
		}
		e.Postings, e.Scale = ledger.NewTransfer(from, to, amount, scale, "", "").Postings, scale
	}
	if wrong := bind(&e, f.keys); wrong != "" {
		return e, "keys", wrong
	}
	switch err := e.Validate(); {
	case errors.Is(err, ledger.ReasonUnit):
		return e, "unit", quoted(f.unit) + ": 2 to 8 capital letters and digits are a unit, as in EUR"
	case errors.Is(err, ledger.ReasonMemo):
		return e, "memo", "is to be one line of at most 512 bytes"
	}
	return e, "", ""
}

// wrongAmount is an error without its column, which would be taken for one of the table.
func wrongAmount(err *ledger.SyntaxError) string {
	text := "expected " + err.Expected + ", found " + err.Found
	if err.Hint != "" {
		text += "; " + err.Hint
	}
	return text
}

func notLabel(cell string) string {
	if cell == "" {
		return "is empty: write a name"
	}
	return quoted(cell) + ": a name has 1 to 64 bytes, on one line, without control characters"
}

// bind gives the parties their keys, as [keysText] wrote them.
func bind(e *ledger.Entry, keys string) (wrong string) {
	if keys == "" {
		return ""
	}
	all := strings.Fields(keys)
	if len(all) != len(e.Postings) {
		return "there are " + strconv.Itoa(len(all)) + ", and " + strconv.Itoa(len(e.Postings)) + " parties"
	}
	for i, k := range all {
		if k == noKey {
			continue
		}
		b, err := hex.DecodeString(k)
		if err != nil || len(b) != len(crdt.Author{}) {
			return quoted(k) + ": 64 hex digits are a key, none stands for none"
		}
		e.Postings[i].Key = (*crdt.Author)(b)
	}
	return ""
}
