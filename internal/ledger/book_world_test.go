package ledger

import (
	"crypto/ed25519"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
)

// testKey is the key of test author n.
func testKey(n int) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0], seed[1] = byte(n), byte(n>>8)
	return ed25519.NewKeyFromSeed(seed)
}

func testAuthor(n int) crdt.Author { return crdt.Author(testKey(n).Public().(ed25519.PublicKey)) }

// A scribe is an author with a replica of its own.
type scribe struct {
	*crdt.Replica
	w    *crdt.Writer
	key  crdt.Author
	seen int // frames of the world that came here
}

// A world is some scribes of one ledger room, and all frames that they made.
type world struct {
	t interface {
		Helper()
		Fatal(...any)
		Fatalf(string, ...any)
	}
	charter crdt.Charter
	checker *crdt.Checker
	scribes []*scribe
	frames  [][]byte
}

func newWorld(t testing.TB, keys ...int) *world {
	w := &world{t: t}
	w.init(keys)
	return w
}

func (w *world) init(keys []int) {
	w.charter = crdt.OpenLedger("main")
	w.checker = crdt.NewChecker(w.charter)
	for _, k := range keys {
		r := w.replica()
		writer, err := r.Writer(testKey(k))
		if err != nil {
			w.t.Fatal(err)
		}
		w.scribes = append(w.scribes, &scribe{Replica: r, w: writer, key: writer.Author()})
	}
}

func (w *world) replica() *crdt.Replica {
	r, err := crdt.NewReplica(w.charter)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// write has scribe i make one change, and returns the first entry of it.
func (w *world) write(i int, edits ...func(*crdt.Tx) error) crdt.Name {
	w.t.Helper()
	s := w.scribes[i]
	from := s.Len()
	id, err := s.w.Change(1, Edits(edits...))
	if err != nil {
		w.t.Fatalf("scribe %d: %v", i, err)
	}
	s.w.Sign()
	frame, _ := s.PackFrom(from, nil)
	w.frames = append(w.frames, frame)
	return crdt.Name{Change: id}
}

func (w *world) deliver(r *crdt.Replica, frame []byte) {
	w.t.Helper()
	p, err := w.checker.Check(frame, nil)
	if err == nil {
		err = w.checker.Verify(p)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if o := r.Receive(p, 1, time.Unix(1, 0)); o.Err != nil {
		w.t.Fatal(o.Err)
	}
}

// share brings all frames to all scribes.
func (w *world) share() {
	w.t.Helper()
	for i := range w.scribes {
		w.bring(i)
	}
}

// bring brings all frames to scribe i.
func (w *world) bring(i int) {
	w.t.Helper()
	for s := w.scribes[i]; s.seen < len(w.frames); s.seen++ {
		w.deliver(s.Replica, w.frames[s.seen])
	}
}

// say marks an entry.
func (w *world) say(i int, target crdt.Name, s Say) {
	w.t.Helper()
	w.write(i, MarkEdit(target, s, ""))
}

// give is the bound entry by which author from gives an amount of cents to author to.
func give(from, to int, cents int64) Entry {
	e := NewTransfer("a", "b", cents, 2, "EUR", "")
	f, t := testAuthor(from), testAuthor(to)
	e.Postings[0].Key, e.Postings[1].Key = &f, &t
	return e
}

// play has scribes write, mark and hear of one another at random.
func (w *world) play(t *rapid.T, steps int) {
	for range steps {
		i := rapid.IntRange(0, len(w.scribes)-1).Draw(t, "scribe")
		if rapid.IntRange(0, 3).Draw(t, "hears") == 0 {
			w.bring(i)
			continue
		}
		s := w.scribes[i]
		for tips := 0; ; {
			s.TipsOf(s.key, func(int) bool { tips++; return true })
			if tips > 1 {
				i = -1 // it found out that it is forked: it writes no more
			}
			break
		}
		if i < 0 {
			continue
		}
		var edits []func(*crdt.Tx) error
		for range rapid.IntRange(1, 3).Draw(t, "ops") {
			edits = append(edits, drawEdit(t, s.View(), len(w.scribes)))
		}
		w.write(i, edits...)
	}
}

// drawEdit draws an entry, a correction, a mark or a name, some of them invalid.
func drawEdit(t *rapid.T, v *crdt.View, authors int) func(*crdt.Tx) error {
	kind := rapid.SampledFrom([]string{"entry", "correction", "correction", "mark", "mark", "mark", "name", "invalid", "odd"}).Draw(t, "kind")
	if v.Len() == 0 && (kind == "correction" || kind == "mark" || kind == "odd") {
		kind = "entry"
	}
	var target crdt.Name
	if v.Len() > 0 {
		target = v.NameOf(v.Row(v.Len() - 1 - rapid.IntRange(0, min(v.Len(), 12)-1).Draw(t, "row")).Key)
	}
	switch kind {
	case "entry":
		return AppendEdit(drawEntry(t, authors), nil)
	case "correction":
		return AppendEdit(drawEntry(t, authors), &target)
	case "mark":
		say := Say(rapid.IntRange(0, 3).Draw(t, "say"))
		memo := ""
		if say != Nothing {
			memo = rapid.SampledFrom([]string{"", "not mine"}).Draw(t, "memo")
		}
		return MarkEdit(target, say, memo)
	case "name":
		return NameEdit(rapid.SampledFrom([]string{"ann", "bob", "Zoë"}).Draw(t, "name"))
	case "odd":
		l, err := crdt.EncodeLiteral(rapid.SampledFrom([]any{
			nil, "agree", 1, map[string]any{"say": "agreed"}, map[string]any{"say": 1}, map[string]any{}, map[string]any{"say": "agree", "memo": ""},
			map[string]any{"say": "agree", "memo": "a\nb"}, map[string]any{"say": "agree", "more": 1}, map[string]any{"name": "x"}, []any{"say", "agree"},
		}).Draw(t, "literal"))
		if err != nil {
			t.Fatal(err)
		}
		if rapid.IntRange(0, 3).Draw(t, "on") == 0 {
			target = crdt.Root
		}
		return func(tx *crdt.Tx) error { return tx.Mark(target, l) }
	default:
		e := drawEntry(t, authors)
		e.Replaces = Ref{K: 1000, I: 0}
		l, err := Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "no entry at all") {
			l = crdt.Literal{0x01}
		}
		return func(tx *crdt.Tx) error { _, err := tx.Append(l); return err }
	}
}

func drawEntry(t *rapid.T, authors int) Entry {
	e := Entry{
		Scale: rapid.IntRange(0, 3).Draw(t, "scale"),
		Unit:  rapid.SampledFrom([]string{"EUR", "EUR", "", "XMR"}).Draw(t, "unit"),
	}
	parties := rapid.Permutation([]int{0, 1, 2, 3, 4, 5}).Draw(t, "parties")
	var sum int64
	n := rapid.SampledFrom([]int{2, 2, 2, 3}).Draw(t, "postings")
	for i := range n {
		p := Posting{Label: string(rune('a' + parties[i])), Amount: rapid.Int64Range(1, 1000).Draw(t, "amount")}
		if parties[i] < authors {
			a := testAuthor(parties[i])
			p.Key = &a
		}
		if i == n-1 {
			p.Amount = -sum
		}
		sum += p.Amount
		e.Postings = append(e.Postings, p)
	}
	return e
}
