package transport

import (
	"runtime"
	"testing"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// What is kept of a message is what is new in it: a peer that sends a small new pack beside a megabyte of a known one
// makes nobody hold the megabyte.
func TestKeptPackHoldsNoMessage(t *testing.T) {
	race.OneGoroutine(t)
	const messages = 40
	big := mustReplica(t)
	w, err := big.Writer(testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	l, err := crdt.EncodeLiteral(make([]byte, 60_000))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 16 {
		if _, err := w.Change(int64(i), func(tx *crdt.Tx) error { _, err := tx.Append(l); return err }); err != nil {
			t.Fatal(err)
		}
	}
	w.Sign()
	known, _ := big.PackFrom(0, nil)
	for _, pending := range []bool{false, true} {
		r := mustReplica(t)
		x := &Inspector{checker: crdt.NewChecker(testCharter)}
		small := mustReplica(t)
		receive := func(packs Packs) {
			m, err := DecodeMessage(AppendMessage(nil, r.Room(), packs))
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range x.Inspect(m.Body).packs {
				if k.err != nil {
					t.Fatal(k.err)
				}
				r.Receive(k.pack, 1, time.Time{})
			}
		}
		receive(Packs{known})
		before := heapBytes()
		for range messages {
			n := small.Len()
			if pending {
				n++
				mustWrite(t, small, testKey(2), 1)
			}
			mustWrite(t, small, testKey(2), 1)
			pack, _ := small.PackFrom(n, func(i int) bool { return i < n })
			receive(Packs{pack, known})
		}
		if waits, _ := r.Pending(); (waits == messages) != pending {
			t.Fatalf("%d of %d packs wait", waits, messages)
		}
		if grown := heapBytes() - before; grown > messages*len(known)/10 {
			t.Errorf("pending %v: %d messages of %d bytes with a small new pack each: %d bytes are kept", pending, messages, len(known), grown)
		}
		runtime.KeepAlive(r)
	}
}

func heapBytes() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
