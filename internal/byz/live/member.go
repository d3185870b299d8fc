package live

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/transport"
)

// A member is an honest node in this process: for rooms that the program does not open by name. Its files and its connections are
// real.
type member struct {
	charter crdt.Charter
	key     ed25519.PrivateKey // nil: it only reads
	dir     string
	relay   string // its URL; "" for none
	listen  string

	news  // of its snapshots
	codes codes
	node  *transport.Node
	store *store.Store
	last  *store.Last
	stop  func()
	tasks sync.WaitGroup
	seen  uint64 // the newest event; owned by watch
}

func (m *member) begin(ctx context.Context) (err error) {
	path := filepath.Join(m.dir, "room.db")
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return err
	}
	if m.store, err = store.Open(path); errors.Is(err, fs.ErrNotExist) {
		m.store, err = store.Create(path, store.Meta{Room: m.charter.ID(), Charter: m.charter.Append(nil)})
	}
	if err != nil {
		return err
	}
	cfg := transport.NodeConfig{Charter: m.charter, Key: m.key, Store: m.store}
	if m.key != nil {
		if m.last, err = store.OpenLast(filepath.Join(m.dir, "last")); err != nil {
			return err
		}
		cfg.Last = m.last
	}
	m.node, err = transport.OpenNode(ctx, cfg)
	if err != nil {
		return err
	}
	hub := transport.NewHub(transport.HubConfig{Agent: "tallystick node live"})
	if err := hub.Add(m.node); err != nil {
		return err
	}
	linksCtx, endLinks := context.WithCancel(context.WithoutCancel(ctx))
	nodeCtx, endNode := context.WithCancel(context.WithoutCancel(ctx))
	var links sync.WaitGroup
	links.Go(func() { _ = hub.Run(linksCtx) }) // nil, once its context ends
	var server *http.Server
	if m.listen != "" {
		l, err := net.Listen("tcp", m.listen)
		if err != nil {
			endLinks()
			endNode()
			return err
		}
		mux := http.NewServeMux()
		mux.Handle("/websocket", hub)
		server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
		links.Go(func() { _ = server.Serve(l) }) // ends by Close
	}
	m.tasks.Go(func() { _ = m.node.Run(nodeCtx) }) // the store's errors are in the snapshot
	m.seen = 0
	m.tasks.Go(m.watch)
	m.stop = sync.OnceFunc(func() {
		if server != nil {
			_ = server.Close() // nothing is left in it that matters
		}
		endLinks()
		links.Wait()
		endNode()
		m.tasks.Wait()
		_ = m.store.Close() // closed or not, verify reads the file
		if m.last != nil {
			_ = m.last.Close()
		}
	})
	if m.relay != "" {
		_, err = hub.Connect(m.node, m.relay)
	}
	return err
}

// watch turns new snapshots into news until the node has ended.
func (m *member) watch() {
	for {
		select {
		case <-m.node.Done():
			return
		case <-m.node.Changed():
		}
		for _, e := range m.node.Snapshot().Events {
			if e.Seq <= m.seen {
				continue
			}
			m.seen = e.Seq
			if e.Kind == transport.EventRefused || e.Kind == transport.EventPeerClosed {
				m.codes.add(e.Address, e.Code)
			}
		}
		m.change(func() {})
	}
}

func (m *member) say(ctx context.Context, text string) (string, error) {
	literal, err := crdt.EncodeLiteral(text)
	if err != nil {
		return "", err
	}
	ctx, cancel := within(ctx, patience, "an edit of the node in %s is durable", m.dir)
	defer cancel()
	done := make(chan transport.Receipt, 1)
	intent := transport.AppendIntent(time.Now().Unix(), literal, func(r transport.Receipt) { done <- r })
	if m.charter.Kind == crdt.JSON {
		intent.Edit = func(tx *crdt.Tx) error {
			_, err := tx.Set(crdt.Root, text, literal)
			return err
		}
	}
	if err := m.node.Submit(ctx, intent); err != nil {
		return "", err
	}
	select {
	case r := <-done:
		return hex.EncodeToString(r.ID[:]), r.Err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (m *member) shows(ctx context.Context, id string) error {
	ctx, cancel := within(ctx, patience, "the node in %s has change %.8s", m.dir, id)
	defer cancel()
	at := 0
	return m.wait(ctx, func() bool {
		v := m.node.Snapshot().View
		for ; at < v.Changes(); at++ {
			c := v.ChangeAt(at).ID
			if hex.EncodeToString(c[:]) == id {
				return true
			}
		}
		return false
	})
}

func (m *member) misses(ctx context.Context, addrs map[string]bool) error {
	ctx, cancel := within(ctx, patience, "the node in %s notices that an attacker withholds", m.dir)
	defer cancel()
	return m.wait(ctx, func() bool {
		return slices.ContainsFunc(m.node.Snapshot().Events, func(e transport.Event) bool {
			return e.Kind == transport.EventWithheld && addrs[e.Address]
		})
	})
}

func (m *member) finish(ctx context.Context) error {
	ctx, cancel := within(ctx, patience, "all edits of the node in %s are stored elsewhere", m.dir)
	defer cancel()
	err := m.wait(ctx, func() bool {
		s := m.node.Snapshot()
		for _, p := range s.Peers {
			if p.Direction == transport.Dialled && p.State != transport.PeerLive {
				return false
			}
		}
		return s.Unsent == 0
	})
	m.stop()
	return err
}

func (m *member) verify(ctx context.Context) (ending, error) {
	st, err := store.Open(filepath.Join(m.dir, "room.db"))
	if err != nil {
		return ending{}, err
	}
	defer st.Close() // nothing is written
	size, err := st.Size()
	if err != nil {
		return ending{}, err
	}
	node, err := transport.OpenNode(ctx, transport.NodeConfig{Charter: m.charter, Store: st})
	if err != nil {
		return ending{}, fmt.Errorf("the store in %s: %w", m.dir, err)
	}
	v := node.Snapshot().View
	log, doc := v.LogDigest(), v.DocDigest()
	authors := make(map[crdt.Author]bool)
	for _, f := range v.Forks() {
		authors[f.Author] = true
	}
	e := ending{LogDigest: hex.EncodeToString(log[:]), DocDigest: hex.EncodeToString(doc[:]), Changes: v.Changes(), Forked: len(authors), FileBytes: size}
	if m.charter.Kind != crdt.JSON {
		e.Rows = v.Len()
	}
	return e, nil
}

func (m *member) abandon() {
	if m.stop != nil {
		m.stop()
	}
}

func (m *member) check() error     { return nil }
func (m *member) address() string  { return m.listen }
func (m *member) counted() *codes  { return &m.codes }
func (m *member) peakBytes() int64 { return 0 } // it is part of this process
