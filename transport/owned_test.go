package transport

import (
	"reflect"
	"slices"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// inspectParts is what a connection's reader does with packs, without waiting for a turn.
func inspectParts(x *Inspector, packs Packs) Inbound {
	var size partSize
	n := newInspection(packs, true)
	for part := n.part(&size); len(part) > 0; part = n.part(&size) {
		n.take(part, x.check(part), &size)
	}
	return n.in
}

// TestOwned: what a reader hands on holds nothing of the buffer that it reads the next message into.
func TestOwned(t *testing.T) {
	few, _ := chainOf(t, 1, 1)
	some, _ := chainOf(t, 1, 3)
	many, _ := chainOf(t, 1, 200)
	room := testCharter.ID()
	ids := make(Need, 200)
	for i := range ids {
		ids[i] = [32]byte{byte(i)}
	}
	for name, body := range map[string]Body{
		"one pack": few, "small packs": some, "large packs": many, "small": &Stored{Credit: 7}, "large": ids,
		"hello": &Hello{Charter: testCharter.Append(nil), Agent: "tallystick node test"},
	} {
		buf := AppendMessage(nil, room, body)
		got, err := decodeOwned(buf)
		if err != nil {
			t.Fatal(err)
		}
		want, err := DecodeMessage(slices.Clone(buf))
		if err != nil {
			t.Fatal(err)
		}
		if packs, ok := got.Body.(Packs); ok {
			// They stand in the buffer until they are checked, and no longer.
			checked := inspectParts(&Inspector{checker: crdt.NewChecker(testCharter)}, packs)
			got.Body = Packs(nil)
			clear(buf)
			for _, k := range checked.packs {
				if k.err != nil {
					t.Fatal(k.err)
				}
				got.Body = append(got.Body.(Packs), k.pack.Frame())
			}
		}
		clear(buf)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: it changes with the buffer", name)
		}
	}
	if _, err := decodeOwned([]byte{0xff}); Code(err) != "bad-message" {
		t.Errorf("no message: got %v", err)
	}
}
