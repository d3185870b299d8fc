package ledger

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
)

// A slowBook is docs/protocol.md §8 word by word, counted from nothing.
type slowBook struct {
	r       *crdt.Replica
	v       *crdt.View
	keys    []crdt.Key
	entry   map[crdt.Key]*Entry // valid ones
	reason  map[crdt.Key]Reason
	writer  map[crdt.Key]crdt.Author
	old     map[crdt.Key]crdt.Key
	authors []crdt.Author
}

func newSlowBook(r *crdt.Replica) *slowBook {
	s := &slowBook{
		r: r, v: r.View(), entry: map[crdt.Key]*Entry{}, reason: map[crdt.Key]Reason{},
		writer: map[crdt.Key]crdt.Author{}, old: map[crdt.Key]crdt.Key{},
	}
	for i := range 8 {
		s.authors = append(s.authors, testAuthor(i))
	}
	for row := range s.v.Rows {
		s.keys = append(s.keys, row.Key)
		s.writer[row.Key] = r.Author(row.Key.Change)
		e, err := Decode(row.Literal)
		if err != nil {
			s.reason[row.Key] = Reason(Code(err))
			continue
		}
		if ref := e.Replaces; !ref.IsZero() {
			old, ok := s.v.Element(row.Key.Change, ref.K, ref.I, ref.D)
			if !ok {
				s.reason[row.Key] = ReasonReplaces
				continue
			}
			s.old[row.Key] = old
		}
		s.entry[row.Key] = &e
	}
	return s
}

// says is what an author's mark says of an entry.
func (s *slowBook) says(a crdt.Author, k crdt.Key) Say {
	l, ok := s.r.MarkOf(s.v.NameOf(k), a)
	if !ok {
		return Nothing
	}
	m, ok := l.Value().(map[string]any)
	word, _ := m["say"].(string)
	memo, hasMemo := m["memo"]
	text, isText := memo.(string)
	if !ok || len(m) > 2 || len(m) == 2 && !hasMemo || hasMemo && (!isText || text == "" || strings.Contains(text, "\n")) {
		return Nothing
	}
	return Say(max(0, slices.Index([]string{"", "agree", "dispute", "withdraw"}, word)))
}

// stands is standing by an entry by own writing or mark.
func (s *slowBook) stands(a crdt.Author, k crdt.Key) bool {
	say := s.says(a, k)
	return (s.writer[k] == a || say == Agree) && say != Dispute && say != Withdraw
}

// corrects reports whether k is valid and replaces old, directly or through others.
func (s *slowBook) corrects(k, old crdt.Key) bool {
	for s.entry[k] != nil {
		up, ok := s.old[k]
		if !ok {
			return false
		}
		if up == old {
			return true
		}
		k = up
	}
	return false
}

func (s *slowBook) withdraws(a crdt.Author, k crdt.Key) bool {
	if s.says(a, k) == Withdraw {
		return true
	}
	for _, f := range s.keys {
		if s.corrects(f, k) && s.stands(a, f) {
			return true
		}
	}
	return false
}

func (s *slowBook) status(k crdt.Key) (st Status) {
	st.Writer = s.writer[k]
	st.By = st.Writer
	st.Replaces, st.IsCorrection = s.old[k], s.entry[k] != nil && s.old[k] != crdt.Key{}
	if _, ok := s.old[k]; ok {
		st.IsCorrection = true
	}
	for _, f := range s.keys {
		if old, ok := s.old[f]; ok && old == k && s.entry[f] != nil {
			st.ReplacedBy = append(st.ReplacedBy, f)
		}
	}
	slices.SortFunc(st.ReplacedBy, func(x, y crdt.Key) int {
		if x.Change != y.Change {
			return x.Change - y.Change
		}
		return int(x.Index) - int(y.Index)
	})
	e := s.entry[k]
	if e == nil {
		st.Standing, st.Reason = Invalid, s.reason[k]
		return st
	}
	var disputes, withdraws, standBy []crdt.Author
	bound := 0
	for _, p := range e.Postings {
		st.Sides++
		if p.Key == nil {
			continue
		}
		bound++
		if s.says(*p.Key, k) == Dispute {
			disputes = append(disputes, *p.Key)
		}
		if s.withdraws(*p.Key, k) {
			withdraws = append(withdraws, *p.Key)
		} else if s.stands(*p.Key, k) {
			standBy = append(standBy, *p.Key)
		}
	}
	st.StandBy = len(standBy)
	switch {
	case len(standBy) == 0 && len(withdraws) > 0:
		st.Standing, st.By = Withdrawn, withdraws[0]
	case len(standBy) == 0 && s.says(st.Writer, k) == Withdraw:
		st.Standing = Withdrawn
	case len(disputes) > 0:
		st.Standing, st.By = Disputed, disputes[0]
	case len(withdraws) > 0:
		st.Standing, st.By = Withdrawing, withdraws[0]
	case len(standBy) == len(e.Postings):
		st.Standing = Tallied
	case len(standBy) > 0:
		st.Standing, st.By = Claimed, standBy[0]
	default:
		st.Standing = Hearsay
	}
	return st
}

func (s *slowBook) binds(a crdt.Author, k crdt.Key) bool {
	return s.entry[k] != nil && slices.ContainsFunc(s.entry[k].Postings, func(p Posting) bool { return p.Key != nil && *p.Key == a })
}

func (s *slowBook) waits(me crdt.Author, k crdt.Key) bool {
	return s.binds(me, k) && s.writer[k] != me && s.says(me, k) == Nothing && !s.withdraws(me, k) && s.status(k).Standing != Withdrawn
}

// balances are by unit, party and column.
func (s *slowBook) balances() map[string]map[Party]*[3]big.Int {
	all := map[string]map[Party]*[3]big.Int{}
	for k, e := range s.entry {
		if all[e.Unit] == nil {
			all[e.Unit] = map[Party]*[3]big.Int{}
		}
		var columns []int
		switch s.status(k).Standing {
		case Tallied:
			columns = []int{0, 1}
		case Claimed:
			columns = []int{1}
		case Disputed, Withdrawing:
			columns = []int{2}
		default:
			continue
		}
		for i := range e.Postings {
			p := &e.Postings[i]
			if all[e.Unit][PartyOf(p)] == nil {
				all[e.Unit][PartyOf(p)] = new([3]big.Int)
			}
			for _, c := range columns {
				x := &all[e.Unit][PartyOf(p)][c]
				x.Add(x, bigSum(p.Amount, e.Scale))
			}
		}
	}
	return all
}

// compare holds a book against the slow one.
func (s *slowBook) compare(b *Book, me crdt.Author) error {
	if b.Changes() != s.v.Changes() {
		return fmt.Errorf("%d changes, want %d", b.Changes(), s.v.Changes())
	}
	var waiting []crdt.Key
	for _, k := range s.keys {
		got, want := b.Status(k), s.status(k)
		if fmt.Sprint(got) != fmt.Sprint(want) || b.Standing(k) != want.Standing {
			return fmt.Errorf("entry %v: got %+v, %v, want %+v", k, got, b.Standing(k), want)
		}
		if s.waits(me, k) {
			waiting = append(waiting, k)
		}
		if b.Waits(k) != s.waits(me, k) {
			return fmt.Errorf("entry %v waits: %v", k, b.Waits(k))
		}
		if err := s.compareSaid(b, k); err != nil {
			return err
		}
	}
	if got := b.Waiting(); !slices.Equal(got, waiting) || b.WaitingCount() != len(waiting) {
		return fmt.Errorf("waiting: got %v, want %v", got, waiting)
	}
	for _, a := range s.authors {
		want := ""
		if l, ok := s.r.MarkOf(crdt.Root, a); ok {
			if m, _ := l.Value().(map[string]any); len(m) == 1 {
				want, _ = m["name"].(string)
			}
		}
		if got := b.Name(a); got != want {
			return fmt.Errorf("name: got %q, want %q", got, want)
		}
	}
	return s.compareBalances(b)
}

func (s *slowBook) compareSaid(b *Book, k crdt.Key) error {
	said := b.Said(k)
	n := 0
	for _, a := range s.authors {
		if say := s.says(a, k); say != Nothing {
			n++
			i := slices.IndexFunc(said, func(st Statement) bool { return st.Author == a })
			if i < 0 || said[i].Say != say || s.r.Author(said[i].Change) != a {
				return fmt.Errorf("entry %v: %v says %v, said %v", k, a, say, said)
			}
			if l, _ := s.r.MarkOf(s.v.NameOf(k), a); strings.Contains(string(l), "not mine") != (said[i].Memo == "not mine") {
				return fmt.Errorf("entry %v: memo %q of %v", k, said[i].Memo, l)
			}
		}
	}
	if n != len(said) {
		return fmt.Errorf("entry %v: %d said, want %d", k, len(said), n)
	}
	for i := 1; i < len(said); i++ {
		if s.r.At(said[i-1].Change).Lamport > s.r.At(said[i].Change).Lamport {
			return fmt.Errorf("entry %v: not the newest last: %v", k, said)
		}
	}
	return nil
}

func (s *slowBook) compareBalances(b *Book) error {
	all := s.balances()
	units := make([]string, 0, len(all))
	for u := range all {
		units = append(units, u)
	}
	slices.Sort(units)
	if got := b.Units(); !slices.Equal(got, units) {
		return fmt.Errorf("units %q, want %q", got, units)
	}
	for _, u := range units {
		got := b.Balances(u)
		if len(got) != len(all[u]) || b.PartyCount(u) != len(got) {
			return fmt.Errorf("%q: %d balances, count %d, want %d", u, len(got), b.PartyCount(u), len(all[u]))
		}
		var sums [3]Sum
		for _, x := range got {
			want := all[u][x.Party]
			if want == nil || x.Unit != u {
				return fmt.Errorf("%q: %+v", u, x)
			}
			for c, sum := range [3]Sum{x.Tallied, x.Claimed, x.Disputed} {
				if sum.Big().Cmp(&want[c]) != 0 {
					return fmt.Errorf("%q, %v, column %d: got %v, want %v", u, x.Party, c, sum.Big(), &want[c])
				}
				sums[c] = sums[c].Add(sum)
			}
			if again := b.BalanceOf(x.Party, u); again != x {
				return fmt.Errorf("%q: %+v and %+v", u, again, x)
			}
		}
		if sums != [3]Sum{} {
			return fmt.Errorf("%q: the columns add up to %v", u, sums)
		}
		if err := settles(got); err != nil {
			return fmt.Errorf("%q: %w", u, err)
		}
	}
	return nil
}

// settles checks the payments for balances whose tallied ones add up to zero.
func settles(balances []Balance) error {
	left := map[Party]Sum{}
	open := 0
	for _, x := range balances {
		left[x.Party] = x.Tallied
		if !x.Tallied.IsZero() {
			open++
		}
	}
	payments := Settle(balances)
	for _, p := range payments {
		if p.Amount.Sign() <= 0 || p.From == p.To {
			return fmt.Errorf("payment %+v", p)
		}
		left[p.From] = left[p.From].Sub(p.Amount)
		left[p.To] = left[p.To].Add(p.Amount)
	}
	for party, s := range left {
		if !s.IsZero() {
			return fmt.Errorf("%v is left with %v", party, s)
		}
	}
	if len(payments) > max(0, open-1) {
		return fmt.Errorf("%d payments for %d parties", len(payments), open)
	}
	return nil
}

// A book equals the recomputation, whatever was written and said, by forked authors
// too, in whatever order it came and in whatever batches; and so it is the same on
// every replica.
func TestBookProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t}
		w.init([]int{0, 1, 2, 0, 3}) // author 0 writes in two places: a fork
		w.play(t, rapid.IntRange(1, 60).Draw(t, "steps"))
		me := testAuthor(rapid.IntRange(0, 4).Draw(t, "me"))
		type outcome struct {
			r *crdt.Replica
			b *Book
		}
		var both [2]outcome
		for i := range both {
			r, b := w.replica(), NewBook(me)
			b.chunkSize = rapid.SampledFrom([]int{1, 3, chunkChanges}).Draw(t, "chunk")
			b.leastSteps = rapid.SampledFrom([]int{0, 10, leastSteps}).Draw(t, "least steps")
			for _, at := range rapid.Permutation(w.frames).Draw(t, "arrival") {
				w.deliver(r, at)
				if rapid.IntRange(0, 4).Draw(t, "update") == 0 {
					b.Update(r.View())
				}
			}
			b.Update(r.View())
			if err := newSlowBook(r).compare(b, me); err != nil {
				t.Fatal(err)
			}
			both[i] = outcome{r, b}
		}
		if both[0].r.DocDigest() != both[1].r.DocDigest() {
			t.Fatal("two documents")
		}
		for row := range both[0].r.View().Rows {
			name := both[0].r.View().NameOf(row.Key)
			change, _ := both[1].r.Index(name.Change)
			x, y := both[0].b.Status(row.Key), both[1].b.Status(crdt.Key{Change: change, Index: name.Index})
			if x.Standing != y.Standing || x.By != y.By || x.StandBy != y.StandBy || len(x.ReplacedBy) != len(y.ReplacedBy) {
				t.Fatalf("%v here, %v there", x, y)
			}
		}
	})
}
