package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/proof"
)

// TestForkReachesEveryHonestReplica: mallory, who runs two nodes under one key, gives one branch each to two victims,
// over real websockets. Once the victims are connected, by way of others, every honest node holds both branches and
// writes the same proof, byte for byte; and mallory's own nodes learn of it and stop writing.
func TestForkReachesEveryHonestReplica(t *testing.T) {
	t.Parallel()
	for _, common := range []bool{true, false} {
		t.Run(fmt.Sprintf("after a common change %v", common), func(t *testing.T) {
			t.Parallel()
			hubs := make([]*Hub, 6)
			urls := make([]string, len(hubs))
			nodes := make([]*Node, len(hubs))
			for i := range nodes {
				hubs[i], urls[i] = startHub(t, HubConfig{Agent: "tallystick node test"})
				key := testKey(10 + i)
				if i < 2 {
					key = testKey(1) // mallory, twice
				}
				nodes[i] = startNode(t, NodeConfig{Store: openStore(t), Key: key})
				if err := hubs[i].Add(nodes[i]); err != nil {
					t.Fatal(err)
				}
			}
			connect := func(from, to int) {
				t.Helper()
				if _, err := hubs[from].Connect(nodes[from], urls[to]); err != nil {
					t.Fatal(err)
				}
			}
			changes := 0
			if common { // the two have it from one another before they part
				mustAppend(t, nodes[0], "as both know")
				frame, _ := coreOf(t, nodes[0])
				changes++
				nodes[1] = startNode(t, NodeConfig{Store: &memStore{frames: [][]byte{frame}}, Key: testKey(1)})
				hubs[1], urls[1] = startHub(t, HubConfig{Agent: "tallystick node test"})
				nodes[1].ConfirmOnlyCopy() // it is not, and says so all the same
				waitFor(t, nodes[1], "writing", func(s *Snapshot) bool { return s.Writing == WriteOpen })
				if err := hubs[1].Add(nodes[1]); err != nil {
					t.Fatal(err)
				}
			}
			a, b := mustAppend(t, nodes[0], "I owe you 5"), mustAppend(t, nodes[1], "I owe you 3")
			changes += 2
			const mallory1, mallory2, victim1, victim2, bridge, last = 0, 1, 2, 3, 4, 5
			connect(mallory1, victim1)
			connect(mallory2, victim2)
			for _, v := range []int{victim1, victim2} {
				waitFor(t, nodes[v], "one branch", func(s *Snapshot) bool { return s.View.Changes() == changes-1 })
				mustAppend(t, nodes[v], "seen")
			}
			connect(victim1, bridge)
			connect(bridge, victim2)
			connect(last, bridge)
			changes += 2
			me := nodes[0].Snapshot().Me
			want := crdt.Fork{Author: me, A: a.ID, B: b.ID}
			if bytes.Compare(a.ID[:], b.ID[:]) > 0 {
				want.A, want.B = b.ID, a.ID
			}
			var first []byte
			for i, n := range nodes {
				s := waitFor(t, n, "both branches", func(s *Snapshot) bool { return s.View.Changes() == changes && len(s.View.Forks()) == 1 })
				f := s.View.Forks()[0]
				b, err := proof.AppendFork(nil, proof.Source{
					Charter:  s.View.Charter(),
					Evidence: func(f crdt.Fork) ([]byte, error) { return n.Evidence(context.Background(), f) },
					Payload: func(id crdt.ChangeID) []byte {
						for i := range s.View.Changes() {
							if c := s.View.ChangeAt(i); c.ID == id {
								return c.Payload
							}
						}
						return nil
					},
				}, f)
				if err != nil {
					t.Fatalf("node %d: %v", i, err)
				}
				says, err := proof.Check(b)
				if err != nil {
					t.Fatalf("node %d: %v", i, err)
				}
				want.Prev = f.Prev
				if got := says.Fork.Fork; got != want || common != (got.Prev != crdt.ChangeID{}) {
					t.Errorf("node %d proves %+v, want %+v", i, got, want)
				}
				if first == nil {
					first = b
				}
				if !bytes.Equal(b, first) {
					t.Errorf("node %d writes another proof than node 0:\n%x\n%x", i, b, first)
				}
				if i > mallory2 {
					told := 0
					for _, e := range s.Events {
						if e.Kind == EventFork && e.Author == me {
							told++
						}
					}
					if told != 1 || s.Writing != WriteOpen {
						t.Errorf("node %d: fork told %d times, writing %v", i, told, s.Writing)
					}
				}
			}
			for _, i := range []int{mallory1, mallory2} {
				waitFor(t, nodes[i], "the end of writing", func(s *Snapshot) bool { return s.Writing == WriteSelfFork && s.SelfFork != nil })
				if _, err := nodes[i].Append(context.Background(), 1, entry(t, "no")); !errors.Is(err, ErrSelfFork) {
					t.Errorf("node %d writes on: %v", i, err)
				}
			}
		})
	}
}

// coreOf is the first pack of a node's log.
func coreOf(t *testing.T, n *Node) ([]byte, int) {
	t.Helper()
	type result struct {
		frame []byte
		next  int
	}
	got := make(chan result, 1)
	if !n.send(nil, input{do: func(time.Time) {
		frame, next := n.core.replica.PackFrom(0, nil)
		got <- result{frame, next}
	}}) {
		t.Fatal("the node has ended")
	}
	r := <-got
	return r.frame, r.next
}

// TestEvidenceOfANode: what is no fork has no evidence, and a node that has ended gives none.
func TestEvidenceOfANode(t *testing.T) {
	t.Parallel()
	n := startNode(t, NodeConfig{Key: testKey(1)})
	if _, err := n.Evidence(context.Background(), crdt.Fork{}); !errors.Is(err, crdt.ErrNoTarget) {
		t.Errorf("of no fork: %v", err)
	}
	ended, err := OpenNode(context.Background(), NodeConfig{Charter: testCharter, Store: &memStore{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := ended.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := ended.Evidence(context.Background(), crdt.Fork{}); !errors.Is(err, ErrStopped) {
		t.Errorf("of an ended node: %v", err)
	}
}
