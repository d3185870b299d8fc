package byz

import (
	"slices"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// Withholding: peers that keep the protocol and keep things back. As long as one honest path is left, everybody gets everything,
// and no lie about what is stored makes anything be lost. In the ancestor a message that was not passed on was invisible (hole 11).
var withholdingAttacks = []Attack{
	{
		Class: Withholding, Name: "withholding/stale-view", What: "a peer takes everything and goes on showing the empty log of the beginning",
		Peers: func(rm *Room) []Peer { return []Peer{blind(NewSpeaker(rm))} },
	},
	{
		Class: Withholding, Name: "withholding/eclipse", What: "ten peers surround the victim, and all show one old view",
		Peers: func(rm *Room) []Peer {
			var all []Peer
			old := Pack(rm.Crew("eclipse").Chain(0, 3))
			for range 10 {
				all = append(all, blind(NewSpeaker(rm, old)))
			}
			return all
		},
		Want: Want{Accepted: 3},
	},
	{
		Class: Withholding, Name: "withholding/lying-stored", What: "a peer says that it has stored everything, and in each comparison has nothing",
		Peers: scripted(forgetful), Want: Want{Withholds: true},
	},
	{
		Class: Withholding, Name: "withholding/forgetful", What: "the same, and it opens 15 rounds at once: each has everything sent again",
		Peers: scripted(func(rm *Room) *script {
			s := forgetful(rm)
			for round := range uint64(15) {
				s.after = append(s.after, s.message(&transport.Tips{Round: round + 2}))
			}
			return s
		}),
		Want: Want{Withholds: true},
	},
	{
		Class: Withholding, Name: "withholding/no-credit", What: "a peer takes packs and never credits one: the window stays full",
		Peers: func(rm *Room) []Peer {
			s := NewSpeaker(rm)
			s.Out = func(_ time.Time, m transport.Message, msg []byte) [][]byte {
				if _, ok := m.Body.(*transport.Stored); ok {
					return nil
				}
				return [][]byte{msg}
			}
			return []Peer{s}
		},
	},
	{
		Class: Withholding, Name: "withholding/ancestors", What: "the newest of a chain of ten, without the nine before it, which are never given",
		Peers: packs("withholding/ancestors", func(c *Crew) [][]byte { return [][]byte{Pack(c.Chain(0, 10).Cut(9))} }),
		Want:  Want{Pending: true},
	},
	{
		Class: Withholding, Name: "withholding/ancestors-late", What: "one peer has the newest of a chain, another, who comes later, what is before it",
		Peers: func(rm *Room) []Peer {
			c := rm.Crew("withholding/ancestors-late")
			whole := c.Chain(0, 10)
			begun := Run{whole.Author, whole.Prev, whole.Payloads[:9], nil, c}.Signed(c.Key(0))
			late := NewSpeaker(rm).SayAt(rm.Now.Add(300*time.Millisecond), transport.AppendMessage(nil, rm.ID(), transport.Packs{Pack(begun)}))
			return []Peer{NewSpeaker(rm).SayPacks(Pack(whole.Cut(9))), late}
		},
		Want: Want{Accepted: 10},
	},
	{
		Class: Withholding, Name: "withholding/one-author", What: "a peer has the changes of two authors and gives those of one, though it names the tips of both",
		Peers: func(rm *Room) []Peer {
			c := rm.Crew("withholding/one-author")
			shown, kept := c.Chain(0, 5), c.Chain(1, 5)
			s := NewSpeaker(rm, Pack(shown), Pack(kept))
			s.Out = func(_ time.Time, m transport.Message, msg []byte) [][]byte {
				if _, ok := m.Body.(transport.Packs); ok {
					return [][]byte{transport.AppendMessage(nil, rm.ID(), transport.Packs{Pack(shown)})}
				}
				return [][]byte{msg}
			}
			return []Peer{s.SayPacks(Pack(shown))}
		},
		Want: Want{Accepted: 5},
	},
	{
		Class: Withholding, Name: "withholding/branch-each", What: "three peers of one author, each with another branch of its chain and no other",
		Peers: func(rm *Room) []Peer {
			c := rm.Crew("withholding/branch-each")
			begun := c.Chain(0, 5)
			var all []Peer
			for i := range 3 {
				branch := begun.After(0, slices.Repeat([][]byte{c.Say(i)}, 4)...)
				all = append(all, NewSpeaker(rm, Pack(begun), Pack(branch)).SayPacks(Pack(begun), Pack(branch)))
			}
			return all
		},
		Want: Want{Accepted: 17, Forks: 1},
	},
	{
		Class: Withholding, Name: "withholding/late-branch", What: "a second branch is shown when the first is long settled",
		Peers: func(rm *Room) []Peer {
			c := rm.Crew("withholding/late-branch")
			begun := c.Chain(0, 1)
			late := transport.AppendMessage(nil, rm.ID(), transport.Packs{Pack(begun.After(0, c.Say("otherwise")))})
			first := Pack(begun.After(0, slices.Repeat([][]byte{c.Say("first")}, 20)...))
			return []Peer{NewSpeaker(rm).SayPacks(Pack(begun), first).SayAt(rm.Now.Add(500*time.Millisecond), late)}
		},
		Want: Want{Accepted: 22, Forks: 1},
	},
	{
		Class: Withholding, Name: "withholding/answers", What: "a child is sent whose parent was promised; what the victim asks for is answered with something else",
		Peers: func(rm *Room) []Peer {
			c := rm.Crew("withholding/answers")
			s := NewSpeaker(rm)
			answered := 0
			s.In = func(_ time.Time, m transport.Message) bool {
				if _, ok := m.Body.(transport.Need); ok && answered < 5 {
					answered++
					s.SayPacks(Pack(c.Chain(1, 1)))
				}
				return true
			}
			return []Peer{s.SayPacks(Pack(c.Run(0, c.Root(), c.Say("child", crdt.ChangeID(rm.seed("never", 0))))))}
		},
		Want: Want{Accepted: 1, Pending: true},
	},
}

// blind has a speaker's puppet see no packs: it credits them, and goes on as if there were none.
func blind(s *Speaker) *Speaker {
	received := uint64(0)
	s.In = func(_ time.Time, m transport.Message) bool {
		if _, ok := m.Body.(transport.Packs); ok {
			received++
			s.SayBody(&transport.Stored{Credit: received})
			return false
		}
		return true
	}
	return s
}

// forgetful is a peer that says of all that it gets that it is stored, and that its log is empty whenever it is asked.
func forgetful(rm *Room) *script {
	s := newScript(rm)
	s.hello.Fingerprint = [32]byte{}
	checker := crdt.NewChecker(rm.Charter)
	said := &transport.Stored{}
	s.answer = func(m transport.Message) [][]byte {
		switch b := m.Body.(type) {
		case *transport.Tips:
			if b.Form == formFingerprint {
				return messages(rm, &transport.Tips{Round: b.Round})
			}
		case transport.Packs:
			var ends transport.AuthorEnds
			for _, pack := range b {
				// It believes whatever it is sent: only the ends of the runs are of use to it.
				_, _ = checker.Check(pack, func(id crdt.ChangeID) bool { ends.IDs = append(ends.IDs, id); return true })
			}
			said.Credit++
			said.Ends = []transport.AuthorEnds{ends}
			return messages(rm, said)
		}
		return nil
	}
	return s
}
