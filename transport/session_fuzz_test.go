package transport

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// A script reads decisions out of fuzz data; when that ends, all decisions are 0.
type script struct{ data []byte }

func (s *script) byte() byte {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return b
}

func (s *script) uint() uint64 {
	b := s.byte()
	if b < 250 {
		return uint64(b)
	}
	var n [8]byte
	for i := range n {
		n[i] = s.byte()
	}
	return binary.BigEndian.Uint64(n[:]) >> 2
}

func (s *script) bytes(n int) []byte {
	n = min(n, len(s.data))
	b := s.data[:n]
	s.data = s.data[n:]
	return b
}

// material is what hostile messages are put together from: ids that exist, ids that do not, packs good and bad.
type material struct {
	ids     []crdt.ChangeID
	authors []crdt.Author
	packs   Packs
}

func (m *material) id(s *script) crdt.ChangeID {
	if k := int(s.byte()); k < len(m.ids) {
		return m.ids[k]
	}
	return crdt.ChangeID{s.byte(), 9}
}

func (m *material) idList(s *script) (ids []crdt.ChangeID) {
	for range s.byte() % 6 {
		ids = append(ids, m.id(s))
	}
	return ids
}

func (m *material) body(s *script) Body {
	switch s.byte() % 8 {
	case 0:
		return &Tips{Round: s.uint(), Form: formFingerprint, Count: s.uint(), Fingerprint: [32]byte{s.byte()}}
	case 1:
		t := &Tips{Round: s.uint(), Prefix: s.bytes(int(s.byte() % 3)), Form: formBuckets, Buckets: new([256][32]byte)}
		for range s.byte() % 8 {
			t.Buckets[s.byte()][0] = s.byte()
		}
		return t
	case 2:
		t := &Tips{Round: s.uint(), Prefix: s.bytes(int(s.byte() % 3)), Form: formTips, More: s.byte()%3 == 1}
		for range s.byte() % 80 {
			t.Tips = append(t.Tips, Tip{Author: m.authors[int(s.byte())%len(m.authors)], ID: m.id(s), Seq: s.uint(), Back: m.idList(s)})
		}
		return t
	case 3:
		return &Tips{Round: s.uint(), Prefix: s.bytes(int(s.byte() % 3)), Form: formHeld, More: s.byte()%3 == 1, Held: m.idList(s)}
	case 4:
		k := int(s.byte()) % len(m.packs)
		return m.packs[k : k+1]
	case 5:
		return Need(m.idList(s))
	case 6:
		return &Stored{Credit: s.uint(), Ends: []AuthorEnds{{m.authors[0], m.idList(s)}}}
	default:
		return &PeerError{"bad-sync", ""}
	}
}

// FuzzSession: a peer that says anything, in any order, while the log grows and time passes, breaks nothing: no panic, all
// bounds and invariants hold, and an honest peer still gets everything.
func FuzzSession(f *testing.F) {
	f.Add([]byte{4, 0, 4, 1, 4, 2})
	f.Add([]byte{2, 1, 0, 0, 2, 0, 0, 1, 1, 3, 1, 0, 0, 2, 1, 2})
	f.Add([]byte{0, 2, 5, 7, 2, 2, 0, 0, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 3, 2, 0, 0, 4})
	f.Add([]byte{6, 1, 0, 1, 6, 3, 2, 1, 2, 5, 5, 1, 2, 3, 4, 5, 9, 9, 9})
	_, hostile := chainOf(f, 5, 6)
	var m material
	for i := range hostile.Len() {
		m.ids = append(m.ids, hostile.ID(i))
	}
	chain, _ := chainOf(f, 5, 6)
	m.packs = append(m.packs, chain...)
	fork := mustReplica(f)
	if err := fork.Load(chain[0]); err != nil {
		f.Fatal(err)
	}
	w, _ := fork.Writer(testKey(5))
	if _, err := w.Change(77, func(tx *crdt.Tx) error { _, err := tx.Append(entry(f, "fork")); return err }); err != nil {
		f.Fatal(err)
	}
	w.Sign()
	m.packs = append(m.packs, packsOf(fork, 1)...)
	m.ids = append(m.ids, fork.ID(1))
	m.packs = append(m.packs, []byte{0x80})
	base := mustReplica(f)
	for k := range 80 { // more than a leaf holds
		mustWrite(f, base, testKey(200+k), 1)
	}
	baseStore := storeOf(base)
	m.authors = []crdt.Author{hostile.Author(0), base.Author(0), {}}
	m.ids = append(m.ids, base.ID(0), base.ID(40))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &script{data}
		cfg := NodeConfig{Key: testKey(1), Store: &memStore{}}
		if s.byte()%2 == 1 {
			cfg.Store = &memStore{frames: baseStore.frames}
		}
		c := mustCore(t, cfg)
		p := newPuppet(t, c, 1)
		p.say(&Hello{Charter: testCharter.Append(nil), Agent: "raw node", Count: s.uint(), Fingerprint: [32]byte{s.byte()}})
		for len(s.data) > 0 && c.peers[1].session != nil {
			switch s.byte() % 8 {
			case 0:
				p.wait(time.Duration(s.byte()) * 100 * time.Millisecond)
			case 1:
				edit(t, c, "honest")
				p.pull()
			case 2: // says several things before it hears anything
				bodies := make([]Body, s.byte()%4)
				for i := range bodies {
					bodies[i] = m.body(s)
				}
				p.say(bodies...)
			default:
				p.say(m.body(s))
			}
			p.got = nil
			if err := c.check(); err != nil {
				t.Fatal(err)
			}
		}
		n := newTestNet(t, 1)
		n.now = p.now
		n.ids = 10
		n.nodes = append(n.nodes, &testNode{core: c, store: cfg.Store.(*memStore)})
		c.Ended()
		c.Detach(n.now, 1, ErrPeerClosed, time.Time{})
		edit(t, c, "after all")
		n.connect(n.add(&memStore{}, 2), n.nodes[0])
		n.settle()
		n.wantEqual()
		checkReopen(t, n.nodes[0])
	})
}
