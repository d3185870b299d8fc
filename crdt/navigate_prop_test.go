package crdt_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// worldOf plays a random program and gives all of it to one replica.
func worldOf(t *rapid.T, kind crdt.Kind) (*world, *crdt.Replica) {
	w := newWorld(t, roomOf(kind), 1, 2)
	w.seq = w.chance(30)
	w.run(rapid.IntRange(1, 25).Draw(t, "steps"))
	return w, w.receiveAll(w.packs)
}

func TestNavigation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, r := worldOf(t, crdt.Ledger)
		for i := range r.Len() {
			at := i
			for d := uint64(0); d < r.Seq(i); d++ {
				if got, ok := r.Back(i, d); !ok || got != at {
					t.Fatalf("%d back from %d: got %d, %v, want %d", d, i, got, ok, at)
				}
				before := r.At(at).Prev
				p, ok := r.Prev(at)
				if want, known := r.Index(before); ok != known || ok && p != want {
					t.Fatalf("prev of %d: got %d, %v, want %d, %v", at, p, ok, want, known)
				}
				at = p
			}
			for _, d := range []uint64{r.Seq(i), r.Seq(i) + 1, 1 << 33, 1<<64 - 1} {
				if got, ok := r.Back(i, d); ok {
					t.Fatalf("%d back from %d, which has seq %d: got %d", d, i, r.Seq(i), got)
				}
			}
			c := r.At(i)
			if c.ID != r.ID(i) || c.Author != r.Author(i) || c.Seq != r.Seq(i) {
				t.Fatalf("change %d: At says %v of %v, %d", i, c.ID, c.Author, c.Seq)
			}
		}
		tips := w.ref.tips()
		var got []hash32
		byAuthor := 0
		for i := range r.Tips {
			got = append(got, hash32(r.ID(i)))
			if r.Continued(i) {
				t.Fatalf("tip %d is continued", i)
			}
		}
		for _, key := range append(w.keys, testKey(99)) {
			for i := range func(yield func(int) bool) { r.TipsOf(crdt.Author(authorOf(key)), yield) } {
				if byAuthor++; r.Author(i) != crdt.Author(authorOf(key)) {
					t.Fatalf("tip %d is of another author", i)
				}
			}
		}
		slices.SortFunc(got, compareHashes)
		if !slices.Equal(got, tips) || byAuthor != len(tips) {
			t.Fatalf("tips: got %d, by author %d, want %d", len(got), byAuthor, len(tips))
		}
		var heads []hash32
		for _, id := range r.Heads() {
			heads = append(heads, hash32(id))
		}
		slices.SortFunc(heads, compareHashes)
		if want := w.ref.heads(); !slices.Equal(heads, want) {
			t.Fatalf("heads: got %x, want %x", heads, want)
		}
	})
}

// A replica that sends what another lacks, with the fronts and runs left out that
// the other named, is understood at the first attempt.
func TestSendWhatIsMissing(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	eachKind(t, func(t *rapid.T, kind crdt.Kind) {
		w, a := worldOf(t, kind)
		b := w.receiveAll(slices.DeleteFunc(slices.Clone(w.packs), func(refPack) bool { return w.chance(40) }))
		has := map[int]bool{}
		for i := range b.Len() {
			if at, ok := a.Index(b.ID(i)); ok && w.chance(70) {
				for ; ok; at, ok = a.Prev(at) {
					has[at] = true
				}
			}
		}
		for from := 0; from < a.Signed(); {
			var frame []byte
			if frame, from = a.PackFrom(from, func(i int) bool { return has[i] }); frame == nil {
				continue
			}
			if code := deliver(t, b, frame, 1); code != "" {
				t.Fatalf("a pack that an honest peer cut is %s", code)
			}
			w.check(b)
		}
		equalsReference(t, b, w.ref)
	})
}

func TestEvidence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, r := worldOf(t, crdt.Ledger)
		for _, f := range r.Forks() {
			b, err := r.Evidence(f)
			if err != nil {
				t.Fatalf("evidence of %v: %v", f, err)
			}
			room, got, err := crdt.CheckEvidence(b)
			if err != nil || got != f || hash32(room) != w.room {
				t.Fatalf("got %v, %v, want %v", got, err, f)
			}
			spoilt := slices.Clone(b)
			at, bit := w.n(len(b)), w.n(8)
			spoilt[at] ^= 1 << bit
			if room, other, err := crdt.CheckEvidence(spoilt); err == nil {
				t.Fatalf("byte %d, bit %d flipped proves %v in %v", at, bit, other, room)
			} else if !errors.Is(err, crdt.ErrEvidence) {
				t.Fatalf("untyped %v", err)
			}
		}
		if r.Len() > 0 {
			id := r.ID(0)
			if _, err := r.Evidence(crdt.Fork{Author: r.Author(0), A: id, B: crdt.ChangeID{1}}); !errors.Is(err, crdt.ErrNoTarget) {
				t.Fatalf("evidence of what is not there: %v", err)
			}
			if _, err := r.Evidence(crdt.Fork{Author: r.Author(0), A: id, B: id}); !errors.Is(err, crdt.ErrNoTarget) {
				t.Fatalf("evidence of what is no fork: %v", err)
			}
		}
	})
}

// Value, Values, Items and MarkOf say what the reference says.
func TestReading(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *rapid.T, kind crdt.Kind) {
		w, r := worldOf(t, kind)
		if got, want := r.Value(), w.ref.doc.value(); !reflect.DeepEqual(got, want) {
			t.Fatalf("value: got %#v, want %#v", got, want)
		}
		for k, m := range w.ref.doc.marks {
			got, ok := r.MarkOf(nameOf(k.target), crdt.Author(k.author))
			if want := refEncode(m.literal); !ok || string(got) != string(want) {
				t.Fatalf("mark on %v: got %x, want %x", k.target, got, want)
			}
		}
		for n, o := range w.ref.doc.objects {
			isMap, isList := o.kind == refMap || o.kind == refRegister, o.kind == refList
			_, err := r.Items(nameOf(n))
			if kind == crdt.JSON && isList != (err == nil) {
				t.Fatalf("items of kind %d: %v", o.kind, err)
			}
			if isList {
				w.itemsEqual(r, o)
			}
			_, err = r.Values(nameOf(n), "")
			if kind == crdt.JSON && isMap != (err == nil) {
				t.Fatalf("values of kind %d: %v", o.kind, err)
			}
			if isMap && kind == crdt.JSON {
				w.valuesEqual(r, o)
			}
		}
	})
}

func nameOf(n refName) crdt.Name { return crdt.Name{Change: n.change, Index: uint32(n.index)} }

func (w *world) itemsEqual(r *crdt.Replica, o *refObject) {
	got, _ := r.Items(nameOf(o.name))
	var want []*refThing
	for _, e := range refWalk(o.top) {
		if !e.dead {
			want = append(want, e)
		}
	}
	w.heldEqual(got, want)
}

func (w *world) valuesEqual(r *crdt.Replica, o *refObject) {
	for _, v := range o.values {
		key, _ := v.key.(string)
		got, err := r.Values(nameOf(o.name), key)
		if err != nil {
			w.t.Fatal(err)
		}
		w.heldEqual(got, o.living(v.key))
	}
}

func (w *world) heldEqual(got []crdt.Held, want []*refThing) {
	if len(got) != len(want) {
		w.t.Fatalf("got %d, want %d", len(got), len(want))
	}
	for i, h := range got {
		same := h.Name == nameOf(want[i].name)
		if o := want[i].object; o != nil {
			same = same && h.Literal == nil && int(h.Object) == o.kind
		} else {
			same = same && string(h.Literal) == string(refEncode(want[i].literal))
		}
		if !same {
			w.t.Fatalf("item %d: got %v, want %v", i, h, want[i].name)
		}
	}
}

// value is the document in plain Go.
func (d *refDoc) value() any {
	if d.log.kind == "json" {
		return d.objects[refName{}].value()
	}
	feed := d.objects[refName{index: 1}]
	list := []any{}
	for _, it := range feed.content().([]any) {
		list = append(list, refGo(it.([]any)[2]))
	}
	return map[string]any{map[string]string{"ledger": "entries", "oracle": "feeds"}[d.log.kind]: list}
}

func (o *refObject) value() any {
	switch o.kind {
	case refMap:
		m := map[string]any{}
		for _, v := range o.values {
			if alive := o.living(v.key); len(alive) > 0 {
				m[v.key.(string)] = alive[0].value()
			}
		}
		return m
	case refRegister:
		if alive := o.living(nil); len(alive) > 0 {
			return alive[0].value()
		}
		return nil
	case refCounter:
		return o.sum
	case refText:
		text := ""
		for _, e := range refWalk(o.top) {
			if !e.dead {
				text += string(e.literal.(rune))
			}
		}
		return text
	}
	list := []any{}
	for _, e := range refWalk(o.top) {
		if !e.dead {
			list = append(list, e.value())
		}
	}
	return list
}

func (t *refThing) value() any {
	if t.object != nil {
		return t.object.value()
	}
	return refGo(t.literal)
}

// refGo is a decoded literal in the types that crdt gives.
func refGo(v any) any {
	switch v := v.(type) {
	case uint64:
		return int64(v)
	case []any:
		list := []any{}
		for _, x := range v {
			list = append(list, refGo(x))
		}
		return list
	case map[any]any:
		m := map[string]any{}
		for k, x := range v {
			m[fmt.Sprint(k)] = refGo(x)
		}
		return m
	default:
		return v
	}
}
