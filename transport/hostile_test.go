package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// A rawPeer speaks whatever a test wants to a listener.
type rawPeer struct {
	t  testing.TB
	ws *websocket.Conn
}

func dialRaw(t testing.TB, url string) *rawPeer {
	t.Helper()
	ws, _, err := (&websocket.Dialer{Subprotocols: []string{subprotocol}}).Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	if err := ws.SetReadDeadline(time.Now().Add(testPatience)); err != nil {
		t.Fatal(err)
	}
	return &rawPeer{t, ws}
}

func (p *rawPeer) send(room crdt.RoomID, b Body) {
	p.t.Helper()
	p.sendRaw(websocket.BinaryMessage, AppendMessage(nil, room, b))
}

// try sends to a listener that may have closed already.
func (p *rawPeer) try(room crdt.RoomID, b Body) {
	_ = p.ws.WriteMessage(websocket.BinaryMessage, AppendMessage(nil, room, b)) // what is read next tells
}

func (p *rawPeer) sendRaw(kind int, frame []byte) {
	p.t.Helper()
	if err := p.ws.WriteMessage(kind, frame); err != nil {
		p.t.Fatal(err)
	}
}

// hello says hello with an empty log and reads the listener's.
func (p *rawPeer) hello() {
	p.t.Helper()
	p.send(testCharter.ID(), &Hello{Charter: testCharter.Append(nil), Agent: "raw node"})
	if _, ok := p.read().(*Hello); !ok {
		p.t.Fatal("no hello came back")
	}
}

// read returns the next message that is not grease.
func (p *rawPeer) read() Body {
	p.t.Helper()
	for {
		_, frame, err := p.ws.ReadMessage()
		if err != nil {
			p.t.Fatal(err)
		}
		m, err := DecodeMessage(frame)
		if err != nil {
			p.t.Fatal(err)
		}
		if _, ok := m.Body.(Grease); !ok {
			return m.Body
		}
	}
}

// wantError reads on until the error message comes, and then the end of the connection.
func (p *rawPeer) wantError(code string) {
	p.t.Helper()
	var got *PeerError
	for got == nil {
		got, _ = p.read().(*PeerError)
	}
	if got.ErrorCode != code {
		p.t.Errorf("error %q (%s), want %q", got.ErrorCode, got.Text, code)
	}
	for {
		_, _, err := p.ws.ReadMessage()
		if err == nil {
			continue
		}
		var closed *websocket.CloseError
		if !errors.As(err, &closed) || closed.Text != code {
			p.t.Errorf("connection ended with %v, want a close frame that says %q", err, code)
		}
		return
	}
}

// TestHostileFrames: each of these ends its connection with its code, while another session goes on.
func TestHostileFrames(t *testing.T) {
	node := startNode(t, NodeConfig{Key: testKey(1)})
	mustAppend(t, node, "one")
	hub, url := startHub(t, HubConfig{Agent: "tallystick node test"})
	if err := hub.Add(node); err != nil {
		t.Fatal(err)
	}
	other := startNode(t, NodeConfig{Key: testKey(2)})
	otherHub, _ := startHub(t, HubConfig{Agent: "tallystick node test"})
	if _, err := otherHub.Connect(other, url); err != nil {
		t.Fatal(err)
	}
	waitFor(t, other, "live", func(s *Snapshot) bool { return s.Link == LinkLive })

	room, charter := testCharter.ID(), testCharter.Append(nil)
	forged := mustReplica(t)
	mustWrite(t, forged, testKey(9), 3)
	goodPack, _ := forged.PackFrom(0, nil)
	flipped := bytes.Clone(goodPack)
	flipped[len(flipped)-3] ^= 1 // in the signature
	elsewhere, err := crdt.NewReplica(crdt.OpenLedger("elsewhere"))
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, elsewhere, testKey(9), 1)
	foreignPack, _ := elsewhere.PackFrom(0, nil)
	oldVersion := dcbor.AppendArray(nil, 7)
	oldVersion = dcbor.AppendUint(oldVersion, typeHello)
	oldVersion = dcbor.AppendBytes(oldVersion, room[:])
	oldVersion = dcbor.AppendUint(oldVersion, 99)

	for _, tt := range []struct {
		name, code string
		act        func(p *rawPeer)
	}{
		{"text frame", "text-frame", func(p *rawPeer) { p.sendRaw(websocket.TextMessage, []byte("hello")) }},
		{"oversized frame", "too-large", func(p *rawPeer) { p.sendRaw(websocket.BinaryMessage, make([]byte, MaxFrameBytes+1)) }},
		{"oversized need", "too-large", func(p *rawPeer) {
			p.sendRaw(websocket.BinaryMessage, append(AppendMessage(nil, room, Need{}), make([]byte, MaxControlBytes)...))
		}},
		{"garbage", "bad-message", func(p *rawPeer) { p.sendRaw(websocket.BinaryMessage, []byte{0xff, 0x00, 0x13}) }},
		{"empty frame", "bad-message", func(p *rawPeer) { p.sendRaw(websocket.BinaryMessage, nil) }},
		{"unknown type", "bad-message", func(p *rawPeer) { p.send(room, Grease(9)) }},
		{"trailing bytes", "bad-message", func(p *rawPeer) {
			p.sendRaw(websocket.BinaryMessage, append(AppendMessage(nil, room, Need{}), 0))
		}},
		{"wrong version", "version", func(p *rawPeer) { p.sendRaw(websocket.BinaryMessage, oldVersion) }},
		{"talk before hello", "hello-first", func(p *rawPeer) { p.send(room, Packs{goodPack}) }},
		{"charter of another room", "wrong-room", func(p *rawPeer) {
			p.send(room, &Hello{Charter: crdt.OpenLedger("elsewhere").Append(nil)})
		}},
		{"charter that is none", "wrong-room", func(p *rawPeer) { p.send(room, &Hello{Charter: []byte{1}}) }},
		{"hello twice", "hello-twice", func(p *rawPeer) {
			p.hello()
			p.send(room, &Hello{Charter: charter})
		}},
		{"flipped signature", "bad-signature", func(p *rawPeer) { p.hello(); p.send(room, Packs{flipped}) }},
		{"pack of another room", "bad-signature", func(p *rawPeer) { p.hello(); p.send(room, Packs{foreignPack}) }},
		{"pack that is none", "malformed", func(p *rawPeer) { p.hello(); p.send(room, Packs{{0x80, 1}}) }},
		{"credit for nothing", "bad-credit", func(p *rawPeer) { p.hello(); p.send(room, &Stored{Credit: 1000}) }},
		{"round that was not opened", "bad-sync", func(p *rawPeer) { p.hello(); p.send(room, &Tips{Round: 77, Form: formHeld}) }},
		{"rounds without end", "bad-sync", func(p *rawPeer) {
			p.hello()
			for r := range uint64(100) {
				p.try(room, &Tips{Round: 2 + r, Form: formFingerprint, Fingerprint: [32]byte{byte(r), 1}})
			}
		}},
		{"too many rooms", "too-many-rooms", func(p *rawPeer) {
			for k := range 100 {
				c := crdt.OpenLedger(fmt.Sprint("room ", k))
				p.try(c.ID(), &Hello{Charter: c.Append(nil)})
				if k < 64 {
					if e, ok := p.read().(*PeerError); !ok || e.ErrorCode != "no-room" {
						p.t.Fatalf("room %d: %+v, want no-room", k, e)
					}
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := dialRaw(t, url)
			tt.act(p)
			p.wantError(tt.code)
		})
	}

	// Honest work goes on.
	r := mustAppend(t, node, "two")
	s := waitFor(t, other, "the change", func(s *Snapshot) bool { return s.View.Changes() == 2 })
	if got := s.View.ChangeAt(1).ID; got != r.ID {
		t.Errorf("got change %v, want %v", got, r.ID)
	}
	s = waitFor(t, node, "stored", func(s *Snapshot) bool { return s.Unsent == 0 })
	counted := 0
	for _, p := range s.Peers {
		for _, c := range p.Refused {
			if c.Code == "bad-signature" || c.Code == "malformed" {
				counted += int(c.N)
			}
		}
	}
	if counted != 3 {
		t.Errorf("%d refusals counted under their reasons, want 3", counted)
	}
}

// TestSlowReader: a peer that does not read is closed; the others do not notice.
func TestSlowReader(t *testing.T) {
	full := mustReplica(t)
	text := string(bytes.Repeat([]byte("x"), 60_000))
	w, err := full.Writer(testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	for range 400 { // 24 MB: more than the buffers of the network hold
		if _, err := w.Change(1, func(tx *crdt.Tx) error { _, err := tx.Append(entry(t, text)); return err }); err != nil {
			t.Fatal(err)
		}
		w.Sign()
	}
	node := startNode(t, NodeConfig{Store: storeOf(full), Key: testKey(2)})
	limits := Limits{WriteTimeout: time.Second}
	hub, fast := startHub(t, HubConfig{Agent: "tallystick node test", Limits: limits})
	server := httptest.NewUnstartedServer(hub)
	server.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateNew {
			if err := c.(*net.TCPConn).SetWriteBuffer(32 << 10); err != nil {
				t.Error(err)
			}
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	url := "ws" + strings.TrimPrefix(server.URL, "http")
	if err := hub.Add(node); err != nil {
		t.Fatal(err)
	}
	slow := dialRaw(t, url)
	slow.hello()
	for credit := uint64(1); credit <= 3; credit++ { // it begins well, then reads no more
		slow.read()
		slow.send(testCharter.ID(), &Stored{Credit: credit})
	}
	s := waitFor(t, node, "the slow one to be closed", func(s *Snapshot) bool {
		return len(s.Peers) == 1 && s.Peers[0].State == PeerClosed
	})
	if got := s.Peers[0].Reason.Code; got != "slow-reader" {
		t.Errorf("closed for %q, want slow-reader", got)
	}
	other := startNode(t, NodeConfig{})
	otherHub, _ := startHub(t, HubConfig{Agent: "tallystick node test"})
	if _, err := otherHub.Connect(other, fast); err != nil {
		t.Fatal(err)
	}
	waitFor(t, other, "all", func(s *Snapshot) bool { return s.View.Changes() == 400 })
}

// TestDialErrors: each failure to connect has its code, and says what to do.
func TestDialErrors(t *testing.T) {
	hub, url := startHub(t, HubConfig{})
	plain := startHTTP(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hi") })
	foreign := startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		if ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil); err == nil {
			ws.Close()
		}
	})
	secure := startHTTPS(t)
	garbage := startTCP(t, "SSH-2.0-x\r\n")
	closed := startTCP(t, "")
	silent := startTCP(t, "silent")
	for _, tt := range []struct{ name, url, code string }{
		{"good", url, ""},
		{"nobody listens", refusedAddress(t), "refused"},
		{"no such host", "ws://no-such-host.invalid", "no-such-host"},
		{"wss without TLS", "wss" + url[2:], "tls-mismatch"},
		{"ws to TLS", secure, "tls-needed"},
		{"unknown certificate", "wss" + secure[2:], "tls-untrusted"},
		{"a web server", plain, "not-websocket"},
		{"another websocket server", foreign, "not-tallystick"},
		{"another protocol", garbage, "not-websocket"},
		{"closes at once", closed, "not-websocket"},
		{"says nothing", silent, "timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := NewHub(HubConfig{Limits: Limits{DialTimeout: time.Second}})
			c, err := h.dial(context.Background(), mustURL(t, tt.url), &LinkStats{})
			if tt.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				c.ws.Close()
				return
			}
			var dial *DialError
			if !errors.As(err, &dial) || dial.ErrorCode != tt.code {
				t.Fatalf("got %v (code %s), want code %s", err, Code(err), tt.code)
			}
			if dialHints[dial.ErrorCode] == "" {
				t.Errorf("no hint for code %s", dial.ErrorCode)
			}
			t.Log(err)
		})
	}
	if _, err := hub.dial(context.Background(), mustURL(t, url), &LinkStats{}); Code(err) != "self" {
		t.Errorf("dialling oneself: %v, want code self", err)
	}
}
