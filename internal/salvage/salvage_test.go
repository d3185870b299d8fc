package salvage

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/transport"
)

var (
	charter = crdt.OpenLedger("salvage")
	epoch   = time.Unix(1_800_000_000, 0)
)

func testKey(n int) ed25519.PrivateKey {
	seed := sha256.Sum256(fmt.Append(nil, "salvage test key ", n))
	return ed25519.NewKeyFromSeed(seed[:])
}

func author(n int) crdt.Author { return crdt.Author(testKey(n).Public().(ed25519.PublicKey)) }

// people are authors who know of one another, each change at once.
type people struct {
	t        testing.TB
	replicas []*crdt.Replica
	writers  []*crdt.Writer
	packs    [][]byte // frames, in the order in which they were made
	by       []int    // who made each
}

func newPeople(t testing.TB, n int) *people {
	t.Helper()
	p := &people{t: t}
	for i := range n {
		r, err := crdt.NewReplica(charter)
		if err != nil {
			t.Fatal(err)
		}
		w, err := r.Writer(testKey(i))
		if err != nil {
			t.Fatal(err)
		}
		p.replicas, p.writers = append(p.replicas, r), append(p.writers, w)
	}
	return p
}

// write makes a change of author by, which all others receive, and returns its frame.
func (p *people) write(by int, memo string) []byte {
	p.t.Helper()
	frame := p.alone(by, memo)
	for i, r := range p.replicas {
		if i == by {
			continue
		}
		pack, err := crdt.NewChecker(charter).Check(frame, nil)
		if err != nil {
			p.t.Fatal(err)
		}
		if out := r.Receive(pack, 1, epoch); out.Err != nil || len(out.Missing) > 0 {
			p.t.Fatal(out)
		}
	}
	p.packs, p.by = append(p.packs, frame), append(p.by, by)
	return frame
}

// alone makes a change that nobody else receives.
func (p *people) alone(by int, memo string) []byte {
	p.t.Helper()
	r := p.replicas[by]
	row, err := crdt.EncodeLiteral(memo)
	if err != nil {
		p.t.Fatal(err)
	}
	from := r.Len()
	if _, err := p.writers[by].Change(epoch.Unix(), func(tx *crdt.Tx) error { _, err := tx.Append(row); return err }); err != nil {
		p.t.Fatal(err)
	}
	p.writers[by].Sign()
	frame, _ := r.PackFrom(from, func(i int) bool { return i < from })
	return frame
}

// storeOf makes a store that holds frames, one transaction for each of sizes of them.
func storeOf(t testing.TB, frames [][]byte, perTransaction int) (path string, content []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "room.db")
	s, err := store.Create(path, store.Meta{Room: charter.ID(), Charter: charter.Append(nil)})
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(frames, perTransaction) {
		if _, err := s.Append(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, read(t, path)
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// spoil overwrites every occurrence of memo in content.
func spoil(t testing.TB, content []byte, memo string) []byte {
	t.Helper()
	out := bytes.ReplaceAll(content, []byte(memo), bytes.Repeat([]byte("?"), len(memo)))
	if bytes.Equal(out, content) {
		t.Fatalf("%q is not in the store", memo)
	}
	return out
}

// open opens what Open leaves as a node does, without a key unless there is one, and closes it.
func open(t testing.TB, path string, own *Own, key ed25519.PrivateKey) (*transport.Snapshot, *Report) {
	t.Helper()
	st, report, err := Open(path, charter, own)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}()
	cfg := transport.NodeConfig{Charter: charter, Store: st, Key: key, Copied: st.Moved()}
	if key != nil {
		cfg.Last = &lastFile{own}
	}
	c, err := transport.OpenCore(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c.Snapshot(epoch), report
}

type lastFile struct{ own *Own }

func (l *lastFile) ID() ([32]byte, bool)  { return l.own.Last, l.own.Wrote }
func (l *lastFile) Set(id [32]byte) error { l.own.Last, l.own.Wrote = id, true; return nil }

func ownOf(p *people, by int) *Own {
	r := p.replicas[by]
	for i := r.Len() - 1; i >= 0; i-- {
		if r.Author(i) == author(by) {
			return &Own{Author: author(by), Last: r.ID(i), Wrote: true}
		}
	}
	return &Own{Author: author(by)}
}

// TestSound: of a sound store nothing is reported and nothing is made.
func TestSound(t *testing.T) {
	t.Parallel()
	p := newPeople(t, 2)
	for i := range 10 {
		p.write(i%2, fmt.Sprint("memo", i))
	}
	path, content := storeOf(t, p.packs, 1)
	snap, report := open(t, path, ownOf(p, 0), testKey(0))
	if report != nil || snap.View.Changes() != 10 || snap.Writing != transport.WriteOpen {
		t.Errorf("got report %v, %d changes, writing %d", report, snap.View.Changes(), snap.Writing)
	}
	if !bytes.Equal(read(t, path)[8192:], content[8192:]) {
		t.Error("the file was changed")
	}
}

// TestLostRecord: a record costs itself. What follows it waits, is kept over restarts, and comes back with it.
func TestLostRecord(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]int{"another's": 3, "an own one": 4, "the first": 0, "the newest": 11} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeople(t, 2)
			for i := range 12 {
				p.write(i%2, fmt.Sprintf("memo-%02d", i))
			}
			own := ownOf(p, 0)
			path, content := storeOf(t, p.packs, 1)
			damaged := spoil(t, content, fmt.Sprintf("memo-%02d", lost))
			write(t, path, damaged)

			if r, err := Survey(path, charter, own, store.ErrDamaged); err != nil || r.Kept != "" || r.Changes != lost || !bytes.Equal(read(t, path), damaged) {
				t.Fatalf("survey: got %+v, %v", r, err)
			}
			st, report, err := Open(path, charter, own)
			if err != nil {
				t.Fatal(err)
			}
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(read(t, report.Kept), damaged) {
				t.Error("the damaged file is not what it was")
			}
			if report.Records != 11 || report.Changes != lost || report.Waiting != 11-lost || len(report.Lost) != 1 || report.Lost[0].From != uint64(lost) || report.Of != 12 {
				t.Errorf("got %+v", report)
			}
			if lost < 11 && (len(report.Missing) != 1 || report.Missing[0].Author != author(lost%2) || report.Missing[0].Change != p.replicas[0].ID(lost)) {
				t.Errorf("lost are %v, want change %d", report.Missing, lost)
			}
			if report.OwnLost != (lost < 11) {
				t.Errorf("own newest lost: got %v", report.OwnLost)
			}
			for _, line := range append(report.Lines(), report.String()) {
				if strings.Contains(line, "\n") || line == "" {
					t.Errorf("got line %q", line)
				}
			}
			// Twice: what waits is in the store, and stays.
			for range 2 {
				s, again := open(t, path, own, testKey(0))
				if again != nil || s.View.Changes() != lost || s.Pending != 11-lost || s.Writing != transport.WriteGuarded {
					t.Fatalf("got %v, %d changes, %d pending, writing %d", again, s.View.Changes(), s.Pending, s.Writing)
				}
			}
		})
	}
}

// TestEveryRegion damages a store everywhere. Every pack whose bytes are intact is in the log or waits; the report can be
// said; and when all packs have come again, the log is as it was.
func TestEveryRegion(t *testing.T) {
	t.Parallel()
	p := newPeople(t, 3)
	rnd := rand.New(rand.NewPCG(9, 10))
	for i := range 60 {
		p.write(rnd.IntN(3), fmt.Sprintf("memo-%02d", i)+strings.Repeat(" and so on", rnd.IntN(60)))
	}
	path, content := storeOf(t, p.packs, 5)
	want := p.replicas[0].View().LogDigest()
	rounds := 80
	if testing.Short() {
		rounds = 20
	}
	for round := range rounds {
		damaged := slices.Clone(content)
		for range 1 + rnd.IntN(3) {
			switch at := rnd.IntN(len(damaged)); rnd.IntN(5) {
			case 0:
				damaged[at] ^= 1 << rnd.IntN(8)
			case 1: // a page
				clear(damaged[at/4096*4096:][:min(4096, len(damaged)-at/4096*4096)])
			case 2: // what leads to all of it
				clear(damaged[rnd.IntN(2)*4096:][:4096])
			case 3: // the end
				damaged = damaged[:max(at, len(damaged)/2)]
			default:
				for i := range min(200, len(damaged)-at) {
					damaged[at+i] = byte(rnd.Uint32())
				}
			}
		}
		write(t, path, damaged)
		w, err := store.OpenWreck(path)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		report, k, err := judge(w, charter, nil)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		held := map[crdt.ChangeID]bool{}
		for i := range k.replica.Len() {
			held[k.replica.ID(i)] = true
		}
		k.waiting.Each(func(pack *crdt.Pack) bool {
			pack.EachRun(func(_ crdt.Author, _ crdt.ChangeID, ids []crdt.ChangeID) bool {
				for _, id := range ids {
					held[id] = true
				}
				return true
			})
			return true
		})
		for i, frame := range p.packs {
			if whole := bytes.Contains(damaged, framed(content, frame)); whole && !held[p.replicas[0].ID(i)] {
				t.Fatalf("round %d: pack %d is intact and was not taken: %+v", round, i, report)
			}
		}
		if report.Damage = store.ErrDamaged; report.String() == "" || report.Refused > 0 {
			t.Fatalf("round %d: got %+v", round, report)
		}
		for _, frame := range p.packs {
			if err := k.checker.EachStored(frame, func(pack *crdt.StoredPack) error { return k.waiting.Load(k.replica, pack) }); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		if got := k.replica.View().LogDigest(); got != want || k.waiting.Len() != 0 || k.waiting.Changes() != 0 {
			t.Fatalf("round %d: the log is not as it was: %d changes, %d wait", round, k.replica.Len(), k.waiting.Changes())
		}
	}
}

// framed is the record of a frame as it stands in content: number, checksum, length and frame.
func framed(content, frame []byte) []byte {
	at := bytes.Index(content, frame)
	return content[at-16 : at+len(frame)]
}

// TestUnconfirmedOwnChange: the process was killed as an own change was being written; another was made in its place and
// sent. When the page of that one goes bad, the first must not come back: its author would be a forked one.
func TestUnconfirmedOwnChange(t *testing.T) {
	t.Parallel()
	p := newPeople(t, 2)
	for i := range 6 {
		p.write(i%2, fmt.Sprintf("memo-%02d", i))
	}
	// The state of before, and the change that never was.
	q := newPeople(t, 2)
	for i, frame := range p.packs {
		pack, err := crdt.NewChecker(charter).Check(frame, nil)
		if err != nil {
			t.Fatal(err)
		}
		if out := q.replicas[0].Receive(pack, 1, epoch); out.Err != nil {
			t.Fatal(i, out)
		}
	}
	unconfirmed := q.alone(0, "never was")
	sent := p.write(0, "was sent")
	own := ownOf(p, 0)

	// A file in which both stand under the number 6, the unconfirmed one where nothing leads to it.
	_, content := storeOf(t, append(slices.Clone(p.packs[:6]), unconfirmed), 7)
	record := framed(content, unconfirmed)
	path, content := storeOf(t, p.packs, 7)
	file := append(spoil(t, content, "was sent"), make([]byte, 4096-len(content)%4096)...)
	write(t, path, append(file, record...))

	snap, report := open(t, path, own, testKey(0))
	if report == nil || report.Records != 7 || report.Changes != 6 || report.SetAside != 1 || !report.OwnLost {
		t.Fatalf("got %+v", report)
	}
	if snap.View.Changes() != 6 || snap.Writing != transport.WriteGuarded {
		t.Fatalf("got %d changes, writing %d", snap.View.Changes(), snap.Writing)
	}
	// The same where it was confirmed: the last file knows it.
	other := append(spoil(t, content, "was sent"), make([]byte, 4096-len(content)%4096)...)
	write(t, path, append(other, framed(append(bytes.Clone(make([]byte, 16)), content...), sent)...))
	if _, report = open(t, path, own, testKey(0)); report == nil || report.Changes != 7 || report.SetAside != 0 || report.OwnLost {
		t.Fatalf("what was sent: got %+v", report)
	}
}

// TestRefusedRecord: a record whose checksum is good and whose signature is not costs itself.
func TestRefusedRecord(t *testing.T) {
	t.Parallel()
	p := newPeople(t, 2)
	for i := range 6 {
		p.write(i%2, fmt.Sprintf("memo-%02d", i))
	}
	forged := slices.Clone(p.packs)
	forged[2] = bytes.Clone(forged[2])
	forged[2][len(forged[2])-5] ^= 1
	path, content := storeOf(t, append(forged, []byte("no pack at all")), 1)
	st, report, err := Open(path, charter, nil)
	if err != nil || report != nil {
		t.Fatalf("sound as far as its checksums go: got %v, %v", report, err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st, report, err = Rebuild(path, charter, nil, errors.New("refused"))
	if err != nil || report.Refused != 2 || report.Changes != 2 || report.Waiting != 3 || !bytes.Equal(read(t, report.Kept), content) {
		t.Fatalf("got %+v, %v", report, err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if snap, again := open(t, path, nil, nil); again != nil || snap.View.Changes() != 2 || snap.Pending != 3 {
		t.Fatalf("got %v, %d changes, %d pending", again, snap.View.Changes(), snap.Pending)
	}
}

// TestNothingLeft: of a file that is empty, or another's, the right thing is made.
func TestNothingLeft(t *testing.T) {
	t.Parallel()
	p := newPeople(t, 1)
	p.write(0, "memo")
	path, content := storeOf(t, p.packs, 1)
	for name, damaged := range map[string][]byte{"empty": nil, "zeros": make([]byte, len(content)), "cut": content[:12]} {
		if err := errors.Join(os.RemoveAll(path+".damaged-1"), os.Remove(path)); err != nil {
			t.Fatal(err)
		}
		write(t, path, damaged)
		own := ownOf(p, 0)
		if snap, report := open(t, path, own, testKey(0)); report == nil || report.Known || !report.OwnLost || snap.Writing != transport.WriteGuarded {
			t.Errorf("%s: got %+v, writing %d", name, report, snap.Writing)
		}
	}
	other := crdt.OpenLedger("other")
	path, content = storeOf(t, p.packs, 1)
	damaged := spoil(t, content, "memo")
	write(t, path, damaged)
	if _, _, err := Open(path, other, nil); !errors.Is(err, ErrWrongRoom) || !bytes.Equal(read(t, path), damaged) {
		t.Errorf("another room: got %v", err)
	}
	write(t, path, []byte("alice -> bob 1\n"))
	if _, _, err := Open(path, charter, nil); !errors.Is(err, store.ErrNotStore) {
		t.Errorf("a text: got %v", err)
	}
}

// TestPlantedRoom: what an author wrote into a record that is damaged now does not make the file that of another room.
func TestPlantedRoom(t *testing.T) {
	t.Parallel()
	memo := ""
	for n := 0; memo == ""; n++ { // text that reads as the place in which a store says of which room it is
		room := fmt.Appendf(nil, "a room that somebody made up %03d", n%1000)
		sum := crc32.Checksum(append([]byte("room\x00"), room...), crc32.MakeTable(crc32.Castagnoli))
		if sealed := binary.BigEndian.AppendUint32([]byte("room"), sum); utf8.Valid(sealed) {
			memo = string(append(sealed, room...)) + strings.Repeat("x", 20_000) + "planted"
		}
	}
	p := newPeople(t, 2)
	for i := range 6 {
		p.write(i%2, fmt.Sprintf("memo-%02d", i))
	}
	for range 8 {
		p.write(0, memo)
	}
	path, content := storeOf(t, p.packs, 1)
	write(t, path, spoil(t, content, "planted"))
	if w, err := store.OpenWreck(path); err != nil {
		t.Fatal(err)
	} else {
		room, ok := w.Room()
		if err := w.Close(); err != nil || !ok || room == charter.ID() {
			t.Fatalf("nothing is planted: got room %x, %v, %v", room, ok, err)
		}
	}
	if snap, report := open(t, path, nil, nil); report == nil || snap.View.Changes() != 6 {
		t.Errorf("got %v, %d changes", report, snap.View.Changes())
	}
}
