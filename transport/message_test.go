package transport

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

func drawID(t *rapid.T) (id [32]byte) {
	copy(id[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "id"))
	return id
}

func drawIDs(t *rapid.T, most int) []crdt.ChangeID {
	var ids []crdt.ChangeID
	for range rapid.IntRange(0, most).Draw(t, "ids") {
		ids = append(ids, drawID(t))
	}
	return ids
}

func drawUint(t *rapid.T) uint64 { return rapid.Uint64Range(0, 1<<62).Draw(t, "n") }

func drawBody(t *rapid.T) Body {
	switch rapid.IntRange(0, 7).Draw(t, "type") {
	case 0:
		return &Hello{
			Charter: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "charter"), Agent: rapid.StringN(0, 16, MaxAgentBytes).Draw(t, "agent"),
			Count: drawUint(t), Fingerprint: drawID(t),
		}
	case 1:
		return drawTips(t)
	case 2:
		var p Packs
		for range rapid.IntRange(1, 5).Draw(t, "packs") {
			p = append(p, rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "pack"))
		}
		return p
	case 3:
		return Need(drawIDs(t, MaxNeedIDs))
	case 4:
		s := &Stored{Credit: drawUint(t), Ends: []AuthorEnds{}}
		for range rapid.IntRange(0, 4).Draw(t, "authors") {
			s.Ends = append(s.Ends, AuthorEnds{drawID(t), drawIDs(t, 3)})
		}
		return s
	case 5:
		return Presence(rapid.SliceOfN(rapid.Byte(), 0, MaxPresenceBytes).Draw(t, "presence"))
	case 6:
		return &PeerError{rapid.StringMatching(`[a-z0-9-]{0,32}`).Draw(t, "code"), rapid.StringN(0, 60, MaxErrorTextBytes).Draw(t, "text")}
	default:
		return Grease(rapid.Uint64Range(greaseFirst, greaseLast).Draw(t, "grease"))
	}
}

func drawTips(t *rapid.T) *Tips {
	tips := &Tips{Round: drawUint(t), Prefix: rapid.SliceOfN(rapid.Byte(), 0, MaxPrefixBytes).Draw(t, "prefix"), Form: rapid.Uint64Range(0, 3).Draw(t, "form")}
	switch tips.Form {
	case formFingerprint:
		tips.Prefix = []byte{}
		tips.Count, tips.Fingerprint = drawUint(t), drawID(t)
	case formBuckets:
		tips.Buckets = new([256][32]byte)
		for i := range 256 {
			tips.Buckets[i][0] = rapid.Byte().Draw(t, "bucket")
		}
	case formTips:
		tips.More = rapid.Bool().Draw(t, "more")
		tips.Tips = []Tip{}
		for range rapid.IntRange(0, 4).Draw(t, "tips") {
			tips.Tips = append(tips.Tips, Tip{drawID(t), drawID(t), drawUint(t), drawIDs(t, MaxBack)})
		}
	case formHeld:
		tips.More = rapid.Bool().Draw(t, "more")
		tips.Held = drawIDs(t, 10)
	}
	return tips
}

// TestMessageRoundTrip: what is encoded decodes to the same, and any prefix of it, or a byte more, is refused.
func TestMessageRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room, body := crdt.RoomID(drawID(t)), drawBody(t)
		frame := AppendMessage(nil, room, body)
		m, err := DecodeMessage(frame)
		if err != nil {
			t.Fatalf("%T: %v", body, err)
		}
		if m.Room != room || !sameBody(m.Body, body) {
			t.Fatalf("got %+v, want %+v", m.Body, body)
		}
		if _, grease := body.(Grease); grease {
			return
		}
		cut := rapid.IntRange(0, len(frame)-1).Draw(t, "cut")
		if _, err := DecodeMessage(frame[:cut]); err == nil {
			t.Fatalf("the first %d of %d bytes are accepted", cut, len(frame))
		}
		if _, err := DecodeMessage(append(frame, 0)); !errors.Is(err, ErrBadMessage) && !errors.Is(err, ErrTooLarge) {
			t.Fatalf("a byte more: %v, want ErrBadMessage", err)
		}
	})
}

// sameBody compares, taking nil and empty slices for the same.
func sameBody(a, b Body) bool {
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return false
	}
	return bytes.Equal(AppendMessage(nil, crdt.RoomID{}, a), AppendMessage(nil, crdt.RoomID{}, b))
}

// TestMessageLimits: each bound holds at the bound and not beyond, with its reason.
func TestMessageLimits(t *testing.T) {
	ids := func(n int) []crdt.ChangeID { return make([]crdt.ChangeID, n) }
	long := func(n int) string { return strings.Repeat("x", n) }
	tips := func(t Tips) *Tips { return &t }
	packs := func(n, size int) Packs {
		p := make(Packs, n)
		for i := range p {
			p[i] = make([]byte, size)
		}
		return p
	}
	for _, tt := range []struct {
		name string
		body Body
		want error
	}{
		{"agent", &Hello{Agent: long(MaxAgentBytes)}, nil},
		{"agent +1", &Hello{Agent: long(MaxAgentBytes + 1)}, ErrBadMessage},
		{"charter", &Hello{Charter: make([]byte, crdt.MaxCharterBytes)}, nil},
		{"charter +1", &Hello{Charter: make([]byte, crdt.MaxCharterBytes+1)}, ErrBadMessage},
		{"need", Need(ids(MaxNeedIDs)), nil},
		{"need +1", Need(ids(MaxNeedIDs + 1)), ErrBadMessage},
		{"presence", Presence(make([]byte, MaxPresenceBytes)), nil},
		{"presence +1", Presence(make([]byte, MaxPresenceBytes+1)), ErrBadMessage},
		{"error code", &PeerError{ErrorCode: long(MaxErrorCodeBytes)}, nil},
		{"error code +1", &PeerError{ErrorCode: long(MaxErrorCodeBytes + 1)}, ErrBadMessage},
		{"error code with escape", &PeerError{ErrorCode: "a\x1bb"}, ErrBadMessage},
		{"error text", &PeerError{Text: long(MaxErrorTextBytes)}, nil},
		{"error text +1", &PeerError{Text: long(MaxErrorTextBytes + 1)}, ErrBadMessage},
		{"prefix", tips(Tips{Form: formHeld, Prefix: make([]byte, MaxPrefixBytes)}), nil},
		{"prefix +1", tips(Tips{Form: formHeld, Prefix: make([]byte, MaxPrefixBytes+1)}), ErrBadMessage},
		{"fingerprint of a bucket", tips(Tips{Form: formFingerprint, Prefix: []byte{1}}), ErrBadMessage},
		{"back", tips(Tips{Form: formTips, Tips: []Tip{{Back: ids(MaxBack)}}}), nil},
		{"back +1", tips(Tips{Form: formTips, Tips: []Tip{{Back: ids(MaxBack + 1)}}}), ErrBadMessage},
		{"held over the control limit", tips(Tips{Form: formHeld, Held: ids(MaxControlBytes / idBytes)}), ErrTooLarge},
		{"no packs", Packs{}, ErrBadMessage},
		{"empty pack", Packs{{}}, ErrBadMessage},
		{"packs", packs(MaxPacksPerMessage, 1), nil},
		{"packs +1", packs(MaxPacksPerMessage+1, 1), ErrBadMessage},
		{"bytes of packs", packs(2, crdt.MaxPackBytes/2), nil},
		{"bytes of packs +1", packs(2, crdt.MaxPackBytes/2+1), ErrBadMessage},
		{"unknown type", Grease(7), ErrBadMessage},
		{"type after grease", Grease(64), ErrBadMessage},
		{"grease", Grease(32), nil},
	} {
		_, err := DecodeMessage(AppendMessage(nil, crdt.RoomID{1}, tt.body))
		if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// TestClaimedCountsAllocateNothing: a short frame that claims a million items costs no memory.
func TestClaimedCountsAllocateNothing(t *testing.T) {
	var room crdt.RoomID
	for _, kind := range []uint64{typePacks, typeNeed} {
		f := dcbor.AppendArray(nil, 3)
		f = dcbor.AppendUint(f, kind)
		f = dcbor.AppendBytes(f, room[:])
		f = dcbor.AppendArray(f, 1<<20)
		if n := testing.AllocsPerRun(10, func() {
			if _, err := DecodeMessage(f); err == nil {
				t.Fatal("accepted")
			}
		}); n > 12 {
			t.Errorf("type %d: %v allocations for %d bytes that claim a million items", kind, n, len(f))
		}
	}
}

// FuzzDecodeMessage: no panic; what is accepted encodes to the same bytes (but for what grease carries), and is no larger in
// memory than a small multiple of the frame.
func FuzzDecodeMessage(f *testing.F) {
	var room crdt.RoomID
	for _, b := range []Body{
		&Hello{Charter: testCharter.Append(nil), Agent: "tallystick node", Count: 3, Fingerprint: [32]byte{1}},
		&Tips{Round: 1, Form: formFingerprint, Count: 4},
		&Tips{Round: 2, Prefix: []byte{1, 2}, Form: formBuckets, Buckets: new([256][32]byte)},
		&Tips{Round: 2, Form: formTips, More: true, Tips: []Tip{{Seq: 4, Back: make([]crdt.ChangeID, 2)}}},
		&Tips{Round: 2, Form: formHeld, Held: make([]crdt.ChangeID, 1)},
		Packs{{1}, {2, 3}},
		Need(make([]crdt.ChangeID, 2)),
		&Stored{Credit: 9, Ends: []AuthorEnds{{IDs: make([]crdt.ChangeID, 1)}}},
		Presence{1},
		&PeerError{"bad-sync", "why"}, Grease(40),
	} {
		f.Add(AppendMessage(nil, room, b))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := DecodeMessage(frame)
		if err != nil {
			if code := Code(err); code != "bad-message" && code != "too-large" && code != "version" {
				t.Fatalf("error without a reason of the protocol: %v", err)
			}
			return
		}
		if _, grease := m.Body.(Grease); grease {
			return
		}
		if again := AppendMessage(nil, m.Room, m.Body); !bytes.Equal(again, frame) {
			t.Fatalf("%T encodes to %x, was %x", m.Body, again, frame)
		}
	})
}
