package crdt_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

//go:generate go test -run TestGoldenFiles -update .

const fileDir = "testdata/files"

// goldenFiles are small rooms whose files other implementations can be held
// against: the frames that each comes from lie beside it in the order of
// acceptance.
func goldenFiles(t *testing.T) map[string]*crdt.Replica {
	m := newMill(t, crdt.JSON)
	out := map[string]*crdt.Replica{"empty": newReplica(t, m.charter)}

	// Two people in one text, one of whom forks; every op, and ops that are none.
	r := newReplica(t, m.charter)
	take := func(runs ...refRun) {
		t.Helper()
		if code := deliver(t, r, refPack(runs).frame(), 1); code != "" {
			t.Fatal(code)
		}
	}
	payload := func(time int64, links []hash32, o ...any) []byte { return refPayload(time, links, refEncode(o)) }
	a := m.run(0, m.room,
		payload(1_700_000_000, nil, ops{3, 0, "text", ops{}, 2}, ops{3, 0, "list", ops{}, 1}, ops{3, 0, "n", ops{}, 4}, ops{3, 0, "r", ops{}, 3}),
		payload(1_700_000_001, nil, ops{7, ops{1, 0}, "Schöne"}),
		payload(1_700_000_001, nil, ops{8, " "}),
		payload(1_700_000_002, nil, ops{8, "𝄞"}),
		payload(1_700_000_009, nil, ops{9, ops{1, 0}, 1}, ops{9, ops{3, 1}, 3}),
		payload(1_700_000_010, nil, ops{10, ops{5, 2}, -7}, ops{2, ops{5, 3}, nil, ops{}, 1.5}, ops{7, ops{5, 1}, ops{"a", 1, nil}}),
	)
	take(a)
	ids := m.ids(a)
	heads := []hash32{ids[5]}
	b := m.run(1, m.room,
		payload(1_699_999_000, heads, ops{5, ops{-1, 5, 4}, "n"}, ops{8, "k"}, ops{6, ops{-1, 0, 4}, "("}),
		payload(1_699_999_001, nil, ops{2, 0, "key", ops{}, ops{1, 2}}),
		payload(1_699_999_002, nil, ops{2, 0, "key", ops{ops{1, 0}}, true}, ops{1, ops{2, 0}, "good"}),
		payload(1_699_999_003, nil, ops{4, 0, "key", ops{ops{1, 0}}}),
	)
	take(b)
	fork := m.run(1, m.ids(b)[1], payload(5, nil), payload(4, nil, ops{99, "unknown"}), refPayload(3, nil, []byte{0xff, 0}))
	take(fork)
	take(m.run(0, ids[5], payload(1_700_000_011, slices.SortedFunc(slices.Values([]hash32{m.ids(b)[3], m.ids(fork)[2]}), compareHashes), ops{8, ops{map[string]any{"k": ops{}}}})))
	out["text"] = r

	m = newMill(t, crdt.Ledger)
	r = newReplica(t, m.charter)
	long, _ := m.chain(0, 300)
	take(long)
	// A pack of its own for each: they do not fit into one.
	for i := range 3 {
		take(m.run(i+1, m.room, bytesOf(16, func(k int) []byte { return m.payload(65_000 - 10*k) })...))
	}
	out["packs"] = r
	return out
}

// The golden files load as what they were made of, and are saved as the same
// bytes. A new version of the compressor may write others: they must load alike.
func TestGoldenFiles(t *testing.T) {
	t.Parallel()
	made := goldenFiles(t)
	for name, want := range made {
		path := filepath.Join(fileDir, name+".tallystick")
		if *update {
			if err := os.MkdirAll(fileDir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want.Save(nil), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(fileDir, name+".snapshot"), mustSnapshot(t, want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := crdt.LoadFile(b)
			if err != nil {
				t.Fatal(err)
			}
			restores(t, got, want)
			if again := got.Save(nil); !bytes.Equal(again, b) {
				t.Error("saved again as other bytes")
			}
			b, err = os.ReadFile(filepath.Join(fileDir, name+".snapshot"))
			if err != nil {
				t.Fatal(err)
			}
			s, err := crdt.OpenSnapshot(b)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Check(got); err != nil || !bytes.Equal(mustSnapshot(t, got), b) {
				t.Errorf("the snapshot is another: %v", err)
			}
		})
	}
	files, err := filepath.Glob(filepath.Join(fileDir, "*.tallystick"))
	if err != nil || len(files) != len(made) {
		t.Errorf("%d files, %v, want %d: go generate ./crdt writes them", len(files), err, len(made))
	}
}
