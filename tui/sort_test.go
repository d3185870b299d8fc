package tui

import (
	"cmp"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

// slowOrder is the rows in an order, by the meaning of it.
func slowOrder(v *crdt.View, keys []crdt.Key, by order, reverse bool) []crdt.Key {
	type row struct {
		key  crdt.Key
		e    ledger.Entry
		time int64
	}
	var rows []row
	for _, k := range keys {
		at, _ := v.IndexOf(k)
		e, _ := ledger.Decode(v.Row(at).Literal)
		rows = append(rows, row{k, e, v.ChangeAt(k.Change).Time})
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		switch by {
		case byTime:
			return cmp.Compare(a.time, b.time)
		case byAmount:
			p, _ := a.e.Given()
			q, _ := b.e.Given()
			return p.Cmp(q)
		case byFrom:
			return cmp.Compare(strings.ToLower(a.e.Postings[0].Label), strings.ToLower(b.e.Postings[0].Label))
		case byTo:
			return cmp.Compare(strings.ToLower(a.e.Postings[1].Label), strings.ToLower(b.e.Postings[1].Label))
		}
		return 0
	})
	var out []crdt.Key
	for _, r := range rows {
		out = append(out, r.key)
	}
	if reverse {
		slices.Reverse(out)
	}
	return out
}

// TestSortProperty sorts, filters and turns around while rows come in, and compares with all rows sorted anew. The cursor
// stays on its row.
func TestSortProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		people := []string{"alice", "bob", "Carol", "dave", "Émile"}
		add := func() {
			from := rapid.IntRange(0, len(people)-1).Draw(rt, "from")
			e := ledger.NewTransfer(people[from], people[(from+1)%len(people)], rapid.Int64Range(1, 30).Draw(rt, "amount"), rapid.IntRange(0, 2).Draw(rt, "scale"), "", "")
			w.append(people[from], w.encode(e))
			w.publish()
		}
		add()
		d := newDriver(t, w, 80, 24)
		d.update(keyNamed("esc"))
		filter := ""
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			before, had := d.m.ledger.list.Cursor()
			following := d.m.ledger.list.Following()
			stays := true
			switch rapid.IntRange(0, 6).Draw(rt, "what") {
			case 0, 1:
				for range rapid.IntRange(1, 5).Draw(rt, "rows") {
					add()
				}
				d.refresh()
				stays = !following
			case 2:
				d.update(keyNamed("s"))
			case 3:
				d.update(keyNamed("S"))
			case 4:
				filter = rapid.SampledFrom([]string{"", "from:bob", "with:carol", ">1", "-from:alice"}).Draw(rt, "filter")
				d.run(d.m.setFilter(filter))
				stays = false
			case 5:
				d.update(keyNamed(rapid.SampledFrom([]string{"j", "k", "g", "G"}).Draw(rt, "key")))
				stays = false
			case 6: // as after a rest
				d.m.ledger.order.resting = false
				d.m.ledger.order.stale = d.m.ledger.order.sorted != nil
				d.run(d.m.nextSort())
			}
			s := &d.m.ledger
			v := d.m.snap.View
			f, _ := ledger.ParseFilter(filter)
			facts := &ledger.ViewFacts{View: v}
			var keys []crdt.Key
			for row := range v.Rows {
				facts.At(row)
				if f.Match(facts) {
					keys = append(keys, row.Key)
				}
			}
			want := slowOrder(v, keys, s.order.by, s.order.reverse)
			if got := s.rows.Len(); got != len(want) {
				rt.Fatalf("%d rows, want %d of filter %q", got, len(want), filter)
			}
			places := s.rows.window(nil, 0, len(want))
			for i, k := range want {
				if got := s.rows.Key(i); got != k {
					rt.Fatalf("%s: row %d is %v, want %v", s.order.note(), i, got, k)
				}
				if at, ok := s.rows.IndexOf(k); !ok || at != i {
					rt.Fatalf("%s: %v stands at %d, %v; want %d", s.order.note(), k, at, ok, i)
				}
				if at, _ := v.IndexOf(k); places[i] != at {
					rt.Fatalf("row %d is drawn from place %d of the view, want %d", i, places[i], at)
				}
			}
			if after, _ := s.list.Cursor(); stays && had && after != before {
				rt.Fatalf("the cursor went from %v to %v", before, after)
			}
			if n := s.list.Fresh(); n > 0 && !s.order.plain() {
				rt.Fatalf("%d new below in %s", n, s.order.note())
			}
			d.draw()
		}
	})
}

func TestSortIsNamed(t *testing.T) {
	t.Parallel()
	d := newDriver(t, newWorld(t).demo(30), 120, 36)
	d.press("esc")
	d.sees("30 rows · list order · filter off")
	d.press("s")
	d.sees("30 rows · by time · filter off")
	d.press("s", "S")
	d.sees("30 rows · by amount, reversed · filter off")
	d.press("g")
	d.sees("900.00")
	d.press("S", "s", "s", "s", "s")
	d.sees("30 rows · list order · filter off")
	d.press("G")
	d.sees("end: following")
}

// TestFilterSays: what is typed is told as it is understood, and a wrong term stays in the line.
func TestFilterSays(t *testing.T) {
	t.Parallel()
	d := newDriver(t, newWorld(t).demo(30), 120, 36)
	d.press("esc", "/")
	d.sees("from: to: with: by: unit: memo: is: since: until: >100 -not")
	d.write("from:")
	d.sees("then a name, as in from:alice", "30 rows · list order · filter off")
	d.write("alice ")
	d.sees("4 of 30 rows · list order · filter from:alice", "row 3 of 4 rows")
	d.write("is:x")
	d.sees("column 15: expected a word for how rows stand, found \"x\"", "one of tallied claimed", "4 of 30 rows")
	d.press("enter")
	d.sees("[TYPE]")
	d.press("ctrl+w")
	d.write(">10")
	d.sees("2 of 30 rows")
	d.press("enter")
	d.sees("[NAV]", "2 of 30 rows")
	d.run(d.m.setFilter("unit:EUR"))
	d.sees(fmt.Sprintf("%d of 30 rows", 2))
	d.run(d.m.setFilter("unit:euros!"))
	d.sees("[TYPE]", "column 6")
}

// TestFilterFollows: a filter that asks how rows stand follows what is said of them, and hides what is withdrawn unless it
// is asked for.
func TestFilterFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t).demo(30)
	d := newDriver(t, w, 120, 36)
	d.press("esc")
	d.run(d.m.setFilter("is:disputed"))
	d.sees("0 of 30 rows")
	say := func(author string, row int, s ledger.Say) {
		t.Helper()
		v := w.Snapshot().View
		if _, err := w.writer(author).Change(noon.Unix(), ledger.MarkEdit(v.NameOf(v.Row(row).Key), s, "")); err != nil {
			t.Fatal(err)
		}
		w.writer(author).Sign()
		w.publish()
		d.refresh()
	}
	e := ledger.NewTransfer("alice", "bob", 4200, 2, "", "bound")
	alice, bob := crdt.Author(authorKey("alice").Public().(ed25519.PublicKey)), crdt.Author(authorKey("bob").Public().(ed25519.PublicKey))
	e.Postings[0].Key, e.Postings[1].Key = &alice, &bob
	w.append("alice", w.encode(e))
	w.publish()
	d.refresh()
	d.sees("0 of 31 rows")
	row := d.m.snap.View.Len() - 1
	say("bob", row, ledger.Dispute)
	d.sees("1 of 31 rows", "42.00")
	say("bob", row, ledger.Agree)
	d.sees("0 of 31 rows")
	d.run(d.m.setFilter("bound"))
	d.sees("1 of 31 rows")
	say("bob", row, ledger.Withdraw)
	say("alice", row, ledger.Withdraw)
	d.sees("0 of 31 rows")
	d.press("w")
	d.sees("1 of 31 rows")
	d.press("w")
	d.sees("0 of 31 rows")
	d.run(d.m.setFilter("bound is:withdrawn"))
	d.sees("1 of 31 rows")
}
