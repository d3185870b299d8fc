package crdt_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// seedVectors adds the bytes under key of every golden vector.
func seedVectors(f *testing.F, key string) (all [][]byte) {
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.txt"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no vectors: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(line, key+":"); ok && len(value) < 20_000 {
				b, err := hex.DecodeString(strings.TrimSpace(value))
				if err != nil {
					f.Fatal(err)
				}
				all = append(all, b)
			}
		}
	}
	return all
}

// FuzzPack gives any bytes to a checker, and what it lets through to a replica.
// The runs of test authors are signed anew if resign, so that what lies behind
// the signature is reached. The reference judges alike.
func FuzzPack(f *testing.F) {
	for _, b := range seedVectors(f, "pack") {
		f.Add(b, true)
		f.Add(b, false)
	}
	m := newMill(f, crdt.Ledger)
	chain, _ := m.chain(0, 3)
	f.Fuzz(func(t *testing.T, frame []byte, resign bool) {
		if p, ok := refReadPack(frame); ok && resign {
			frame = signAnew(m, p).frame()
		}
		want, code := refJudge(m.room, nil, frame)
		p, err := crdt.NewChecker(m.charter).Check(bytes.Clone(frame), nil)
		got := crdt.Code(err)
		if vague := map[string]bool{"malformed": true, "over-limit": true}; got != code && !(vague[got] && vague[code]) {
			t.Fatalf("check: got %q (%v), want %q", got, err, code)
		}
		if _, again := crdt.NewChecker(m.charter).Check(bytes.Clone(frame), nil); crdt.Code(again) != got {
			t.Fatalf("checked twice: %v, then %v", err, again)
		}
		r := newReplica(t, m.charter)
		if err != nil {
			r.Condemn(err)
			return
		}
		for n := range want {
			if p.Changes() == 0 || p.Bytes() != len(frame) || n > p.Changes() {
				t.Fatalf("%d changes, %d bytes", p.Changes(), p.Bytes())
			}
		}
		ref := newRefLog(m.room, "ledger")
		trust := func(refRun) bool { return true }
		for _, p := range []refPack{{chain}, want} {
			ref.accept(p, trust)
			deliver(t, r, p.frame(), 1)
			checkReplica(t, r)
			equalsReference(t, r, ref)
		}
		loaded := load(t, m.charter, exported(r))
		equalsReference(t, loaded, ref)
	})
}

func signAnew(m *mill, p refPack) refPack {
	for i, r := range p {
		for a := range 5 {
			if authorOf(testKey(a)) == r.author {
				p[i].sig = m.signature(a, r.last(m.room))
			}
		}
	}
	return p
}

// FuzzOps applies any bytes as the ops of a change that follows a document with
// one thing of each kind, by its author and by another: the replica's document is
// the reference's.
func FuzzOps(f *testing.F) {
	for _, frame := range seedVectors(f, "pack") {
		p, ok := refReadPack(frame)
		for _, r := range p {
			for _, payload := range r.payloads {
				if tree, sound := refDecode(payload, 100); ok && sound {
					if list, isList := tree.([]any); isList && len(list) == 3 {
						if ops, isOps := list[2].([]byte); isOps {
							f.Add(ops, false)
							f.Add(ops, true)
						}
					}
				}
			}
		}
	}
	one := func(o ...any) { f.Add(refEncode(o), true) }
	one(ops{2, 0, "k", ops{ops{-1, 5}}, 1}, ops{4, 0, "v", ops{ops{-1, 5}}})
	one(ops{5, ops{-1, 7}, ops{1, 2}}, ops{6, ops{-1, 6}, 1}, ops{7, ops{0, 2}, ops{3}}, ops{9, ops{-1, 6}, 2})
	one(ops{5, ops{-1, 9}, "é"}, ops{8, "xy"}, ops{9, ops{-1, 8}, 3}, ops{9, ops{0, 0}, 2}, ops{6, ops{-1, 8}, "b"})
	one(ops{10, ops{-1, 4}, 7}, ops{2, ops{-1, 3}, nil, ops{}, 1}, ops{3, ops{-1, 3}, nil, ops{ops{0, 0}}, 3}, ops{1, ops{0, 1}, "m"})
	f.Fuzz(func(t *testing.T, b []byte, isJSON bool) {
		if len(b) == 0 || len(b) > 60_000 {
			return
		}
		m := &maker{}
		kind := crdt.Ledger
		if isJSON {
			kind = crdt.JSON
		}
		s := m.story(kind)
		s.t = t
		first := s.change(0, nil, ops{3, 0, "m", ops{}, 0}, ops{3, 0, "l", ops{}, 1}, ops{3, 0, "t", ops{}, 2}, ops{3, 0, "r", ops{}, 3}, ops{3, 0, "c", ops{}, 4},
			ops{2, 0, "v", ops{}, 1}, ops{7, ops{0, 1}, ops{"a", "b"}}, ops{7, ops{0, 2}, "xyz"}, ops{0, 1, "entry"}) // things 0–4, 5, 6–7, 8–10, 11
		s.raw(0, nil, b)
		s.raw(1, []hash32{first}, b)
		s.raw(1, []hash32{first}, b)
		ref := newRefLog(s.room, string(kind))
		var frames [][]byte
		for i, r := range s.runs {
			run := s.run(s.byWho[i], r.prev, r.payloads...)
			ref.accept(refPack{run}, func(refRun) bool { return true })
			frames = append(frames, refPack{run}.frame())
		}
		r := load(t, s.charter, frames)
		equalsReference(t, r, ref)
		viewEqualsReplica(t, r)
		if v, err := json.Marshal(r.Value()); err != nil || !json.Valid(v) {
			t.Fatalf("value: %v", err)
		}
	})
}

func FuzzCharter(f *testing.F) {
	for _, b := range seedVectors(f, "charter") {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := crdt.ParseCharter(b)
		if want := refCharter(b); (err == nil) != want {
			t.Fatalf("got %v, want accepted %v", err, want)
		}
		if err != nil {
			if crdt.Code(err) != "bad-charter" {
				t.Fatalf("code %q of %v", crdt.Code(err), err)
			}
			return
		}
		if again := c.Append(nil); !bytes.Equal(again, b) {
			t.Fatalf("encoded again: got %x, want %x", again, b)
		}
		if id := c.ID(); hash32(id) != refRoom(b) {
			t.Fatalf("room: got %v", id)
		}
		if r := newReplica(t, c); r.Room() != c.ID() {
			t.Fatal("the replica is of another room")
		}
	})
}

func FuzzEvidence(f *testing.F) {
	for _, b := range seedVectors(f, "evidence") {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, fork, err := crdt.CheckEvidence(b)
		ids, want := refEvidence(b)
		if (err == nil) != want {
			t.Fatalf("got %v, want accepted %v", err, want)
		}
		if err != nil {
			if crdt.Code(err) != "bad-evidence" {
				t.Fatalf("code %q of %v", crdt.Code(err), err)
			}
			return
		}
		if fork.A != crdt.ChangeID(ids[0]) || fork.B != crdt.ChangeID(ids[1]) {
			t.Fatalf("got %v, want %x", fork, ids)
		}
	})
}

// FuzzLiteral reads a literal into Go values and writes it again.
func FuzzLiteral(f *testing.F) {
	for _, v := range []any{nil, true, 1, -1, 1.5, "text", []byte{1}, []any{1, []any{}}, map[string]any{"a": 1, "bb": nil}} {
		f.Add([]byte(lit(f, v)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := crdt.ParseLiteral(b)
		if _, want := refDecode(b, crdt.MaxDepth-3); (err == nil) != want {
			t.Fatalf("got %v, want accepted %v", err, want)
		}
		if err != nil {
			if v := crdt.Literal(b).Value(); v != nil {
				if _, valid := refDecode(b, crdt.MaxDepth); !valid {
					t.Fatalf("value of no literal: %v", v)
				}
			}
			return
		}
		again, err := crdt.EncodeLiteral(l.Value())
		if len(b) <= crdt.MaxPayloadBytes && (err != nil || !bytes.Equal(again, b)) {
			t.Fatalf("encoded again: got %x, %v, want %x", again, err, b)
		}
		if j, err := json.Marshal(l); err != nil || !json.Valid(j) {
			t.Fatalf("JSON %s: %v", j, err)
		}
	})
}
