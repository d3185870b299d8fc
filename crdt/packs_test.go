package crdt_test

import (
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// mill makes packs by hand for tests that need to know each byte of them.
type mill struct {
	t       testing.TB
	charter crdt.Charter
	room    hash32
}

func newMill(t testing.TB, kind crdt.Kind) *mill {
	c := roomOf(kind)
	return &mill{t: t, charter: c, room: hash32(c.ID())}
}

var noOps = refEncode([]any{})

// payload has one op that appends n bytes to the feed, so that the payload
// weighs a little more than n.
func (m *mill) payload(n int, links ...hash32) []byte {
	return refPayload(0, links, refEncode([]any{[]any{0, 1, make([]byte, n)}}))
}

// run signs payloads as a run of author number a after prev.
func (m *mill) run(a int, prev hash32, payloads ...[]byte) refRun {
	r := refRun{author: authorOf(testKey(a)), prev: prev, payloads: payloads}
	r.sig = ed25519.Sign(testKey(a), refSigned(m.room, r.last(m.room)))
	return r
}

// chain is a run of n changes of author a from the beginning, and their ids.
func (m *mill) chain(a, n int) (refRun, []hash32) {
	var payloads [][]byte
	for i := range n {
		payloads = append(payloads, refPayload(int64(i), nil, refEncode([]any{[]any{0, 1, i}})))
	}
	r := m.run(a, m.room, payloads...)
	return r, m.ids(r)
}

func (m *mill) ids(r refRun) (ids []hash32) {
	for _, raw := range r.raws(m.room) {
		ids = append(ids, refID(m.room, raw))
	}
	return ids
}

// cut is changes [from, to) of a run of author a as a run of their own.
func (m *mill) cut(a int, r refRun, from, to int) refRun {
	prev := m.room
	if from > 0 {
		prev = m.ids(r)[from-1]
	}
	return m.run(a, prev, r.payloads[from:to]...)
}

func (m *mill) check(runs ...refRun) *crdt.Pack {
	m.t.Helper()
	p, err := crdt.NewChecker(m.charter).Check(refPack(runs).frame(), nil)
	if err != nil {
		m.t.Fatalf("check: %v", err)
	}
	return p
}

func (m *mill) signature(a int, last hash32) []byte {
	return ed25519.Sign(testKey(a), refSigned(m.room, last))
}

// TestPlanPackSize: a planned pack takes what it says, at every length of a head, whole and less what the other side has.
func TestPlanPackSize(t *testing.T) {
	t.Parallel()
	for _, payload := range []int{1, 200, 260, 60_000} {
		for _, changes := range []int{1, 23, 24, 300} {
			if payload*changes > crdt.MaxPackBytes/2 {
				continue
			}
			r := newReplica(t, crdt.OpenLedger("plan"))
			w, err := r.Writer(ed25519.NewKeyFromSeed(make([]byte, 32)))
			if err != nil {
				t.Fatal(err)
			}
			row, err := crdt.EncodeLiteral(strings.Repeat("m", payload))
			if err != nil {
				t.Fatal(err)
			}
			for range changes {
				if _, err := w.Change(1, func(tx *crdt.Tx) error { _, err := tx.Append(row); return err }); err != nil {
					t.Fatal(err)
				}
			}
			w.Sign()
			for _, has := range []int{0, changes / 2, changes - 1} {
				p, next := r.PlanPack(0, func(i int) bool { return i < has })
				frame, end := r.PackFrom(0, func(i int) bool { return i < has })
				if got := p.AppendTo([]byte{7}); p.Empty() || next != end || p.Size() != len(frame) || string(got) != "\x07"+string(frame) {
					t.Fatalf("%d changes of %d bytes, without %d: planned %d bytes, are %d", changes, payload, has, p.Size(), len(frame))
				}
			}
			if p, next := r.PlanPack(0, func(int) bool { return true }); !p.Empty() || next != changes {
				t.Fatal("a pack of nothing")
			}
		}
	}
}
