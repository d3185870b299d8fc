package transport

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// benchNode is a node with a real store whose snapshots nobody reads.
func benchNode(b *testing.B, key int) *Node {
	cfg := NodeConfig{Store: openStore(b)}
	if key >= 0 {
		cfg.Key = testKey(key)
	}
	return startNode(b, cfg)
}

// submitAll submits count intents as a pipe does, and waits until all are durable.
func submitAll(b testing.TB, n *Node, count int) {
	done := make(chan struct{})
	left := count
	l := entry(b, "alice -> bob 12.50 dinner")
	for range count {
		err := n.Submit(context.Background(), AppendIntent(1, l, func(r Receipt) {
			if r.Err != nil {
				b.Error(r.Err)
			}
			if left--; left == 0 {
				close(done)
			}
		}))
		if err != nil {
			b.Fatal(err)
		}
	}
	<-done
}

func waitChanges(b testing.TB, n *Node, count int) {
	waitFor(b, n, fmt.Sprint(count, " changes"), func(s *Snapshot) bool { return s.View.Changes() >= count })
}

// BenchmarkPipe: 10,000 lines into one node, each durable: the pace of `cat lines | tallystick --plain`.
func BenchmarkPipe(b *testing.B) {
	n := benchNode(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		submitAll(b, n, 10_000)
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "changes/s")
}

// BenchmarkAppend: one change at a time, waited for: what one sync costs here.
func BenchmarkAppend(b *testing.B) {
	n := benchNode(b, 1)
	l := entry(b, "alice -> bob 12.50 dinner")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := n.Append(context.Background(), 1, l); err != nil {
			b.Fatal(err)
		}
	}
}

// startRelay runs a relay with one room and a real store.
func startRelay(b *testing.B) (*Node, string) {
	relay := benchNode(b, -1)
	hub, url := startHub(b, HubConfig{Agent: "tallystick relay test"})
	if err := hub.Add(relay); err != nil {
		b.Fatal(err)
	}
	return relay, url
}

func connect(b *testing.B, n *Node, url string) {
	hub, _ := startHub(b, HubConfig{Agent: "tallystick node test"})
	if _, err := hub.Connect(n, url); err != nil {
		b.Fatal(err)
	}
	waitFor(b, n, "live", func(s *Snapshot) bool { return s.Link == LinkLive })
}

// BenchmarkTwoNodesOverRelay: 10,000 lines typed at one node, durable at the relay and at the other node.
func BenchmarkTwoNodesOverRelay(b *testing.B) {
	_, url := startRelay(b)
	from, to := benchNode(b, 1), benchNode(b, 2)
	connect(b, from, url)
	connect(b, to, url)
	total := 0
	for b.Loop() {
		submitAll(b, from, 10_000)
		total += 10_000
		waitChanges(b, to, total)
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "changes/s")
}

// BenchmarkKeyToOtherNode: one change, from Submit until it is in the other node's snapshot: three syncs one after another.
func BenchmarkKeyToOtherNode(b *testing.B) {
	_, url := startRelay(b)
	from, to := benchNode(b, 1), benchNode(b, 2)
	connect(b, from, url)
	connect(b, to, url)
	l := entry(b, "x")
	total := 0
	for b.Loop() {
		if err := from.Submit(context.Background(), AppendIntent(1, l, nil)); err != nil {
			b.Fatal(err)
		}
		total++
		waitChanges(b, to, total)
	}
}

// BenchmarkNewcomer: a node without anything takes in 100,000 changes of ten authors, checked and durable.
func BenchmarkNewcomer(b *testing.B) {
	relay, url := startRelay(b)
	for k := range 10 {
		n := startNode(b, NodeConfig{Key: testKey(k)})
		connect(b, n, url)
		submitAll(b, n, 10_000)
		waitFor(b, n, "sent", func(s *Snapshot) bool { return s.Unsent == 0 })
	}
	waitChanges(b, relay, 100_000)
	for b.Loop() {
		b.StopTimer()
		n := benchNode(b, -1)
		hub, _ := startHub(b, HubConfig{Agent: "tallystick node test"})
		b.StartTimer()
		began := time.Now()
		if _, err := hub.Connect(n, url); err != nil {
			b.Fatal(err)
		}
		waitChanges(b, n, 100_000)
		b.ReportMetric(time.Since(began).Seconds()*1000, "ms/newcomer")
	}
}

// BenchmarkFanOut: one publisher, 100 subscribers over websockets; all of it in this process.
func BenchmarkFanOut(b *testing.B) {
	relay, url := startRelay(b)
	from := startNode(b, NodeConfig{Key: testKey(1)})
	connect(b, from, url)
	const subscribers = 100
	var all []*Node
	for range subscribers {
		n := startNode(b, NodeConfig{})
		connect(b, n, url)
		all = append(all, n)
	}
	total := 0
	for b.Loop() {
		submitAll(b, from, 1000)
		total += 1000
		for _, n := range all {
			waitChanges(b, n, total)
		}
	}
	b.ReportMetric(float64(total)*subscribers/b.Elapsed().Seconds(), "deliveries/s")
	_ = relay
}

// BenchmarkIdleConnection: what a connection with one room, past its comparison, takes of a relay's memory. The clients are
// bare sockets in the same process, whose own part is measured first and taken off.
func BenchmarkIdleConnection(b *testing.B) {
	const count = 1000
	used := func() (total uint64) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	request := "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: " + subprotocol + "\r\n\r\n"
	hello := AppendMessage(nil, testCharter.ID(), &Hello{Charter: testCharter.Append(nil), Agent: "raw node"})
	masked := append([]byte{0x82, 0x80 | 126, byte(len(hello) >> 8), byte(len(hello)), 0, 0, 0, 0}, hello...)
	var answer [4096]byte
	bare, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	for b.Loop() {
		relay, url := startRelay(b)
		open := func(address string) (all []net.Conn) {
			for range count {
				c, err := net.Dial("tcp", address)
				if err != nil {
					b.Fatal(err)
				}
				all = append(all, c)
			}
			return all
		}
		before := used()
		var accepted []net.Conn
		clients := open(bare.Addr().String())
		for range count {
			c, err := bare.Accept()
			if err != nil {
				b.Fatal(err)
			}
			accepted = append(accepted, c)
		}
		own := used() - before
		for i := range accepted {
			accepted[i].Close()
			clients[i].Close()
		}
		before = used()
		clients = open(strings.TrimPrefix(url, "ws://"))
		for _, c := range clients {
			if _, err := c.Write([]byte(request)); err != nil {
				b.Fatal(err)
			}
			if _, err := c.Read(answer[:]); err != nil {
				b.Fatal(err)
			}
			if _, err := c.Write(masked); err != nil {
				b.Fatal(err)
			}
		}
		waitFor(b, relay, "all connections", func(s *Snapshot) bool { return s.Live == count })
		b.ReportMetric(float64(int64(used()-before)-int64(own)/2)/count/1024, "KiB/conn")
		for _, c := range clients {
			c.Close()
		}
		waitFor(b, relay, "all to be gone", func(s *Snapshot) bool { return s.Of == 0 })
	}
}
