package byz

import (
	"bytes"
	"slices"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// Forms of a tips message (docs/protocol.md §7).
const (
	formFingerprint = iota
	formBuckets
	formTips
	formHeld
)

// Sync: peers that break the rules of the conversation, or keep them and lie. Whoever breaks one is told its code and thrown out;
// lies have no effect but on the liar. The ancestor unwrapped whatever came, and one message stopped every node (hole 12).
var syncAttacks = []Attack{
	{
		Class: Sync, Name: "sync/garbage", What: "a message of random bytes",
		Peers: rawSays(func(rm *Room) [][]byte { return [][]byte{{0xff, 0x00, 0x13}} }), Want: thrownOut("bad-message"),
	},
	{
		Class: Sync, Name: "sync/empty", What: "a message of no bytes",
		Peers: rawSays(func(rm *Room) [][]byte { return [][]byte{{}} }), Want: thrownOut("bad-message"),
	},
	{
		Class: Sync, Name: "sync/talk-before-hello", What: "packs for a room whose charter was not said",
		Peers: scripted(func(rm *Room) *script {
			s := newScript(rm)
			s.early = [][]byte{s.message(transport.Packs{Pack(rm.Crew("early").Chain(0, 3))})}
			return s
		}),
		Want: thrownOut("hello-first"),
	},
	{
		Class: Sync, Name: "sync/hello-twice", What: "a second hello for one room",
		Peers: scripted(func(rm *Room) *script {
			s := newScript(rm)
			s.after = [][]byte{s.message(s.hello)}
			return s
		}),
		Want: thrownOut("hello-twice"),
	},
	{
		Class: Sync, Name: "sync/wrong-version", What: "a hello of version 2",
		Peers: scripted(func(rm *Room) *script {
			s := newScript(rm)
			s.early = [][]byte{Encode(List{0, rm.ID(), 2, rm.Charter.Append(nil), "x", 0, make([]byte, 32)})}
			return s
		}),
		Want: thrownOut("version"),
	},
	{
		Class: Sync, Name: "sync/wrong-charter", What: "a hello with another room's charter: who let it in would judge by foreign rules",
		Peers: scripted(func(rm *Room) *script {
			s := newScript(rm)
			other := rm.Charter
			other.Name += "-other"
			s.hello.Charter = other.Append(nil)
			return s
		}),
		Want: thrownOut("wrong-room"),
	},
	{
		Class: Sync, Name: "sync/charter-garbage", What: "a hello whose charter is 64 KiB of nothing",
		Peers: scripted(func(rm *Room) *script {
			s := newScript(rm)
			s.hello.Charter = make([]byte, crdt.MaxCharterBytes)
			return s
		}),
		Want: thrownOut("wrong-room"),
	},
	{
		Class: Sync, Name: "sync/unknown-type", What: "a message of a type that there is not",
		Peers: rawSays(func(rm *Room) [][]byte { return [][]byte{Encode(List{9, rm.ID(), nil})} }), Want: thrownOut("bad-message"),
	},
	{
		Class: Sync, Name: "sync/later-types", What: "messages of the types that are to be ignored, with 70 KiB of anything in them",
		Peers: speaks(func(rm *Room) [][]byte {
			var msgs [][]byte
			for kind := 32; kind < 64; kind++ {
				msgs = append(msgs, append(Encode(List{kind, rm.ID(), make([]byte, 70<<10)}), 0xff, 0xff))
			}
			return msgs
		}),
	},
	{
		Class: Sync, Name: "sync/oversize-control", What: "a need of 73 KiB",
		Peers: rawSays(func(rm *Room) [][]byte {
			return [][]byte{append(Encode(List{3, rm.ID(), []crdt.ChangeID{{1}}}), make([]byte, 73<<10)...)}
		}),
		Want: thrownOut("too-large"),
	},
	{
		Class: Sync, Name: "sync/too-many-wishes", What: "a need of 257 ids",
		Peers: says(func(rm *Room) []transport.Body { return []transport.Body{transport.Need(strangers(rm, 0, 257))} }),
		Want:  thrownOut("bad-message"),
	},
	{
		Class: Sync, Name: "sync/half-pack", What: "a message that ends in the middle of a pack",
		Peers: rawSays(func(rm *Room) [][]byte {
			msg := transport.AppendMessage(nil, rm.ID(), transport.Packs{Pack(rm.Crew("half").Chain(0, 3))})
			return [][]byte{msg[:len(msg)/2]}
		}),
		Want: thrownOut("bad-message"),
	},
	{
		Class: Sync, Name: "sync/no-packs", What: "a message of packs without one",
		Peers: says(func(rm *Room) []transport.Body { return []transport.Body{transport.Packs{}} }), Want: thrownOut("bad-message"),
	},
	{
		Class: Sync, Name: "sync/credit-too-much", What: "credit for a thousand messages that were never sent",
		Peers: says(func(rm *Room) []transport.Body { return []transport.Body{&transport.Stored{Credit: 1000}} }),
		Want:  thrownOut("bad-credit"),
	},
	{
		Class: Sync, Name: "sync/credit-backwards", What: "credit that is taken back",
		Peers: func(rm *Room) []Peer {
			s := NewSpeaker(rm)
			s.Out = func(_ time.Time, m transport.Message, msg []byte) [][]byte {
				if b, ok := m.Body.(*transport.Stored); ok && b.Credit > 0 {
					return [][]byte{msg, transport.AppendMessage(nil, rm.ID(), &transport.Stored{})}
				}
				return [][]byte{msg}
			}
			return []Peer{s}
		},
		Want: thrownOut("bad-credit"),
	},
	{
		Class: Sync, Name: "sync/stored-lies", What: "claims to have stored what nobody has, and what nobody sent",
		Peers: speaks(func(rm *Room) [][]byte {
			var ends []transport.AuthorEnds
			for i := range 200 {
				ends = append(ends, transport.AuthorEnds{Author: rm.Crew("stored-lies").Author(i), IDs: strangers(rm, i, 5)})
			}
			return messages(rm, &transport.Stored{Ends: ends})
		}),
	},
	{
		Class: Sync, Name: "sync/round-loops", What: "40 rounds are opened at once",
		Peers: says(func(rm *Room) []transport.Body {
			var all []transport.Body
			for round := range uint64(40) {
				all = append(all, &transport.Tips{Round: round + 2, Fingerprint: strangers(rm, 0, 1)[0]})
			}
			return all
		}),
		Want: thrownOut("bad-sync"),
	},
	{
		Class: Sync, Name: "sync/round-of-the-future", What: "tips in a round that nobody has opened",
		Peers: says(func(rm *Room) []transport.Body {
			return []transport.Body{&transport.Tips{Round: 1 << 62, Form: formTips}}
		}),
		Want: thrownOut("bad-sync"),
	},
	{
		Class: Sync, Name: "sync/last-round", What: "round 2^63-1 is opened, after which there is none",
		Peers: says(func(rm *Room) []transport.Body {
			return []transport.Body{&transport.Tips{Round: 1<<63 - 1, Fingerprint: strangers(rm, 0, 1)[0]}}
		}),
		Want: thrownOut("bad-sync"),
	},
	{
		Class: Sync, Name: "sync/out-of-place", What: "17 statements about buckets that nobody asked for",
		Peers: says(func(rm *Room) []transport.Body {
			all := []transport.Body{}
			for i := range 17 {
				all = append(all, &transport.Tips{Round: 1, Prefix: []byte{byte(i), 1, 2}, Form: formBuckets, Buckets: new([256][32]byte)})
			}
			return all
		}),
		Want: thrownOut("bad-sync"),
	},
	{
		Class: Sync, Name: "sync/empty-parts", What: "a statement that goes on without end in parts that say nothing",
		Peers: says(func(rm *Room) []transport.Body {
			return slices.Repeat([]transport.Body{&transport.Tips{Round: 1, Form: formTips, More: true}}, 17)
		}),
		Want: thrownOut("bad-sync"),
	},
	{
		Class: Sync, Name: "sync/long-tips", What: "a statement of 20,000 tips that nobody has, each with 32 back and a place of 2^63-1",
		Peers: flooding("sync/long-tips", func(rm *Room) *transport.Tips {
			back := strangers(rm, 0, transport.MaxBack)
			t := &transport.Tips{Round: 1, Form: formTips, More: true}
			for k, id := range strangers(rm, 100, 50) {
				t.Tips = append(t.Tips, transport.Tip{Author: rm.Crew("long").Author(k), ID: id, Seq: 1<<63 - 1, Back: back})
			}
			return t
		}, 400),
		Want: Want{Accepted: 1},
	},
	{
		Class: Sync, Name: "sync/long-held", What: "100,000 ids in a statement of what is held",
		Peers: flooding("sync/long-held", func(rm *Room) *transport.Tips {
			return &transport.Tips{Round: 1, Form: formHeld, More: true, Held: strangers(rm, 0, 2000)}
		}, 50),
		Want: Want{Accepted: 1},
	},
	{
		Class: Sync, Name: "sync/all-buckets-differ", What: "200 authors are brought in; then a peer says of every bucket, and of every bucket within, that it differs, and answers nothing",
		Peers: func(rm *Room) []Peer {
			crew := rm.Crew("buckets")
			var runs []Run
			for i := range 200 {
				runs = append(runs, crew.Chain(i, 1))
			}
			s := newScript(rm)
			s.hello.Fingerprint = [32]byte{} // what begins once the 200 are there
			differ := new([256][32]byte)
			for i, id := range strangers(rm, 0, 256) {
				differ[i] = id
			}
			credit := uint64(0)
			s.answer = func(m transport.Message) [][]byte {
				if _, ok := m.Body.(transport.Packs); ok { // else the victim waits for the credit first
					credit++
					return messages(rm, &transport.Stored{Credit: credit})
				}
				t, ok := m.Body.(*transport.Tips)
				switch {
				case ok && t.Form == formFingerprint:
					return [][]byte{s.message(&transport.Tips{Round: t.Round, Fingerprint: rm.ID()})}
				case !ok || t.Form != formBuckets:
					return nil
				}
				msgs := [][]byte{s.message(&transport.Tips{Round: t.Round, Prefix: t.Prefix, Form: formBuckets, Buckets: differ})}
				for i := range 10 { // of these the victim has named its tips, or asks no more
					msgs = append(msgs, s.message(&transport.Tips{Round: t.Round, Prefix: append(bytes.Clone(t.Prefix), byte(i)), Form: formBuckets, Buckets: differ}))
				}
				return msgs
			}
			s.after = messages(rm, transport.Packs{Pack(runs...)})
			return []Peer{s}
		},
		Want: Want{Accepted: 200, Refused: []string{"sync-timeout"}, Closed: true}, Slow: true,
	},
	{
		Class: Sync, Name: "sync/echo", What: "every statement of the victim is sent back to it as our own: nothing is ever found to be missing",
		Peers: scripted(func(rm *Room) *script {
			s := newScript(rm)
			s.answer = func(m transport.Message) [][]byte {
				if t, ok := m.Body.(*transport.Tips); ok {
					return [][]byte{s.message(t)}
				}
				return nil
			}
			return s
		}),
	},
	{
		Class: Sync, Name: "sync/replay", What: "whatever the victim sends is sent back to it, five times over",
		Peers: func(rm *Room) []Peer {
			s := NewSpeaker(rm)
			replayed := 0
			s.In = func(_ time.Time, m transport.Message) bool {
				if p, ok := m.Body.(transport.Packs); ok && replayed < 20 {
					for range 5 {
						replayed++
						s.SayBody(p)
					}
				}
				return true
			}
			return []Peer{s}
		},
	},
	{
		Class: Sync, Name: "sync/need-loops", What: "what the victim has just sent is asked for again, 200 times over",
		Peers: func(rm *Room) []Peer {
			s := NewSpeaker(rm)
			asked := 0
			s.Out = func(_ time.Time, m transport.Message, msg []byte) [][]byte {
				out := [][]byte{msg}
				b, ok := m.Body.(*transport.Stored)
				if !ok || asked > 0 {
					return out
				}
				var ids transport.Need
				for i := range b.Ends {
					ids = append(ids, b.Ends[i].IDs...)
				}
				for ; asked < 200 && len(ids) > 0; asked++ {
					out = append(out, messages(rm, ids[:min(len(ids), transport.MaxNeedIDs)])...)
				}
				return out
			}
			return []Peer{s}
		},
	},
	{
		Class: Sync, Name: "sync/silence", What: "a hello with a log that nobody has, then nothing",
		Peers: says(func(*Room) []transport.Body { return nil }), Want: thrownOut("sync-timeout"), Slow: true,
	},
	{
		Class: Sync, Name: "sync/silence-of-plenty", What: "the same, by one who claims to hold 2^40 changes: it has as long as the slowest line may take to bring some",
		Peers: scripted(func(rm *Room) *script {
			s := newScript(rm)
			s.hello.Count = 1 << 40
			return s
		}),
		Want: thrownOut("sync-timeout"), Slow: true,
	},
}

// flooding makes the Peers of an attack by a peer of one change, that says a statement so often before its own of the same kind.
func flooding(name string, statement func(rm *Room) *transport.Tips, times int) func(*Room) []Peer {
	return func(rm *Room) []Peer {
		flood := messages(rm, statement(rm))[0]
		form := statement(rm).Form
		s := NewSpeaker(rm, Pack(rm.Crew(name).Chain(0, 1)))
		s.Out = func(_ time.Time, m transport.Message, msg []byte) [][]byte {
			if t, ok := m.Body.(*transport.Tips); ok && t.Round == 1 && t.Form == form {
				return append(slices.Repeat([][]byte{flood}, times), msg)
			}
			return [][]byte{msg}
		}
		return []Peer{s}
	}
}
