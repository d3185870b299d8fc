package crdt_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// A full replica takes no pack, loads none and makes no change, and is as before;
// it goes on when there is room.
func TestFullReplica(t *testing.T) { // not parallel: it lowers the limits of all logs
	for _, limit := range []struct {
		name                  string
		changes, links, bytes int
	}{
		{"changes", 5, 1 << 20, 1 << 20},
		{"links", 1 << 20, 0, 1 << 20},
		{"bytes", 1 << 20, 1 << 20, 150},
	} {
		t.Run(limit.name, func(t *testing.T) {
			m := newMill(t, crdt.Ledger)
			r, loaded := newReplica(t, m.charter), newReplica(t, m.charter)
			w := mustWriter(t, r, 5)
			front, ids := m.chain(0, 4)
			frame := refPack{front}.frame()
			if code := deliver(t, r, frame, 1); code != "" {
				t.Fatal(code)
			}
			if err := loaded.Load(frame); err != nil {
				t.Fatal(err)
			}
			second := m.run(1, m.room, m.payload(40, ids[3]), m.payload(40))
			before, doc := r.LogDigest(), r.DocDigest()
			edit := func(tx *crdt.Tx) error {
				for range 30 {
					if _, err := tx.Append(lit(t, "as long as it takes")); err != nil {
						return err
					}
				}
				return nil
			}

			restore := crdt.LimitLogs(limit.changes, limit.links, limit.bytes)
			out := r.Receive(m.check(second), 1, epoch)
			err := loaded.Load(refPack{second}.frame())
			if limit.name == "changes" {
				restore()
				restore = crdt.LimitLogs(4, limit.links, limit.bytes)
			}
			_, own := w.Change(0, edit)
			restore()
			if !errors.Is(out.Err, crdt.ErrFull) || out.From != out.To || !errors.Is(err, crdt.ErrFull) || !errors.Is(own, crdt.ErrFull) {
				t.Errorf("received %+v, loaded %v, made %v", out, err, own)
			}
			if r.LogDigest() != before || r.DocDigest() != doc || loaded.LogDigest() != before {
				t.Error("not as before")
			}
			checkReplica(t, r)
			checkReplica(t, loaded)

			if out := r.Receive(m.check(second), 1, epoch); out.Err != nil || out.To != 6 {
				t.Errorf("with room again: %+v", out)
			}
			if _, err := w.Change(0, edit); err != nil {
				t.Error(err)
			}
			checkReplica(t, r)
		})
	}
}

// CheckAll says of each frame what Check says, whichever frames share a batch.
func TestCheckAll(t *testing.T) {
	t.Parallel()
	m := newMill(t, crdt.Ledger)
	var frames [][]byte
	ends := make(map[crdt.ChangeID]bool)
	for i := range 200 {
		pack := refPack{m.run(i%4, m.room, m.payload(i))}
		for k := range i % 7 {
			pack = append(pack, m.run(k%4, m.room, m.payload(1000+i, hash32{byte(k) + 1})))
		}
		if i%31 == 5 {
			pack[len(pack)-1].sig[3] ^= 1
		}
		if i%10 == 0 {
			ends[crdt.ChangeID(pack[0].last(m.room))] = true
		}
		frame := pack.frame()
		if i%37 == 3 {
			frame[len(frame)/2] ^= 0x40
		}
		frames = append(frames, frame)
	}
	asked := make([][]crdt.ChangeID, len(frames))
	packs, errs := crdt.NewChecker(m.charter).CheckAll(frames, func(i int, id crdt.ChangeID) bool {
		asked[i] = append(asked[i], id)
		return ends[id]
	})
	refused := 0
	for i, frame := range frames {
		var askedOne []crdt.ChangeID
		p, err := crdt.NewChecker(m.charter).Check(frame, func(id crdt.ChangeID) bool {
			askedOne = append(askedOne, id)
			return ends[id]
		})
		if !slices.Equal(asked[i], askedOne) {
			t.Errorf("frame %d: asked of other changes than Check", i)
		}
		if crdt.Code(err) != crdt.Code(errs[i]) || (err == nil) != (errs[i] == nil) || err != nil && err.Error() != errs[i].Error() {
			t.Errorf("frame %d: %v, Check says %v", i, errs[i], err)
		}
		if (p == nil) != (packs[i] == nil) || p != nil && (p.Changes() != packs[i].Changes() || p.Runs() != packs[i].Runs()) {
			t.Errorf("frame %d: not the pack of Check", i)
		}
		if err != nil {
			refused++
		}
	}
	if refused < 6 || refused > 20 {
		t.Errorf("%d frames are refused", refused)
	}
}
