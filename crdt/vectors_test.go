package crdt_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

//go:generate go test -run TestVectors -update .

var update = flag.Bool("update", false, "write testdata/vectors anew")

const vectorDir = "testdata/vectors"

// A vector is one file of testdata/vectors. Lines that begin with # say why; then
// come fields, one a line, in hex but for expect:
//
//	expect      accepted, pending, or the code of the refusal
//	charter     of the room
//	before      a pack that was offered before, whatever became of it; repeated
//	pack        what is judged
//	ids         of the changes in pack, in order
//	log-digest  after all
//	doc-digest  after all
//	state       what doc-digest hashes after label and room
//	evidence    what is judged, with room, author, prev, a and b if it is accepted
type vector struct {
	name    string
	comment string
	fields  []field
}

type field struct{ key, value string }

func (v *vector) add(key string, value []byte) {
	v.fields = append(v.fields, field{key, hex.EncodeToString(value)})
}

func (v *vector) all(key string) (values []string) {
	for _, f := range v.fields {
		if f.key == key {
			values = append(values, f.value)
		}
	}
	return values
}

// get is the only value of key, "" if there is none.
func (v *vector) get(key string) string {
	if all := v.all(key); len(all) == 1 {
		return all[0]
	}
	return ""
}

func (v *vector) bytes(t *testing.T, key string) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.get(key))
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return b
}

func (v *vector) encode() []byte {
	var b bytes.Buffer
	for line := range strings.Lines(v.comment) {
		fmt.Fprintf(&b, "# %s\n", strings.TrimSpace(line))
	}
	for _, f := range v.fields {
		fmt.Fprintf(&b, "%s: %s\n", f.key, f.value)
	}
	return b.Bytes()
}

func parseVector(t *testing.T, name string, b []byte) *vector {
	v := &vector{name: name}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("%s: line %q", name, line)
		}
		v.fields = append(v.fields, field{key, strings.TrimSpace(value)})
	}
	return v
}

// The files are what the generator makes, no more and no less; and each is judged
// as it says.
func TestVectors(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	made := makeVectors(t)
	if *update {
		if err := os.RemoveAll(vectorDir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(vectorDir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, v := range made {
			if err := os.WriteFile(filepath.Join(vectorDir, v.name+".txt"), v.encode(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.txt"))
	if err != nil || len(files) != len(made) {
		t.Fatalf("%d files, %v, want %d: go generate ./crdt writes them", len(files), err, len(made))
	}
	for _, want := range made {
		t.Run(want.name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join(vectorDir, want.name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b, want.encode()) {
				t.Fatal("the file is not what the generator makes")
			}
			v := parseVector(t, want.name, b)
			switch {
			case v.get("evidence") != "":
				judgeEvidence(t, v)
			case v.get("pack") != "":
				judgePack(t, v)
			default:
				judgeCharter(t, v)
			}
		})
	}
}

func judgeCharter(t *testing.T, v *vector) {
	b := v.bytes(t, "charter")
	c, err := crdt.ParseCharter(b)
	if err != nil {
		if got := crdt.Code(err); got != v.get("expect") {
			t.Fatalf("got %q (%v), want %q", got, err, v.get("expect"))
		}
		return
	}
	id := c.ID()
	if v.get("expect") != "accepted" || !bytes.Equal(c.Append(nil), b) || !bytes.Equal(id[:], v.bytes(t, "room")) {
		t.Fatalf("got %v, encoded %x, want %s", c, c.Append(nil), v.get("expect"))
	}
}

func judgeEvidence(t *testing.T, v *vector) {
	room, f, err := crdt.CheckEvidence(v.bytes(t, "evidence"))
	if err != nil {
		if got := crdt.Code(err); got != v.get("expect") {
			t.Fatalf("got %q (%v), want %q", got, err, v.get("expect"))
		}
		return
	}
	prev := f.Prev
	if prev == (crdt.ChangeID{}) {
		prev = crdt.ChangeID(room)
	}
	for key, got := range map[string][32]byte{"room": room, "author": f.Author, "prev": prev, "a": f.A, "b": f.B} {
		if !bytes.Equal(got[:], v.bytes(t, key)) {
			t.Errorf("%s: got %x, want %s", key, got, v.get(key))
		}
	}
	if v.get("expect") != "accepted" {
		t.Errorf("accepted, want %s", v.get("expect"))
	}
}

func judgePack(t *testing.T, v *vector) {
	c, err := crdt.ParseCharter(v.bytes(t, "charter"))
	if err != nil {
		t.Fatal(err)
	}
	r := newReplica(t, c)
	for _, before := range v.all("before") {
		frame, err := hex.DecodeString(before)
		if err != nil {
			t.Fatal(err)
		}
		deliver(t, r, frame, 1)
	}
	frame := v.bytes(t, "pack")
	got := deliver(t, r, frame, 1)
	if got == "" {
		got = "accepted"
	}
	if got != v.get("expect") {
		t.Fatalf("got %q, want %q", got, v.get("expect"))
	}
	checkReplica(t, r)
	var ids [][]byte
	for id := range slices.Chunk(v.bytes(t, "ids"), 32) {
		ids = append(ids, id)
		if _, ok := r.Index(crdt.ChangeID(id)); ok != (got == "accepted") {
			t.Errorf("change %x: accepted %v", id[:4], ok)
		}
	}
	log, doc := r.LogDigest(), r.DocDigest()
	if !bytes.Equal(log[:], v.bytes(t, "log-digest")) || !bytes.Equal(doc[:], v.bytes(t, "doc-digest")) {
		t.Errorf("digests %x, %x, want %s, %s", log, doc, v.get("log-digest"), v.get("doc-digest"))
	}
	if got != "accepted" {
		return
	}
	if len(ids) == 0 {
		t.Error("accepted without ids")
	}
	if len(v.all("before")) == 0 {
		sameRuns(t, exported(r), frame)
		loaded := load(t, c, [][]byte{frame})
		if loaded.LogDigest() != log || loaded.DocDigest() != doc {
			t.Error("other digests when loaded")
		}
	}
}

// sameRuns checks that what a replica writes of a pack is, run by run, what it
// read.
func sameRuns(t *testing.T, got [][]byte, want []byte) {
	t.Helper()
	runs := func(frame []byte) (all []string) {
		for _, r := range parseRefPack(t, frame) {
			all = append(all, string(refEncode(r.item())))
		}
		slices.Sort(all)
		return all
	}
	if len(got) != 1 || !slices.Equal(runs(got[0]), runs(want)) {
		t.Errorf("encoded again: got %x, want %x", got, want)
	}
}
