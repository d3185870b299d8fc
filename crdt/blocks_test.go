package crdt

import (
	"bytes"
	"testing"
)

// TestBlocksAdd: payloads are where they are said to be, and large ones that are kept and fill their memory are not copied.
func TestBlocksAdd(t *testing.T) {
	t.Parallel()
	payloads := func(n, room int, c byte) []byte { return append(make([]byte, 0, room), bytes.Repeat([]byte{c}, n)...) }
	var b blocks
	for i, c := range []struct {
		n, room int
		kept    bool
		same    bool
	}{
		{100, 100, true, false},
		{ownBlockBytes, ownBlockBytes, true, true},
		{ownBlockBytes, ownBlockBytes, false, false},
		{ownBlockBytes, ownBlockBytes + ownBlockBytes/4, true, true},
		{ownBlockBytes, 2 * ownBlockBytes, true, false},
		{200, 200, true, false},
		{firstBlockBytes, firstBlockBytes, false, false},
	} {
		in := payloads(c.n, c.room, byte(i))
		pos := b.add(int32(i*slabSize), in, c.kept)
		b.mark()
		block := b.of(int32(i * slabSize))
		if !bytes.Equal(block[pos:pos+c.n], in) {
			t.Errorf("case %d: other bytes", i)
		}
		if same := &block[pos] == &in[0]; same != c.same {
			t.Errorf("case %d: kept as it is: %v, want %v", i, same, c.same)
		}
	}
	for i := range int32(7) { // all of them still are
		if block := b.of(i * slabSize); bytes.IndexByte(block, byte(i)) < 0 {
			t.Errorf("case %d is gone", i)
		}
	}
}
