package transport_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// memory is a store for an example: nothing in it outlives the process.
type memory struct{ frames [][]byte }

func (m *memory) Records(yield func(uint64, []byte) error) error {
	for i, f := range m.frames {
		if err := yield(uint64(i), f); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Append(frames [][]byte) (uint64, error) {
	m.frames = append(m.frames, frames...)
	return uint64(len(m.frames) - len(frames)), nil
}

// Two nodes of one room: one listens, the other dials; what one writes, the other shows.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	start := func(seed byte) (*transport.Node, *transport.Hub) {
		node, err := transport.OpenNode(ctx, transport.NodeConfig{
			Charter: crdt.OpenLedger("main"),
			Key:     ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(seed), ed25519.SeedSize))),
			Store:   &memory{},
		})
		if err != nil {
			panic(err)
		}
		hub := transport.NewHub(transport.HubConfig{Agent: "example node 1"})
		if err := hub.Add(node); err != nil {
			panic(err)
		}
		running.Go(func() { _ = node.Run(ctx) }) // ends with ctx
		running.Go(func() { _ = hub.Run(ctx) })
		return node, hub
	}
	alice, hubA := start('a')
	bob, hubB := start('b')
	server := httptest.NewServer(hubA)
	defer server.Close()
	if _, err := hubB.Connect(bob, server.URL); err != nil {
		panic(err)
	}

	entry, err := crdt.EncodeLiteral("alice -> bob 12.50 dinner")
	if err != nil {
		panic(err)
	}
	if _, err := alice.Append(ctx, 1_800_000_000, entry); err != nil {
		panic(err)
	}
	for bob.Snapshot().View.Len() == 0 {
		<-bob.Changed()
	}
	fmt.Println(bob.Snapshot().View.Row(0).Literal.Value())
	// Output: alice -> bob 12.50 dinner
}
