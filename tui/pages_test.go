package tui

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/transport"
)

// fakePeople keeps contacts in memory.
type fakePeople struct {
	contacts ledger.Contacts
	err      error
}

func (f *fakePeople) Contacts() ledger.Contacts { return f.contacts }
func (f *fakePeople) Me() string                { return "alice" }

func (f *fakePeople) Save(c ledger.Contact) (err error) {
	if f.err != nil {
		return f.err
	}
	if c.Name == "" {
		f.contacts = f.contacts.Without(c.Author)
		return nil
	}
	f.contacts, err = f.contacts.With(c)
	return err
}

// pagesWorld is the tale, with somebody who calls herself what bob is called but for a letter that looks the same.
func pagesWorld(tb testing.TB) *world {
	w := tale(tb)
	w.does("mallory", ledger.NameEdit("bоb")) // the second letter is Cyrillic
	w.fork("mallory")
	return w
}

// withPages gives the screen rooms and people.
func withPages(tb testing.TB, w *world) func(*Options) {
	return func(o *Options) {
		trip := newWorldOf(tb, closedCharter("trip", "alice", "bob"))
		flat := newWorldOf(tb, closedCharter("flat", "carol"))
		rooms := newFakeRooms(tb, w, trip, flat)
		rooms.status[0].Shown = true
		rooms.status[1].Unread, rooms.status[1].Waiting = 12, 2
		rooms.status[2].Open = false
		o.Rooms, o.People = rooms, &fakePeople{}
	}
}

// TestGoldenPages compares pictures of the pages about people, rooms and settling, as TestGolden does.
func TestGoldenPages(t *testing.T) {
	t.Parallel()
	scenes := []struct {
		name string
		keys []string
		text string
		then []string
	}{
		{"page-form", []string{"esc", "f"}, "alice", []string{"tab", "b"}},
		{"page-bill", nil, "alice paid 60 EUR for alice, bob, carol: dinner", nil},
		{"page-billform", nil, "alice paid 60 EUR for alice, bob, carol: dinner", []string{"esc", "f"}},
		{"page-people", []string{"esc", "P", "j"}, "", nil},
		{"page-person", []string{"esc", "P", "j", "enter"}, "", nil},
		{"page-safety", []string{"esc", "P", "j", "c"}, "", nil},
		{"page-settle", []string{"esc", "B", "s", "u"}, "", nil},
		{"page-rooms", []string{"esc", "R", "j"}, "", nil},
		{"page-join", []string{"esc", "R", "a"}, "closed:party", []string{"enter"}},
		{"page-tips", []string{"esc", "2", "enter"}, "", nil},
	}
	looks := []struct {
		name string
		look Look
	}{{"colour", Look{}}, {"mono", Look{Mono: true}}, {"ascii", Look{Mono: true, ASCII: true}}}
	for _, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			w := pagesWorld(t)
			for _, look := range looks {
				var b strings.Builder
				for _, size := range [][2]int{{120, 36}, {80, 24}, {40, 12}, {20, 5}, {1, 1}} {
					d := newDriver(t, w, size[0], size[1], withPages(t, w), func(o *Options) { o.Look = look.look })
					d.press(sc.keys...)
					d.write(sc.text)
					d.press(sc.then...)
					d.draw()
					fmt.Fprintf(&b, "%dx%d\n", size[0], size[1])
					for y := range size[1] {
						b.WriteString(d.grid.Styled(y))
						b.WriteByte('\n')
					}
					fmt.Fprintf(&b, "cursor %+v\n\n", d.grid.Cursor)
				}
				compareGolden(t, filepath.Join("testdata", sc.name+"-"+look.name+".golden"), b.String())
			}
		})
	}
}

// TestPeoplePage confirms, names and copies.
func TestPeoplePage(t *testing.T) {
	t.Parallel()
	w := pagesWorld(t)
	people := &fakePeople{}
	d := newDriver(t, w, 120, 36, func(o *Options) { o.People = people })
	d.press("esc", "P")
	d.sees("alice", "you", "bob ?", "unconfirmed", "carol", "FORK", "+12.50 EUR")
	d.press("c")
	d.sees("this is your own key")
	for d.m.overlay[0].(*peoplePage).rows[d.m.overlay[0].(*peoplePage).list.Index()].Author != authorOf("bob") {
		d.press("j")
	}
	d.press("c")
	number := strings.Fields(ledger.SafetyNumber(authorOf("alice"), authorOf("bob")))
	d.sees("The same on both sides? y/N", number[0], number[5])
	d.press("enter")
	d.sees("not confirmed")
	d.press("c", "y")
	d.sees("confirmed: the name stands alone")
	if c, ok := people.contacts.Of(authorOf("bob")); !ok || !c.Confirmed || c.Name != "bob" {
		t.Errorf("kept %+v", c)
	}
	d.press("n", "ctrl+u")
	d.write("Bobby")
	d.press("enter")
	d.sees("Bobby", "named")
	d.press("enter")
	d.sees(string(groupedHex(authorOf("bob"), 64)), "you call it   Bobby", "calls itself  bob", "safety number", number[1], "with you")
	d.press("y")
	if len(d.term.rawSeq) != 1 {
		t.Errorf("%d keys were copied", len(d.term.rawSeq))
	}
	d.press("esc", "o")
	d.sees("this is you", "█ ▀▀▀ █")
	d.press("esc")
	people.err = errors.New("disk full\x1b[2J")
	d.press("n")
	d.write("x")
	d.press("enter")
	d.sees("not kept: disk full")
}

// TestSettlePage writes payments; agreed to by the others, they bring every balance to zero.
func TestSettlePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.named("alice", "bob", "carol")
	for _, line := range []string{"alice -> bob 12.50 EUR", "bob -> carol 4.25 EUR", "alice -> carol 1 EUR"} {
		k := w.bound("alice", line)
		for _, who := range []string{"alice", "bob", "carol"} {
			if who != "alice" || !strings.HasPrefix(line, "alice") {
				if strings.Contains(line, who) {
					w.says(who, k, ledger.Agree, "")
				}
			}
		}
	}
	d := newDriver(t, w, 120, 36)
	d.press("esc", "B", "s")
	d.sees("Settle up", "2 payments settle what is tallied", "bob -> alice 8.25 EUR alice pays bob", "carol -> alice 5.25 EUR alice pays carol")
	d.press("enter")
	d.sees("1 payment is written", "written")
	d.press("enter", "n")
	d.press("A", "y")
	d.sees("1 payment is written")
	v := w.Snapshot().View
	for i := v.Len() - 2; i < v.Len(); i++ {
		k := v.Row(i).Key
		w.says("bob", k, ledger.Agree, "")
		w.says("carol", k, ledger.Agree, "")
	}
	d.refresh()
	for _, b := range d.m.book.book.Balances("EUR") {
		if !b.Tallied.IsZero() {
			t.Errorf("after settling up %v is left with %v", b.Party, b.Tallied)
		}
	}
	d.press("esc", "esc")
	d.run(d.m.openSettle("EUR"))
	d.sees("nothing is to be settled")
}

// TestPairsAreExact: what one has with all others in an entry adds up to one's own part of it.
func TestPairsAreExact(t *testing.T) {
	t.Parallel()
	keys := []crdt.Author{authorOf("a"), authorOf("b"), authorOf("c"), authorOf("d")}
	for _, amounts := range [][]int64{{-5, 5}, {60, -20, -40}, {-1, -2, 3}, {-10, 4, 6, 0}, {-7, 3, -3, 7}, {5, 5, -9, -1}} {
		e := ledger.Entry{}
		for i, n := range amounts {
			e.Postings = append(e.Postings, ledger.Posting{Key: &keys[i], Amount: n})
		}
		for i, n := range amounts {
			sum := int64(0)
			for _, p := range pairs(&e, keys[i]) {
				sum += p.amount
				for _, back := range pairs(&e, p.who) {
					if back.who == keys[i] && back.amount != -p.amount && len(amounts) < 4 {
						t.Errorf("%v: %d to one is %d to the other", amounts, p.amount, back.amount)
					}
				}
			}
			if sum != n {
				t.Errorf("%v: party %d has %d with all others", amounts, i, sum)
			}
		}
	}
}

// TestTips says what a peer holds, author by author.
func TestTips(t *testing.T) {
	t.Parallel()
	w := pagesWorld(t)
	d := newDriver(t, w, 120, 36)
	d.press("esc", "2", "enter")
	d.sees("What it holds", "relay-a", shortHexOf("bob"), "seq ", "none", "FORK")
	d.press("y", "esc")
	d.sees("Selected")
}

// TestNonWriter says why typing is closed in a room that one only reads.
func TestNonWriter(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, closedCharter("trip", "bob"))
	w.with(func(s *transport.Snapshot) { s.Writing = transport.WriteNoAuthor })
	d := newDriver(t, w, 120, 36)
	d.sees("Closed room", "you read: its charter names who writes")
	d.write("bob -> carol 5")
	d.press("enter")
	d.sees("not saved", "charter names who writes", "bob -> carol 5")
	d.press("esc", "f")
	d.press("enter")
	d.sees("not saved")
	if w.submitted.Load() != 0 {
		t.Error("something was handed over")
	}
}
