package sample

import (
	"os"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/internal/store"
)

func TestNewRoom(t *testing.T) {
	t.Parallel()
	const n = 500
	room, err := NewRoom("main", People(), n, 7)
	if err != nil {
		t.Fatal(err)
	}
	again, err := NewRoom("main", People(), n, 7)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(room.Packs, again.Packs, slices.Equal) {
		t.Error("the same call made other bytes")
	}
	r, err := crdt.NewReplica(room.Charter)
	if err != nil {
		t.Fatal(err)
	}
	for i, pack := range room.Packs {
		if err := r.Load(pack); err != nil {
			t.Fatalf("pack %d: %v", i, err)
		}
	}
	if err := r.VerifyTips(); err != nil {
		t.Error(err)
	}
	v := r.View()
	if v.Len() != n || v.Changes() != n || room.Changes != n || len(room.Newest) != len(People()) || len(v.Forks()) > 0 {
		t.Errorf("got %d rows, %d changes (%d), %d authors, forks %v", v.Len(), v.Changes(), room.Changes, len(room.Newest), v.Forks())
	}
	last := int64(0)
	for row := range v.Rows {
		if _, err := ledger.Decode(row.Literal); err != nil {
			t.Errorf("row %v: %v", row.Key, err)
		}
		c := v.ChangeAt(row.Key.Change)
		if c.Time < last || c.Time >= Last {
			t.Errorf("row %v: time %d after %d, end at %d", row.Key, c.Time, last, Last)
		}
		last = c.Time
	}
}

func TestHome(t *testing.T) {
	h, err := NewHome(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	people := People()
	alice := people[0]
	room, err := NewRoom("main", people, 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.AddPerson(alice); err != nil {
		t.Fatal(err)
	}
	if err := h.AddRoom(alice, room); err != nil {
		t.Fatal(err)
	}
	for _, v := range h.Env() {
		for i := range v {
			if v[i] == '=' {
				t.Setenv(v[:i], v[i+1:])
				break
			}
		}
	}
	name, err := profile.ParseName("alice")
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if crdt.Author(p.Author) != alice.Author() || !p.Secret.PrivateKey().Equal(alice.Key) {
		t.Errorf("got author %x, want %v", p.Author, alice.Author())
	}
	id := room.Charter.ID()
	s, err := store.Open(p.RoomPath(id))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Len(); got != uint64(len(room.Packs)) {
		t.Errorf("records: got %d, want %d", got, len(room.Packs))
	}
	if s.Moved() {
		t.Error("the store looks copied")
	}
	last, err := store.OpenLast(p.LastPath(id))
	if err != nil {
		t.Fatal(err)
	}
	defer last.Close()
	if got, ok := last.ID(); !ok || crdt.ChangeID(got) != room.Newest[alice.Author()] {
		t.Errorf("newest own change: got %x, %v", got, ok)
	}
	if _, err := os.Stat(p.RoomPath(id)); err != nil {
		t.Error(err)
	}
}

func BenchmarkNewRoom(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewRoom("main", People(), 10_000, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func TestNewLedger(t *testing.T) {
	t.Parallel()
	const n = 2000
	people := Crowd(50)
	room, err := NewLedger("main", people, n, 7)
	if err != nil {
		t.Fatal(err)
	}
	r, err := crdt.NewReplica(room.Charter)
	if err != nil {
		t.Fatal(err)
	}
	for i, pack := range room.Packs {
		if err := r.Load(pack); err != nil {
			t.Fatalf("pack %d: %v", i, err)
		}
	}
	if err := r.VerifyTips(); err != nil {
		t.Error(err)
	}
	v, book := r.View(), ledger.NewBook(people[0].Author())
	book.Update(v)
	if v.Len() != n || room.Changes != v.Changes() || room.Changes > n*6/5 || len(v.Forks()) > 0 {
		t.Errorf("got %d rows, %d changes (%d), forks %v", v.Len(), v.Changes(), room.Changes, v.Forks())
	}
	stand := map[ledger.Standing]int{}
	for row := range v.Rows {
		stand[book.Standing(row.Key)]++
	}
	for _, s := range []ledger.Standing{ledger.Withdrawn, ledger.Disputed, ledger.Withdrawing, ledger.Tallied, ledger.Claimed} {
		if stand[s] == 0 {
			t.Errorf("no entry is %v: %v", s, stand)
		}
	}
	if stand[ledger.Tallied] < n/2 || stand[ledger.Invalid]+stand[ledger.None] > 0 {
		t.Errorf("standings: %v", stand)
	}
	if got := book.Authors(); len(got) != len(people) {
		t.Errorf("%d people, not %d", len(got), len(people))
	}
	for _, p := range people {
		if got := book.Name(p.Author()); got != p.Name {
			t.Errorf("%s is called %q", p.Name, got)
		}
	}
	if book.WaitingCount() == 0 {
		t.Error("nothing waits for the first")
	}
	names := map[string]bool{}
	for _, p := range Crowd(1005) {
		names[p.Name] = true
	}
	if len(names) != 1005 {
		t.Errorf("%d names, not 1005", len(names))
	}
}
