package ledger_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/transport"
)

// benchKey is the key of person n.
func benchKey(n int) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0], seed[1] = byte(n), byte(n>>8)
	return ed25519.NewKeyFromSeed(seed)
}

// A benchRoom is a room as it lies in a store.
type benchRoom struct {
	charter crdt.Charter
	packs   [][]byte
	entries int
	changes int
	replica *crdt.Replica
	writers []*crdt.Writer
}

// newBenchRoom is a room of so many entries of so many people, who write by turns up to
// 16 at a time; one in twenty corrects an older one. With marks the other side says
// something of three in four: agree, mostly.
func newBenchRoom(b *testing.B, entries, people int, marks bool) *benchRoom {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	room := &benchRoom{charter: crdt.OpenLedger("bench"), entries: entries}
	var err error
	if room.replica, err = crdt.NewReplica(room.charter); err != nil {
		b.Fatal(err)
	}
	keys := make([]crdt.Author, people)
	for i := range people {
		w, err := room.replica.Writer(benchKey(i))
		if err != nil {
			b.Fatal(err)
		}
		room.writers, keys[i] = append(room.writers, w), w.Author()
	}
	waits := make([][]crdt.Name, people) // entries that wait for a person
	var names []crdt.Name
	for n := 0; n < entries; {
		who := r.IntN(people)
		edit := func(edits ...func(*crdt.Tx) error) crdt.ChangeID {
			id, err := room.writers[who].Change(1_790_000_000, ledger.Edits(edits...))
			if err != nil {
				b.Fatal(err)
			}
			return id
		}
		if n < 16*people && len(waits[who]) == 0 {
			edit(ledger.NameEdit("person"))
		}
		for range min(1+r.IntN(16), entries-n) {
			other := (who + 1 + r.IntN(people-1)) % people
			e := ledger.NewTransfer("person", "other", int64(1+r.IntN(10_000)), 2, []string{"EUR", "EUR", "USD", ""}[r.IntN(4)], "dinner, two of us")
			e.Postings[0].Key, e.Postings[1].Key = &keys[who], &keys[other]
			var replaces *crdt.Name
			if len(names) > 0 && r.IntN(20) == 0 {
				replaces = &names[len(names)-1-r.IntN(min(len(names), 1000))]
			}
			name := crdt.Name{Change: edit(ledger.AppendEdit(e, replaces))}
			names = append(names, name)
			waits[other] = append(waits[other], name)
			n++
		}
		if marks {
			for _, name := range waits[who] {
				switch say := r.IntN(40); {
				case say < 10:
				case say < 37:
					edit(ledger.MarkEdit(name, ledger.Agree, ""))
				default:
					edit(ledger.MarkEdit(name, ledger.Dispute, "I was not there"))
				}
			}
			waits[who] = waits[who][:0]
		}
		room.writers[who].Sign()
	}
	room.changes = room.replica.Len()
	for next := 0; next < room.changes; {
		from := next
		var pack []byte
		if pack, next = room.replica.PackFrom(from, func(i int) bool { return i < from }); pack != nil {
			room.packs = append(room.packs, pack)
		}
	}
	return room
}

// store puts the room into a file.
func (room *benchRoom) store(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "room")
	s, err := store.Create(path, store.Meta{Room: room.charter.ID(), Charter: room.charter.Append(nil)})
	if err != nil {
		b.Fatal(err)
	}
	for packs := range slices.Chunk(room.packs, 4096) {
		if _, err := s.Append(packs); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

type noLast struct{}

func (noLast) ID() (id [32]byte, ok bool) { return id, false }
func (noLast) Set([32]byte) error         { return errors.New("nothing is to be written") }

var benchRooms = []struct {
	name  string
	marks bool
}{{"entries", false}, {"entries_and_marks", true}}

// BenchmarkBookOpen is what there is to wait for until a room's standings and balances
// are there: opening its store and the node, which checks all hashes and the tips'
// signatures, and the book of it.
func BenchmarkBookOpen(b *testing.B) {
	for _, c := range benchRooms {
		b.Run(c.name, func(b *testing.B) {
			room := newBenchRoom(b, 100_000, 1000, c.marks)
			path := room.store(b)
			changes := room.changes
			room.replica, room.packs = nil, nil
			var booked time.Duration
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				runtime.GC()
				b.StartTimer()
				s, err := store.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				n, err := transport.OpenNode(context.Background(), transport.NodeConfig{Charter: room.charter, Key: benchKey(5000), Store: s, Last: noLast{}})
				if err != nil {
					b.Fatal(err)
				}
				start := time.Now()
				book := ledger.NewBook(crdt.Author(benchKey(0).Public().(ed25519.PublicKey)))
				book.Update(n.Snapshot().View)
				if len(book.Balances("EUR")) == 0 || book.Changes() != changes {
					b.Fatal("no balances")
				}
				booked += time.Since(start)
				b.StopTimer()
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(booked.Microseconds())/1000/float64(b.N), "ms-book/op")
			b.ReportMetric(float64(changes), "changes")
		})
	}
}

// BenchmarkBook is the book of a room alone, and what it takes in memory.
func BenchmarkBook(b *testing.B) {
	for _, c := range benchRooms {
		b.Run(c.name, func(b *testing.B) {
			room := newBenchRoom(b, 100_000, 1000, c.marks)
			v := room.replica.View()
			var book *ledger.Book
			before := inUse()
			b.ReportAllocs()
			for b.Loop() {
				book = ledger.NewBook(crdt.Author{})
				book.Update(v)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(room.entries), "ns/entry")
			b.ReportMetric(float64(inUse()-before)/float64(room.entries), "heap-B/entry")
			runtime.KeepAlive(book)
		})
	}
}

func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkBookUpdate is what one change more costs a book that holds so many entries:
// an entry, a mark and a correction in turn. It is the same whatever the book holds.
func BenchmarkBookUpdate(b *testing.B) {
	for _, entries := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(entries), func(b *testing.B) {
			room := newBenchRoom(b, entries, 100, true)
			book := ledger.NewBook(crdt.Author{})
			v := room.replica.View()
			book.Update(v)
			me, other := room.writers[0].Author(), room.writers[1].Author()
			e := ledger.NewTransfer("a", "b", 1250, 2, "EUR", "")
			e.Postings[0].Key, e.Postings[1].Key = &me, &other
			var last crdt.Name
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				b.StopTimer()
				var edit func(*crdt.Tx) error
				switch n % 3 {
				case 0:
					edit = ledger.AppendEdit(e, nil)
				case 1:
					edit = ledger.MarkEdit(last, ledger.Dispute, "")
				default:
					edit = ledger.AppendEdit(e, &last)
				}
				id, err := room.writers[0].Change(1, edit)
				if err != nil {
					b.Fatal(err)
				}
				room.writers[0].Sign()
				if n%3 != 1 {
					last = crdt.Name{Change: id}
				}
				n++
				v = room.replica.View()
				b.StartTimer()
				book.Update(v)
			}
		})
	}
}
