package crdt_test

import (
	"runtime"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// What waits takes about the memory that the bounds count, also if it is many changes of a few bytes each.
func TestPendingMemoryOfSmallChanges(t *testing.T) { // not parallel: it measures the heap
	race.OneGoroutine(t)
	m := newMill(t, crdt.Ledger)
	heap := func() int {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int(s.HeapAlloc)
	}
	payloads := make([][]byte, crdt.MaxPackChanges)
	for i := range payloads {
		payloads[i] = refPayload(0, nil, noOps)
	}
	r := newReplica(t, m.charter)
	before := heap()
	for i := range 60 {
		prev := hash32{1, byte(i)}
		if code := deliver(t, r, refPack{m.run(0, prev, payloads...)}.frame(), 1); code != "pending" {
			t.Fatal(code)
		}
		checkReplica(t, r)
	}
	packs, bytes := r.Pending()
	grown := heap() - before
	if grown > 2*bytes {
		t.Errorf("%d packs wait, counted as %d bytes, and hold %d", packs, bytes, grown)
	}
	runtime.KeepAlive(r)
}
