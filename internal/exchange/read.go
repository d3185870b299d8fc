package exchange

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tallystick/tallystick/internal/ledger"
)

// Options say how a file is to be read.
type Options struct {
	Format Format            // CSV or JSONL; "" finds it out
	Me     string            // who gives where a row does not say it; "" makes such a row bad
	Map    map[string]string // a field's name, as in [Fields], to the column it stands in; [ParseMap]

	// Known tells that an entry, by its id in a file that this program wrote, is in the room. nil: none is.
	Known func(id string) bool
	// Alike tells that the room has an entry that says the same. nil: none does.
	Alike     func(*ledger.Entry) bool
	SkipAlike bool // leave those out
	Contested bool // take those that their file calls disputed or asked to be withdrawn, too
}

// Fields are what a column may hold, by the names that a header calls them.
var Fields = []string{"from", "to", "amount", "unit", "memo", "parties", "keys", "id", "standing"}

// synonyms are other names that a header may use.
var synonyms = map[string]string{"currency": "unit", "description": "memo", "note": "memo"}

// unread are columns that this program writes and does not need.
var unread = []string{"time", "author", "by", "reason"}

// A Preview is what a file says. Nothing was written.
type Preview struct {
	Format  Format
	Entries []Item
	Bad     []BadLine
	Skipped []Skipped
	Ignored []string // columns that hold nothing that is known here, as the header calls them
	Lines   int      // of the file
}

// An Item is an entry that was read.
type Item struct {
	Line  int // where it begins, counted from 1
	ID    string
	Entry ledger.Entry
	Alike bool // there is one in the room that says the same
}

// A BadLine is one that was not understood. Its texts are not made safe.
type BadLine struct {
	Line   int
	Column string // the field that is wrong; "" if it is the line as a whole
	Text   string
}

// String is one line: where, and what is wrong.
func (b BadLine) String() string {
	s := "line " + strconv.Itoa(b.Line) + ": "
	if b.Column != "" {
		s += b.Column + ": "
	}
	return s + b.Text
}

// A Skipped line was understood, and is left out.
type Skipped struct {
	Line int
	Why  Why
}

// Why a line is left out.
type Why string

// The reasons.
const (
	WhyKnown    Why = "already in this room"
	WhyTwice    Why = "twice in the file"
	WhyAlike    Why = "one in this room says the same"
	WhyStanding Why = "does not stand where it comes from: invalid, withdrawn or disputed"
	WhyNoEntry  Why = "no entry"
)

// SkippedFor counts the lines that are left out, by why.
func (p *Preview) SkippedFor() map[Why]int {
	n := map[Why]int{}
	for _, s := range p.Skipped {
		n[s.Why]++
	}
	return n
}

// Errors of a file as a whole.
var (
	ErrTooLarge = errors.New("the file is too large")
	ErrNoHeader = errors.New("the first line names no columns that are known")
	ErrEncoding = errors.New("the file is not UTF-8")
	ErrFormat   = errors.New("the file is of another kind")
)

// ParseMap reads a list like `amount=Betrag,memo=Text`.
func ParseMap(text string) (map[string]string, error) {
	m := map[string]string{}
	if text == "" {
		return m, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		field, column, ok := strings.Cut(part, "=")
		field, column = strings.TrimSpace(field), strings.TrimSpace(column)
		switch {
		case !ok || column == "":
			return nil, fmt.Errorf("%q: write FIELD=COLUMN, as in amount=Betrag", part)
		case !slices.Contains(Fields, field):
			return nil, fmt.Errorf("no field is called %q: there are %s", field, strings.Join(Fields, ", "))
		case m[field] != "":
			return nil, fmt.Errorf("the field %s is named twice", field)
		}
		m[field] = column
	}
	return m, nil
}

// Read reads a file. An error is about the file as a whole; lines that are wrong are in the preview.
//
// The cost is bounded by the limits of this package, whatever r gives.
func Read(r io.Reader, o Options) (*Preview, error) {
	in := newLineSource(r)
	format, err := in.sniff(o.Format)
	if err != nil {
		return nil, err
	}
	p := &reading{o: o, seen: map[string]bool{}, preview: Preview{Format: format}}
	if format == JSONL {
		err = p.jsonl(in)
	} else {
		err = p.csv(in)
	}
	if err == nil {
		err = in.err()
	}
	if err != nil {
		return nil, err
	}
	p.preview.Lines = in.n
	return &p.preview, nil
}

// A reading is a preview that grows.
type reading struct {
	o       Options
	seen    map[string]bool // ids of the file
	rows    int
	preview Preview
}

func (p *reading) bad(line int, column, text string) {
	p.preview.Bad = append(p.preview.Bad, BadLine{line, column, text})
}

func (p *reading) skip(line int, why Why) {
	p.preview.Skipped = append(p.preview.Skipped, Skipped{line, why})
}

// row counts a row that holds something.
func (p *reading) row(line int) error {
	if p.rows++; p.rows > MaxRows {
		return fmt.Errorf("%w: more than %d rows, from line %d on: part it", ErrTooLarge, MaxRows, line)
	}
	return nil
}

// take takes an entry in, if it is valid and wanted.
func (p *reading) take(line int, id string, e ledger.Entry) {
	if err := e.Validate(); err != nil {
		p.bad(line, "", strings.TrimPrefix(err.Error(), "invalid entry: "))
		return
	}
	if id != "" {
		if p.seen[id] {
			p.skip(line, WhyTwice)
			return
		}
		p.seen[id] = true
		if p.o.Known != nil && p.o.Known(id) {
			p.skip(line, WhyKnown)
			return
		}
	}
	alike := p.o.Alike != nil && p.o.Alike(&e)
	if alike && p.o.SkipAlike {
		p.skip(line, WhyAlike)
		return
	}
	p.preview.Entries = append(p.preview.Entries, Item{line, id, e, alike})
}

// stands reports whether a row is wanted, by the standing that its file gives it. A file of other programs gives none.
func (p *reading) stands(standing string) bool {
	switch standing {
	case "invalid", "withdrawn":
		return false
	case "disputed", "withdrawal asked":
		return p.o.Contested
	}
	return true
}

// entryID is id if it is one that this program gave, else "".
func entryID(id string) string {
	digits, n, dotted := strings.Cut(id, ".")
	if len(digits) != 64 || strings.Trim(digits, "0123456789abcdef") != "" {
		return ""
	}
	if dotted {
		if i, err := strconv.Atoi(n); err != nil || i < 1 || strconv.Itoa(i) != n {
			return ""
		}
	}
	return id
}

// Fingerprint is the same of entries that say the same, as far as a file can tell: whom the names mean, and what was corrected, it
// leaves out. For [Options.Alike].
func Fingerprint(e *ledger.Entry) string {
	parties := make([]string, len(e.Postings))
	for i := range e.Postings {
		one := ledger.Entry{Postings: e.Postings[i : i+1], Scale: e.Scale}
		text := string(ledger.AppendParties(nil, &one))
		if e.Scale > 0 {
			text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
		parties[i] = text
	}
	slices.Sort(parties)
	return strings.Join(parties, ", ") + " " + e.Unit + " " + plainMemo(e.Memo)
}

// A lineSource gives the lines of a file, whatever ends them.
type lineSource struct {
	r       *bufio.Reader
	limited *io.LimitedReader
	n       int // lines given
	failed  error
	again   []textLine // to be given once more
}

// A textLine is a line without its end.
type textLine struct {
	n       int
	text    string
	tooLong bool // text is only its beginning
}

func newLineSource(r io.Reader) *lineSource {
	limited := &io.LimitedReader{R: r, N: MaxBytes + 1}
	return &lineSource{r: bufio.NewReaderSize(limited, 1<<16), limited: limited}
}

func (s *lineSource) err() error {
	switch {
	case s.limited.N <= 0:
		return fmt.Errorf("%w: more than %d MiB; part it, or import what is new", ErrTooLarge, MaxBytes>>20)
	case s.failed != nil:
		return fmt.Errorf("reading failed after line %d: %w", s.n, s.failed)
	}
	return nil
}

// sniff looks at the beginning: what there is besides text, and which form it has.
func (s *lineSource) sniff(f Format) (Format, error) {
	begin, err := s.r.Peek(1 << 12)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		s.failed = err
		return "", s.err()
	}
	if bytes.HasPrefix(begin, []byte("\xff\xfe")) || bytes.HasPrefix(begin, []byte("\xfe\xff")) {
		return "", fmt.Errorf("%w but UTF-16: save it as UTF-8", ErrEncoding)
	}
	const bom = "\ufeff"
	if bytes.HasPrefix(begin, []byte(bom)) {
		begin = begin[len(bom):]
		_, _ = s.r.Discard(len(bom)) // it was peeked
	}
	if bytes.IndexByte(begin, 0) >= 0 {
		return "", fmt.Errorf("%w: it holds no text", ErrFormat)
	}
	begin = bytes.TrimLeft(begin, " \t\r\n")
	switch {
	case f == CSV || f == JSONL:
		return f, nil
	case f != "":
		return "", fmt.Errorf("%w: %s files are written, not read; there are csv and jsonl", ErrFormat, f)
	case bytes.HasPrefix(begin, []byte("{")):
		return JSONL, nil
	case bytes.HasPrefix(begin, []byte("[")):
		return "", fmt.Errorf("%w: a JSON array; write an object a line", ErrFormat)
	}
	return CSV, nil
}

// next is the next line; false at the end, or when the file is too large or cannot be read.
func (s *lineSource) next() (textLine, bool) {
	if len(s.again) > 0 {
		l := s.again[0]
		s.again = s.again[1:]
		return l, true
	}
	var text []byte
	l := textLine{n: s.n + 1}
	some := false
	for {
		b, err := s.r.ReadByte()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				s.failed = err
			}
			if s.err() != nil || !some {
				return textLine{}, false
			}
			break
		}
		some = true
		if b == '\n' {
			break
		}
		if b == '\r' {
			if next, err := s.r.Peek(1); err == nil && next[0] == '\n' {
				_, _ = s.r.ReadByte() // it was peeked
			}
			break
		}
		if len(text) < MaxRecordBytes {
			text = append(text, b)
		} else {
			l.tooLong = true
		}
	}
	s.n++
	l.text = string(text)
	return l, true
}

// give gives lines back, to be given again.
func (s *lineSource) give(lines []textLine) { s.again = append(slices.Clone(lines), s.again...) }

// quoted is a text of a file as it is named in an error.
func quoted(s string) string {
	const most = 40
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		return strconv.Quote(s[:cut]) + "…"
	}
	return strconv.Quote(s)
}
