package byz

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// A world is three honest cores on one goroutine with a clock of their own: two nodes that write, and between them the relay
// that keeps. Attackers connect to the relay and to the first node, so that the second hears of them through honest peers alone.
type world struct {
	t     testing.TB
	rand  *rand.Rand
	now   time.Time
	room  *Room
	nodes []*node // ann, relay, bob
	wires []*wire
	ids   transport.PeerID
	said  int           // honest edits
	ahead time.Duration // how far time is let go on for what is due: longer than anything that the attacks wait for
	over  bool          // the attack is over, and honest authors go on with what it has left

	pendingPacks, pendingBytes int // the most that ever waited at one node
	toAttackers                int // bytes
}

const (
	ann = iota
	relay
	bob
)

type node struct {
	name  string
	cfg   transport.NodeConfig
	store *disk
	core  *transport.Core
}

// disk is the store of an honest node: what is merged when it is opened is merged there too.
type disk struct{ memory }

func (d *disk) Append(frames [][]byte) (uint64, error) {
	for i, f := range frames {
		frames[i] = bytes.Clone(f)
	}
	return d.memory.Append(frames)
}

func (d *disk) Replace(from uint64, frames [][]byte) error {
	d.frames = d.frames[:from]
	_, err := d.Append(frames)
	return err
}

// A wire is a connection: between two nodes, or with hostile at its second end.
type wire struct {
	ends    [2]*node
	ids     [2]transport.PeerID // ids[i] is how ends[i] calls the other
	queue   [2][][]byte         // queue[i] is on its way to ends[i]
	hostile Peer
	cut     bool
	ended   string   // the code for which ends[0] closed it
	refused []string // codes of packs that ends[0] refused here
}

// slots is how many messages one direction of a wire holds.
const slots = 8

var honestNames = [...]string{"ann", "relay", "bob"}

func honestKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("honest " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func honestAuthors() (a []crdt.Author) {
	for _, name := range []string{"ann", "bob"} {
		a = append(a, crdt.Author(honestKey(name).Public().(ed25519.PublicKey)))
	}
	return a
}

// newWorld makes a world for attacks that go together, in the room that they need: of that kind if any will do.
func newWorld(t testing.TB, seed uint64, kind crdt.Kind, attacks ...Attack) *world {
	t.Helper()
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 3)), now: time.Unix(1_800_000_000, 0)}
	w.room = &Room{Rand: rand.New(rand.NewPCG(seed, 4)), Now: w.now}
	w.room.Charter = crdt.Charter{Name: "attacked", Kind: kind, Params: crdt.Literal{0xa0}}
	w.ahead = time.Minute
	for _, a := range attacks {
		if a.Slow {
			w.ahead = 3 * time.Minute
		}
		if a.Kind != "" {
			w.room.Charter.Kind = a.Kind
		}
		if a.Charter != nil {
			w.room.Charter = a.Charter(w.room, honestAuthors())
		}
	}
	for _, name := range honestNames {
		n := &node{name: name, store: &disk{}}
		n.cfg = transport.NodeConfig{Charter: w.room.Charter, Store: n.store, Agent: "tallystick node 1"}
		if name == "relay" {
			n.cfg.Keeper, n.cfg.Agent = true, "tallystick relay 1"
		} else {
			n.cfg.Key, n.cfg.Last = honestKey(name), &lastID{}
		}
		w.nodes = append(w.nodes, n)
		w.open(n)
	}
	w.connect(w.nodes[ann], w.nodes[relay])
	w.connect(w.nodes[bob], w.nodes[relay])
	w.edit(w.nodes[ann])
	w.edit(w.nodes[bob])
	w.settle()
	w.room.Now = w.now
	return w
}

type lastID struct {
	id  [32]byte
	set bool
}

func (l *lastID) ID() ([32]byte, bool)  { return l.id, l.set }
func (l *lastID) Set(id [32]byte) error { l.id, l.set = id, true; return nil }

func (w *world) open(n *node) {
	w.t.Helper()
	n.cfg.Rand = rand.New(rand.NewPCG(w.rand.Uint64(), 1))
	core, err := transport.OpenCore(context.Background(), n.cfg)
	if err != nil {
		w.t.Fatalf("%s does not open: %v", n.name, err)
	}
	n.core = core
}

func (w *world) connect(a, b *node) {
	w.ids += 2
	l := &wire{ends: [2]*node{a, b}, ids: [2]transport.PeerID{w.ids - 1, w.ids}}
	w.wires = append(w.wires, l)
	a.core.Attach(w.now, transport.PeerInfo{ID: l.ids[0], Address: b.name, Direction: transport.Dialled})
	b.core.Attach(w.now, transport.PeerInfo{ID: l.ids[1], Address: a.name, Direction: transport.Accepted})
}

// attack connects the attackers: to the relay and, with the same attackers again, to ann; or to both in turn.
func (w *world) attack(a Attack) {
	if a.Spread {
		for i, p := range a.Peers(w.room) {
			w.admit(w.nodes[[]int{relay, ann}[i%2]], a, p)
		}
		return
	}
	for _, n := range []int{relay, ann} {
		for _, p := range a.Peers(w.room) {
			w.admit(w.nodes[n], a, p)
		}
	}
}

func (w *world) admit(n *node, a Attack, p Peer) {
	w.ids++
	w.wires = append(w.wires, &wire{ends: [2]*node{n}, ids: [2]transport.PeerID{w.ids}, hostile: p})
	n.core.Attach(w.now, transport.PeerInfo{ID: w.ids, Address: a.Name, Direction: transport.Accepted})
}

// turn lets one node take some of what has arrived, commit and send.
func (w *world) turn(n *node) (busy bool) {
	c := n.core
	c.Tick(w.now)
	for _, l := range w.wires {
		for i, end := range l.ends {
			if end != n || l.cut || len(l.queue[i]) == 0 {
				continue
			}
			busy = true
			for range 1 + w.rand.IntN(len(l.queue[i])) {
				frame := l.queue[i][0]
				l.queue[i] = l.queue[i][1:]
				m, err := transport.DecodeMessage(frame)
				if err != nil {
					w.close(l, transport.Code(err))
					break
				}
				c.Receive(w.now, l.ids[i], c.Inspector().Inspect(m.Body))
			}
		}
	}
	if err := c.Commit(w.now); err != nil {
		w.t.Fatalf("%s: %v", n.name, err)
	}
	w.bounds(n)
	for _, e := range c.Ended() {
		for _, l := range w.wires {
			for i, end := range l.ends {
				if end == n && l.ids[i] == e.Peer {
					w.close(l, transport.Code(e.Err))
				}
			}
		}
	}
	for _, l := range w.wires {
		for i, end := range l.ends {
			for end == n && !l.cut && len(l.queue[1-i]) < slots {
				msg, ok := c.Next(w.now, l.ids[i])
				if !ok {
					break
				}
				busy = true
				if l.hostile != nil {
					w.toAttackers += len(msg)
				}
				l.queue[1-i] = append(l.queue[1-i], msg)
			}
		}
	}
	return busy
}

// act lets a hostile end take what has arrived and send.
func (w *world) act(l *wire) (busy bool) {
	for _, msg := range l.queue[1] {
		l.hostile.Receive(w.now, msg)
		busy = true
	}
	l.queue[1] = nil
	for !l.cut && len(l.queue[0]) < slots {
		msg, ok := l.hostile.Next(w.now)
		if !ok {
			return busy
		}
		busy = true
		l.queue[0] = append(l.queue[0], msg)
	}
	return busy
}

// close ends a wire for a code, and keeps what was counted on it.
func (w *world) close(l *wire, code string) {
	if l.cut {
		return
	}
	if l.hostile == nil {
		w.t.Fatalf("%s and %s part for %s", l.ends[0].name, l.ends[1].name, code)
	}
	for _, p := range l.ends[0].core.Snapshot(w.now).Peers {
		if p.ID == l.ids[0] {
			for _, r := range p.Refused {
				l.refused = append(l.refused, r.Code)
			}
		}
	}
	l.cut, l.ended = true, code
	l.queue = [2][][]byte{}
	l.ends[0].core.Detach(w.now, l.ids[0], transport.ErrConnection, time.Time{})
}

// bounds holds a node to its limits.
func (w *world) bounds(n *node) {
	w.t.Helper()
	packs, size := n.core.Pending()
	w.pendingPacks, w.pendingBytes = max(w.pendingPacks, packs), max(w.pendingBytes, size)
	if packs > crdt.MaxPendingPacks || size > crdt.MaxPendingBytes {
		w.t.Fatalf("%s: %d packs of %d bytes are pending", n.name, packs, size)
	}
}

// settle runs until nothing is on its way and nothing is due within w.ahead. now and then an honest edit is made, if traffic.
func (w *world) settle() { w.run(0) }

func (w *world) run(edits int) {
	w.t.Helper()
	for steps := 0; ; steps++ {
		if steps > 100_000 {
			w.t.Fatal("the network does not come to rest")
		}
		if edits > 0 && steps%3 == 0 {
			w.edit(w.nodes[[]int{ann, bob}[steps%2]])
			edits--
		}
		busy := edits > 0
		for _, k := range w.rand.Perm(len(w.nodes)) {
			busy = w.turn(w.nodes[k]) || busy
		}
		var next time.Time
		soon := func(at time.Time) {
			if !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
		for _, l := range w.wires {
			if l.hostile != nil && !l.cut {
				busy = w.act(l) || busy
				soon(l.hostile.Deadline())
			}
		}
		if busy {
			continue
		}
		for _, n := range w.nodes {
			soon(n.core.Deadline())
		}
		if next.IsZero() || next.After(w.now.Add(w.ahead)) {
			break
		}
		if next.After(w.now) {
			w.now = next
		} else {
			w.now = w.now.Add(time.Millisecond)
		}
	}
	for _, n := range w.nodes {
		if err := n.core.CheckInvariants(); err != nil {
			w.t.Fatalf("%s: %v", n.name, err)
		}
	}
}

// edit has an honest node write.
func (w *world) edit(n *node) {
	w.t.Helper()
	w.said++
	l, err := crdt.EncodeLiteral(fmt.Sprintf("edit %d by %s", w.said, n.name))
	if err != nil {
		w.t.Fatal(err)
	}
	n.core.Edit(w.now, transport.Intent{
		Time: w.now.Unix(),
		Edit: func(tx *crdt.Tx) error {
			if w.room.Charter.Kind != crdt.JSON {
				_, err := tx.Append(l)
				return err
			}
			if _, err := tx.Set(crdt.Root, "honest "+n.name, l); err != nil {
				return err
			}
			if !w.over {
				return nil
			}
			return w.amid(n, tx)
		},
		Done: func(r transport.Receipt) {
			if r.Err != nil {
				w.t.Fatalf("%s cannot write: %v", n.name, r.Err)
			}
		},
	})
}

// amid edits what attackers have made, if they have: keys under which their values stand in conflict, and their texts.
func (w *world) amid(n *node, tx *crdt.Tx) error {
	d := n.core.Snapshot(w.now).View.Doc()
	for _, key := range []string{"said", "mine", "crowded"} {
		if held, err := d.Values(crdt.Root, key); err == nil && len(held) > 0 {
			if _, err := tx.Set(crdt.Root, key, crdt.Literal{0xf5}); err != nil {
				return err
			}
		}
	}
	text, err := d.Find("text")
	if err != nil {
		return nil
	}
	if kind, err := d.Kind(text); err != nil || kind != crdt.TextObject {
		return nil // a list, or a value
	}
	size, err := d.Len(text)
	if err != nil {
		return err
	}
	if _, err := tx.InsertText(text, w.rand.IntN(size+1), "honest"); err != nil {
		return err
	}
	if size > 0 {
		return tx.Delete(text, w.rand.IntN(size), 1)
	}
	return nil
}

// leave takes the attackers' connections away.
func (w *world) leave() {
	for _, l := range w.wires {
		if l.hostile != nil {
			w.close(l, "")
		}
	}
}

func (w *world) view(n int) *crdt.View { return w.nodes[n].core.Snapshot(w.now).View }

// foreign counts the changes at node n that honest authors have not written.
func (w *world) foreign(n int) (count int) {
	v, honest := w.view(n), honestAuthors()
	for i := range v.Changes() {
		if !slices.Contains(honest, v.ChangeAt(i).Author) {
			count++
		}
	}
	return count
}

// forked are the authors that node n can prove to be forked.
func (w *world) forked(n int) map[crdt.Author]bool {
	forked := make(map[crdt.Author]bool)
	for _, f := range w.view(n).Forks() {
		forked[f.Author] = true
	}
	return forked
}

// want checks what has come of the attacks, while the attackers are gone already.
func (w *world) want(wants ...Want) {
	w.t.Helper()
	var sum Want
	for _, x := range wants {
		sum.Refused = append(sum.Refused, x.Refused...)
		sum.Closed = sum.Closed || x.Closed
		sum.Accepted += x.Accepted
		sum.Forks += x.Forks
	}
	slices.Sort(sum.Refused)
	sum.Refused = slices.Compact(sum.Refused)
	for _, n := range w.nodes[:bob] {
		var codes []string
		closed := false
		for _, l := range w.wires {
			if l.hostile != nil && l.ends[0] == n {
				codes = append(codes, l.refused...)
				if l.ended != "" {
					closed = true
					codes = append(codes, l.ended)
				}
			}
		}
		slices.Sort(codes)
		codes = slices.Compact(codes)
		if !slices.Equal(codes, sum.Refused) {
			w.t.Errorf("%s refused %v, want %v", n.name, codes, sum.Refused)
		}
		if closed != sum.Closed {
			w.t.Errorf("%s closed a connection: %v, want %v", n.name, closed, sum.Closed)
		}
	}
	for k, n := range w.nodes {
		if got := w.foreign(k); got != sum.Accepted {
			w.t.Errorf("%s accepted %d changes, want %d", n.name, got, sum.Accepted)
		}
		if got := len(w.forked(k)); got != sum.Forks {
			w.t.Errorf("%s knows %d forked authors, want %d", n.name, got, sum.Forks)
		}
	}
}

// epilogue is what every attack ends with: an honest edit travels both ways, digests are equal, also after all was opened again,
// and from the stores alone every change and every fork can be proved.
func (w *world) epilogue() {
	w.t.Helper()
	w.over = true
	for _, n := range []int{ann, bob} {
		before := w.said
		w.edit(w.nodes[n])
		w.settle()
		for k := range w.nodes {
			if got := w.view(k).Changes() - w.foreign(k); got != before+1 {
				w.t.Fatalf("%s has %d honest changes of %d", honestNames[k], got, before+1)
			}
		}
	}
	log, doc := w.equal()
	for _, n := range w.nodes {
		if packs, _ := n.core.Pending(); packs > 0 {
			w.t.Errorf("%s has %d packs pending", n.name, packs)
		}
	}
	w.prove(w.nodes[w.rand.IntN(len(w.nodes))])
	for range 1 + w.rand.IntN(2) { // first from what was written, which opening merges, then from that
		w.reopen()
		if l, d := w.equal(); l != log || d != doc {
			w.t.Fatalf("after opening again the digests are %x, %x, were %x, %x", l, d, log, doc)
		}
	}
}

// reopen stops all nodes, opens their stores again, and connects them.
func (w *world) reopen() {
	w.wires = nil
	for _, n := range w.nodes {
		w.open(n)
	}
	w.connect(w.nodes[ann], w.nodes[relay])
	w.connect(w.nodes[bob], w.nodes[relay])
}

func (w *world) equal() (log, doc [32]byte) {
	w.t.Helper()
	log, doc = w.view(ann).LogDigest(), w.view(ann).DocDigest()
	for k, n := range w.nodes {
		if got := w.view(k).LogDigest(); got != log {
			w.t.Errorf("log digest of %s is %x, of ann %x", n.name, got, log)
		}
	}
	if got := w.view(bob).DocDigest(); got != doc {
		w.t.Errorf("document digest of bob is %x, of ann %x", got, doc)
	}
	return log, doc
}

// prove reads a store as one who trusts nothing in it.
func (w *world) prove(n *node) {
	w.t.Helper()
	r, err := crdt.NewReplica(w.room.Charter)
	if err != nil {
		w.t.Fatal(err)
	}
	checker := crdt.NewChecker(w.room.Charter)
	for i, frame := range n.store.frames {
		p, err := checker.Check(bytes.Clone(frame), nil)
		if err != nil {
			w.t.Fatalf("%s: record %d: %v", n.name, i, err)
		}
		if out := r.Receive(p, 1, w.now); out.Err != nil || len(out.Missing) > 0 {
			w.t.Fatalf("%s: record %d: %v, missing %v", n.name, i, out.Err, out.Missing)
		}
	}
	if r.DocDigest() != w.view(ann).DocDigest() {
		w.t.Errorf("%s: the store makes another document", n.name)
	}
	honest := honestAuthors()
	for i, f := range r.Forks() {
		if slices.Contains(honest, f.Author) {
			w.t.Errorf("%s: an honest author is shown as forked", n.name)
		}
		if i >= 16 {
			continue
		}
		proof, err := r.Evidence(f)
		if err != nil {
			w.t.Fatalf("%s: evidence: %v", n.name, err)
		}
		if _, got, err := crdt.CheckEvidence(proof); err != nil || got != f {
			w.t.Errorf("%s: evidence proves %v, %v", n.name, got, err)
		}
	}
}
