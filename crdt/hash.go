package crdt

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"sync"
)

// Ids of changes: SHA-256(T ‖ prev ‖ SHA-256(payload)), where T is one block, the
// same for all changes of an author in a room.

// chainPrefix is T of docs/protocol.md: the one SHA-256 block that begins every id
// of one author in one room.
type chainPrefix [64]byte

func newChainPrefix(room RoomID, a Author) chainPrefix {
	var b [len(labelChain) + 64]byte
	copy(b[:], labelChain)
	copy(b[len(labelChain):], room[:])
	copy(b[len(labelChain)+32:], a[:])
	chain := sha256.Sum256(b[:])
	var t chainPrefix
	copy(t[:32], chain[:])
	copy(t[32:], labelChange)
	return t
}

// id is the id of the change after prev with a payload of the given hash.
func (t *chainPrefix) id(prev ChangeID, payloadHash [32]byte) ChangeID {
	var b [128]byte
	copy(b[:64], t[:])
	copy(b[64:96], prev[:])
	copy(b[96:], payloadHash[:])
	return sha256.Sum256(b[:])
}

// A hasher computes the ids of one chain, without allocating. It begins each hash
// from a saved state, pads by hand, and reads the digest from the state: two
// thirds of the time of two calls of [sha256.Sum256], of which most is the
// function itself. How the standard library writes a state down is not documented:
// if it is not as known here, each id is computed in the plain way.
//
// A hasher is used by one goroutine at a time.
type hasher struct {
	prefix chainPrefix
	plain  bool // the state is not as known
	state  savedHash
	start  [stateBytes]byte // nothing hashed yet
	chain  [stateBytes]byte // prefix hashed
	out    [stateBytes]byte
	short  [64]byte  // a payload and its padding
	rest   [128]byte // prev, hash of the payload, padding
}

type savedHash interface {
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
	Write([]byte) (int, error)
}

// A state as [encoding.BinaryAppender] writes it: 4 bytes that say which hash, 8
// words, the bytes of the block that is not full, the number of bytes hashed.
const (
	stateBytes  = 4 + 32 + 64 + 8
	stateDigest = 4

	maxShortPayload = 64 - 9 // with its padding it is one block
)

// hasherWorks is whether the state is as known, tried once.
var hasherWorks = sync.OnceValue(func() bool {
	h := &hasher{}
	if !h.open() {
		return false
	}
	for n := range 2 * 64 {
		payload := bytes.Repeat([]byte{byte(n) + 1}, n)
		h.chainOf(RoomID{1, byte(n)}, Author{2, byte(n)})
		prev := ChangeID{3, byte(n)}
		if h.id(&prev, payload) != h.prefix.id(prev, sha256.Sum256(payload)) {
			return false
		}
	}
	return true
})

func newHasher() *hasher {
	h := &hasher{}
	h.plain = !hasherWorks() || !h.open()
	return h
}

// open prepares a hasher, and reports whether that can be done.
func (h *hasher) open() bool {
	var ok bool
	if h.state, ok = sha256.New().(savedHash); !ok || !h.save(&h.start) {
		return false
	}
	h.rest[64] = 0x80
	binary.BigEndian.PutUint64(h.rest[120:], 8*(64+64))
	return true
}

func (h *hasher) save(to *[stateBytes]byte) bool {
	b, err := h.state.AppendBinary(to[:0])
	return err == nil && len(b) == stateBytes
}

// chainOf makes h the hasher of a's chains in room.
func (h *hasher) chainOf(room RoomID, a Author) {
	h.prefix = newChainPrefix(room, a)
	if h.plain {
		return
	}
	if h.state.UnmarshalBinary(h.start[:]) != nil {
		panic("crdt: internal error: a saved hash is refused")
	}
	h.state.Write(h.prefix[:])
	h.save(&h.chain)
}

// id is the id of the change after prev with that payload.
func (h *hasher) id(prev *ChangeID, payload []byte) (id ChangeID) {
	if h.plain {
		return h.prefix.id(*prev, sha256.Sum256(payload))
	}
	copy(h.rest[:32], prev[:])
	if n := len(payload); n <= maxShortPayload {
		copy(h.short[:], payload)
		h.short[n] = 0x80
		clear(h.short[n+1:])
		binary.BigEndian.PutUint16(h.short[62:], uint16(8*n))
		copy(h.rest[32:64], h.finish(&h.start, h.short[:]))
	} else {
		sum := sha256.Sum256(payload)
		copy(h.rest[32:64], sum[:])
	}
	copy(id[:], h.finish(&h.chain, h.rest[:]))
	return id
}

// finish is the digest of what from has hashed and whole blocks after it, the last
// of which ends with the padding. It is valid until it is called again.
func (h *hasher) finish(from *[stateBytes]byte, blocks []byte) []byte {
	_ = h.state.UnmarshalBinary(from[:]) // it took these very bytes before
	h.state.Write(blocks)
	b, _ := h.state.AppendBinary(h.out[:0])
	return b[stateDigest : stateDigest+32]
}

func payloadHash(payload []byte) [32]byte { return sha256.Sum256(payload) }
