package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/internal/exchange"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/transport"
)

// stdinWord is how a command names standard input.
const stdinWord = "-"

func (p *program) importCommand() *cobra.Command {
	var c deskCall
	var yes bool
	var columns string
	f := &deskFlags{}
	cmd := &cobra.Command{
		Use:   importVerb + " FILE",
		Short: "write the transactions of a CSV or JSON lines file",
		Long: `Reads a file and says what it holds, every bad line by its number; then, if all is good
or --skip-bad is given, asks whether to write it (--yes: does not ask). - is standard
input. A CSV file needs a header that names its columns:

  from,to,amount,unit,memo      or parties in place of from,to,amount
  --map amount=Betrag,memo=Text if they are called otherwise

Entries that this program exported are written once: what is here already is left out.` + deskLong,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("import takes one FILE, or - for standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if c.Map, err = exchange.ParseMap(columns); err != nil {
				return usage("--map: %w", err)
			}
			if c.Format != "" {
				if _, err := exchange.ParseFormat(c.Format); err != nil {
					return usage("--format: %w", err)
				}
			}
			if yes && c.Preview {
				return usage("--preview writes nothing: leave out --yes")
			}
			c.Verb = importVerb
			return p.importFile(cmd, f, &c, args[0], yes)
		},
	}
	f.add(cmd)
	s := cmd.Flags()
	s.BoolVar(&yes, "yes", false, "write without asking")
	s.BoolVar(&c.Preview, "preview", false, "only say what the file holds")
	s.BoolVar(&c.SkipBad, "skip-bad", false, "leave out bad lines")
	s.BoolVar(&c.SkipAlike, "skip-alike", false, "leave out what an entry that is here says already")
	s.BoolVar(&c.Contested, "contested", false, "take what the file calls disputed, too")
	s.StringVar(&c.Format, "format", "", "csv or jsonl (default: as the file looks)")
	s.StringVar(&columns, "map", "", "what the columns are called: `FIELD=COLUMN,…`")
	return cmd
}

// importFile previews a file, asks, and has it written.
func (p *program) importFile(cmd *cobra.Command, f *deskFlags, c *deskCall, path string, yes bool) error {
	input, err := p.readInput(path)
	if err != nil {
		return err
	}
	c.Input = input
	if yes || c.Preview {
		return p.callDesk(cmd, f, c)
	}
	first := *c
	first.Preview = true
	if err := p.callDesk(cmd, f, &first); err != nil {
		return err
	}
	const unasked = "nothing was written: to write it without being asked: --yes"
	if path == stdinWord {
		return usage(unasked) // it is where the answer would come from
	}
	sure, err := p.ask("write it, signed by your key? It cannot be unwritten.", unasked)
	if err != nil {
		return err
	}
	if !sure {
		p.note("nothing was written")
		return nil
	}
	c.Asked = true
	return p.callDesk(cmd, f, c)
}

// readInput reads a file, or standard input, if it is not too large.
func (p *program) readInput(path string) ([]byte, error) {
	var r io.Reader = p.In
	if path != stdinWord {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		defer f.Close() // only read
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, exchange.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	if len(b) > exchange.MaxBytes {
		return nil, fmt.Errorf("import: %s: %w: more than %d MiB; nothing was written; part it, or import what is new", path, exchange.ErrTooLarge, exchange.MaxBytes>>20)
	}
	return b, nil
}

// badJSON is a line of a file that cannot be written.
type badJSON struct {
	Kind   string `json:"kind"`
	Line   int    `json:"line"`
	Column string `json:"column,omitempty"`
	Text   string `json:"text"`
}

// importJSON is what an import comes to.
type importJSON struct {
	Kind    string         `json:"kind"`
	Lines   int            `json:"lines"`
	Entries int            `json:"entries"` // that can be written
	Bad     int            `json:"bad"`
	Skipped map[string]int `json:"skipped,omitempty"` // by why
	Alike   int            `json:"alike"`             // of the entries: one that is here says the same
	Ignored []string       `json:"ignored,omitempty"` // columns
	Written int            `json:"written"`
}

// verbImport says what a file holds, and writes it if that is wanted.
func verbImport(ctx context.Context, d *desk, c *deskCall, out *deskOut) error {
	here := &roomHolds{d: d, v: d.look().View}
	preview, err := exchange.Read(bytes.NewReader(c.Input), exchange.Options{
		Format: exchange.Format(c.Format), Me: d.name, Map: c.Map, Known: here.known, Alike: here.alike,
		SkipAlike: c.SkipAlike, Contested: c.Contested,
	})
	if err != nil {
		return fmt.Errorf("import: %w; nothing was written", err)
	}
	bad := preview.Bad
	var edits []func(*crdt.Tx) error
	sum := importJSON{Kind: kindImport, Lines: preview.Lines, Ignored: preview.Ignored}
	for i := range preview.Entries {
		item := &preview.Entries[i]
		if err := d.bind(&item.Entry); err != nil {
			bad = append(bad, exchange.BadLine{Line: item.Line, Text: strings.TrimPrefix(err.Error(), "invalid entry: ")})
			continue
		}
		if item.Alike {
			sum.Alike++
		}
		edits = append(edits, ledger.AppendEdit(item.Entry, nil))
	}
	slices.SortStableFunc(bad, func(a, b exchange.BadLine) int { return a.Line - b.Line })
	sum.Entries, sum.Bad = len(edits), len(bad)
	if !c.Asked {
		for _, b := range bad {
			if c.JSON {
				out.object(badJSON{Kind: kindBad, Line: b.Line, Column: b.Column, Text: b.Text})
			} else {
				out.columns(b.String())
			}
		}
	}
	skipped := preview.SkippedFor()
	for why, n := range skipped {
		if sum.Skipped == nil {
			sum.Skipped = make(map[string]int)
		}
		sum.Skipped[string(why)] = n
	}
	var failed error
	var unsent error
	switch {
	case len(bad) > 0 && !c.SkipBad:
		failed = &codedError{ExitError, fmt.Errorf("import: bad lines: %d; nothing was written: mend them, or leave them out: --skip-bad", len(bad))}
	case c.Preview || len(edits) == 0:
	default:
		var indexes []int
		indexes, failed = d.write(ctx, c, out, edits...)
		sum.Written = len(indexes)
		if failed != nil {
			failed = fmt.Errorf("import: %w; written: %d of %d; to go on: import it again with --skip-alike", failed, len(indexes), len(edits))
			break
		}
		unsent = d.sent(ctx, c, out, indexes)
		if err := d.tell(out, d.entriesOf(indexes)); err != nil {
			return err
		}
	}
	if c.JSON {
		out.object(sum)
	} else {
		for _, line := range sum.lines() {
			out.columns(line)
		}
	}
	return cmp.Or(failed, out.err, unsent)
}

// lines say what an import comes to.
func (j *importJSON) lines() []string {
	out := []string{fmt.Sprintf("lines: %d, good entries: %d, bad: %d, written: %d", j.Lines, j.Entries, j.Bad, j.Written)}
	for _, why := range slices.Sorted(maps.Keys(j.Skipped)) {
		out = append(out, fmt.Sprintf("left out: %d: %s", j.Skipped[why], why))
	}
	if j.Alike > 0 {
		out = append(out, fmt.Sprintf("of the good ones an entry here says the same: %d; to leave them out: --skip-alike", j.Alike))
	}
	if len(j.Ignored) > 0 {
		out = append(out, "columns not read: "+strings.Join(j.Ignored, ", "))
	}
	return out
}

// roomHolds knows what is in a room, for an import. What it has to look up it looks up once.
type roomHolds struct {
	d      *desk
	v      *crdt.View
	ids    map[string]bool
	prints map[string]bool
}

func (p *roomHolds) known(id string) bool {
	if p.ids == nil {
		p.ids = make(map[string]bool, p.v.Len())
		p.v.Rows(func(r crdt.Row) bool {
			p.ids[ledger.EntryID(p.v, r.Key)] = true
			return true
		})
	}
	return p.ids[id]
}

func (p *roomHolds) alike(e *ledger.Entry) bool {
	if p.prints == nil {
		p.prints = make(map[string]bool, p.v.Len())
		var read ledger.Entry
		p.v.Rows(func(r crdt.Row) bool {
			if read.Decode(r.Literal) == nil {
				p.prints[exchange.Fingerprint(&read)] = true
			}
			return true
		})
	}
	return p.prints[exchange.Fingerprint(e)]
}

func (p *program) exportCommand() *cobra.Command {
	var format, save string
	f := &deskFlags{}
	cmd := &cobra.Command{
		Use:   exportVerb + " [FILTER]...",
		Short: "write entries as CSV, JSON lines or a journal of hledger",
		Long: `Writes the entries that a FILTER keeps (see list), all if there is none, with ids, keys and
standings: --format csv (the default), jsonl, or hledger, a journal that hledger checks.` + deskLong,
		RunE: func(cmd *cobra.Command, args []string) error {
			if format == "" {
				format = string(exchange.CSV)
				if f.json {
					format = string(exchange.JSONL)
				}
			}
			if _, err := exchange.ParseFormat(format); err != nil {
				return usage("--format: %w", err)
			}
			if f.json && format != string(exchange.JSONL) {
				return usage("--json is --format jsonl: leave out one of --json and --format %s", format)
			}
			c := &deskCall{Verb: exportVerb, Args: args, Format: format}
			if save == "" {
				return p.callDesk(cmd, f, c)
			}
			return p.exportTo(cmd.Context(), f, c, save)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&format, "format", "", "csv, jsonl or hledger (default csv)")
	cmd.Flags().StringVar(&save, "save", "", "write it into the new `FILE`")
	return cmd
}

// exportTo puts what an export says into a new file, whole or not at all.
func (p *program) exportTo(ctx context.Context, f *deskFlags, c *deskCall, path string) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := p.callDeskUntil(ctx, f, c, w)
		_ = w.CloseWithError(err) // nil is the end of the file
		done <- err
	}()
	err := disk.CopyNew(path, r)
	_ = r.CloseWithError(err) // for who still writes
	if callErr := <-done; callErr != nil && !errors.Is(callErr, err) {
		return callErr
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("export: %s is there already: give another name", path)
	case err != nil:
		return fmt.Errorf("export: %w", err)
	}
	return p.printf("saved: %s", path)
}

// verbExport writes entries in one of the forms.
func verbExport(_ context.Context, d *desk, c *deskCall, out *deskOut) error {
	snap := d.look()
	t, err := d.teller()
	if err != nil {
		return err
	}
	kept, err := d.keeps(snap, t, strings.Join(c.Args, " "))
	if err != nil {
		return err
	}
	format, err := exchange.ParseFormat(c.Format)
	if err != nil {
		return err
	}
	rows := rowsOf(snap, d.book, kept)
	return exchange.Export(out.out, format, rows, exchange.ExportOptions{
		Room: d.charter.Name,
		Name: t.people.Name,
	})
}

// rowsOf are the rows of a view, as far as they are kept, for an export.
func rowsOf(snap *transport.Snapshot, book *ledger.Book, kept func(crdt.Row) bool) iter.Seq[exchange.Row] {
	return func(yield func(exchange.Row) bool) {
		v := snap.View
		v.Rows(func(r crdt.Row) bool {
			if !kept(r) {
				return true
			}
			c := v.ChangeAt(r.Key.Change)
			x := exchange.Row{Change: c.ID, Author: c.Author, Time: c.Time, Status: book.Status(r.Key)}
			_ = x.Entry.Decode(r.Literal) // the status says whether it is valid
			if all := v.RowsOf(r.Key.Change); len(all) > 1 {
				x.Number = 1 + slices.IndexFunc(all, func(o crdt.Row) bool { return o.Key == r.Key })
			}
			return yield(x)
		})
	}
}

// keeps is the rows that a filter keeps.
func (d *desk) keeps(snap *transport.Snapshot, t *teller, text string) (func(crdt.Row) bool, error) {
	filter, wrong := ledger.ParseFilter(text)
	if wrong != nil {
		return nil, &codedError{ExitUsage, wrong}
	}
	facts := ledger.ViewFacts{
		View: snap.View, Book: d.book, Self: d.me, Label: d.name, Location: time.UTC, // as the lines tell times
		Names: t.people.Name,
		Has: func(k crdt.Key, is ledger.Is) bool {
			state := entryState(snap, k)
			return is == ledger.IsUnsent && state != "" && state != sentWord || is == ledger.IsRefused && strings.HasPrefix(state, refusedWord)
		},
	}
	return func(r crdt.Row) bool {
		facts.At(r)
		return filter.Match(&facts)
	}, nil
}
