package oracle

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// A room is a Log with chains that follow themselves.
type room struct {
	t     *testing.T
	terms Terms
	*Log
	prev map[int]crdt.ChangeID
	n    uint64
}

func newRoom(t *testing.T, oracles int, change func(*Policy)) *room {
	terms := testTerms(t, oracles, []string{"A/B", "C/D"}, change)
	return &room{t: t, terms: terms, Log: NewLog(terms), prev: map[int]crdt.ChangeID{}}
}

// say adds a change of an oracle with those literals and links.
func (r *room) say(o int, links []crdt.ChangeID, body ...crdt.Literal) crdt.ChangeID {
	r.n++
	id := crdt.ChangeID(sha256.Sum256(binary.BigEndian.AppendUint64(nil, r.n)))
	r.Add(Change{ID: id, Author: r.terms.Oracles[o], Prev: r.prev[o], Links: links, Body: body})
	r.prev[o] = id
	return id
}

func (r *room) at(price, t int64) crdt.Literal {
	return literal(r.t, Attestation{Pair: "A/B", Price: price, T: t})
}

func (r *room) reasons(id crdt.ChangeID, want ...Reason) {
	r.t.Helper()
	in, ok := r.Inspect(id)
	if !ok || fmt.Sprint(in.Reasons) != fmt.Sprint(want) {
		r.t.Errorf("got %v %v, want %v", in.Reasons, ok, want)
	}
}

// Log time is the lower median of all the committee, silent ones before all time, and
// what a minority says does not move it.
func TestLogTime(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 4, nil)
	for i, want := range []int64{-1, -1, 1000, 2000} { // −1: none yet
		r.say(i, nil, r.at(5, []int64{9000, 1000, 2000, 3000}[i]))
		got, ok := r.Time()
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("after %d: %d, want %d", i+1, got, want)
		}
	}
	r.say(0, nil, r.at(5, 90_000), r.at(5, 100))
	if got, _ := r.Time(); got != 2000 {
		t.Errorf("one clock moved it to %d", got)
	}
	r.Convict(crdt.Fork{Author: r.terms.Oracles[3]})
	if got, _ := r.Time(); got != 2000 {
		t.Errorf("a conviction moved it to %d", got)
	}
}

func TestVoidAlongChain(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 4, func(p *Policy) { p.FloodMax = 2 })
	r.reasons(r.say(0, nil, r.at(5, 5000), r.at(6, 4999), r.at(7, 5000)), NotVoid, VoidTimeBack, NotVoid)
	// The slot of 5000 is full; what was void for its time does not count in it.
	r.reasons(r.say(0, nil, r.at(8, 5999), r.at(9, 6000)), VoidFlood, NotVoid)
	r.reasons(r.say(0, nil, literal(t, Attestation{Pair: "C/D", Price: 1, T: 1}), r.at(9, 5999)), NotVoid, VoidTimeBack)
	r.reasons(r.say(0, nil, crdt.Literal{0x80}, literal(t, Attestation{Pair: "X/Y", Price: 1, T: 1})), VoidMalformed, VoidPair)
	s := r.Oracles()[0]
	if s.Sent != 9 || s.Accepted != 4 || s.Void[VoidTimeBack] != 2 || s.Void[VoidFlood] != 1 || s.Void.Sum() != 5 || s.Newest != 6000 {
		t.Errorf("%+v", s)
	}
	outsider := crdt.ChangeID{9}
	r.Add(Change{ID: outsider, Author: crdt.Author{1}, Body: []crdt.Literal{r.at(1, 1)}})
	r.reasons(outsider, VoidNonMember)
	if r.Outside() != 1 {
		t.Errorf("outside: %d", r.Outside())
	}
}

func TestVoteStates(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 7, func(p *Policy) { p.VoteK = 3 })
	const at = 100_000
	r.say(0, nil, r.at(10, at-2000), r.at(11, at-1000), r.at(12, at)) // lower median of three
	r.say(1, nil, r.at(10, at-2000), r.at(99, at-1000))               // of two: the lower
	r.say(2, nil, r.at(7, at-12_001), r.at(8, at-11_000), r.at(20, at-1500))
	r.say(3, nil, r.at(5, at-10_000))
	r.say(4, nil, r.at(5, at+2001))
	r.say(5, nil, r.at(30, at+2000), r.at(31, at+2001))
	r.say(6, nil, r.at(70, at-14_000)) // stale
	span := newRoom(t, 1, nil)
	span.say(0, nil, span.at(1, at-10_000), span.at(2, at-9_999), span.at(3, at))
	if v := span.Votes("A/B", at)[0]; v.Value != 2 || len(v.From) != 2 {
		t.Errorf("a vote reaches exactly vote_span back: %+v", v)
	}
	want := []struct {
		state VoteState
		value int64
		from  int
	}{{Voted, 11, 3}, {Voted, 10, 2}, {Voted, 8, 2}, {Stale, 0, 1}, {Early, 0, 1}, {Voted, 30, 1}, {Stale, 0, 1}}
	for i, v := range r.Votes("A/B", at) {
		if v.State != want[i].state || v.Value != want[i].value || len(v.From) != want[i].from || v.Oracle != i || v.Author != r.terms.Oracles[i] {
			t.Errorf("%d: got %+v, want %+v", i, v, want[i])
		}
	}
	p, err := r.Price("A/B", at)
	if err != nil || p.Status != Insufficient || p.Votes != 4 || p.Stale != 2 || p.Early != 1 || p.Present != 7 || p.F != 2 || p.Price != 0 || p.High != 0 {
		t.Errorf("%+v %v", p, err)
	}
	// A little later the early ones have come, and one has gone stale: 5 8 10 11 30.
	if p, _ = r.Price("A/B", at+4_000); p.Votes != 5 || p.Stale != 2 || p.Early != 0 || p.Price != 10 || p.Low != 10 || p.High != 10 || p.MAD != 2 || p.Status != OK {
		t.Errorf("%+v", p)
	}
	if _, err := r.Price("X/Y", at); err == nil {
		t.Error("a pair that is not there has a price")
	}
	if _, err := r.Price("A/B", MaxTimeMS+1); err == nil {
		t.Error("a time out of range has a price")
	}
}

// An attestation is late if its change's ancestors tell a time beyond it; one whose
// author hides them is not.
func TestLate(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 4, nil)
	var seen []crdt.ChangeID
	for i := range 3 {
		seen = append(seen, r.say(i, nil, r.at(10, 20_000)))
	}
	late := r.say(3, seen, r.at(10, 14_999), r.at(10, 15_000))
	if got := r.Oracles()[3].Late; got != 1 {
		t.Errorf("%d late, want 1", got)
	}
	if in, _ := r.Inspect(late); in.Seen != 20_000 || !in.Spoken {
		t.Errorf("%+v", in)
	}
	// The ancestor's rule takes all that was in the log by then, whatever time it claims.
	for at, want := range map[int64]int{19_999: 0, 20_000: 2} {
		if got := len(r.VotesFor(MeanIQR, "A/B", at)[3].Said); got != want {
			t.Errorf("at %d: %d are taken, want %d", at, got, want)
		}
	}
	hidden := newRoom(t, 4, nil)
	for i := range 3 {
		hidden.say(i, nil, hidden.at(10, 20_000))
	}
	hidden.say(3, nil, hidden.at(10, 14_999))
	if got := hidden.Oracles()[3].Late; got != 0 {
		t.Errorf("%d late, of which nothing shows", got)
	}
}

func TestCommitReveal(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 4, func(p *Policy) { p.CommitReveal = true })
	nonce := [16]byte{1, 2, 3}
	commit := func(o int, slot, price int64) crdt.Literal {
		c := Commit(r.terms.Room, r.terms.Oracles[o], "A/B", slot, price, nonce)
		l, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	reveal := func(price, at int64) crdt.Literal {
		return literal(t, Attestation{Pair: "A/B", Price: price, T: at, Flags: FlagRevealed, Nonce: nonce[:]})
	}
	r.reasons(r.say(0, nil, commit(0, 10, 500)), NotVoid)
	r.reasons(r.say(0, nil, reveal(500, 10_400), commit(0, 11, 501)), NotVoid, NotVoid)
	r.reasons(r.say(0, nil, reveal(502, 11_400)), VoidReveal)                               // another price
	r.reasons(r.say(0, nil, reveal(501, 12_400)), VoidReveal)                               // another slot
	r.reasons(r.say(0, nil, commit(0, 11, 503)), VoidRecommit)                              // a second choice
	r.reasons(r.say(0, nil, commit(0, 13, 504), reveal(504, 13_100)), NotVoid, VoidReveal)  // nobody was told before
	r.reasons(r.say(0, nil, reveal(504, 13_200), reveal(504, 13_300)), NotVoid, VoidReveal) // once
	r.reasons(r.say(0, nil, r.at(504, 14_000)), VoidReveal)                                 // open
	r.reasons(r.say(1, nil, commit(0, 10, 500)), NotVoid)
	copied := r.say(1, nil, reveal(500, 10_400)) // another author's commitment, copied whole
	r.reasons(copied, VoidReveal)
	if s := r.Oracles()[0]; s.Accepted != 2 || s.Commits != 4 || s.Sent != 7 {
		t.Errorf("%+v", s)
	}
	// Too late: two of four have shown what they saw in slot 20.
	var seen []crdt.ChangeID
	for o := 1; o < 4; o++ {
		r.say(o, nil, commit(o, 20, 600))
		seen = append(seen, r.say(o, nil, reveal(600, 20_500)))
	}
	r.reasons(r.say(0, seen, commit(0, 20, 600)), VoidLateCommit)
	r.reasons(r.say(0, nil, commit(0, 21, 600)), NotVoid)

	off := newRoom(t, 4, nil)
	off.reasons(off.say(0, nil, commit(0, 10, 500), reveal(500, 10_000)), VoidCommit, VoidReveal)
}

// A Log that holds the end of every chain alone says of that end what the whole says, once
// it is told the heads.
func TestPartOfARoom(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 4, nil)
	var all []Change
	links := []crdt.ChangeID{}
	for i := range 40 {
		o := i % 4
		r.n++
		c := Change{
			ID: sha256.Sum256(binary.BigEndian.AppendUint64(nil, r.n)), Author: r.terms.Oracles[o], Prev: r.prev[o], Links: links, Seq: uint64(i/4 + 1),
			Body: []crdt.Literal{r.at(1000+int64(i), int64(50_000+1000*i))},
		}
		r.Add(c)
		r.prev[o] = c.ID
		links = []crdt.ChangeID{c.ID}
		all = append(all, c)
	}
	want, err := r.Price("A/B", -1)
	if err != nil || want.Status != OK {
		t.Fatalf("%+v %v", want, err)
	}
	part := NewLog(r.terms)
	for _, c := range all[16:] {
		part.Add(c)
	}
	part.SetHeads(r.Heads())
	if got, err := part.Price("A/B", want.At); err != nil || got != want {
		t.Errorf("got %+v, want %+v (%v)", got, want, err)
	}
	// A chain that begins in two ways is a fork, though what is before it is not here.
	twin := all[18]
	twin.ID = crdt.ChangeID{1}
	part.Add(twin)
	if !part.Oracles()[2].Convicted {
		t.Error("a fork was not seen")
	}
}

// Taking in a change allocates nothing but what it keeps: some 200 bytes and 20 an
// attestation.
func TestAddAllocates(t *testing.T) {
	d := newDay(t, 7, 3, nil)
	l := NewLog(d.terms)
	var seconds [][]Change
	for range 400 {
		seconds = append(seconds, d.next())
	}
	k := 0
	perSecond := testing.AllocsPerRun(len(seconds)-1, func() {
		for i := range seconds[k] {
			l.Add(seconds[k][i])
		}
		k++
	})
	if perSecond > 3.5 { // 21 attestations
		t.Errorf("%.2f allocations for 7 changes of 3 attestations", perSecond)
	}
	var p Price
	if n := testing.AllocsPerRun(100, func() { l.price(Median, 1, dayStart+200_000, &p) }); n != 0 {
		t.Errorf("%.1f allocations a price", n)
	}
	if p.Status != OK {
		t.Errorf("%+v", p)
	}
}

// With more oracles convicted than may lie there is no price, though one vote would be
// enough for the f that is left.
func TestMoreConvictedThanMayLie(t *testing.T) {
	t.Parallel()
	r := newRoom(t, 7, nil)
	for o := range 7 {
		r.say(o, nil, r.at(10+int64(o), 50_000))
	}
	for o, want := range []Status{Wide, Wide, Insufficient} {
		r.Convict(crdt.Fork{Author: r.terms.Oracles[o]})
		p, err := r.Price("A/B", -1)
		if err != nil || p.Status != want || p.Votes != 6-o || p.F != max(0, 1-o) || (p.Price == 0) != (want == Insufficient) {
			t.Errorf("%d convicted: %+v %v", o+1, p, err)
		}
		if lack := "3 oracles are convicted, more than may lie: nothing that the others say is proved"; want == Insufficient && p.Lack() != lack {
			t.Errorf("lacks %q", p.Lack())
		}
	}
	if got := (&Price{Votes: 4, F: 2}).Lack(); got != "4 votes, and it takes 5" {
		t.Errorf("lacks %q", got)
	}
}
