package proof

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
	"github.com/tallystick/tallystick/internal/ledger"
)

// A member is one of those who keep a ledger together.
type member struct {
	r    *crdt.Replica
	w    *crdt.Writer
	name string
}

func newMember(room crdt.Charter, name string) *member {
	m := &member{r: must(crdt.NewReplica(room)), name: name}
	m.w = must(m.r.Writer(key(name)))
	return m
}

func (m *member) author() crdt.Author { return m.w.Author() }

// change makes and signs one.
func (m *member) change(edit func(*crdt.Tx) error) crdt.ChangeID {
	id := must(m.w.Change(1_790_000_000, edit))
	m.w.Sign()
	return id
}

// hears has m accept what the others hold.
func (m *member) hears(others ...*member) {
	for _, o := range others {
		gives(o.r, m.r)
	}
}

// owes is an entry: from gives to, and more if there are any, 5 each.
func owes(from *member, to ...*member) ledger.Entry {
	a := from.author()
	e := ledger.Entry{Postings: []ledger.Posting{{Label: from.name, Key: &a, Amount: -500 * int64(len(to))}}, Scale: 2, Unit: "EUR", Memo: "dinner"}
	for _, m := range to {
		b := m.author()
		e.Postings = append(e.Postings, ledger.Posting{Label: m.name, Key: &b, Amount: 500})
	}
	return e
}

func writes(m *member, entries ...ledger.Entry) crdt.Name {
	return crdt.Name{Change: m.change(func(tx *crdt.Tx) error {
		for i := range entries {
			if _, err := tx.Append(must(ledger.Encode(entries[i]))); err != nil {
				return err
			}
		}
		return nil
	})}
}

func (m *member) says(n crdt.Name, what ledger.Say) crdt.ChangeID {
	memo := "as we said"
	if what == ledger.Nothing {
		memo = ""
	}
	return m.change(ledger.MarkEdit(n, what, memo))
}

// corrects is Append of an entry that replaces old.
func (m *member) corrects(old crdt.Name, e ledger.Entry) crdt.Name {
	return crdt.Name{Change: m.change(func(tx *crdt.Tx) error {
		_, err := tx.AppendReferring(old, func(k int64, i uint32, d int64) (crdt.Literal, error) {
			e.Replaces = ledger.Ref{K: k, I: i, D: d}
			return ledger.Encode(e)
		})
		return err
	})}
}

// lunchers are alice, bob and carol in a room, of which alice wrote an entry with bob.
func lunchers() (alice, bob, carol *member, n crdt.Name) {
	alice, bob, carol = newMember(lunch, "alice"), newMember(lunch, "bob"), newMember(lunch, "carol")
	writes(alice, owes(alice, carol))
	n = writes(alice, owes(alice, bob))
	writes(alice, owes(alice, carol))
	return alice, bob, carol, n
}

// tallied is a room whose entry both sides signed: bob's name of it goes back two changes
// on alice's chain.
func tallied() (*crdt.Replica, crdt.Name) {
	alice, bob, _, n := lunchers()
	writes(alice, owes(alice, bob))
	bob.hears(alice)
	bob.says(n, ledger.Agree)
	return bob.r, n
}

// corrected is a room in which bob corrected an entry of alice's, and she agreed.
func corrected() (*crdt.Replica, crdt.Name) {
	alice, bob, _, n := lunchers()
	bob.hears(alice)
	n = bob.corrects(n, owes(bob, alice))
	alice.hears(bob)
	alice.says(n, ledger.Agree)
	return alice.r, n
}

func entryFile(r *crdt.Replica, n crdt.Name) []byte { return must(AppendEntry(nil, r, n)) }

func TestEntry(t *testing.T) {
	t.Parallel()
	r, n := tallied()
	b := must(AppendEntry([]byte("front"), r, n))
	s, err := Check(bytes.TrimPrefix(b, []byte("front")))
	if err != nil {
		t.Fatal(err)
	}
	alice, bob := crdt.Author(key("alice")[32:]), crdt.Author(key("bob")[32:])
	e := s.Entry
	if s.Kind != KindEntry || s.RoomID != lunch.ID() || *s.Room != "lunch" || !slices.Equal(s.Keys, []crdt.Author{alice, bob}) {
		t.Errorf("says %+v", s)
	}
	if !e.Tallied || e.Name != n || e.Writer != alice || e.Time != 1_790_000_000 || e.Entry.Memo != "dinner" || len(e.Sides) != 2 || e.Replaced != nil {
		t.Errorf("says %+v", e)
	}
	if *e.Sides[0].Key != alice || e.Sides[0].Change != n.Change || *e.Sides[1].Key != bob || !e.Sides[1].Stands || e.Sides[1].Memo != "as we said" {
		t.Errorf("sides %+v", e.Sides)
	}
	if s.Proved != "both sides signed this entry in this room: it is tallied" || !strings.Contains(strings.Join(s.NotProved, "\n"), "that nothing came later") {
		t.Errorf("says %q, not %q", s.Proved, s.NotProved)
	}
	if len(b) > 1200 {
		t.Errorf("%d bytes", len(b))
	}
}

// An entry that some sides signed is claimed by them; who is bound by no key signs nothing.
func TestEntryClaimed(t *testing.T) {
	t.Parallel()
	alice, bob, carol, _ := lunchers()
	n := writes(alice, owes(alice, bob, carol))
	bob.hears(alice)
	bob.says(n, ledger.Agree)
	s := must(Check(entryFile(bob.r, n)))
	if s.Entry.Tallied || s.Entry.Sides[2].Stands || len(s.Keys) != 2 || !strings.HasPrefix(s.Proved, "2 of 3 sides signed this entry in this room: it is claimed by ") {
		t.Errorf("says %+v", s)
	}
	carol.hears(bob)
	carol.says(n, ledger.Agree)
	if s = must(Check(entryFile(carol.r, n))); !s.Entry.Tallied || s.Proved != "all 3 sides signed this entry in this room: it is tallied" {
		t.Errorf("says %+v", s)
	}
	e := owes(alice, bob)
	e.Postings[1].Key = nil
	n = writes(alice, e)
	if s = must(Check(entryFile(alice.r, n))); s.Entry.Tallied || s.Entry.Sides[1].Key != nil || len(s.Keys) != 1 {
		t.Errorf("says %+v", s)
	}
	// A third person wrote it, and both sides agreed.
	n = writes(carol, owes(alice, bob))
	alice.hears(carol)
	alice.says(n, ledger.Agree)
	bob.hears(alice)
	bob.says(n, ledger.Agree)
	if s = must(Check(entryFile(bob.r, n))); !s.Entry.Tallied || len(s.Keys) != 3 || s.Entry.Writer != carol.author() {
		t.Errorf("says %+v", s)
	}
}

// A proof of a correction shows what it corrects, of whoever that is and as far back as it lies.
func TestEntryCorrection(t *testing.T) {
	t.Parallel()
	r, n := corrected()
	s := must(Check(entryFile(r, n)))
	if !s.Entry.Tallied || s.Entry.Replaced == nil || must(ledger.Decode(s.Entry.Replaced.Literal)).Memo != "dinner" {
		t.Errorf("says %+v", s.Entry)
	}
	alice, bob, _, n := lunchers()
	for range 20 {
		writes(alice, owes(alice, bob))
	}
	own := alice.corrects(n, owes(alice, bob))
	bob.hears(alice)
	bob.says(own, ledger.Agree)
	if s := must(Check(entryFile(bob.r, own))); s.Entry.Replaced.Name != n || !s.Entry.Tallied {
		t.Errorf("says %+v", s.Entry)
	}
}

func TestEntryRefuses(t *testing.T) {
	t.Parallel()
	alice, bob, carol, n := lunchers()
	bob.hears(alice)
	refuses := func(what string, r *crdt.Replica, n crdt.Name, want error, text string) {
		t.Helper()
		if b, err := AppendEntry([]byte("x"), r, n); !errors.Is(err, want) || !strings.Contains(err.Error(), text) || string(b) != "x" {
			t.Errorf("%s: %v", what, err)
		}
	}
	refuses("no change", bob.r, crdt.Name{Change: crdt.ChangeID{1}}, crdt.ErrNoTarget, "no change")
	refuses("no such thing", bob.r, crdt.Name{Change: n.Change, Index: 1}, crdt.ErrNoTarget, "no entry")
	refuses("the root", bob.r, crdt.Root, crdt.ErrNoTarget, "no change")
	refuses("no ledger", fourOracles().r, n, ErrUnprovable, "kind oracle")
	bob.says(n, ledger.Dispute)
	refuses("disputed", bob.r, n, ErrUnprovable, "disputes it")
	bob.says(n, ledger.Withdraw)
	refuses("withdrawing", bob.r, n, ErrUnprovable, "asks to withdraw it")
	carol.hears(bob)
	hearsay := writes(carol, owes(alice, bob))
	refuses("hearsay", carol.r, hearsay, ErrUnprovable, "no side of it has signed it")
	invalid := crdt.Name{Change: carol.change(func(tx *crdt.Tx) error { _, err := tx.Append(crdt.Literal{1}); return err })}
	refuses("invalid", carol.r, invalid, ErrUnprovable, "invalid entry")
	bob.says(n, ledger.Nothing)
	if s := must(Check(entryFile(bob.r, n))); s.Entry.Tallied {
		t.Error("tallied by who took back what it said")
	}
	must(alice.w.Change(1, func(tx *crdt.Tx) error { _, err := tx.Append(must(ledger.Encode(owes(alice, bob)))); return err }))
	refuses("unsigned", alice.r, crdt.Name{Change: alice.r.ID(alice.r.Len() - 1)}, crdt.ErrUnsigned, "")
}

// TestEntryRandom: whatever happened in a room, the proof of every entry that stands is valid and says its standing, and
// there is none of any other.
func TestEntryRandom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(t, what) }
		room := lunch
		people := []*member{newMember(room, "alice"), newMember(room, "bob"), newMember(room, "carol"), newMember(room, "dan")}
		people = append(people, newMember(room, "alice")) // a second device with her key: it forks her
		names := map[*member][]crdt.Name{}
		for range 5 + draw("steps", 40) {
			m := people[min(draw("who", 11)/2, 4)]
			// What m knows of, and may so mark and correct.
			v := m.r.View()
			known := names[m][:0]
			for row := range v.Rows {
				known = append(known, v.NameOf(row.Key))
			}
			names[m] = known
			what := draw("what", 12)
			switch {
			case what < 3:
				m.hears(people[draw("from", 5)])
				continue
			case what < 5 || len(known) == 0:
				var entries []ledger.Entry
				for range 1 + draw("entries", 3) {
					e := owes(people[draw("giver", 4)], people[:draw("takers", 3)+1]...)
					if e.Validate() != nil { // somebody stands twice
						e = owes(people[3], people[:1+draw("takers", 2)]...)
					}
					entries = append(entries, e)
				}
				if m.forked() {
					continue
				}
				writes(m, entries...)
			case what < 6:
				if !m.forked() {
					m.corrects(known[draw("old", len(known))], owes(m, people[(draw("to", 3)+1+slices.Index(people, m))%4]))
				}
			default:
				n := known[draw("target", len(known))]
				if !m.forked() {
					m.says(n, []ledger.Say{ledger.Agree, ledger.Agree, ledger.Agree, ledger.Agree, ledger.Dispute, ledger.Withdraw, ledger.Nothing}[draw("say", 7)])
				}
			}
		}
		whole := newMember(room, "eve")
		whole.hears(people...)
		v := whole.r.View()
		for row := range v.Rows {
			n := v.NameOf(row.Key)
			want := expected(v, row)
			b, err := AppendEntry(nil, whole.r, n)
			if want == "" {
				if !errors.Is(err, ErrUnprovable) {
					t.Fatalf("%v: got %v, want no proof", n, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%v, %s: %v", n, want, err)
			}
			s, err := Check(b)
			if err != nil {
				t.Fatalf("%v, %s: %v", n, want, err)
			}
			e, _ := ledger.Decode(row.Literal)
			if s.Entry.Standing() != want || s.Entry.Name != n || !s.Entry.Entry.Equal(&e) || e.Replaces.IsZero() != (s.Entry.Replaced == nil) {
				t.Fatalf("%v: says %+v, want %s", n, s.Entry, want)
			}
		}
	})
}

func (m *member) forked() bool { return m.r.View().Forked(m.author()) }

// expected is what a proof of row says by the marks that stand: tallied, claimed, or nothing.
func expected(v *crdt.View, row crdt.Row) string {
	e, err := ledger.Decode(row.Literal)
	if err != nil {
		return ""
	}
	stand := 0
	for _, p := range e.Postings {
		l, _ := v.Doc().MarkOf(v.NameOf(row.Key), *p.Key)
		m, _ := l.Value().(map[string]any)
		switch {
		case m["say"] == "dispute" || m["say"] == "withdraw":
			return ""
		case m["say"] == "agree" || *p.Key == v.ChangeAt(row.Key.Change).Author:
			stand++
		}
	}
	switch stand {
	case 0:
		return ""
	case len(e.Postings):
		return "tallied"
	}
	return "claimed"
}

// TestEveryByteOfAnEntry: a proof of which any byte is another, or any end missing, is refused, with a reason.
func TestEveryByteOfAnEntry(t *testing.T) {
	t.Parallel()
	for _, room := range []func() (*crdt.Replica, crdt.Name){tallied, corrected} {
		valid := entryFile(room())
		for at := range valid {
			for _, flip := range []byte{1 << (at % 8), 0xff} {
				b := slices.Clone(valid)
				b[at] ^= flip
				if s, err := Check(b); Code(err) == "" {
					t.Fatalf("byte %d of %d flipped by %x: %+v, %v", at, len(valid), flip, s.Entry, err)
				}
			}
			if _, err := Check(valid[:at]); Code(err) == "" {
				t.Fatalf("the first %d bytes: %v", at, err)
			}
		}
	}
}

// An entryBody is a body in parts, to be put together in other ways.
type entryBody struct {
	charter []byte
	change  []byte
	thing   uint64
	chains  []chainParts
}

type chainParts struct {
	author, prev []byte
	parts        [][]byte // encoded
	signature    []byte
}

func readEntryBody(file []byte) (p entryBody) {
	f := must(parse(file))
	r := dcbor.NewReader(f.body)
	r.Array()
	p.charter = r.Bytes()
	r.Array()
	p.change, p.thing = r.Bytes(), r.Uint()
	for range r.Array() {
		r.Array()
		c := chainParts{author: r.Bytes(), prev: optional(&r)}
		for range r.Array() {
			from := r
			r.Skip()
			c.parts = append(c.parts, from.Between(&r))
		}
		c.signature = r.Bytes()
		p.chains = append(p.chains, c)
	}
	return p
}

func (p entryBody) file() []byte {
	b := dcbor.AppendArray(nil, 3)
	b = dcbor.AppendBytes(b, p.charter)
	b = dcbor.AppendUint(dcbor.AppendBytes(dcbor.AppendArray(b, 2), p.change), p.thing)
	b = dcbor.AppendArray(b, len(p.chains))
	for _, c := range p.chains {
		b = dcbor.AppendBytes(dcbor.AppendArray(b, 4), c.author)
		if c.prev == nil {
			b = dcbor.AppendNull(b)
		} else {
			b = dcbor.AppendBytes(b, c.prev)
		}
		b = append(dcbor.AppendArray(b, len(c.parts)), bytes.Join(c.parts, nil)...)
		b = dcbor.AppendBytes(b, c.signature)
	}
	return file{KindEntry, 1, b}.append(nil)
}

// chainOf are the parts of the chain of r from one change to another, of which those are shown.
func chainOf(r *crdt.Replica, from, to int, shown ...int) chainParts {
	b := must(path{from, to, shown}.append(nil, r))
	return readEntryBody(file{KindEntry, 1, slices.Concat(dcbor.AppendArray(nil, 3), dcbor.AppendBytes(nil, nil), dcbor.AppendArray(nil, 2),
		dcbor.AppendBytes(nil, nil), dcbor.AppendUint(nil, 0), dcbor.AppendArray(nil, 1), b)}.append(nil)).chains[0]
}

// TestEntryParts: a file whose parts do not fit together is refused.
func TestEntryParts(t *testing.T) {
	t.Parallel()
	r, n := tallied()
	whole := entryFile(r, n)
	if got := readEntryBody(whole).file(); !bytes.Equal(got, whole) {
		t.Fatal("the parts do not make the whole")
	}
	a := slices.IndexFunc(readEntryBody(whole).chains, func(c chainParts) bool { return bytes.Equal(c.author, key("alice")[32:]) })
	b := 1 - a
	at, _ := r.Index(n.Change)
	last := r.Len() - 1 // bob's agreement
	closed := lunch
	closed.Writers = []crdt.Author{crdt.Author(key("alice")[32:])}
	dispute := func() chainParts { // bob agrees, and disputes it in a change that is shown too
		bob := newMember(lunch, "bob")
		gives(r, bob.r)
		bob.says(n, ledger.Dispute)
		return chainOf(bob.r, last, last+1, last, last+1)
	}()
	stranger := func() chainParts {
		bob := newMember(lunch, "eve")
		gives(r, bob.r)
		bob.says(n, ledger.Agree)
		return chainOf(bob.r, bob.r.Len()-1, bob.r.Len()-1, bob.r.Len()-1)
	}()
	short := func() chainParts { // of alice's chain up to the entry
		alice, bob, carol := newMember(lunch, "alice"), newMember(lunch, "bob"), newMember(lunch, "carol")
		writes(alice, owes(alice, carol))
		if writes(alice, owes(alice, bob)) != n {
			t.Fatal("not the same entry")
		}
		return chainOf(alice.r, 1, 1, 1)
	}()
	for name, c := range map[string]struct {
		change func(*entryBody)
		want   string // in the error
	}{
		"another change":           {func(p *entryBody) { p.change = bytes.Repeat([]byte{1}, 32) }, "is no entry"},
		"another thing":            {func(p *entryBody) { p.thing = 1 }, "is no entry"},
		"a thing beyond all":       {func(p *entryBody) { p.thing = 1 << 40 }, "is thing"},
		"an entry that is hashed":  {func(p *entryBody) { p.chains[a] = chainOf(r, at, last-1) }, "is no entry"},
		"nothing of the entry":     {func(p *entryBody) { p.chains = p.chains[b : b+1] }, "is no entry"},
		"the name leads nowhere":   {func(p *entryBody) { p.chains[a] = short }, "has nothing to do with the entry"},
		"hashes in two parts":      {func(p *entryBody) { p.chains[a].parts = halves(p.chains[a].parts) }, "in one part"},
		"a change too many":        {func(p *entryBody) { p.chains[a] = chainOf(r, at, last-1, at, at+1) }, "has nothing to do with the entry"},
		"a stranger's agreement":   {func(p *entryBody) { p.chains = append(p.chains, stranger) }, "has nothing to do with the entry"},
		"a dispute beside it":      {func(p *entryBody) { p.chains[b] = dispute }, "does not stand by the entry"},
		"another's signature":      {func(p *entryBody) { p.chains[a].signature = p.chains[b].signature }, "signature"},
		"another's name":           {func(p *entryBody) { p.chains[a].author = p.chains[b].author }, "signature"},
		"after nothing":            {func(p *entryBody) { p.chains[a].prev = nil }, "signature"},
		"after the zero change":    {func(p *entryBody) { p.chains[a].prev = make([]byte, 32) }, "no change"},
		"another room":             {func(p *entryBody) { p.charter = crdt.OpenLedger("dinner").Append(nil) }, "signature"},
		"no ledger":                {func(p *entryBody) { p.charter = pricedRoom(4, nil).Append(nil) }, "kind oracle"},
		"no charter":               {func(p *entryBody) { p.charter = nil }, "charter"},
		"who may not write":        {func(p *entryBody) { p.charter = closed.Append(nil) }, ""},
		"no changes":               {func(p *entryBody) { p.chains[a].parts = nil }, "no changes"},
		"more chains than may be":  {func(p *entryBody) { p.chains = slices.Repeat(p.chains, maxEntryChains) }, "chains, at most"},
		"a payload that is cut":    {func(p *entryBody) { p.chains[a].parts[0] = dcbor.AppendBytes(nil, []byte{0x83}) }, "signature"},
		"a part of neither kind":   {func(p *entryBody) { p.chains[a].parts[0] = dcbor.AppendUint(nil, 5) }, ""},
		"hashes of another length": {func(p *entryBody) { p.chains[a].parts[1] = dcbor.AppendBytes(dcbor.AppendArray(nil, 1), []byte{1}) }, ""},
	} {
		p := readEntryBody(whole)
		c.change(&p)
		_, err := Check(p.file())
		if code := Code(err); code != "invalid" && code != "damaged" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
	// Without the agreement it is claimed, and said to be no more.
	p := readEntryBody(whole)
	p.chains = p.chains[a : a+1]
	if s, err := Check(p.file()); err != nil || s.Entry.Tallied || len(s.Keys) != 1 {
		t.Errorf("without the agreement: %v, %+v", err, s)
	}
	// Without what it corrects, that is left open.
	r, n = corrected()
	p = readEntryBody(entryFile(r, n))
	p.chains = slices.DeleteFunc(p.chains, func(c chainParts) bool {
		return bytes.Equal(c.author, key("alice")[32:]) && c.prev != nil && !bytes.Equal(c.parts[0], dcbor.AppendBytes(nil, r.At(r.Len()-1).Payload))
	})
	s, err := Check(p.file())
	if err != nil || !s.Entry.Tallied || s.Entry.Replaced != nil || !strings.Contains(strings.Join(s.NotProved, "\n"), "that there is the entry which this one corrects") {
		t.Errorf("without what it corrects: %v, %+v", err, s)
	}
}

// halves parts the hashes, which are the second part, in two.
func halves(parts [][]byte) [][]byte {
	r := dcbor.NewReader(parts[1])
	var all [][]byte
	for range r.Array() {
		all = append(all, dcbor.AppendBytes(dcbor.AppendArray(nil, 1), r.Bytes()))
	}
	return append(parts[:1:1], all...)
}

// A mark of many changes ago is followed by hashes, up to the size of a file.
func TestEntryFarBack(t *testing.T) {
	t.Parallel()
	alice, bob, _, n := lunchers()
	for i := range 3000 {
		must(alice.w.Change(int64(i), func(tx *crdt.Tx) error {
			return tx.Mark(crdt.Root, must(crdt.EncodeLiteral(map[string]any{"name": fmt.Sprint("alice ", i)})))
		}))
	}
	alice.w.Sign()
	bob.hears(alice)
	bob.says(n, ledger.Agree)
	start := time.Now()
	b := entryFile(bob.r, n)
	if s := must(Check(b)); !s.Entry.Tallied || len(b) > 3100*34+2000 {
		t.Errorf("%d bytes: %+v", len(b), s.Entry)
	}
	t.Logf("%d bytes in %v", len(b), time.Since(start))
}
