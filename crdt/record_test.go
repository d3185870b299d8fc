package crdt_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// kept is what a store holds of a random program whose packs came in a random order:
// records, each a frame or a segment, and for comparison the frames alone.
func kept(t *rapid.T, kind crdt.Kind) (r *crdt.Replica, records, frames [][]byte) {
	w := newWorld(t, roomOf(kind), 2, 2)
	w.seq = w.chance(50)
	w.run(rapid.IntRange(0, 30).Draw(t, "steps"))
	w.repack(w.n(6))
	r = newReplica(t, w.charter)
	for _, p := range shuffled(w.dice, w.packs) {
		stored := r.Signed()
		deliver(t, r, p.frame(), 1)
		for i := stored; i < r.Signed(); {
			var frame []byte
			frame, i = r.PackFrom(i, nil)
			frames = append(frames, frame)
			records = append(records, frame)
		}
		if stored < r.Signed() && w.chance(50) {
			records = records[:len(records)-1] // a pack is stored at once: there is one frame, which may be merged with those before it
			record, next := r.RecordFrom(stored)
			if next != r.Signed() || !crdt.IsSegment(record) {
				t.Fatalf("a record of changes %d to %d, not %d: %x", stored, next, r.Signed(), record)
			}
			records = append(records, record)
		}
	}
	return r, records, frames
}

// Segments in the place of frames make the same replica, of the same packs; and a segment
// makes the log that it was made of, in the same order.
func TestRecordRestores(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *rapid.T, kind crdt.Kind) {
		r, records, frames := kept(t, kind)
		loaded := load(t, r.Charter(), records)
		sameLog(t, loaded, load(t, r.Charter(), frames))
		sameLog(t, loaded, r)
		changes := 0
		for _, record := range records {
			n, size := crdt.RecordSize(record)
			if changes += n; n == 0 || size < n {
				t.Fatalf("a record of %d changes and %d bytes", n, size)
			}
		}
		if changes != r.Len() {
			t.Fatalf("the records say %d changes, not %d", changes, r.Len())
		}
		if r.Len() == 0 {
			return
		}
		var all [][]byte
		for i := 0; i < loaded.Signed(); {
			var record []byte
			record, i = loaded.RecordFrom(i)
			all = append(all, record)
		}
		restores(t, load(t, r.Charter(), all), loaded)
	})
}

// A pack of a segment is loaded as it lay to the same effect as by its frame, whatever
// the replica has of it already, whatever it lacks, and whatever comes in between.
func TestLoadStored(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *rapid.T, kind crdt.Kind) {
		r, records, frames := kept(t, kind)
		small := newReplica(t, r.Charter()) // of many packs
		for _, frame := range frames {
			if err := small.Load(frame); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "full") {
				small.FullPack()
			}
		}
		for i := 0; i < small.Signed(); {
			var record []byte
			record, i = small.RecordFrom(i)
			records = append(records, record)
		}
		if rapid.Bool().Draw(t, "shuffled") {
			records = rapid.Permutation(records).Draw(t, "records")
		}
		checker := crdt.NewChecker(r.Charter())
		stored, framed := newReplica(t, r.Charter()), newReplica(t, r.Charter())
		between := rapid.IntRange(0, 3).Draw(t, "between")
		for _, record := range records {
			if err := checker.EachStored(record, func(p *crdt.StoredPack) error {
				if rapid.IntRange(0, 3).Draw(t, "another first") < between {
					frame := rapid.SampledFrom(frames).Draw(t, "frame")
					deliver(t, stored, frame, 1)
					deliver(t, framed, frame, 1)
				}
				err1, err2 := stored.LoadStored(p), framed.LoadPack(p.Pack())
				if fmt.Sprint(err1) != fmt.Sprint(err2) {
					t.Fatalf("as it lay: %v; its frame: %v", err1, err2)
				}
				checkReplica(t, stored)
				if stored.Len() != framed.Len() || stored.LogDigest() != framed.LogDigest() || stored.DocDigest() != framed.DocDigest() {
					t.Fatalf("%d changes, by frames %d", stored.Len(), framed.Len())
				}
				return checker.SameAsFrame(p.Pack())
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := stored.VerifyTips(); err != nil {
			t.Fatal(err)
		}
	})
}

// A pack read from a segment is the one that reading its frame makes, in all that it
// holds.
func TestRecordPacks(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	eachKind(t, func(t *rapid.T, kind crdt.Kind) {
		r, records, _ := kept(t, kind)
		readsAsFrames(t, r.Charter(), records...)
	})
}

func readsAsFrames(t interface{ Fatal(...any) }, c crdt.Charter, records ...[]byte) {
	checker := crdt.NewChecker(c)
	for _, record := range records {
		if err := checker.EachStored(record, func(p *crdt.StoredPack) error { return checker.SameAsFrame(p.Pack()) }); err != nil {
			t.Fatal(err)
		}
	}
}

// A segment whose change follows another author's, from outside, is refused, whether or
// not its author is known.
func TestRecordChainAuthor(t *testing.T) {
	t.Parallel()
	m := newMill(t, crdt.Ledger)
	own, ids := m.chain(0, 2)
	other, others := m.chain(1, 1)
	from := newReplica(t, m.charter)
	if err := from.Load(refPack{own}.frame()); err != nil {
		t.Fatal(err)
	}
	record, _ := from.RecordFrom(1)
	if !bytes.Contains(record, ids[0][:]) {
		t.Fatal("it names nothing from outside")
	}
	record = bytes.Replace(record, ids[0][:], others[0][:], 1)
	for _, known := range []refPack{{other}, {other, own}} {
		r := newReplica(t, m.charter)
		if err := r.Load(known.frame()); err != nil {
			t.Fatal(err)
		}
		if err := r.Load(record); !errors.Is(err, crdt.ErrChainAuthor) {
			t.Fatalf("got %v", err)
		}
	}
}

// A segment that is damaged gives a typed error, or what VerifyTips finds, or the same
// log.
func TestRecordDamage(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *rapid.T, kind crdt.Kind) {
		r, records, _ := kept(t, kind)
		k := slices.IndexFunc(records, crdt.IsSegment)
		if k < 0 {
			return
		}
		damaged := bytes.Clone(records[k])
		at := rapid.IntRange(0, len(damaged)-1).Draw(t, "at")
		if rapid.Bool().Draw(t, "truncate") {
			damaged = damaged[:at]
		} else {
			damaged[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
		records[k] = damaged
		got := newReplica(t, r.Charter())
		for _, record := range records {
			if err := got.Load(record); err != nil {
				var refused *crdt.RefusedError
				if !errors.As(err, &refused) {
					t.Fatalf("an untyped error: %v", err)
				}
				checkReplica(t, got)
				return
			}
		}
		checkReplica(t, got)
		if got.VerifyTips() == nil && got.LogDigest() != r.LogDigest() {
			t.Fatal("another log passed")
		}
	})
}

// Packs that do not fit into one record make several, none larger than a pack; one
// that nothing makes smaller is kept too.
func TestRecordSizes(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	r := noisyLedger(t)
	var records [][]byte
	for i := 0; i < r.Signed(); {
		var record []byte
		record, i = r.RecordFrom(i)
		if len(record) > crdt.MaxPackBytes {
			t.Fatalf("a record of %d bytes", len(record))
		}
		records = append(records, record)
	}
	if packs := len(exported(r)); len(records) < 2 || len(records) >= packs {
		t.Fatalf("%d records of %d packs", len(records), packs)
	}
	readsAsFrames(t, r.Charter(), records...)
	restores(t, load(t, r.Charter(), records), r)
}

// FuzzRecord reads any bytes as a record. What comes of it are packs as frames make
// them.
func FuzzRecord(f *testing.F) {
	r := longLedger(f)
	record, _ := r.RecordFrom(0)
	f.Add(record)
	charter := crdt.OpenLedger("fuzz")
	small := newReplica(f, charter)
	w := mustWriter(f, small, 0)
	for i := range 3 {
		if _, err := w.Change(int64(i), func(tx *crdt.Tx) error { _, err := tx.Append(entry(i)); return err }); err != nil {
			f.Fatal(err)
		}
	}
	w.Sign()
	record, _ = small.RecordFrom(0)
	f.Add(record)
	f.Fuzz(func(t *testing.T, b []byte) {
		checker := crdt.NewChecker(charter)
		same := error(nil)
		err := checker.EachStored(b, func(p *crdt.StoredPack) error { same = errors.Join(same, checker.SameAsFrame(p.Pack())); return nil })
		var refused *crdt.RefusedError
		if same != nil || err != nil && !errors.As(err, &refused) {
			t.Fatalf("%v; %v", same, err)
		}
		crdt.RecordSize(b)
	})
}
