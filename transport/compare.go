package transport

import (
	"fmt"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// A comparison is one round of finding out what the two sides hold. Both speak of the set of their tips as it was when
// they opened the round, so both compute the same buckets that differ, whatever they accept meanwhile.
type comparison struct {
	active bool
	round  uint64
	mine   tipView // frozen when the round was opened
	logLen int     // changes held at that moment

	saidRoot, gotRoot bool
	theirs            [32]byte  // their fingerprint of all
	heard             time.Time // a statement, or packs, that the peer sent last

	waiting map[string]*bucket   // buckets with an answer outstanding
	jobs    []statement          // what is to be said, in order
	named   map[crdt.Author]bool // authors of the tips that the peer said of the root

	has    indexSet     // what the peer has turned out to hold
	since  indexSet     // what it has shown to hold by other means since it spoke of its root
	flying indexSet     // what was under way to it then, or was sent since
	before indexSet     // what it was known to hold when it spoke of its root
	told   map[int]bool // tips of the peer's that we hold and have said so

	lacking  []crdt.ChangeID // tips that it named and that we do not hold; at most maxLacking
	lacks    int
	ownTip   bool // one of them is of our own author
	filtered bool // it named only tips of authors that we had named
	useless  int
}

const maxLacking = 256

// maxTipsOfAuthor bounds the branches of one author that an answer about the root names.
const maxTipsOfAuthor = 1024

// A bucket is one whose statements are not complete.
type bucket struct {
	wantTips   bool // their tips, or before them their sub-fingerprints
	wantHeld   bool // which of our tips they hold
	gotBuckets bool
	saidTips   bool
	got        int     // tips that they have said so far
	held       []int32 // those of them that we hold and that are not our tips
}

// A statement is a message, or several, that is made when it can be sent.
type statement struct {
	form   uint64
	prefix string
	list   []int32 // log indexes: of tips (formTips), of changes (formHeld)
}

// openRound begins a round with the present tips.
func (s *session) openRound(round uint64) {
	rm := s.room
	s.cmp = comparison{
		active: true, round: round, mine: rm.tips.freeze(), logLen: rm.durable,
		has: newIndexSet(&rm.owners), since: newIndexSet(&rm.owners), flying: newIndexSet(&rm.owners),
	}
	s.rounds.quiet()
}

// askRound opens a round that the peer has not asked for.
func (s *session) askRound(now time.Time) {
	s.openRound(s.cmp.round + 1)
	s.cmp.heard = now
	s.sayRoot()
}

func (s *session) sayRoot() {
	s.cmp.saidRoot = true
	s.cmp.jobs = append(s.cmp.jobs, statement{form: formFingerprint})
}

// onTips takes one statement.
func (s *session) onTips(now time.Time, t *Tips) error {
	c := &s.cmp
	if t.Form == formFingerprint {
		switch {
		case t.Round < c.round:
			return nil // crossed with our opening of a later round
		case t.Round > MaxRound:
			return fmt.Errorf("%w: round %d, at most %d", ErrBadSync, t.Round, uint64(MaxRound))
		case t.Round > c.round:
			if !s.rounds.mayOpen(now) {
				return fmt.Errorf("%w: rounds too often", ErrBadSync)
			}
			s.openRound(t.Round)
			s.sayRoot()
		case c.gotRoot:
			return s.useless("second fingerprint of one round")
		}
		return s.onRoot(now, t.Count, t.Fingerprint)
	}
	if t.Round < c.round || !c.active && t.Round == c.round {
		return nil
	}
	if t.Round > c.round {
		return fmt.Errorf("%w: round %d was not opened", ErrBadSync, t.Round)
	}
	b := c.waiting[string(t.Prefix)]
	if b == nil {
		return s.useless("bucket that was not asked for")
	}
	c.heard = now
	var err error
	switch t.Form {
	case formBuckets:
		err = s.onBuckets(string(t.Prefix), b, t.Buckets)
	case formTips:
		err = s.onTipList(string(t.Prefix), b, t)
	case formHeld:
		err = s.onHeld(string(t.Prefix), b, t)
	}
	if err == nil && len(c.waiting) == 0 {
		s.endRound(now, false)
	}
	return err
}

func (s *session) useless(what string) error {
	s.cmp.useless++
	if s.cmp.useless > s.room.limits.UselessMessages {
		return fmt.Errorf("%w: %s, %d times", ErrBadSync, what, s.cmp.useless)
	}
	return nil
}

// onRoot takes the peer's fingerprint of all its tips.
func (s *session) onRoot(now time.Time, count uint64, fp [32]byte) error {
	c, rm := &s.cmp, s.room
	c.gotRoot, c.theirs, c.heard = true, fp, now
	c.before = s.held.freeze(&rm.owners)
	for _, f := range s.stream.flights {
		c.flying.addRange(f.from, f.next)
	}
	s.rounds.theirs = int(min(count, 1<<40))
	mine := c.mine.fingerprint(nil)
	switch {
	case mine == fp:
		s.endRound(now, true)
	case mine == [32]byte{}, fp == [32]byte{}:
		// One side has nothing: it has nothing to send, and the other need not ask what to leave out.
		s.endRound(now, false)
	default:
		c.waiting = map[string]*bucket{"": s.say("")}
	}
	return nil
}

// say states what we have in a bucket in which the peer has something as well.
func (s *session) say(prefix string) *bucket {
	b := &bucket{wantTips: true}
	if s.cmp.mine.count([]byte(prefix)) <= LeafTips {
		s.sayTips(prefix, b)
	} else {
		s.cmp.jobs = append(s.cmp.jobs, statement{form: formBuckets, prefix: prefix})
	}
	return b
}

// sayTips names all our tips in a bucket.
func (s *session) sayTips(prefix string, b *bucket) {
	var list []int32
	s.cmp.mine.each([]byte(prefix), func(i int) bool { list = append(list, int32(i)); return true })
	s.sayList(prefix, b, list)
}

func (s *session) sayList(prefix string, b *bucket, list []int32) {
	b.saidTips = true
	b.wantHeld = len(list) > 0
	s.cmp.jobs = append(s.cmp.jobs, statement{form: formTips, prefix: prefix, list: list})
}

// onBuckets compares sub-fingerprints. If we have said our tips, theirs will come as well: nothing to do.
func (s *session) onBuckets(prefix string, b *bucket, theirs *[256][32]byte) error {
	c := &s.cmp
	if !b.wantTips || b.gotBuckets || b.got > 0 || len(prefix) == MaxPrefixBytes {
		return s.useless("sub-fingerprints that were not asked for")
	}
	b.gotBuckets = true
	if b.saidTips {
		return nil
	}
	delete(c.waiting, prefix)
	var mine [256][32]byte
	c.mine.buckets([]byte(prefix), &mine)
	for k := range mine {
		sub := prefix + string([]byte{byte(k)})
		switch {
		case mine[k] == theirs[k]:
			c.mine.each([]byte(sub), func(i int) bool { s.room.addChain(&c.has, i); return true })
		case mine[k] == [32]byte{}:
			c.waiting[sub] = &bucket{wantTips: true, saidTips: true} // they see that we have none
		case theirs[k] == [32]byte{}:
			nb := &bucket{}
			s.sayTips(sub, nb)
			c.waiting[sub] = nb
		default:
			c.waiting[sub] = s.say(sub)
		}
	}
	return nil
}

// onTipList takes tips by name. The last message of the statement is answered: with our tips there, if we have not
// named them, and with those of theirs that we hold.
func (s *session) onTipList(prefix string, b *bucket, t *Tips) error {
	c, rm := &s.cmp, s.room
	if !b.wantTips {
		return s.useless("tips that were not asked for")
	}
	b.got += len(t.Tips)
	if !b.saidTips && b.got > LeafTips {
		return fmt.Errorf("%w: more than %d tips of a bucket by name", ErrBadSync, LeafTips)
	}
	if t.More && len(t.Tips) == 0 {
		return s.useless("empty part of a statement")
	}
	for k := range t.Tips {
		tip := &t.Tips[k]
		if prefix == "" && !b.saidTips {
			if c.named == nil {
				c.named = make(map[crdt.Author]bool)
			}
			c.named[tip.Author] = true
		}
		if i, ok := rm.knows(tip.ID); ok {
			rm.addChain(&c.has, i)
			if !c.mine.has(hashTip(rm.replica.Author(i), tip.ID)) && !c.told[i] {
				if c.told == nil {
					c.told = make(map[int]bool)
				}
				c.told[i] = true
				b.held = append(b.held, int32(i))
			}
			continue
		}
		s.lack(tip)
		for _, id := range tip.Back {
			if i, ok := rm.knows(id); ok {
				rm.addChain(&c.has, i)
				break
			}
		}
	}
	if t.More {
		return nil
	}
	b.wantTips = false
	if !b.saidTips {
		s.answer(prefix, b)
	} else if prefix == "" && b.gotBuckets {
		c.filtered = true
	}
	if b.got > 0 {
		c.jobs = append(c.jobs, statement{form: formHeld, prefix: prefix, list: b.held})
	}
	s.settle(prefix, b)
	return nil
}

// answer names our tips in a bucket of which the peer has named its own. Of the root it is enough to name the branches of
// the authors that the peer has named, since these are all that it has.
func (s *session) answer(prefix string, b *bucket) {
	if prefix != "" {
		s.sayTips(prefix, b)
		return
	}
	var list []int32
	for a := range s.cmp.named {
		n := 0
		s.room.replica.TipsOf(a, func(i int) bool {
			list = append(list, int32(i))
			n++
			return n < maxTipsOfAuthor
		})
	}
	s.sayList(prefix, b, list)
}

// lack notes a tip that we do not hold.
func (s *session) lack(t *Tip) {
	c := &s.cmp
	c.lacks++
	if len(c.lacking) < maxLacking {
		c.lacking = append(c.lacking, t.ID)
	}
	if t.Author == s.room.me && s.room.me != (crdt.Author{}) {
		c.ownTip = true
	}
}

// onHeld takes which of our tips the peer holds though they are not its tips.
func (s *session) onHeld(prefix string, b *bucket, t *Tips) error {
	if !b.wantHeld {
		return s.useless("tips held that were not asked for")
	}
	for _, id := range t.Held {
		if i, ok := s.room.knows(id); ok {
			s.room.addChain(&s.cmp.has, i)
		}
	}
	if t.More {
		if len(t.Held) == 0 {
			return s.useless("empty part of a statement")
		}
		return nil
	}
	b.wantHeld = false
	s.settle(prefix, b)
	return nil
}

func (s *session) settle(prefix string, b *bucket) {
	if !b.wantTips && !b.wantHeld {
		delete(s.cmp.waiting, prefix)
	}
}

// nextStatement makes the next message of the comparison, nil if there is none.
func (s *session) nextStatement() Body {
	c := &s.cmp
	if len(c.jobs) == 0 {
		return nil
	}
	j := &c.jobs[0]
	t := &Tips{Round: c.round, Prefix: []byte(j.prefix), Form: j.form}
	switch j.form {
	case formFingerprint:
		t.Count, t.Fingerprint = uint64(c.logLen), c.mine.fingerprint(nil)
	case formBuckets:
		t.Buckets = new([256][32]byte)
		c.mine.buckets(t.Prefix, t.Buckets)
	case formTips:
		size := 0
		for len(j.list) > 0 && size < tipsChunkBytes {
			tip := s.tip(int(j.list[0]))
			size += tipBytes + 8 + idBytes*len(tip.Back)
			t.Tips = append(t.Tips, tip)
			j.list = j.list[1:]
		}
		t.More = len(j.list) > 0
	case formHeld:
		n := min(len(j.list), tipsChunkBytes/idBytes)
		for _, i := range j.list[:n] {
			t.Held = append(t.Held, s.room.replica.ID(int(i)))
		}
		j.list = j.list[n:]
		t.More = len(j.list) > 0
	}
	if !t.More {
		c.jobs = c.jobs[1:]
	}
	if len(c.jobs) == 0 {
		c.jobs = nil
		if !c.active {
			c.mine = tipView{}
		}
	}
	return t
}

// tip describes the change at a log index as the newest of its branch.
func (s *session) tip(i int) Tip {
	r := s.room.replica
	t := Tip{Author: r.Author(i), ID: r.ID(i), Seq: r.Seq(i)}
	for d := uint64(1); len(t.Back) < MaxBack; d *= 2 {
		back, ok := r.Back(i, d)
		if !ok {
			break
		}
		t.Back = append(t.Back, r.ID(back))
	}
	return t
}
