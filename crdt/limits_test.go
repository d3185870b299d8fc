package crdt_test

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// Each limit of the format, at it and one beyond.
func TestLimits(t *testing.T) {
	t.Parallel()
	m := newMill(t, crdt.Ledger)
	payload := func(n int) []byte { // of n bytes
		ops := make([]byte, n)
		for {
			b := refPayload(0, nil, ops)
			if len(b) == n {
				return b
			}
			ops = ops[:len(ops)-(len(b)-n)]
		}
	}
	runs := func(n int) (p refPack) {
		for a := range n {
			p = append(p, m.run(100+a, m.room, refPayload(0, nil, noOps)))
		}
		return p
	}
	changes := func(n int) refPack {
		c, _ := m.chain(0, n)
		return refPack{c}
	}
	frameOf := func(n int) []byte { // of n bytes
		var payloads [][]byte
		for range 15 {
			payloads = append(payloads, payload(65_536))
		}
		payloads = append(payloads, payload(65_000))
		for {
			b := refPack{m.run(0, m.room, payloads...)}.frame()
			if len(b) == n {
				return b
			}
			last := len(payloads[15]) + n - len(b)
			payloads[15] = payload(min(65_536, last))
			if last > 65_536 {
				t.Fatalf("%d bytes cannot be made", n)
			}
		}
	}
	heads := func(n int) refPack { // one change that links n others
		p := runs(0)
		var links []hash32
		r := refRun{author: authorOf(testKey(0)), prev: m.room}
		for i := range n {
			r.payloads = append(r.payloads, refPayload(int64(i), nil, noOps))
		}
		r.sig = m.signature(0, r.last(m.room))
		links = m.ids(r)
		slices.SortFunc(links, compareHashes)
		return append(p, r, m.run(1, m.room, refPayload(0, links, noOps)))
	}
	cases := map[string]struct {
		frame []byte
		want  string
	}{
		"payload of 65536 bytes":   {refPack{m.run(0, m.room, payload(65_536))}.frame(), ""},
		"payload of 65537 bytes":   {refPack{m.run(0, m.room, payload(65_537))}.frame(), "over-limit"},
		"1024 links":               {heads(1024).frame(), ""},
		"1025 links":               {heads(1025).frame(), "over-limit"},
		"256 runs":                 {runs(256).frame(), ""},
		"257 runs":                 {runs(257).frame(), "over-limit"},
		"4096 changes":             {changes(4096).frame(), ""},
		"4097 changes":             {changes(4097).frame(), "over-limit"},
		"4097 changes in two runs": {append(runs(1), changes(4096)...).frame(), "over-limit"},
		"a frame of 1 MiB":         {frameOf(1 << 20), ""},
		"a frame of 1 MiB + 1":     {frameOf(1<<20 + 1), "over-limit"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReplica(t, m.charter)
			if got := deliver(t, r, c.frame, 1); got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			checkReplica(t, r)
			if c.want == "" {
				load(t, m.charter, exported(r))
			}
		})
	}
}

// What a peer claims is not allocated: bytes that claim much more than they hold
// cost no more than they are long.
func TestClaimsAllocateNothing(t *testing.T) {
	m := newMill(t, crdt.Ledger)
	checker := crdt.NewChecker(m.charter)
	for name, frame := range map[string][]byte{
		"runs":    {0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"changes": slices.Concat([]byte{0x81, 0x84, 0x58, 0x20}, make([]byte, 32), []byte{0x58, 0x20}, make([]byte, 32), []byte{0x9a, 0x7f, 0xff, 0xff, 0xff}),
		"bytes":   slices.Concat([]byte{0x81, 0x84, 0x5b, 0x7f}, bytes.Repeat([]byte{0xff}, 40)),
	} {
		const runs = 100
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			if _, err := checker.Check(frame, nil); !errors.Is(err, crdt.ErrMalformed) {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		if n := (after.TotalAlloc - before.TotalAlloc) / runs; n > 4096 {
			t.Errorf("%s: %d bytes allocated for %d", name, n, len(frame))
		}
	}
}

// Packs that were accepted one after the other become one as long as that holds
// to the bounds, and what is sent from any place where one ended is understood.
func TestMerging(t *testing.T) {
	t.Parallel()
	m := newMill(t, crdt.Ledger)
	a, b := newReplica(t, m.charter), newReplica(t, m.charter)
	writers := []*crdt.Writer{mustWriter(t, a, 0), mustWriter(t, a, 1)}
	one := lit(t, "one")
	var ends []int
	for i := range 5000 {
		w := writers[i/5%2]
		if _, err := w.Change(0, func(tx *crdt.Tx) error { _, err := tx.Append(one); return err }); err != nil {
			t.Fatal(err)
		}
		if i%5 == 4 {
			_, to := w.Sign()
			ends = append(ends, to)
		}
	}
	checkReplica(t, a)
	frames := exported(a)
	if len(frames) != 2 {
		t.Fatalf("5000 changes in %d packs, want 2", len(frames))
	}
	for _, frame := range frames {
		if got := len(parseRefPack(t, frame)); got != 2 {
			t.Fatalf("%d runs, want one an author", got)
		}
	}
	sent := 0
	for i := 0; i < len(ends); i += 1 + i%140 {
		frame, next := a.PackFrom(sent, func(i int) bool { return i < sent })
		if code := deliver(t, b, frame, 1); code != "" {
			t.Fatalf("from %d: %s", sent, code)
		}
		if sent = next; sent == a.Signed() {
			break
		}
	}
	if a.LogDigest() != b.LogDigest() || a.DocDigest() != b.DocDigest() {
		t.Fatal("digests differ")
	}
	if frame, next := a.PackFrom(0, func(int) bool { return true }); frame != nil || next != len(packIDs(t, m.room, frames[0])) {
		t.Fatalf("nothing to send: got %d bytes, next %d", len(frame), next)
	}
}
