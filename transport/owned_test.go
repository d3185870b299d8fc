package transport

import (
	"reflect"
	"slices"
	"testing"
)

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
		clear(buf)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: it changes with the buffer", name)
		}
	}
	if _, err := decodeOwned([]byte{0xff}); Code(err) != "bad-message" {
		t.Errorf("no message: got %v", err)
	}
}
