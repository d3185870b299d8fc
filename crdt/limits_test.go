package crdt_test

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// Each limit of the format, at it and one beyond.
func TestLimits(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
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
	race.OneGoroutine(t)
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
	mergesWithinBounds(t, m)
	if frame, next := a.PackFrom(0, func(int) bool { return true }); frame != nil || next != len(packIDs(t, m.room, frames[0])) {
		t.Fatalf("nothing to send: got %d bytes, next %d", len(frame), next)
	}
}

// mergesWithinBounds receives packs of many bytes, and of many authors, one after
// the other.
func mergesWithinBounds(t *testing.T, m *mill) {
	t.Helper()
	var large, many []refPack
	whole := m.run(0, m.room, slices.Repeat([][]byte{m.payload(60_000)}, 40)...)
	for i := range 40 {
		large = append(large, refPack{m.cut(0, whole, i, i+1)})
	}
	for a := range 300 {
		many = append(many, refPack{m.run(100+a, m.room, refPayload(0, nil, noOps))})
	}
	for name, packs := range map[string][]refPack{"bytes": large, "runs": many} {
		r := newReplica(t, m.charter)
		for _, p := range packs {
			if code := deliver(t, r, p.frame(), 1); code != "" {
				t.Fatal(code)
			}
		}
		checkReplica(t, r)
		frames := exported(r)
		if want := map[string]int{"bytes": 3, "runs": 2}[name]; len(frames) != want {
			t.Errorf("%s: %d packs, want %d", name, len(frames), want)
		}
		for _, frame := range frames {
			if _, err := crdt.NewChecker(m.charter).Check(frame, nil); err != nil {
				t.Errorf("%s: a merged pack: %v", name, err)
			}
		}
	}
}

// A frame of which little is new is not kept: else one new change among a
// megabyte of known ones would hold all of it.
func TestKeepsNoFrameForLittle(t *testing.T) {
	t.Parallel()
	m := newMill(t, crdt.Ledger)
	known := m.run(0, m.room, slices.Repeat([][]byte{m.payload(50_000)}, 10)...)
	small := refPayload(7, nil, noOps)
	r := newReplica(t, m.charter)
	deliver(t, r, refPack{known}.frame(), 1)
	frame := refPack{known, m.run(1, m.room, small)}.frame()
	p, err := crdt.NewChecker(m.charter).Check(frame, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out := r.Receive(p, 1, epoch); out.To != 11 {
		t.Fatalf("got %+v", out)
	}
	clear(frame) // what is kept of it would show
	if got := r.At(10).Payload; !bytes.Equal(got, small) {
		t.Fatalf("the log keeps the frame: got %x, want %x", got, small)
	}
	checkReplica(t, r)
}
