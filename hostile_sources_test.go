//go:build unix

package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/transport"
)

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
