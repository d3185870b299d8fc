package main

import (
	"context"
	"errors"
	"path/filepath"
	"sync"

	"github.com/tallystick/tallystick/bench/internal/sample"
	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/transport"
)

// localNode is a real node of one room within this process, without a screen.
type localNode struct {
	*transport.Node
	hub   *transport.Hub
	store *store.Store
	last  *store.Last

	cancel context.CancelFunc
	wg     sync.WaitGroup
	mu     sync.Mutex
	err    error // guarded by mu
}

// openNode opens p's store of the room within home, which is made if there is none, and runs a node on it.
func openNode(ctx context.Context, home sample.Home, p sample.Person, charter crdt.Charter) (*localNode, error) {
	person, id := home.Person(p), charter.ID()
	path := person.RoomPath(id)
	s, err := store.Open(path)
	if err != nil {
		if s, err = store.Create(path, store.Meta{Room: id, Charter: charter.Append(nil)}); err != nil {
			return nil, err
		}
	}
	last, err := store.OpenLast(filepath.Clean(person.LastPath(id)))
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	n := &localNode{store: s, last: last, hub: transport.NewHub(transport.HubConfig{Agent: "tallystick bench 0"})}
	n.Node, err = transport.OpenNode(ctx, transport.NodeConfig{Charter: charter, Key: p.Key, Store: s, Last: last})
	if err != nil {
		return nil, errors.Join(err, s.Close(), last.Close())
	}
	if err := n.hub.Add(n.Node); err != nil {
		return nil, errors.Join(err, s.Close(), last.Close())
	}
	ctx, n.cancel = context.WithCancel(ctx)
	for _, f := range []func(context.Context) error{n.Run, n.hub.Run} {
		n.wg.Go(func() {
			err := f(ctx)
			n.mu.Lock()
			defer n.mu.Unlock()
			n.err = errors.Join(n.err, err)
		})
	}
	return n, nil
}

// close ends the node and its connections.
func (n *localNode) close() error {
	n.cancel()
	n.wg.Wait()
	return errors.Join(n.err, n.store.Close(), n.last.Close())
}

// await waits until the node's snapshot is as wanted.
func (n *localNode) await(ctx context.Context, wanted func(*transport.Snapshot) bool) error {
	for !wanted(n.Snapshot()) {
		select {
		case <-n.Changed():
		case <-n.Done():
			return errors.New("the node has stopped")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
