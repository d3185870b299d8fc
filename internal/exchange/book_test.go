package exchange

import (
	"crypto/ed25519"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

// A room is some authors of one ledger room, each with a replica, who all hear of everything at once.
type room struct {
	t        *testing.T
	checker  *crdt.Checker
	replicas []*crdt.Replica
	writers  []*crdt.Writer
}

func newRoom(t *testing.T, authors int) *room {
	r := &room{t: t, checker: crdt.NewChecker(crdt.OpenLedger("main"))}
	for i := range authors {
		replica, err := crdt.NewReplica(crdt.OpenLedger("main"))
		if err != nil {
			t.Fatal(err)
		}
		seed := make([]byte, ed25519.SeedSize)
		seed[0] = byte(i)
		w, err := replica.Writer(ed25519.NewKeyFromSeed(seed))
		if err != nil {
			t.Fatal(err)
		}
		r.replicas, r.writers = append(r.replicas, replica), append(r.writers, w)
	}
	return r
}

func (r *room) write(i int, edit func(*crdt.Tx) error) crdt.Name {
	r.t.Helper()
	from := r.replicas[i].Len()
	id, err := r.writers[i].Change(int64(1e9), edit)
	if err != nil {
		r.t.Fatal(err)
	}
	r.writers[i].Sign()
	frame, _ := r.replicas[i].PackFrom(from, nil)
	for j, other := range r.replicas {
		if j == i {
			continue
		}
		pack, err := r.checker.Check(frame, nil)
		if err == nil {
			err = r.checker.Verify(pack)
		}
		if err != nil {
			r.t.Fatal(err)
		}
		if o := other.Receive(pack, 1, time.Unix(1, 0)); o.Err != nil {
			r.t.Fatal(o.Err)
		}
	}
	return crdt.Name{Change: id}
}

// book is the book of the room, and its rows as an export takes them.
func (r *room) book() (*ledger.Book, []Row) {
	v := r.replicas[0].View()
	b := ledger.NewBook(r.writers[0].Author())
	b.Update(v)
	var rows []Row
	v.Rows(func(row crdt.Row) bool {
		c := v.ChangeAt(row.Key.Change)
		e, _ := ledger.Decode(row.Literal) // what is invalid the status says
		rows = append(rows, Row{Change: c.ID, Author: c.Author, Time: c.Time, Entry: e, Status: b.Status(row.Key)})
		return true
	})
	return b, rows
}

// play writes hostile entries and marks them at random.
func (r *room) play(random *rand.Rand, n int) {
	for i := range n {
		e := entries.Example(random.Int())
		for j := range e.Postings {
			if e.Postings[j].Key != nil { // somebody who is here
				author := r.writers[(int(e.Postings[j].Key[31])+i)%len(r.writers)].Author()
				e.Postings[j].Key = &author
			}
		}
		if e.Validate() != nil {
			continue
		}
		target := r.write(random.IntN(len(r.writers)), ledger.AppendEdit(e, nil))
		for w := range r.writers {
			say := []ledger.Say{ledger.Agree, ledger.Agree, ledger.Agree, ledger.Agree, ledger.Nothing, ledger.Dispute, ledger.Withdraw}[random.IntN(7)]
			if i%2 == 0 {
				say = ledger.Agree
			}
			if say != ledger.Nothing {
				r.write(w, ledger.MarkEdit(target, say, ""))
			}
		}
	}
}

// The balances that hledger finds in an exported room are those of its book, and a room into which it is imported has them
// again as soon as the sides have agreed there, too.
func TestBookBalances(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		old := newRoom(t, 4)
		old.play(rand.New(rand.NewPCG(seed, 1)), 40)
		book, rows := old.book()
		was := balancesOf(t, book)
		if len(was) == 0 {
			t.Fatal("a room without balances")
		}
		for _, f := range []Format{CSV, JSONL} {
			counted := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return !r.counts() })
			p, err := Read(strings.NewReader(export(t, f, counted)), Options{})
			if err != nil || len(p.Bad) > 0 {
				t.Fatal(err, p)
			}
			again := newRoom(t, 4)
			for i := range p.Entries {
				target := again.write(0, ledger.AppendEdit(p.Entries[i].Entry, nil))
				for w := range again.writers {
					again.write(w, ledger.MarkEdit(target, ledger.Agree, ""))
				}
			}
			b, _ := again.book()
			got := balancesOf(t, b)
			for k, want := range was {
				now := got[k].claimed
				if now == nil { // only in entries that did not count
					now = new(big.Rat)
				}
				if now.Cmp(want.claimed) != 0 {
					t.Errorf("%s: %v has %v, had %v", f, k, now, want.claimed)
				}
			}
		}
	}
}

// TestHledgerBook is TestHledger against the book of a room.
func TestHledgerBook(t *testing.T) {
	t.Parallel()
	program := hledgerProgram(t)
	for seed := range uint64(3) {
		r := newRoom(t, 4)
		r.play(rand.New(rand.NewPCG(seed, 2)), 40)
		book, rows := r.book()
		journal := export(t, Hledger, rows)
		hledger(t, program, journal, "check", "--strict")
		claimed, tallied := hledgerBalances(t, program, journal), hledgerBalances(t, program, journal, "--cleared")
		c := newChart(slices.Values(rows), ExportOptions{})
		ours, n := balancesOf(t, book), 0
		for k, sum := range ours {
			p := ledger.Posting{Label: k.label}
			if k.label == "" {
				p.Key = &k.key
			}
			account := accountSum{c.account(&p), k.unit}
			for _, column := range []struct {
				name      string
				got, want *big.Rat
			}{{"claimed", claimed[account], sum.claimed}, {"tallied", tallied[account], sum.tallied}} {
				if column.got == nil {
					column.got = new(big.Rat)
				}
				if column.got.Cmp(column.want) != 0 {
					t.Errorf("%s of %v: hledger has %v, the book %v", column.name, account, column.got, column.want)
				}
			}
			if sum.claimed.Sign() != 0 {
				n++
			}
		}
		if n != len(claimed) || n == 0 {
			t.Errorf("hledger has %d balances that are not zero, the book %d", len(claimed), n)
		}
	}
}

type columnsOf struct{ tallied, claimed *big.Rat }

func balancesOf(t *testing.T, b *ledger.Book) map[sumKey]columnsOf {
	t.Helper()
	rat := func(s ledger.Sum) *big.Rat {
		r, ok := new(big.Rat).SetString(s.String())
		if !ok {
			t.Fatalf("%v is no figure", s)
		}
		return r
	}
	all := map[sumKey]columnsOf{}
	for _, unit := range b.Units() {
		for _, x := range b.Balances(unit) {
			k := sumKey{label: x.Party.Label, unit: unit}
			if x.Party.Bound {
				k = sumKey{key: x.Party.Key, unit: unit}
			}
			all[k] = columnsOf{rat(x.Tallied), rat(x.Claimed)}
		}
	}
	return all
}
