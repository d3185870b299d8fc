package tui

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/proof"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/transport"
)

// terminalControl is what a command may do to the terminal.
type terminalControl interface {
	// raw writes sequences between two pictures.
	raw(seq string)
	// mouse turns reports of the mouse on or off.
	mouse(on bool)
	// repaint makes the next picture a whole one.
	repaint()
	// stop suspends the program; it reports false if no shell could continue it.
	stop() bool
}

// effects makes the commands: all that reaches beyond the model. Its methods return commands and change nothing.
type effects struct {
	ctx       context.Context // of the whole program: ends what a command waits for
	room      context.Context // of the room that is shown: ends with it; nil: ctx
	sim       context.Context // ends the steps of a simulation; nil: ctx
	guard     *Guard
	terminal  terminalControl
	clipboard func(string) error
	tmux      bool
}

// open opens the room.
func (fx effects) open(f func(context.Context, *Guard) (Opened, error)) tea.Cmd {
	return func() tea.Msg {
		room, err := f(fx.ctx, fx.guard)
		return openedMsg{room, err}
	}
}

// awaitSnapshot waits until the node has something new, and at least until minSnapshot after the last one was taken.
func (fx effects) awaitSnapshot(n Node, taken time.Time) tea.Cmd {
	return func() tea.Msg {
		if wait := time.Until(taken.Add(minSnapshot)); wait > 0 && !fx.sleep(wait) {
			return nil
		}
		ctx := fx.roomContext()
		if fx.room != nil && ctx.Err() != nil {
			return nil // Changed has one reader, and by now that is another
		}
		select {
		case <-n.Changed():
			return pokedMsg{}
		case <-ctx.Done():
			return nil
		}
	}
}

// awaitNote waits for a line about the connections.
func (fx effects) awaitNote(notes <-chan string) tea.Cmd {
	if notes == nil {
		return nil
	}
	return func() tea.Msg {
		select {
		case s := <-notes:
			return linkMsg(s)
		case <-fx.ctx.Done():
			return nil
		}
	}
}

// ofProgram is fx for what goes on whichever room is shown.
func (fx effects) ofProgram() effects {
	fx.room = nil
	return fx
}

// roomContext ends with the room that is shown.
func (fx effects) roomContext() context.Context {
	if fx.room != nil {
		return fx.room
	}
	return fx.ctx
}

// sleep waits; it reports false if the program ended meanwhile, or another room is shown.
func (fx effects) sleep(d time.Duration) bool {
	ctx := fx.roomContext()
	if ctx.Err() != nil {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (fx effects) after(d time.Duration, msg func(time.Time) tea.Msg) tea.Cmd {
	return func() tea.Msg {
		if !fx.sleep(d) {
			return nil
		}
		return msg(time.Now())
	}
}

// submit hands transactions over in order and waits until all are durable.
func (fx effects) submit(n Node, now time.Time, batch []submission) tea.Cmd {
	return func() tea.Msg {
		var out submittedMsg
		fail := func(line string, err error) {
			out.failed = append(out.failed, line)
			if out.err == nil {
				out.err = err
			}
		}
		type result struct {
			line string
			err  error
		}
		results := make(chan result, len(batch)) // one each: Done never blocks the node
		waiting := 0
		for _, s := range batch {
			err := n.Submit(fx.ctx, transport.Intent{Time: now.Unix(), Edit: s.edit, Done: func(r transport.Receipt) {
				results <- result{s.line, r.Err}
			}})
			if err != nil {
				fail(s.line, err)
				continue
			}
			waiting++
		}
		for range waiting {
			var r result
			select {
			case r = <-results:
			default:
				select {
				case r = <-results:
				case <-fx.ctx.Done():
					return nil
				}
			}
			if r.err != nil {
				fail(r.line, r.err)
			} else {
				out.saved++
			}
		}
		return out
	}
}

// maxWrongLines bounds the wrong lines of a paste that are kept for mending.
const maxWrongLines = 1000

// readPaste reads a paste of several lines.
func (fx effects) readPaste(text, me string, gen int) tea.Cmd {
	return func() tea.Msg {
		read := ledger.ParseLines(text, me)
		p := &pasted{good: read.Entries}
		lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n")
		for _, e := range read.Errors {
			if len(p.wrong) == maxWrongLines {
				p.more = len(read.Errors) - maxWrongLines
				break
			}
			w := wrongLine{number: e.Number, err: e.Err}
			if e.Number <= len(lines) {
				w.text = lines[e.Number-1]
			}
			p.wrong = append(p.wrong, w)
		}
		return pastedMsg{p, gen}
	}
}

// digests computes both digests of a view: O(document).
func (fx effects) digests(v *crdt.View) tea.Cmd {
	return func() tea.Msg {
		begin := time.Now()
		msg := digestMsg{view: v, log: v.LogDigest(), doc: v.DocDigest()}
		msg.took = time.Since(begin)
		return msg
	}
}

// find looks for changes by id, newest first, and tells then what it found: O(changes).
func (fx effects) find(v *crdt.View, ids []crdt.ChangeID, then func(*Model, map[crdt.ChangeID]int)) tea.Cmd {
	return func() tea.Msg {
		want := make(map[crdt.ChangeID]bool, len(ids))
		for _, id := range ids {
			want[id] = true
		}
		found := make(map[crdt.ChangeID]int, len(ids))
		for i := v.Changes() - 1; i >= 0 && len(found) < len(want); i-- {
			if id := v.ChangeAt(i).ID; want[id] {
				found[id] = i
			}
		}
		return foundMsg{found, then}
	}
}

// maxForkedAuthors bounds the list of evidence: keys cost nothing.
const maxForkedAuthors = 10_000

// groupForks tells then who forked, the newest fork first: O(forks).
func (fx effects) groupForks(forks []crdt.Fork, then func(*Model, []forkedAuthor)) tea.Cmd {
	return func() tea.Msg {
		at := make(map[crdt.Author]int)
		var rows []forkedAuthor
		for i := len(forks) - 1; i >= 0; i-- {
			a := forks[i].Author
			if k, ok := at[a]; ok {
				rows[k].n++
			} else if len(rows) < maxForkedAuthors {
				at[a] = len(rows)
				rows = append(rows, forkedAuthor{author: a, newest: i, n: 1})
			}
		}
		return thenMsg{func(m *Model) { then(m, rows) }}
	}
}

// saveProof writes the proof of a fork into a file, and tells then where it went.
func (fx effects) saveProof(n Node, v *crdt.View, f crdt.Fork, index map[crdt.ChangeID]int, day string,
	save func(name string, content []byte) (string, error), then func(m *Model, where string, err error),
) tea.Cmd {
	return func() tea.Msg {
		b, err := proof.AppendFork(nil, proof.Source{
			Charter:  v.Charter(),
			Evidence: func(f crdt.Fork) ([]byte, error) { return n.Evidence(fx.ctx, f) },
			Payload: func(id crdt.ChangeID) []byte {
				if i, ok := index[id]; ok {
					return v.ChangeAt(i).Payload
				}
				return nil
			},
		}, f)
		where := ""
		if err == nil {
			where, err = save(proof.FileName(f, day), b)
		}
		return thenMsg{func(m *Model) { then(m, where, err) }}
	}
}

// copyText gives a text to the terminal's clipboard (OSC 52), and to this machine's. Whether the terminal took it is not
// known.
func (fx effects) copyText(text, what string) tea.Cmd {
	return func() tea.Msg {
		seq := ansi.SetSystemClipboard(text)
		if fx.tmux {
			seq = ansi.TmuxPassthrough(seq) + seq // tmux itself takes the bare one, if set-clipboard is on
		}
		fx.terminal.raw(seq)
		told := "copied; the terminal does not confirm"
		if fx.clipboard != nil && fx.clipboard(text) == nil {
			told = "copied"
		}
		return noteMsg{note{text: safe.Text(what+" "+told, noteCells)}}
	}
}

func (fx effects) connect(n Network, address string) tea.Cmd {
	return func() tea.Msg {
		if err := n.Connect(address); err != nil {
			return noteMsg{note{text: safe.Text("not added: "+err.Error(), noteCells), bad: true}}
		}
		return noteMsg{note{text: safe.Text("added "+address, noteCells)}}
	}
}

// suspend stops the program until the shell continues it.
func (fx effects) suspend() tea.Cmd {
	return func() tea.Msg {
		if !fx.terminal.stop() {
			return noteMsg{note{text: safe.Literal("cannot suspend: no shell here could continue the program"), bad: true}}
		}
		return noteMsg{}
	}
}

// simContext ends the steps of a simulation that are under way.
func (fx effects) simContext() context.Context {
	if fx.sim != nil {
		return fx.sim
	}
	return fx.ctx
}

// do runs something that returns at once but belongs outside the model.
func (fx effects) do(f func()) tea.Cmd {
	return func() tea.Msg { f(); return nil }
}
