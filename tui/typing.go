package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui/internal/editor"
)

// field is the text field that is typed in. Any but noField is the mode TYPE: printable keys are text.
type field uint8

const (
	noField      field = iota
	entryField         // a new transaction
	filterField        // the filter of the screen shown
	addressField       // a peer to add
)

// entryState is the line of a new transaction, and what was sent and is not durable yet.
type entryState struct {
	line    editor.Line
	history editor.History

	paste    *pasted // a paste of several lines, which waits for Enter
	reading  bool    // one is being read
	gen      int     // of the paste that is being read
	mend     []wrongLine
	queue    []submission // not handed over yet
	inFlight int          // handed over, not durable
	cycle    completion
	address  editor.Line
}

// submission is a change on its way to the node, and the line that it came from.
type submission struct {
	edit func(*crdt.Tx) error
	line string // "" if it was not typed: then it does not come back when it fails
}

// fieldLine is the line of the field that is typed in.
func (m *Model) fieldLine() *editor.Line {
	switch m.field {
	case filterField:
		return &m.currentFilter().line
	case addressField:
		return &m.entry.address
	}
	return &m.entry.line
}

// onTypeKey handles a key in TYPE.
func (m *Model) onTypeKey(msg tea.KeyPressMsg) tea.Cmd {
	t := &m.keys.Type
	if m.field == entryField && (m.entry.paste != nil || m.entry.reading) && !key.Matches(msg, t.Enter, t.Leave, t.Clear, t.Help, t.Repaint, t.Out) {
		m.tell(false, "a paste is waiting: {type.enter} sends it, {type.leave} drops it")
		return nil
	}
	line := m.fieldLine()
	before := line.String()
	switch {
	case key.Matches(msg, t.Enter):
		return m.enter()
	case key.Matches(msg, t.Leave):
		return m.leaveField()
	case key.Matches(msg, t.Clear):
		if m.entry.paste == nil && line.String() != "" {
			line.Set("")
			break
		}
		return m.leaveField()
	case key.Matches(msg, t.Complete):
		if m.field == entryField {
			m.complete()
		}
		return nil
	case key.Matches(msg, t.Older):
		return m.history(true)
	case key.Matches(msg, t.Newer):
		return m.history(false)
	case key.Matches(msg, t.Help):
		m.push(&helpOverlay{of: onType})
	case key.Matches(msg, t.Repaint):
		return m.fx.do(m.fx.terminal.repaint)
	case key.Matches(msg, t.Out):
		return m.fx.suspend()
	default:
		m.edit(line, msg)
	}
	m.entry.cycle = completion{}
	if m.field == filterField && line.String() != before {
		return m.filterTyped()
	}
	return nil
}

// edit is what the editing keys do, and printable ones.
func (m *Model) edit(line *editor.Line, msg tea.KeyPressMsg) {
	t := &m.keys.Type
	switch {
	case key.Matches(msg, t.Left):
		line.Left()
	case key.Matches(msg, t.Right):
		line.Right()
	case key.Matches(msg, t.WordLeft):
		line.WordLeft()
	case key.Matches(msg, t.WordRight):
		line.WordRight()
	case key.Matches(msg, t.Home):
		line.Home()
	case key.Matches(msg, t.End):
		line.End()
	case key.Matches(msg, t.Backspace):
		line.Backspace()
	case key.Matches(msg, t.Delete):
		line.Delete()
	case key.Matches(msg, t.KillLeft):
		line.KillLeft()
	case key.Matches(msg, t.KillRight):
		line.KillRight()
	case key.Matches(msg, t.KillWord):
		line.KillWord()
	case msg.Text != "":
		if !line.Insert(msg.Text) {
			m.tell(true, "the line is full: a transaction has at most %d bytes", editor.MaxBytes)
		}
	}
}

// history walks through the lines sent, or through the hits while filtering.
func (m *Model) history(older bool) tea.Cmd {
	switch {
	case m.field == filterField:
		by := 1
		if older {
			by = -1
		}
		m.moveHit(by)
	case m.field != entryField:
	case older:
		m.entry.history.Older(&m.entry.line)
	default:
		m.entry.history.Newer(&m.entry.line)
	}
	return nil
}

// leaveField goes to NAV. The draft stays; a paste that waits is dropped; a filter that was typed is cleared.
func (m *Model) leaveField() tea.Cmd {
	was := m.field
	m.field = noField
	switch was {
	case filterField:
		return m.clearFilter()
	case entryField:
		m.leaveCorrection()
		if m.entry.paste != nil || m.entry.reading {
			m.entry.paste, m.entry.reading = nil, false
			m.entry.gen++
			m.field = entryField
			m.tell(false, "the paste was dropped")
		}
	}
	return nil
}

// enter is Enter in TYPE.
func (m *Model) enter() tea.Cmd {
	switch m.field {
	case filterField:
		m.filterEntered()
		return nil
	case addressField:
		address := strings.TrimSpace(m.entry.address.String())
		m.field = noField
		m.entry.address.Set("")
		if address == "" || m.network == nil {
			return nil
		}
		return m.fx.connect(m.network, address)
	}
	if m.entry.paste != nil {
		return m.sendPaste()
	}
	text := m.entry.line.String()
	if strings.TrimSpace(text) == "" {
		m.nextMend()
		return nil
	}
	if c, is, serr := ledger.ParseCommand(text); is {
		if serr != nil {
			m.tell(true, "%s", serr.Error())
			return nil
		}
		m.lineSent(text)
		return m.runCommand(c)
	}
	if !m.writable() {
		return nil
	}
	e, serr := ledger.ParseLine(text, m.options.Name)
	if serr != nil {
		m.tell(true, "%s", serr.Error())
		return nil
	}
	return m.sendEntry(e, text, func(m *Model) tea.Cmd {
		m.lineSent(text)
		m.nextMend()
		return nil
	})
}

// lineSent empties the line, whose text is what Up brings back.
func (m *Model) lineSent(text string) {
	m.entry.history.Add(text)
	m.entry.line.Set("")
}

// toOwn makes the list follow its end, where what is sent now will stand: whoever sends wants to see it.
func (m *Model) toOwn() {
	m.welcome.shown = false
	if s := &m.ledger; s.rows != nil && !s.filter.active() {
		s.list.To(s.rows, s.list.Len()-1)
		m.rememberShown()
	}
}

// writable reports whether a transaction is taken at this moment; if not, it tells why and what to do.
func (m *Model) writable() bool {
	if m.snap == nil {
		m.tell(false, "the room is still being opened: press {type.enter} again in a moment")
		return false
	}
	switch m.snap.Writing {
	case transport.WriteNoAuthor:
		m.tell(true, "not saved: you may read this room, not write; its charter names who writes")
	case transport.WriteStoreError:
		m.tell(true, "not saved: %v", m.snap.StoreErr)
	case transport.WriteSelfFork:
		m.tell(true, "not saved: your key has forked, {ledger.evidence} shows it. Nothing more is written under it: go on under another NAME")
	case transport.WriteGuarded:
		node := m.node
		m.push(&question{
			text: "This store may be a copy: writing might fork your key. Is it the only copy?",
			yes:  func(m *Model) tea.Cmd { return m.fx.do(node.ConfirmOnlyCopy) },
		})
	default:
		return true
	}
	return false
}

// submit queues transactions and hands over what waits, one batch at a time: so they keep their order.
func (m *Model) submit(s ...submission) tea.Cmd {
	if len(s) > 0 && m.unnamed() { // who writes says its name with it
		m.announced[m.snap.Room] = true
		s[0].edit = ledger.Edits(ledger.NameEdit(m.options.Name), s[0].edit)
	}
	m.entry.queue = append(m.entry.queue, s...)
	if m.entry.inFlight > 0 || len(m.entry.queue) == 0 {
		return nil
	}
	batch := m.entry.queue
	m.entry.queue, m.entry.inFlight = nil, len(batch)
	return m.fx.submit(m.node, m.now(), batch)
}

func (m *Model) onSubmitted(msg submittedMsg) tea.Cmd {
	m.entry.inFlight = 0
	m.dirty = true
	m.takeSnapshot() // one's own row is not held up by what others made a moment ago
	if msg.err != nil {
		m.tell(true, "%d not saved: %v", len(msg.failed), msg.err)
		for _, line := range msg.failed { // the newest is what Up brings back first
			if line != "" {
				m.entry.history.Add(line)
			}
		}
	} else if msg.saved > 1 {
		m.tell(false, "%s saved", plural(msg.saved, "transaction", "transactions"))
	}
	return tea.Batch(m.submit(), m.afterSnapshot())
}

// onPaste takes a paste: text, whatever mode it comes in. Several lines are shown before they are sent.
func (m *Model) onPaste(content string) tea.Cmd {
	if n := len(m.overlay); n > 0 {
		switch o := m.overlay[n-1].(type) {
		case pasteTaker:
			o.paste(m, content)
		case interface{ paste(string) }:
			o.paste(content)
		}
		return nil
	}
	if m.options.Open == nil {
		m.tell(false, "there is no room here to type into")
		return nil
	}
	if m.field == noField {
		m.show(ledgerScreen)
		m.field = entryField
	}
	trimmed := strings.TrimRight(content, "\r\n")
	if m.field == entryField && strings.ContainsAny(trimmed, "\r\n") {
		m.entry.gen++
		m.entry.reading, m.entry.paste = true, nil
		return m.fx.readPaste(content, m.options.Name, m.entry.gen)
	}
	line := m.fieldLine()
	if m.field == entryField && m.entry.paste != nil {
		m.tell(false, "a paste is waiting: {type.enter} sends it, {type.leave} drops it")
		return nil
	}
	if !line.Insert(trimmed) {
		m.tell(true, "%s in one line were pasted: a transaction has at most %s", number(len(trimmed))+" bytes", number(editor.MaxBytes))
		return nil
	}
	m.entry.cycle = completion{}
	if m.field == filterField {
		return m.filterTyped()
	}
	return nil
}

func (m *Model) onPasteRead(msg pastedMsg) {
	if msg.gen != m.entry.gen {
		return
	}
	m.dirty = true
	m.entry.reading, m.entry.paste = false, msg.paste
}

// sendPaste sends the good lines of a paste; the wrong ones come into the line one after another.
func (m *Model) sendPaste() tea.Cmd {
	if !m.writable() {
		return nil
	}
	p := m.entry.paste
	m.entry.paste = nil
	batch := make([]submission, 0, len(p.good))
	var wrong []wrongLine
	for _, g := range p.good {
		text, _ := ledger.Format(g.Entry)
		e, err := m.boundOf(g.Entry)
		if err != nil { // whom it means is to be said
			wrong = append(wrong, wrongLine{number: g.Number, text: text})
			m.tell(true, "line %d: %s", g.Number, err.Error())
			continue
		}
		batch = append(batch, submission{ledger.AppendEdit(e, nil), text})
	}
	m.entry.mend = append(m.entry.mend, wrong...)
	m.entry.mend = append(m.entry.mend, p.wrong...)
	if m.entry.line.String() == "" {
		m.nextMend()
	}
	m.toOwn()
	return m.submit(batch...)
}

// nextMend puts the next wrong line of a paste into the input line.
func (m *Model) nextMend() {
	if len(m.entry.mend) == 0 {
		return
	}
	w := m.entry.mend[0]
	m.entry.mend = m.entry.mend[1:]
	m.entry.line.Set(w.text)
	m.tell(false, "line %d of the paste is to be mended (%s more after it; {type.kill-left}, {type.enter} on the empty line: the next)", w.number, number(len(m.entry.mend)))
}
