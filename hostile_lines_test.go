//go:build unix

package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

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
		var said bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &said, &said
		_ = runs(cmd) // lines are bad: it ends with 1
		checkOutput(p.t, fmt.Sprint("plain mode ", form), said.Bytes())
		if n := bytes.Count(said.Bytes(), []byte("entry")); n < rows {
			p.t.Errorf("%d entries, want %d at least: %s", n, rows, cut(said.String()))
		}
		if !bytes.Contains(said.Bytes(), []byte("evidence")) && len(form) > 0 {
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
