package proof

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

var update = flag.Bool("update", false, "write the golden vectors")

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func key(name string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%-32s", name)))
}

// forked is a replica of a room in which mallory said five to one and three to another, after the change that both
// know if there is one. Both branches go on.
func forked(room crdt.Charter, common bool) *crdt.Replica {
	all := must(crdt.NewReplica(room))
	says := func(r *crdt.Replica, lines ...string) {
		w := must(r.Writer(key("mallory")))
		for _, l := range lines {
			must(w.Change(1_790_000_000, func(tx *crdt.Tx) error {
				_, err := tx.Append(must(crdt.EncodeLiteral(map[string]any{"memo": l})))
				return err
			}))
		}
		w.Sign()
	}
	gives := func(from, to *crdt.Replica) {
		for i := 0; i < from.Signed(); {
			var frame []byte
			frame, i = from.PackFrom(i, nil)
			if out := to.Receive(must(crdt.NewChecker(room).Check(frame, nil)), 1, time.Time{}); out.Err != nil {
				panic(out.Err)
			}
		}
	}
	begin := must(crdt.NewReplica(room))
	if common {
		says(begin, "as all know")
	}
	for _, lines := range [][]string{{"I owe you 5", "and more"}, {"I owe you 3"}} {
		one := must(crdt.NewReplica(room))
		gives(begin, one)
		says(one, lines...)
		gives(one, all)
	}
	return all
}

var lunch = crdt.OpenLedger("lunch")

func forkFile(common bool) []byte {
	r := forked(lunch, common)
	return must(AppendFork(nil, OfReplica(r), r.Forks()[0]))
}

// vector is a golden file: what it is, what is expected of it ("valid", or the code of the reason), its bytes.
type vector struct {
	name, comment, expect string
	file                  []byte
}

// vectors are made from the parts, not by AppendFork, but for the valid ones.
func vectors() []vector {
	valid := forkFile(true)
	f := must(parse(valid))
	r := dcbor.NewReader(f.body)
	r.Array()
	charter, evidence, a, b := r.Bytes(), r.Bytes(), r.Bytes(), r.Bytes()
	other := dcbor.AppendBytes(nil, crdt.OpenLedger("dinner").Append(nil))
	str := func(b []byte) []byte { return dcbor.AppendBytes(nil, b) }
	null := dcbor.AppendNull(nil)
	body := func(fields ...[]byte) []byte {
		return append(dcbor.AppendArray(nil, len(fields)), bytes.Join(fields, nil)...)
	}
	fork := func(fields ...[]byte) []byte { return file{KindFork, 1, body(fields...)}.append(nil) }
	swapped := func() []byte { // evidence names B first
		rep := forked(lunch, true)
		o := ordered(rep.Forks()[0])
		o.A, o.B = o.B, o.A
		return must(rep.Evidence(o))
	}()
	spoilt := slices.Clone(evidence)
	spoilt[len(spoilt)-1] ^= 1
	return []vector{
		{"fork", "Two changes after one, with the charter and both payloads.", "valid", valid},
		{"fork-at-the-beginning", "An author that began twice.", "valid", forkFile(false)},
		{"fork-hashes-alone", "The evidence alone: room and content are not told.", "valid", fork(null, str(evidence), null, null)},
		{"fork-one-payload", "The content of the second change alone.", "valid", fork(str(charter), str(evidence), null, str(b))},
		{"other-charter", "The charter of another room.", "invalid", fork(other, str(evidence), str(a), str(b))},
		{"no-charter", "What is no charter.", "invalid", fork(str([]byte{0xff}), str(evidence), null, null)},
		{"other-payload", "The payloads stand in the wrong order.", "invalid", fork(str(charter), str(evidence), str(b), str(a))},
		{"other-order", "The greater id comes first.", "invalid", fork(str(charter), str(swapped), str(b), str(a))},
		{"signature", "A signature that does not fit.", "invalid", fork(str(charter), str(spoilt), str(a), str(b))},
		{"no-evidence", "Evidence of no bytes.", "invalid", fork(null, str(nil), null, null)},
		{"fields", "A body of three fields.", "damaged", fork(null, str(evidence), null)},
		{"body-trailing", "A byte after the body's end.", "damaged", file{KindFork, 1, append(slices.Clone(f.body), 0)}.append(nil)},
		{"trailing", "A byte after the end.", "damaged", append(slices.Clone(valid), 0)},
		{"cut", "The last byte is missing.", "damaged", valid[:len(valid)-1]},
		{"kind", "A kind that nobody knows.", "unknown-kind", file{"promise", 1, f.body}.append(nil)},
		{"version", "A later version of the kind.", "unknown-kind", file{KindFork, 2, f.body}.append(nil)},
		{"kind-empty", "A kind without a name.", "damaged", file{"", 1, f.body}.append(nil)},
		{"label", "Another label.", "not-a-proof", append(dcbor.AppendText(dcbor.AppendArray(nil, 4), "tallystick proof v2"), valid[len(opening):]...)},
		{"nothing", "No bytes.", "not-a-proof", nil},
		{"price", "A price of four oracles.", "valid", must(AppendPrice(nil, fourOracles().r, "ETH/USD", -1))},
		{"price-convicted", "A price of four oracles, one of them two-faced.", "valid", must(AppendPrice(nil, convictedRoom().r, "ETH/USD", -1))},
		{"price-digest", "A price at another time than its digest is of.", "invalid", func() []byte {
			p := readPriceBody(must(AppendPrice(nil, fourOracles().r, "ETH/USD", -1)))
			p.at++
			return p.file()
		}()},
		{"entry", "An entry that both sides signed: the second one's name of it goes back two changes.", "valid", entryFile(tallied())},
		{"entry-correction", "An entry of both sides that corrects another.", "valid", entryFile(corrected())},
		{"entry-claimed", "An entry that its writer alone signed.", "valid", func() []byte {
			alice, _, _, n := lunchers()
			return entryFile(alice.r, n)
		}()},
		{"entry-other-thing", "Another thing of the change than the entry.", "invalid", func() []byte {
			p := readEntryBody(entryFile(tallied()))
			p.thing = 1
			return p.file()
		}()},
		{"entry-nobody", "The agreements without the entry.", "invalid", func() []byte {
			p := readEntryBody(entryFile(tallied()))
			p.chains = slices.DeleteFunc(p.chains, func(c chainParts) bool { return bytes.Equal(c.author, key("alice")[32:]) })
			return p.file()
		}()},
		{"entry-no-ledger", "The charter of a room of oracles.", "invalid", func() []byte {
			p := readEntryBody(entryFile(tallied()))
			p.charter = pricedRoom(4, nil).Append(nil)
			return p.file()
		}()},
	}
}

func (v *vector) text() string {
	return fmt.Sprintf("# %s\nexpect: %s\nfile: %s\n", v.comment, v.expect, hex.EncodeToString(v.file))
}

// TestVectors: the files in testdata/vectors are what the program writes, and are judged as they say.
func TestVectors(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, v := range vectors() {
		path := filepath.Join("testdata", "vectors", v.name+".txt")
		seen[path] = true
		if *update {
			if err := os.WriteFile(path, []byte(v.text()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(golden) != v.text() {
			t.Errorf("%s: is not what is written now", path)
		}
		expect, bytes := readVector(t, string(golden))
		s, err := Check(bytes)
		switch {
		case expect == "valid" && err != nil:
			t.Errorf("%s: %v", path, err)
		case expect == "valid" && (s.Proved == "" || len(s.NotProved) == 0 || s.Kind == KindFork && (s.Fork == nil || len(s.Keys) != 1) || s.Kind == KindPrice && (s.Price == nil || len(s.Keys) != 4) ||
			s.Kind == KindEntry && (s.Entry == nil || len(s.Keys) == 0)):
			t.Errorf("%s: says %+v", path, s)
		case expect != "valid" && Code(err) != expect:
			t.Errorf("%s: got %v, want %s", path, err, expect)
		}
	}
	all, _ := filepath.Glob("testdata/vectors/*.txt")
	for _, path := range all {
		if !seen[path] {
			t.Errorf("%s has no test", path)
		}
	}
}

func readVector(t interface {
	Helper()
	Fatal(...any)
}, s string,
) (expect string, b []byte) {
	t.Helper()
	for line := range strings.Lines(s) {
		if v, ok := strings.CutPrefix(line, "expect: "); ok {
			expect = strings.TrimSpace(v)
		}
		if v, ok := strings.CutPrefix(line, "file: "); ok {
			var err error
			if b, err = hex.DecodeString(strings.TrimSpace(v)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return expect, b
}

// TestContent: a file shows what was signed, room, keys and both changes.
func TestContent(t *testing.T) {
	t.Parallel()
	r := forked(lunch, true)
	f := r.Forks()[0]
	s, err := Check(must(AppendFork(nil, OfReplica(r), f)))
	if err != nil {
		t.Fatal(err)
	}
	if *s.Room != "lunch" || s.RoomID != lunch.ID() || s.Keys[0] != f.Author || s.Fork.Fork != ordered(f) {
		t.Errorf("says %+v, fork %+v", s, s.Fork)
	}
	for _, c := range s.Fork.Changes {
		i, _ := r.Index(c.ID)
		want := must(crdt.ReadPayload(r.At(i).Payload, r.Room(), f.Prev))
		if c.Content == nil || c.Content.Time != 1_790_000_000 || len(c.Content.Appends) != 1 || !bytes.Equal(c.Content.Appends[0], want.Appends[0]) {
			t.Errorf("change %v says %+v", c.ID, c.Content)
		}
	}
	// Whoever got the branches in the other order writes the same file.
	swapped := f
	swapped.A, swapped.B = f.B, f.A
	if !bytes.Equal(must(AppendFork(nil, OfReplica(r), swapped)), must(AppendFork(nil, OfReplica(r), f))) {
		t.Error("the order of arrival shows in the file")
	}
	if _, err := AppendFork(nil, OfReplica(r), crdt.Fork{}); !errors.Is(err, crdt.ErrNoTarget) {
		t.Errorf("of no fork: %v", err)
	}
	if strings.ContainsAny(FileName(f, "2026-11-21"), "/\\ ") || FileName(f, "2026-11-21") != FileName(swapped, "2026-11-21") {
		t.Errorf("called %q", FileName(f, "2026-11-21"))
	}
}

// A change that no replica accepts is proof of a fork all the same: its author signed it.
func TestContentThatNobodyAccepts(t *testing.T) {
	t.Parallel()
	e, err := crdt.ParseEvidence(must(forked(lunch, true).Evidence(forked(lunch, true).Forks()[0])))
	if err != nil {
		t.Fatal(err)
	}
	c := ForkChange{Hash: [32]byte(must(hex.DecodeString("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")))} // of one zero byte
	if err := c.read([]byte{0}, e); err != nil || c.Content != nil || !errors.Is(c.Refused, crdt.ErrMalformed) {
		t.Errorf("got %v, %+v", err, c)
	}
}

// TestEveryByte: a file of which any byte is another, or any end missing, is refused, with a reason.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	for _, common := range []bool{true, false} {
		valid := forkFile(common)
		for at := range valid {
			if _, err := Check(valid[:at]); Code(err) == "" {
				t.Fatalf("the first %d bytes: %v", at, err)
			}
			for _, flip := range []byte{1 << (at % 8), 0xff} {
				b := slices.Clone(valid)
				b[at] ^= flip
				if s, err := Check(b); Code(err) == "" {
					t.Fatalf("byte %d flipped by %x: %+v, %v", at, flip, s, err)
				}
			}
		}
	}
}

func TestTooLong(t *testing.T) {
	t.Parallel()
	b := file{KindFork, 1, make([]byte, MaxBytes)}.append(nil)
	if _, err := Check(b); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "more than 4194304 bytes") {
		t.Errorf("got %v", err)
	}
}

// FuzzCheck: no bytes but those of a proof are one; what is valid is written again as the same bytes.
func FuzzCheck(f *testing.F) {
	all, err := filepath.Glob("testdata/vectors/*.txt")
	if err != nil || len(all) == 0 {
		f.Fatalf("no vectors: %v", err)
	}
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		_, b := readVector(f, string(text))
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := slices.Clone(b)
		s, err := Check(b)
		if !bytes.Equal(b, before) {
			t.Fatal("the bytes were changed")
		}
		if err != nil {
			if Code(err) == "" {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		switch {
		case s.Kind == KindFork && len(s.Keys) == 1 && s.Fork != nil && s.Price == nil && s.Entry == nil:
		case s.Kind == KindEntry && s.Entry != nil && s.Fork == nil && s.Price == nil && s.Entry.Entry.Validate() == nil && len(s.Keys) > 0 &&
			s.Entry.Tallied == (s.Entry.stands() == len(s.Entry.Entry.Postings)):
		case s.Kind == KindPrice && s.Price != nil && s.Fork == nil && s.Entry == nil && s.Price.Price.Sum() == s.Price.Price.Digest:
		default:
			t.Fatalf("says %+v", s)
		}
		c := must(parse(b))
		if again := c.append(nil); !bytes.Equal(again, b) {
			t.Fatalf("written again it is %x", again)
		}
	})
}
