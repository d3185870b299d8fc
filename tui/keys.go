package tui

import (
	"charm.land/bubbles/v2/key"
)

// KeyMap is every key of the program, grouped by what has the focus. Handlers and help read the same table. Within one
// focus no key stands twice (a test walks [KeyMap.focuses]).
type KeyMap struct {
	Global   GlobalKeys
	Move     MoveKeys
	Ledger   LedgerKeys
	Peers    PeersKeys
	Events   EventsKeys
	Detail   DetailKeys
	Evidence EvidenceKeys
	Oracle   OracleKeys
	Inspect  InspectKeys
	Choose   ChooseKeys
	Form     FormKeys
	Rooms    RoomsKeys
	People   PeopleKeys
	Settle   SettleKeys
	Tips     TipsKeys
	Type     TypeKeys
	Dialog   DialogKeys
	Mark     MarkKeys
	Balances BalancesKeys
}

// GlobalKeys work in NAV on every screen.
type GlobalKeys struct {
	New, Ledger, Peers, Oracle, Events, Next, Previous, Zoom, Unzoom, Mouse, Palette, Help, Repaint, Suspend, Quit key.Binding
}

// MoveKeys move a cursor or scroll.
type MoveKeys struct {
	Up, Down, PageUp, PageDown, HalfUp, HalfDown, First, Last key.Binding
}

// LedgerKeys are the ledger's own in NAV.
type LedgerKeys struct {
	Open, Back, Filter, NextHit, PreviousHit, Sort, Reverse, Copy, CopyAll, Evidence key.Binding
	Form, People, Rooms                                                              key.Binding
}

// PeersKeys are the peers screen's own in NAV.
type PeersKeys struct {
	Open, Back, Add, Disconnect, Retry key.Binding
}

// EventsKeys are the events screen's own in NAV.
type EventsKeys struct {
	Open, Back, Filter, NextHit, PreviousHit key.Binding
}

// EvidenceKeys work where evidence fills the screen.
type EvidenceKeys struct {
	Back, Open, Side, Next, Previous, Export, Copy key.Binding
}

// DetailKeys work where one change fills the screen.
type DetailKeys struct {
	Back, Copy, CopyAll, Evidence key.Binding
}

// OracleKeys are the oracle screen's own in NAV.
type OracleKeys struct {
	Inspect, Back, Pause, Step, Slower, Faster, Rewind, Restart, Strategy key.Binding
	Lie, Honest, Partition, Heal, Crash, Pair, Faults, Save, Load         key.Binding
}

// InspectKeys work where one change of the simulation fills the screen.
type InspectKeys struct {
	Back, Open, Copy key.Binding
}

// ChooseKeys work in a list of things to choose from.
type ChooseKeys struct {
	Take, Back key.Binding
}

// FormKeys work in the form, where printable keys are text.
type FormKeys struct {
	Next, Previous, NextName, PreviousName key.Binding
}

// RoomsKeys work in the pages about rooms.
type RoomsKeys struct {
	Show, Back, New, Join, Invite, Copy, Mark key.Binding
}

// PeopleKeys work in the pages about people.
type PeopleKeys struct {
	Open, Back, Confirm, Name, Copy, Mine key.Binding
}

// SettleKeys work in the page of payments that settle up.
type SettleKeys struct {
	Send, All, Unit, Back key.Binding
}

// TipsKeys work in the page of what a peer holds.
type TipsKeys struct {
	Back, Copy key.Binding
}

// TypeKeys work in TYPE, where printable keys are text.
type TypeKeys struct {
	Enter, Leave, Complete, Older, Newer, Clear, Help              key.Binding
	Left, Right, WordLeft, WordRight, Home, End                    key.Binding
	Backspace, Delete, KillLeft, KillRight, KillWord, Repaint, Out key.Binding
}

// DialogKeys answer a question.
type DialogKeys struct {
	Yes, No key.Binding
}

func bind(help, desc string, keys ...string) key.Binding {
	return key.NewBinding(key.WithKeys(keys...), key.WithHelp(help, desc))
}

// DefaultKeyMap is the program's keys. Left free, since terminals or multiplexers take them: ctrl+s ctrl+q ctrl+b ctrl+\
// ctrl+h ctrl+i ctrl+j ctrl+m ctrl+[, F10, F11, and Alt alone. Reserved for what comes: a d u w s S : on the ledger.
func DefaultKeyMap() KeyMap {
	back := bind("Esc", "back, clear filter", "esc")
	filter := bind("/", "filter as you type", "/")
	next, previous := bind("N", "next hit", "N"), bind("p", "previous hit", "p")
	return KeyMap{
		Global: GlobalKeys{
			New:      bind("n", "new transaction", "n", "i"),
			Ledger:   bind("1", "ledger", "1"),
			Peers:    bind("2", "peers", "2"),
			Oracle:   bind("3", "oracle", "3"),
			Events:   bind("4", "events", "4"),
			Next:     bind("Tab", "next pane", "tab"),
			Previous: bind("Shift+Tab", "previous pane", "shift+tab"),
			Zoom:     bind("+", "pane to whole screen", "+"),
			Unzoom:   bind("-", "and back", "-"),
			Mouse:    bind("m", "mouse on/off", "m"),
			Palette:  bind(":", "command by name", ":"),
			Help:     bind("?", "help", "?", "f1"),
			Repaint:  bind("ctrl+l", "repaint", "ctrl+l"),
			Suspend:  bind("ctrl+z", "suspend", "ctrl+z"),
			Quit:     bind("q", "quit", "q", "ctrl+c"),
		},
		Move: MoveKeys{
			Up:       bind("k", "up", "k", "up"),
			Down:     bind("j", "down", "j", "down"),
			PageUp:   bind("PgUp", "page up", "pgup"),
			PageDown: bind("PgDn", "page down", "pgdown"),
			HalfUp:   bind("ctrl+u", "half a page up", "ctrl+u"),
			HalfDown: bind("ctrl+d", "half a page down", "ctrl+d"),
			First:    bind("g", "first", "g", "home"),
			Last:     bind("G", "last, and follow", "G", "end"),
		},
		Ledger: LedgerKeys{
			Open: bind("Enter", "open", "enter"), Back: back, Filter: filter, NextHit: next, PreviousHit: previous,
			Sort:     bind("s", "sort by the next column", "s"),
			Reverse:  bind("S", "reverse the order", "S"),
			Copy:     bind("y", "copy id", "y"),
			CopyAll:  bind("Y", "copy the change as JSON", "Y"),
			Evidence: bind("E", "evidence of forks", "E"),
			Form:     bind("f", "new transaction by a form", "f"),
			People:   bind("P", "people: keys, names, safety numbers", "P"),
			Rooms:    bind("R", "rooms: show, join, make, invite", "R"),
		},
		Peers: PeersKeys{
			Open:       bind("Enter", "what it holds, by author", "enter"),
			Back:       back,
			Add:        bind("a", "add a peer", "a"),
			Disconnect: bind("d", "disconnect", "d"),
			Retry:      bind("r", "retry now", "r"),
		},
		Events: EventsKeys{
			Open: bind("Enter", "go to the change", "enter"), Back: back, Filter: filter, NextHit: next, PreviousHit: previous,
		},
		Detail: DetailKeys{
			Back:     bind("Esc", "back", "esc", "enter"),
			Copy:     bind("y", "copy id", "y"),
			CopyAll:  bind("Y", "copy the change as JSON", "Y"),
			Evidence: bind("E", "evidence of forks", "E"),
		},
		Evidence: EvidenceKeys{
			Back:     bind("Esc", "back", "esc"),
			Open:     bind("Enter", "go to it", "enter"),
			Side:     bind("Left Right", "choose one change or the other", "left", "right"),
			Next:     bind("N", "next fork of this author", "N"),
			Previous: bind("p", "previous fork of this author", "p"),
			Export:   bind("x", "save the proof as a file", "x"),
			Copy:     bind("y", "copy both ids", "y"),
		},
		Oracle: OracleKeys{
			Inspect:   bind("Enter", "inspect: what was signed, its hash and parents", "enter"),
			Back:      bind("Esc", "back", "esc"),
			Pause:     bind("space", "run/pause", "space"),
			Step:      bind(".", "one step", "."),
			Slower:    bind("<", "slower, to a quarter", "<"),
			Faster:    bind(">", "faster, to 64 times", ">"),
			Rewind:    bind("r", "rewind 10 rounds", "r"),
			Restart:   bind("R", "start over, without what you did", "R"),
			Strategy:  bind("t", "next strategy", "t"),
			Lie:       bind("b", "make it Byzantine: choose how it lies", "b"),
			Honest:    bind("o", "make it honest", "o"),
			Partition: bind("p", "cut the network in two", "p"),
			Heal:      bind("h", "heal the network", "h"),
			Crash:     bind("c", "crash it, or start it again", "c"),
			Pair:      bind("v", "next pair of prices", "v"),
			Faults:    bind("f", "network and findings, where they are not shown", "f"),
			Save:      bind("x", "save what was run as a scenario", "x"),
			Load:      bind("l", "choose a scenario", "l"),
		},
		Inspect: InspectKeys{
			Back: bind("Esc", "back", "esc"),
			Open: bind("Enter", "go to the parent", "enter"),
			Copy: bind("y", "copy id", "y"),
		},
		Choose: ChooseKeys{
			Take: bind("Enter", "take it", "enter"),
			Back: bind("Esc", "leave", "esc"),
		},
		Form: FormKeys{
			Next:         bind("Tab", "next field", "tab"),
			Previous:     bind("Shift+Tab", "previous field", "shift+tab"),
			NextName:     bind("Down", "next name, other kind", "down"),
			PreviousName: bind("Up", "previous name", "up"),
		},
		Rooms: RoomsKeys{
			Show:   bind("Enter", "show it", "enter"),
			Back:   back,
			New:    bind("n", "new closed room", "n"),
			Join:   bind("a", "add one: join by name or invitation", "a"),
			Invite: bind("i", "invitation to it", "i"),
			Copy:   bind("y", "copy the invitation", "y"),
			Mark:   bind("space", "choose, or not", "space"),
		},
		People: PeopleKeys{
			Open:    bind("Enter", "the whole key and all that is known", "enter"),
			Back:    back,
			Confirm: bind("c", "confirm the key by its safety number", "c"),
			Name:    bind("n", "give it a name of your own", "n"),
			Copy:    bind("y", "copy the key", "y"),
			Mine:    bind("o", "your own key, to be shown or scanned", "o"),
		},
		Settle: SettleKeys{
			Send: bind("Enter", "write this payment", "enter"),
			All:  bind("A", "write all payments", "A"),
			Unit: bind("u", "next unit", "u"),
			Back: back,
		},
		Tips: TipsKeys{Back: bind("Esc", "back", "esc", "enter"), Copy: bind("y", "copy the author's key", "y")},
		Type: TypeKeys{
			Enter:     bind("Enter", "send", "enter", "ctrl+j"),
			Leave:     bind("Esc", "leave", "esc"),
			Complete:  bind("Tab", "name", "tab"),
			Older:     bind("Up", "previous", "up", "ctrl+p"),
			Newer:     bind("Down", "next", "down", "ctrl+n"),
			Clear:     bind("ctrl+c", "clear, then leave", "ctrl+c"),
			Help:      bind("F1", "help", "f1"),
			Left:      bind("Left", "left", "left"),
			Right:     bind("Right", "right", "right"),
			WordLeft:  bind("ctrl+Left", "word left", "ctrl+left"),
			WordRight: bind("ctrl+Right", "word right", "ctrl+right"),
			Home:      bind("ctrl+a", "to the beginning", "ctrl+a", "home"),
			End:       bind("ctrl+e", "to the end", "ctrl+e", "end"),
			Backspace: bind("Backspace", "delete left", "backspace", "ctrl+h"),
			Delete:    bind("Delete", "delete right", "delete", "ctrl+d"),
			KillLeft:  bind("ctrl+u", "clear to the left", "ctrl+u"),
			KillRight: bind("ctrl+k", "clear to the right", "ctrl+k"),
			KillWord:  bind("ctrl+w", "delete a word", "ctrl+w"),
			Repaint:   bind("ctrl+l", "repaint", "ctrl+l"),
			Out:       bind("ctrl+z", "suspend", "ctrl+z"),
		},
		Mark:     defaultMarkKeys(),
		Balances: defaultBalancesKeys(),
		Dialog: DialogKeys{
			Yes: bind("y", "yes", "y", "Y"),
			No:  bind("n", "no", "n", "N", "esc", "enter", "q", "ctrl+c"),
		},
	}
}

// focus is what gets the keys.
type focus uint8

const (
	onLedger focus = iota
	onPeers
	onEvents
	onDetail
	onForks
	onEvidence
	onOracle
	onInspect
	onChoose
	onRooms
	onJoin
	onInvite
	onWriters
	onPeople
	onPerson
	onSettle
	onTips
	onType
	onForm
	onDialog
	onMark
	onBalances
	onHelp
	focuses // how many there are
)

// section is a headed part of the help.
type section struct {
	title string
	keys  []key.Binding
}

// Titles of sections that many focuses have.
const (
	moveTitle   = "Move"
	globalTitle = "Everywhere"
)

// focuses returns the keys that work under a focus, in the order in which help shows them.
func (k *KeyMap) focuses(f focus) []section {
	g, mv := &k.Global, &k.Move
	move := section{moveTitle, []key.Binding{mv.Down, mv.Up, mv.PageDown, mv.PageUp, mv.HalfDown, mv.HalfUp, mv.First, mv.Last}}
	global := section{globalTitle, []key.Binding{
		g.New, g.Ledger, g.Peers, g.Oracle, g.Events, g.Next, g.Previous, g.Zoom, g.Unzoom, g.Mouse, g.Palette, g.Help, g.Repaint, g.Suspend, g.Quit,
	}}
	switch f {
	case onLedger:
		l := &k.Ledger
		return []section{{"Ledger", []key.Binding{
			l.Open, l.Back, l.Filter, l.NextHit, l.PreviousHit, l.Sort, l.Reverse, l.Copy, l.CopyAll, l.Evidence,
			l.Form, l.People, l.Rooms,
		}}, k.Mark.onRow(), move, global}
	case onPeers:
		p := &k.Peers
		return []section{{"Peers", []key.Binding{p.Open, p.Add, p.Disconnect, p.Retry, p.Back}}, move, global}
	case onEvents:
		e := &k.Events
		return []section{{"Events", []key.Binding{e.Open, e.Back, e.Filter, e.NextHit, e.PreviousHit}}, move, global}
	case onDetail:
		d := &k.Detail
		return []section{{"Change", []key.Binding{d.Back, d.Copy, d.CopyAll, d.Evidence}}, k.Mark.onPage(), move, global}
	case onForks:
		e := &k.Evidence
		return []section{{"Evidence", []key.Binding{e.Open, e.Back}}, move, global}
	case onEvidence:
		e := &k.Evidence
		return []section{{"Evidence", []key.Binding{e.Export, e.Open, e.Side, e.Next, e.Previous, e.Copy, e.Back}}, move, global}
	case onOracle:
		o := &k.Oracle
		chart := append([]key.Binding{relabel(g.Zoom, "a shorter time in the chart"), relabel(g.Unzoom, "a longer time")}, global.keys...)
		global.keys = without(chart, g.Zoom, g.Unzoom)
		return []section{
			{"Time", []key.Binding{o.Pause, o.Step, o.Slower, o.Faster, o.Rewind, o.Restart}},
			{"Attack", []key.Binding{o.Lie, o.Honest, o.Crash, o.Partition, o.Heal}},
			{"Look", []key.Binding{o.Inspect, o.Strategy, o.Pair, o.Faults, o.Load, o.Save, o.Back}}, move, global,
		}
	case onInspect:
		i := &k.Inspect
		return []section{{"Attestation", []key.Binding{i.Open, i.Copy, i.Back}}, move, global}
	case onChoose:
		c := &k.Choose
		return []section{{"Choose", []key.Binding{c.Take, c.Back}}, move, global}
	case onRooms:
		r := &k.Rooms
		global.keys = without(global.keys, g.New)
		return []section{{"Rooms", []key.Binding{r.Show, r.New, r.Join, r.Invite, r.Back}}, move, global}
	case onJoin:
		return []section{{"Join", []key.Binding{relabel(k.Dialog.Yes, "join it"), relabel(k.Dialog.No, "leave it")}}, move}
	case onInvite:
		r := &k.Rooms
		return []section{{"Invitation", []key.Binding{r.Copy, relabel(r.Show, "show the room"), r.Back}}, global}
	case onWriters:
		r := &k.Rooms
		return []section{{"Writers", []key.Binding{r.Mark, relabel(r.Show, "go on"), r.Back}}, move}
	case onPeople:
		p := &k.People
		global.keys = without(global.keys, g.New)
		return []section{{"People", []key.Binding{p.Open, p.Confirm, p.Name, p.Copy, p.Mine, p.Back}}, move, global}
	case onPerson:
		p := &k.People
		global.keys = without(global.keys, g.New)
		return []section{{"Person", []key.Binding{p.Confirm, p.Name, p.Copy, p.Back}}, move, global}
	case onSettle:
		s := &k.Settle
		return []section{{"Settling up", []key.Binding{s.Send, s.All, s.Unit, s.Back}}, move, global}
	case onTips:
		return []section{{"What a peer holds", []key.Binding{k.Tips.Copy, k.Tips.Back}}, move, global}
	case onForm:
		t, f := &k.Type, &k.Form
		return []section{{"Form", []key.Binding{
			t.Enter, relabel(t.Leave, "leave, and keep what is filled in"), f.Next, f.Previous, f.NextName, f.PreviousName, relabel(t.Clear, "clear the field, then all"),
			t.Left, t.Right, t.WordLeft, t.WordRight, t.Home, t.End, t.Backspace, t.Delete, t.KillLeft, t.KillRight, t.KillWord, t.Help, t.Repaint, t.Out,
		}}}
	case onType:
		t := &k.Type
		return []section{{"Typing", []key.Binding{
			t.Enter, t.Leave, t.Complete, t.Older, t.Newer, t.Clear, t.Left, t.Right, t.WordLeft, t.WordRight, t.Home, t.End,
			t.Backspace, t.Delete, t.KillLeft, t.KillRight, t.KillWord, t.Help, t.Repaint, t.Out,
		}}}
	case onDialog:
		return []section{{"Question", []key.Binding{k.Dialog.Yes, k.Dialog.No}}}
	case onMark:
		return []section{{"Question", []key.Binding{k.Dialog.Yes, k.Dialog.No, k.Mark.Memo}}}
	case onBalances:
		b := &k.Balances
		return []section{{"Balances", []key.Binding{b.NextUnit, b.PreviousUnit, b.Settle, b.Entries, b.Back}}, move, section{global.title, without(global.keys, g.Next, g.Previous)}}
	case onHelp:
		return []section{{"Help", []key.Binding{k.Detail.Back, k.Ledger.Filter}}, move}
	}
	return nil
}

// without leaves out what two bindings are called elsewhere; their first names in keys stay.
func without(keys []key.Binding, out ...key.Binding) []key.Binding {
	var kept []key.Binding
	for _, k := range keys {
		gone := false
		for _, o := range out {
			gone = gone || k.Help() == o.Help()
		}
		if !gone {
			kept = append(kept, k)
		}
	}
	return kept
}
