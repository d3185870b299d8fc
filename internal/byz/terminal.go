package byz

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// Hostile texts, by what they try. None may reach a terminal or a log as it is. The ancestor wrote room names and notices raw into
// its logs and into other clients' streams (hole 17).
var hostileTexts = []struct{ what, text string }{
	{"clear the screen", "\x1b[2J\x1b[Hnothing owed"},
	{"colour and blink", "\x1b[31;5mred\x1b[0m"},
	{"set the title", "\x1b]0;owned\x07"},
	{"write the clipboard", "\x1b]52;c;cm0gLXJmIC8=\x07"},
	{"make a link", "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\"},
	{"ask for an answer", "\x1b[6n\x1b[c\x05"},
	{"device control", "\x1bP$q\"p\x1b\\"},
	{"C1 controls", "\u009b2J\u009d0;owned\u009c"},
	{"backspace over", "100\b\b\b999"},
	{"return over", "alice -> bob 1\rmallory -> bob 9"},
	{"a line more", "lunch\nalice -> bob 99 forged"},
	{"a column more", "lunch\tsent 3/3\t"},
	{"a line separator", "lunch\u2028alice -> bob 99\u2029x\u0085y"},
	{"NUL and DEL", "a\x00b\x7fc"},
	{"override the direction", "\u202egnp.tnemyap\u202c"},
	{"isolate", "\u2066abc\u2069\u2067def"},
	{"nothing to see", "a\u200bl\u200ci\u200dce\ufeff\u2060"},
	{"tags", "flag\U000e0067\U000e0062\U000e007f"},
	{"variation selectors", "x\ufe0f\U000e0100y"},
	{"a tower of marks", "z" + strings.Repeat("\u0301\u0327\u0489", 60)},
	{"wide and wider", strings.Repeat("\U0001f468\u200d\U0001f469\u200d\U0001f467", 12)},
	{"look-alikes", "аlісе \u212bngstr\u00f6m \ufb01"},
	{"Hangul fillers", "\u3164\u115f\u1160\uffa0"},
	{"not a character", "\ufdd0\uffff\U0010ffff"},
	{"private use", "\ue000\U000f0000"},
	{"format string", "%s%n%x{{.}}$(reboot)`reboot`;'\"\\"},
}

// Terminal: text that means something to a terminal, wherever a peer or an author may put text: memos, parties, units, marks, what
// peers call themselves and say of errors, names of rooms. It is kept as it is, and shown as escapes.
var terminalAttacks = []Attack{
	inLedger("terminal/memos", "each hostile text as a memo", func(c *Crew) []any {
		var all []any
		for _, t := range hostileTexts {
			all = append(all, ledgerEntry(t.text, "EUR", "mallory", "bob"))
		}
		return all
	}),
	inLedger("terminal/parties", "each hostile text as a party", func(c *Crew) []any {
		var all []any
		for _, t := range hostileTexts {
			all = append(all, ledgerEntry("lunch", "EUR", fmt.Sprintf("%.60s", t.text), "bob"))
		}
		return all
	}),
	inLedger("terminal/units", "each hostile text as a unit", func(c *Crew) []any {
		var all []any
		for _, t := range hostileTexts {
			all = append(all, ledgerEntry("lunch", t.text, "mallory", "bob"))
		}
		return all
	}),
	inLedger("terminal/unknown-fields", "each hostile text as the key of a field that there is not, and as the whole entry", func(c *Crew) []any {
		var all []any
		for _, t := range hostileTexts {
			all = append(all, Dict{t.text, t.text}, t.text, List{t.text})
		}
		return all
	}),
	inLedger("terminal/long-memos", "memos of 60 KiB of wide characters and of marks on one letter", func(c *Crew) []any {
		return []any{
			ledgerEntry(strings.Repeat("\U0001f4a3", 15<<10), "EUR", "mallory", "bob"),
			ledgerEntry("z"+strings.Repeat("\u0301", 30<<10), "EUR", "mallory", "bob"),
		}
	}),
	{
		Class: Terminal, Name: "terminal/marks", What: "each hostile text as a mark on an entry, and as what an author says of itself",
		Peers: packs("terminal/marks", func(c *Crew) [][]byte {
			ops := List{List{0, 1, ledgerEntry("lunch", "EUR", "mallory", "bob")}}
			payloads := [][]byte{c.Ops(ops)}
			for i, t := range hostileTexts {
				payloads = append(payloads, c.Ops(List{List{1, List{i + 1, 0}, t.text}, List{1, 1, Dict{"name", t.text}}}))
			}
			return [][]byte{Pack(c.Run(0, c.Root(), payloads...))}
		}),
		Want: Want{Accepted: len(hostileTexts) + 1},
	},
	{
		Class: Terminal, Name: "terminal/agents", What: "peers that call themselves by hostile texts",
		Peers: func(rm *Room) []Peer {
			var all []Peer
			for _, t := range hostileTexts {
				if len(t.text) > transport.MaxAgentBytes {
					continue
				}
				s := NewSpeaker(rm)
				s.Out = func(_ time.Time, m transport.Message, msg []byte) [][]byte {
					if h, ok := m.Body.(*transport.Hello); ok {
						h.Agent = t.text
						return messages(rm, h)
					}
					return [][]byte{msg}
				}
				all = append(all, s)
			}
			return all
		},
	},
	{
		Class: Terminal, Name: "terminal/agent-not-text", What: "a peer that calls itself by bytes that are no UTF-8",
		Peers: scripted(func(rm *Room) *script {
			s := newScript(rm)
			s.hello.Agent = "\xff\xfe\x1b[2J"
			return s
		}),
		Want: thrownOut("bad-message"),
	},
	{
		Class: Terminal, Name: "terminal/error-code", What: "an error whose code is hostile",
		Peers: rawSays(func(rm *Room) [][]byte {
			return [][]byte{Encode(List{6, rm.ID(), "\x1b[2J", "text"})}
		}),
		Want: thrownOut("bad-message"),
	},
	{
		Class: Terminal, Name: "terminal/room-name", What: "a room whose name clears the screen and sets the title: whoever logs it",
		Charter: func(rm *Room, _ []crdt.Author) crdt.Charter {
			return crdt.OpenLedger("\x1b[2J\x1b]0;x\x07\u202e" + rm.Charter.Name)
		},
		Peers: func(rm *Room) []Peer { return []Peer{NewSpeaker(rm)} },
	},
}

// ledgerEntry is an entry of a ledger room (docs/protocol.md §8) with these texts: a valid one, if the texts are.
func ledgerEntry(memo, unit, from, to string) Dict {
	return Dict{
		"memo", memo, "unit", unit, "scale", 2,
		"postings", List{List{from, nil, -1250}, List{to, nil, 1250}},
	}
}

// inLedger is an attack with entries of a ledger room, one a change of one author.
func inLedger(name, what string, entries func(c *Crew) []any) Attack {
	build := func(c *Crew) [][]byte {
		var payloads [][]byte
		for _, e := range entries(c) {
			payloads = append(payloads, c.Ops(List{List{0, 1, e}}))
		}
		return [][]byte{Pack(c.Run(0, c.Root(), payloads...))}
	}
	n := len(entries(nil))
	return Attack{Class: Terminal, Name: name, What: what, Kind: crdt.Ledger, Peers: packs(name, build), Want: Want{Accepted: n}}
}

// terminalWires are those of the class that end as a peer likes.
var terminalWires = []Wire{{
	Class: Terminal, Name: "terminal/error-texts", What: "peers that go with an error whose text is hostile",
	Run: func(ctx context.Context, t *Target) error {
		for _, h := range hostileTexts {
			c, err := t.open(ctx)
			if err != nil {
				return err
			}
			said := &transport.PeerError{ErrorCode: "going-away", Text: h.text}
			err = errors.Join(c.meet(t), c.say(transport.AppendMessage(nil, t.Room.ID(), said)))
			if err := errors.Join(err, c.Close()); err != nil {
				return err
			}
		}
		return nil
	},
}}
