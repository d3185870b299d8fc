//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"github.com/gorilla/websocket"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/transport"
)

// hostile is text that people send to break a screen. Each goes through every place that shows text from outside: entries
// (memo, labels, unit), names of peers, what relays say, what is no relay says, paths, config, command line, what is pasted.
var hostile = []struct{ name, text string }{
	{"clear", "\x1b[2J\x1b[H\x1b[3J"},
	{"colours", "\x1b[31;7mred\x1b[0m"},
	{"title", "\x1b]0;owned\x07\x1b]2;owned\x1b\\"},
	{"clipboard", "\x1b]52;c;b3duZWQ=\x07"},
	{"link", "\x1b]8;;http://example.org/\x07pay here\x1b]8;;\x07"},
	{"alternate screen", "\x1b[?1049l\x1b[?25l\x1b[?1000h\x1b[?2004l"},
	{"questions", "\x1b[c\x1b[6n\x1b]11;?\x07\x1bP$q\"p\x1b\\\x05"},
	{"device control", "\x1bPq#0;2;0;0;0#0~~\x1b\\\x1b_G\x1b\\\x1b^x\x1b\\"},
	{"charset", "\x1b(0lqqk\x0e\x0f"},
	{"C1", "\u009b2J\u009d0;x\u009c\u0090\u0085\u0084"},
	{"C0", "\x00\x01\a\b\b\b\v\f\x7f"},
	{"lines", "a\nb\rc\td\r\n"},
	{"line separators", "a\u2028b\u2029c"},
	{"bidi", "pay \u202e00.9\u202c \u2066x\u2069 \u061c\u200e\u200f"},
	{"zero width", "a\u200bl\u200ci\u200dc\u2060e\ufeff\u00ad\u034f\u180e"},
	{"tags", "\U000e0001\U000e0061\U000e007f"},
	{"private use", "\ue000\uf8ff\U000f0000\U0010fffd"},
	{"noncharacters", "\ufffe\uffff\U0001ffff"},
	{"fillers", "\u3164\u115f\u1160\uffa0\u2800"},
	{"selectors", "a\ufe0f\ufe0e\U000e0100❤\ufe0f"},
	{"wide", strings.Repeat("日本語", 40)},
	{"wide and narrow", strings.Repeat("a日", 60)},
	{"combining", "e" + strings.Repeat("\u0301\u0327\u20dd", 60) + "x"},
	{"marks alone", "\u0301\u0302\u20dd"},
	{"emoji", "👩\u200d👩\u200d👧\u200d👦🇫🇷🇩🇪👍🏽☺\ufe0f"},
	{"conjuncts", strings.Repeat("क\u094d", 50)},
	{"jamo", strings.Repeat("\u1100", 60)},
	{"prepend", "\u0600\u06dd\u0d4e\U000110bd"},
	{"ambiguous", "§±½…─│┌┐└┘═║█▒①Ⅳ"},
	{"very wide", "﷽ﷺ𒐫⸻"},
	{"look-alikes", "аlісе ａｌｉｃｅ 𝐚𝐥𝐢𝐜𝐞 ɑlice"},
	{"frame", "│ FORK │ > confirmed ✓"},
	{"quotes", `"; rm -rf ~ $(reboot) ` + "`id`" + ` ' \x1b \u202e %s %n`},
	{"long", strings.Repeat("x", 10_000)},
	{"long and hostile", strings.Repeat("\x1b[2J\u202e日e\u0301\u0302\u0303", 450)},
}

// notUTF8 cannot stand in CBOR, but in paths, arguments, config files and pastes.
const notUTF8 = "\xff\xfe\xc3(\xed\xa0\x80\xf5\x80 \x9b2J"

// unseen reports whether r must not reach a terminal: written from Unicode's properties, not from the tables of safe.
func unseen(r rune) bool {
	return r != '\n' && r != '\t' && r != 0xfe0f && r != 0xfe0e && (!unicode.IsGraphic(r) || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp,
		unicode.Bidi_Control, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Join_Control) || r == 0x2800 || r == 0x34f)
}

// checkOutput verifies that lines for a terminal hold nothing that is not seen, and no pile of marks but in JSON, which
// alters no text.
func checkOutput(t testing.TB, what string, b []byte) {
	t.Helper()
	if !utf8.Valid(b) {
		t.Errorf("%s is not UTF-8: %q", what, cut(string(b)))
	}
	marks := 0
	for i, r := range string(b) {
		if unseen(r) {
			t.Errorf("%s: %U got through: %q", what, r, b[max(i-60, 0):min(i+60, len(b))])
			return
		}
		if marks++; !unicode.In(r, unicode.Mn, unicode.Me) {
			marks = 0
		} else if marks > 4 && !strings.Contains(what, "json") { // two combining marks, and selectors
			t.Errorf("%s: %d marks on one character", what, marks)
			return
		}
	}
}

func mustLiteral(t testing.TB, v any) crdt.Literal {
	t.Helper()
	l, err := crdt.EncodeLiteral(v)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// hostileRoom is a room file in which every text is hostile: valid entries as far as a memo can hold it, invalid ones,
// entries of many parties, what is no entry at all; and a fork that says so twice.
func hostileRoom(t testing.TB, charter crdt.Charter) (file []byte, rows int) {
	t.Helper()
	key := func(name string) ed25519.PrivateKey {
		return ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%-32s", name)))
	}
	all, err := crdt.NewReplica(charter)
	if err != nil {
		t.Fatal(err)
	}
	write := func(r *crdt.Replica, name string, literals ...crdt.Literal) {
		w, err := r.Writer(key(name))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range literals {
			if _, err := w.Change(1_790_000_000, func(tx *crdt.Tx) error { _, err := tx.Append(l); return err }); err != nil {
				t.Fatal(err)
			}
		}
		w.Sign()
		rows += len(literals)
	}
	var literals []crdt.Literal
	for i, h := range hostile {
		memo := strings.ToValidUTF8(h.text[:min(len(h.text), ledger.MaxMemoBytes)], "")
		if e := ledger.NewTransfer("bob", "alice", int64(i+1), 2, "EUR", memo); e.Validate() == nil {
			l, err := ledger.Encode(e)
			if err != nil {
				t.Fatal(err)
			}
			literals = append(literals, l)
		}
		literals = append(literals, mustLiteral(t, map[string]any{
			"postings": []any{[]any{h.text, nil, -5}, []any{"to " + h.text, nil, 5}}, "scale": 2, "memo": h.text, "unit": h.text,
		}), mustLiteral(t, map[string]any{
			"postings": []any{[]any{h.text, nil, -9}, []any{h.text + "b", nil, 5}, []any{h.text + "c", nil, 4}}, "scale": 0, h.text: h.text,
		}))
	}
	literals = append(literals, mustLiteral(t, hostile[0].text), mustLiteral(t, nil))
	write(all, "mallory", literals...)
	var rivals []*crdt.Replica
	for _, i := range []int{6, 13} {
		r, err := crdt.NewReplica(charter)
		if err != nil {
			t.Fatal(err)
		}
		l, err := ledger.Encode(ledger.NewTransfer("trudy", "bob", 900, 2, "", hostile[i].text))
		if err != nil {
			l = mustLiteral(t, map[string]any{"memo": hostile[i].text})
		}
		write(r, "trudy", l)
		rivals = append(rivals, r)
	}
	checker := crdt.NewChecker(charter)
	for _, r := range rivals {
		frame, _ := r.PackFrom(0, nil)
		pack, err := checker.Check(frame, nil)
		if err != nil {
			t.Fatal(err)
		}
		if out := all.Receive(pack, 1, time.Now()); out.Err != nil {
			t.Fatal(out.Err)
		}
	}
	return all.Save(nil), rows
}

// hostilePeers are what --connect is given: nodes with hostile names, listeners that end every talk with a hostile error,
// and servers that are no listener and say so in a hostile way.
func hostilePeers(t testing.TB, charter crdt.Charter) (urls []string) {
	t.Helper()
	serve := func(h http.Handler) {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		urls = append(urls, "ws"+strings.TrimPrefix(s.URL, "http"))
	}
	upgrader := websocket.Upgrader{Subprotocols: []string{"tallystick.v1"}, CheckOrigin: func(*http.Request) bool { return true }}
	first := func(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }
	for i := 0; i < len(hostile); i += 3 {
		h := hostile[i].text
		serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ws, err := upgrader.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer ws.Close()
			for _, b := range []transport.Body{
				&transport.Hello{Charter: charter.Append(nil), Agent: first(h, transport.MaxAgentBytes), Count: 1 << 50},
				&transport.PeerError{ErrorCode: "no-such-thing", Text: first(h, transport.MaxErrorTextBytes)}, // codes of other characters are no message
			} {
				if ws.WriteMessage(websocket.BinaryMessage, transport.AppendMessage(nil, charter.ID(), b)) != nil {
					return
				}
			}
			_, _, _ = ws.ReadMessage() // until the other side has read it
		}))
	}
	// One that stays, with a hostile name, as a real node does.
	node, err := transport.OpenNode(context.Background(), transport.NodeConfig{Charter: charter, Store: noStore{}, Agent: first("\x1b]0;n\x07 node \u202e日本e\u0301\u0302\u0303\u0304", 64)})
	if err != nil {
		t.Fatal(err)
	}
	hub := transport.NewHub(transport.HubConfig{})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = node.Run(ctx) })
	running.Go(func() { _ = hub.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	if err := hub.Add(node); err != nil {
		t.Fatal(err)
	}
	serve(hub)
	// What is no listener: a status line and a body, byte for byte.
	for _, s := range []string{"HTTP/1.1 404 \x1b]0;owned\x07 \u202e" + notUTF8 + "\r\nX: \x1b[2J\r\nContent-Length: 8\r\n\r\n\x1b[2J\u202e!", "\x1b]0;owned\x07\u009b2J\r\n\r\n"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 4096))
				_, _ = c.Write([]byte(s))
				_ = c.Close()
			}
		}()
		urls = append(urls, "ws://"+ln.Addr().String())
	}
	return urls
}

// noStore keeps nothing.
type noStore struct{}

func (noStore) Records(func(uint64, []byte) error) error { return nil }
func (noStore) Append([][]byte) (uint64, error)          { return 0, nil }

// place is a machine whose very paths are hostile.
type place struct {
	t       *testing.T
	program string
	home    string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	program, err := exec.LookPath("tallystick") // testscript.Main puts it there
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), "h \x1b]0;owned\x07\x1b[2J\u202e日e\u0301\u0302\u0303"+notUTF8)
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Skipf("this file system has no such names: %v", err)
	}
	return &place{t, program, home}
}

func (p *place) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.program, args...)
	cmd.Dir = p.home
	cmd.Env = append(os.Environ(), "HOME="+p.home, "TERM=xterm-256color", "XDG_DATA_HOME=", "XDG_CONFIG_HOME=", "LANG=C.UTF-8", "NO_COLOR=", "LC_ALL=", "TMUX=")
	return cmd
}

// says runs a command to its end, checks all that it says, and returns it.
func (p *place) says(what string, args ...string) (out string) {
	p.t.Helper()
	cmd := p.command(args...)
	stuck := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	b, err := cmd.CombinedOutput()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		p.t.Fatal(err)
	}
	checkOutput(p.t, what, b)
	return string(b)
}

// TestHostileLines: what commands, plain mode and the log of a relay print for a terminal.
func TestHostileLines(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	charter := crdt.OpenLedger("main")
	file, rows := hostileRoom(t, charter)
	if err := os.WriteFile(filepath.Join(p.home, "room \x1b[2J"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	wants := func(what, out string, texts ...string) {
		t.Helper()
		for _, s := range texts {
			if !strings.Contains(out, s) {
				t.Errorf("%s does not say %q: %s", what, s, cut(out))
			}
		}
	}
	wants("init", p.says("init", "init", "alice"), `\x1b]0;owned\x07`)
	wants("load", p.says("load", "load", "alice", "room \x1b[2J"), fmt.Sprintf("took in %d of %d", rows, rows))
	wants("save", p.says("save", "save", "alice", "saved \u202e"), `saved \u202e`)
	wants("show", p.says("show", "show", "alice"), `pay \u202e00.9\u202c`, `\x1b[2J`)
	wants("show --json", p.says("show --json", "show", "alice", "--json"), `pay \u202e00.9\u202c`)
	p.says("verify", "verify", "alice")
	wants("evidence", p.says("evidence", "evidence", "alice", "--save", "."), "fork: author")
	p.says("evidence --json", "evidence", "alice", "--json")
	proof := ""
	files, err := os.ReadDir(p.home)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".proof") {
			proof = f.Name()
		}
	}
	wants("check", p.says("check", "check", proof), "valid: ", `\u202e00.9`)
	p.says("check --json", "check", "--json", proof)
	for i, h := range append(hostile, struct{ name, text string }{"not UTF-8", notUTF8}) {
		arg := strings.ReplaceAll(h.text[:min(len(h.text), 4000)], "\x00", "")
		for k, args := range [][]string{
			{arg}, {"--" + arg}, {"show", arg}, {"check", arg}, {"evidence", "alice", arg}, {"load", "alice", arg}, {"alice", "--room", arg, "--plain", "--offline"},
			{"alice", "--connect", "ws://" + arg, "--plain", "--wait", "0s"}, {"alice", "--listen", arg, "--plain", "--wait", "0s"}, {"--relay", "--listen", arg}, {"--relay", "--data", "/dev/null/" + arg},
			{"__complete", "show", arg},
		} {
			if (i+k)%7 != 0 && h.name != "title" && h.name != "not UTF-8" { // each in a few places, each place a few of them
				continue
			}
			p.says(h.name+" as argument of "+strings.ToValidUTF8(args[0], "?"), args...)
		}
	}
	p.hostileConfig()
	p.hostilePlain(charter, rows)
	p.hostileRelay()
}

// hostileConfig puts hostile values into every field of a config, and hostile fields and lines beside them.
func (p *place) hostileConfig() {
	p.t.Helper()
	path := filepath.Join(p.home, ".config", "tallystick", "config.toml")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	defer os.Remove(path)
	escape := func(s string) string {
		return strings.ReplaceAll(strings.ReplaceAll(strconvQuoteTOML(s), "\n", `\n`), "\r", `\r`)
	}
	for i, h := range hostile {
		text := h.text[:min(len(h.text), 2000)]
		for k, content := range []string{
			"name = " + escape(text), "room = " + escape(text), "connect = [" + escape(text) + "]", "listen = " + escape(text), escape(text) + " = 1", text, text + notUTF8,
		} {
			if (i+k)%7 != 0 && h.name != "title" {
				continue
			}
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				p.t.Fatal(err)
			}
			p.says("a config of "+h.name, "--plain", "--offline")
			p.says("a config of "+h.name, "alice", "--plain", "--wait", "0s")
		}
	}
}

// strconvQuoteTOML is s as a basic string of TOML.
func strconvQuoteTOML(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r == '"' || r == '\\' || r < 0x20 || r == 0x7f {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// hostilePlain runs plain mode among hostile peers.
func (p *place) hostilePlain(charter crdt.Charter, rows int) {
	p.t.Helper()
	args := []string{"alice", "--plain", "--wait", "300ms", "--only-copy"}
	for _, u := range hostilePeers(p.t, charter) {
		args = append(args, "--connect", u)
	}
	for _, form := range [][]string{nil, {"--json"}} {
		cmd := p.command(append(args, form...)...)
		var in bytes.Buffer
		for _, h := range hostile {
			in.WriteString("alice -> bob 1 " + h.text + "\n" + h.text + notUTF8 + "\n")
		}
		cmd.Stdin = &in
		stuck := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		b, _ := cmd.CombinedOutput() // lines are bad: it ends with 1
		stuck.Stop()
		checkOutput(p.t, fmt.Sprint("plain mode ", form), b)
		if n := bytes.Count(b, []byte("entry")); n < rows {
			p.t.Errorf("%d entries, want %d at least: %s", n, rows, cut(string(b)))
		}
		if !bytes.Contains(b, []byte("evidence")) && len(form) > 0 {
			p.t.Logf("no evidence line: the fork is older than this run")
		}
	}
}

// hostileRelay tells a relay hostile names of rooms, of an agent, and of an error.
func (p *place) hostileRelay() {
	p.t.Helper()
	for _, form := range [][]string{nil, {"--json"}} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			p.t.Fatal(err)
		}
		addr := ln.Addr().String()
		ln.Close()
		cmd := p.command(append([]string{"--relay", "--listen", addr}, form...)...)
		var log bytes.Buffer
		cmd.Stdout, cmd.Stderr = &log, &log
		if err := cmd.Start(); err != nil {
			p.t.Fatal(err)
		}
		for i, h := range hostile {
			name := strings.ToValidUTF8(h.text[:min(len(h.text), crdt.MaxRoomNameBytes)], "")
			charter := crdt.OpenLedger(name)
			var ws *websocket.Conn
			for begin := time.Now(); ; {
				ws, _, err = (&websocket.Dialer{Subprotocols: []string{"tallystick.v1"}}).Dial("ws://"+addr+"/websocket", http.Header{"User-Agent": {strings.Map(func(r rune) rune {
					if r < 0x20 || r == 0x7f {
						return -1
					}
					return r
				}, name)}})
				if err == nil {
					break
				}
				if time.Since(begin) > patience {
					p.t.Fatal(err)
				}
			}
			for _, b := range []transport.Body{
				&transport.Hello{Charter: charter.Append(nil), Agent: name},
				&transport.PeerError{ErrorCode: strings.ToValidUTF8(name[:min(len(name), 32)], ""), Text: strings.ToValidUTF8(h.text[:min(len(h.text), 512)], "")},
			} {
				_ = ws.WriteMessage(websocket.BinaryMessage, transport.AppendMessage(nil, charter.ID(), b))
			}
			_ = ws.WriteMessage(websocket.BinaryMessage, []byte(h.text))
			_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4000+i, strings.ToValidUTF8(h.text[:min(len(h.text), 100)], "")), time.Now().Add(time.Second))
			for {
				if _, _, err := ws.ReadMessage(); err != nil {
					break
				}
			}
			ws.Close()
		}
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		checkOutput(p.t, fmt.Sprint("the log of a relay ", form), log.Bytes())
		if !strings.Contains(log.String(), "x1b") {
			p.t.Errorf("the log shows no hostile text at all: %s", cut(log.String()))
		}
	}
}

// TestHostileTextAtATerminal is the program itself at a pseudo-terminal. After each step the emulator's cells are compared
// with where the frames, the mark of the row and the cursor must be; no sequence may come out that is not the program's own.
func TestHostileTextAtATerminal(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{120, 36}, {80, 24}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			charter := crdt.OpenLedger("main")
			file, rows := hostileRoom(t, charter)
			if err := os.WriteFile(filepath.Join(p.home, "room"), file, 0o600); err != nil {
				t.Fatal(err)
			}
			p.says("init", "init", "alice")
			p.says("load", "load", "alice", "room")
			args := []string{"alice"}
			urls := hostilePeers(t, charter)
			for _, u := range urls {
				args = append(args, "--connect", u)
			}
			s := p.sit(size[0], size[1], args...)
			s.until("the room", func(text string) bool { return strings.Contains(text, "[TYPE]") && strings.Contains(text, "1 fork") })
			s.intact("at first")
			// What is typed and pasted, with the names that complete it.
			for _, h := range append(hostile, struct{ name, text string }{"not UTF-8", notUTF8}) {
				if strings.ContainsAny(h.text, "\n\r") {
					continue // a paste of several lines is another matter
				}
				s.step("a paste of "+h.name, "\x1b[200~"+strings.ReplaceAll(h.text, "\x1b[201~", "")+"\x1b[201~", nil)
				s.step("after it", "\x05", nil)
				s.step("cleared", "\x15", nil)
			}
			s.step("several lines", "\x1b[200~"+hostile[0].text+"\n"+hostile[13].text+"\nalice -> bob 3 "+hostile[22].text+"\x1b[201~", func(text string) bool { return strings.Contains(text, "wrong") })
			s.step("dropped", "\x1b", func(text string) bool { return strings.Contains(text, "the paste was dropped") })
			s.step("nav", "\x1b", func(text string) bool { return strings.Contains(text, "[NAV]") })
			s.step("first row", "g", nil)
			for i := range rows - 1 {
				if i%3 != 1 && testing.Short() { // the second of three has hostile text in each of its parts
					s.step("next row", "j", nil)
					s.marked(fmt.Sprintf("row %d", i+2))
					continue
				}
				s.step(fmt.Sprintf("change of row %d", i+1), "\r", func(text string) bool {
					return strings.Contains(text, "┌ Change") && strings.Contains(text, "Esc back")
				})
				s.step("the end of it", "G", nil)
				s.step("back", "\x1b", func(text string) bool { return strings.Contains(text, "┌ List") })
				s.marked(fmt.Sprintf("row %d", i+1))
				s.step("next row", "j", nil)
			}
			s.step("evidence", "E", func(text string) bool { return strings.Contains(text, "┌ Evidence") })
			s.step("saved", "x", func(text string) bool {
				return strings.Contains(text, `saved  `) && strings.Contains(text, `\x1b]0;owned\x07`)
			})
			s.step("its end", "G", nil)
			s.step("to the change", "\r", func(text string) bool { return strings.Contains(text, "┌ List") })
			s.step("peers", "2", func(text string) bool {
				return strings.Contains(text, "log digest") || strings.Contains(text, "┌ Peers ")
			})
			s.step("first peer", "g", nil)
			for i := range urls {
				s.marked(fmt.Sprintf("peer %d", i+1))
				s.step("next peer", "j", nil)
			}
			s.step("events", "4", func(text string) bool { return strings.Contains(text, "┌ Events ") })
			s.until("events of hostile peers", func(text string) bool { return strings.Contains(text, `x1b`) })
			s.step("first event", "g", nil)
			for range 30 {
				s.marked("events")
				s.step("next event", "j", nil)
			}
			s.step("help", "?", func(text string) bool { return strings.Contains(text, "┌ Keys") })
			s.step("no help", "\x1b", func(text string) bool { return !strings.Contains(text, "┌ Keys") })
			s.step("ledger", "1", func(text string) bool { return strings.Contains(text, "┌ List") })
			s.step("filter", "/", func(text string) bool { return strings.Contains(text, "[TYPE]") })
			s.step("filter of a paste", "\x1b[200~"+hostile[13].text+"\x1b[201~", nil)
			s.step("kept", "\r", nil)
			s.step("cleared", "\x1b", func(text string) bool { return strings.Contains(text, "filter off") })
			s.ends()
		})
	}
}

// seat is the program at a pseudo-terminal, with a screen emulator.
type seat struct {
	t       *testing.T
	w, h    int
	master  *os.File
	cmd     *exec.Cmd
	mu      sync.Mutex
	screen  *vt.Emulator
	raw     bytes.Buffer
	changed chan struct{}
	gone    chan struct{} // closed when the terminal gives no more
}

func (p *place) sit(w, h int, args ...string) *seat {
	p.t.Helper()
	cmd := p.command(args...)
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(w), Rows: uint16(h)})
	if err != nil {
		p.t.Skipf("no pseudo-terminal here: %v", err)
	}
	s := &seat{t: p.t, w: w, h: h, master: master, cmd: cmd, screen: vt.NewEmulator(w, h), changed: make(chan struct{}, 1), gone: make(chan struct{})}
	_, _ = s.screen.WriteString("\x1b[?2027h") // widths by grapheme, as the terminals of today
	go func() {
		defer close(s.gone)
		buf := make([]byte, 64<<10)
		for {
			n, err := master.Read(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.raw.Write(buf[:n])
			_, _ = s.screen.Write(buf[:n]) // never fails
			s.mu.Unlock()
			select {
			case s.changed <- struct{}{}:
			default:
			}
		}
	}()
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		_ = master.Close()
	})
	return s
}

// until waits for a whole picture that is as wanted.
func (s *seat) until(what string, ok func(text string) bool) {
	s.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		whole := bytes.HasSuffix(s.raw.Bytes(), []byte("\x1b[?2026l"))
		text := s.screen.String()
		s.mu.Unlock()
		if whole && ok(text) {
			return
		}
		select {
		case <-s.changed:
		case <-timeout.C:
			s.t.Fatalf("never saw %s; the screen shows:\n%s", what, text)
		}
	}
}

// step types keys, waits for a picture as wanted (nil: for ctrl+l's, a whole new one), and looks whether all is in its place.
func (s *seat) step(what, keys string, ok func(text string) bool) {
	s.t.Helper()
	s.mu.Lock()
	mark := s.raw.Len()
	s.mu.Unlock()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
	if ok == nil {
		// A repaint comes after whatever the keys have changed. (Not after a lone Esc: it would make one key of both.)
		if _, err := s.master.WriteString("\x0c"); err != nil {
			s.t.Fatal(err)
		}
		ok = func(string) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return bytes.Contains(s.raw.Bytes()[mark:], []byte("\x1b[2J"))
		}
	}
	s.until(what, ok)
	s.intact(what)
}

func (s *seat) cell(x, y int) string {
	if c := s.screen.CellAt(x, y); c != nil && c.Content != "" {
		return c.Content
	}
	return " "
}

// still waits until a picture is whole, and returns with the lock held, so that it stays so.
func (s *seat) still(what string) {
	s.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		if bytes.HasSuffix(s.raw.Bytes(), []byte("\x1b[?2026l")) {
			return
		}
		s.mu.Unlock()
		select {
		case <-s.changed:
		case <-timeout.C:
			s.t.Fatalf("%s: never a whole picture", what)
		}
	}
}

// intact looks whether every frame is whole and in its columns.
func (s *seat) intact(what string) {
	s.t.Helper()
	s.still(what)
	defer s.mu.Unlock()
	bad := func(x, y int, want string) {
		s.t.Fatalf("%s: column %d of line %d is %q, want one of %q; the screen shows:\n%s", what, x, y, s.cell(x, y), want, s.screen.String())
	}
	in := func(x, y int, want string) {
		if !strings.Contains(want, s.cell(x, y)) {
			bad(x, y, want)
		}
	}
	frames := 0
	for y := 0; y < s.h; y++ {
		if s.cell(0, y) != "┌" {
			continue
		}
		frames++
		in(s.w-1, y, "┐")
		var inner []int // of frames beside one another
		if side := s.w - 30; s.w >= 110 && s.cell(side, y) == "┌" && s.cell(side-1, y) == "┐" {
			inner = []int{side - 1, side}
		}
		for y++; y < s.h && s.cell(0, y) != "└"; y++ {
			in(0, y, "│")
			in(s.w-1, y, "│┐┘")
			for _, x := range inner {
				in(x, y, "│┌└┐┘")
			}
		}
		if y == s.h {
			bad(0, s.h-1, "└")
		}
		in(s.w-1, y, "┘")
	}
	if frames == 0 {
		s.t.Fatalf("%s: no frame at all; the screen shows:\n%s", what, s.screen.String())
	}
	pos := s.screen.CursorPosition()
	if pos.X < 0 || pos.X >= s.w || pos.Y < 0 || pos.Y >= s.h {
		s.t.Fatalf("%s: the cursor is at %v", what, pos)
	}
	last := s.cell(1, s.h-1)
	if last != "[" {
		s.t.Fatalf("%s: the bottom line does not name the mode; the screen shows:\n%s", what, s.screen.String())
	}
}

// marked looks whether the cursor is led to the row that is marked.
func (s *seat) marked(what string) {
	s.t.Helper()
	s.still(what)
	defer s.mu.Unlock()
	pos := s.screen.CursorPosition()
	for x := range 4 {
		if s.cell(x, pos.Y) == ">" {
			return
		}
	}
	s.t.Fatalf("%s: the cursor is at %v, and no row is marked there; the screen shows:\n%s", what, pos, s.screen.String())
}

// own are the sequences of the program.
var ownSequences = regexp.MustCompile(`\x1b\[(\?(1049|2004|7|25|2026|1000|1006)[hl]|[0-9;]*[mHGKXJ])`)

// ends stops the program and looks at every byte that it wrote.
func (s *seat) ends() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.gone:
	case <-time.After(patience):
		s.t.Fatal("does not end")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if rest := ownSequences.ReplaceAll(s.raw.Bytes(), nil); bytes.ContainsFunc(rest, func(r rune) bool {
		return r != '\r' && unseen(r) || r == utf8.RuneError && !bytes.Contains(rest, []byte("\ufffd"))
	}) {
		checkOutput(s.t, "the screen", bytes.ReplaceAll(rest, []byte("\r"), nil))
	}
	modes := map[string]bool{"7": true, "25": true}
	for _, m := range regexp.MustCompile(`\x1b\[\?([0-9]+)([hl])`).FindAllSubmatch(s.raw.Bytes(), -1) {
		modes[string(m[1])] = string(m[2]) == "h"
	}
	for mode, on := range modes {
		if on != (mode == "7" || mode == "25") {
			s.t.Errorf("mode %s is left %v", mode, on)
		}
	}
}
