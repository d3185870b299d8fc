package byz

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// ID is the room's id.
func (rm *Room) ID() crdt.RoomID { return rm.Charter.ID() }

// seed makes 32 bytes of the room's secret and what they are for.
func (rm *Room) seed(what string, n int) [32]byte {
	if !rm.secrets {
		for i := 0; i < len(rm.secret); i += 8 {
			binary.BigEndian.PutUint64(rm.secret[i:], rm.Rand.Uint64())
		}
		rm.secrets = true
	}
	return sha256.Sum256(binary.BigEndian.AppendUint64(append(rm.secret[:len(rm.secret):len(rm.secret)], what...), uint64(n)))
}

// A Crew is the colluding authors of one attack in one room: numbered keys, and what they say by hand. It is the same whenever it
// is asked for, so that an attack can be begun again against another victim; crews of other names have other keys.
//
// What it makes is well-formed unless it is bent: payloads, runs and packs are plain bytes and fields.
type Crew struct {
	Room crdt.RoomID
	Kind crdt.Kind
	Rand *rand.Rand // of this attack alone, for what it says
	Now  time.Time

	room *Room
	name string
	keys map[int]ed25519.PrivateKey
}

// Crew returns the crew of that name.
func (rm *Room) Crew(name string) *Crew {
	return &Crew{
		Room: rm.ID(), Kind: rm.Charter.Kind, Rand: rand.New(rand.NewChaCha8(rm.seed(name, -1))), Now: rm.Now,
		room: rm, name: name, keys: make(map[int]ed25519.PrivateKey),
	}
}

// Key is the key of author n.
func (c *Crew) Key(n int) ed25519.PrivateKey {
	key, ok := c.keys[n]
	if !ok {
		seed := c.room.seed(c.name, n)
		key = ed25519.NewKeyFromSeed(seed[:])
		c.keys[n] = key
	}
	return key
}

// Author is author n.
func (c *Crew) Author(n int) crdt.Author { return crdt.Author(c.Key(n).Public().(ed25519.PublicKey)) }

// Root is what the first change of a chain follows: the room.
func (c *Crew) Root() crdt.ChangeID { return crdt.ChangeID(c.Room) }

// Sorted returns ids as the links of a change have to stand.
func Sorted(ids ...crdt.ChangeID) []crdt.ChangeID {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b crdt.ChangeID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// Payload encodes [time, links, ops] as it is told: links are not sorted here.
func Payload(unix int64, links []crdt.ChangeID, ops []byte) []byte {
	return Encode(List{unix, links, ops})
}

// Say is an ordinary payload: a sentence that has effect in a room of any kind, and links, sorted.
func (c *Crew) Say(what any, links ...crdt.ChangeID) []byte {
	return c.Ops(List{c.op(what)}, links...)
}

// Ops is a payload of these ops and links, sorted.
func (c *Crew) Ops(ops List, links ...crdt.ChangeID) []byte {
	return Payload(c.Now.Unix(), Sorted(links...), Encode(ops))
}

// A Run is [author, prev, [payload, …], signature].
type Run struct {
	Author    []byte
	Prev      []byte
	Payloads  [][]byte
	Signature []byte

	crew *Crew
}

// Run is a run of author n after prev, signed. A zero prev is the room.
func (c *Crew) Run(n int, prev crdt.ChangeID, payloads ...[]byte) Run {
	if prev == (crdt.ChangeID{}) {
		prev = c.Root()
	}
	a := c.Author(n)
	r := Run{Author: a[:], Prev: prev[:], Payloads: payloads, crew: c}
	return r.Signed(c.Key(n))
}

// Chain is a run of n ordinary changes of an author from its beginning on.
func (c *Crew) Chain(author, n int) Run {
	var payloads [][]byte
	for i := range n {
		payloads = append(payloads, c.Say(i))
	}
	return c.Run(author, c.Root(), payloads...)
}

// IDs are the ids of the changes of r.
func (r Run) IDs() []crdt.ChangeID {
	ids := make([]crdt.ChangeID, len(r.Payloads))
	prev := r.Prev
	for i, p := range r.Payloads {
		ids[i] = ChangeID(r.crew.Room, r.Author, prev, p)
		prev = ids[i][:]
	}
	return ids
}

// ChangeID is the id of the author's change after prev with this payload.
func ChangeID(room crdt.RoomID, author, prev, payload []byte) crdt.ChangeID {
	var prefix [64]byte
	chain := sha256.Sum256(slices.Concat([]byte("tallystick chain v1\x00"), room[:], author))
	copy(prefix[:], chain[:])
	copy(prefix[32:], "tallystick change v1")
	hash := sha256.Sum256(payload)
	return sha256.Sum256(slices.Concat(prefix[:], prev, hash[:]))
}

// Last is the id of the last change of r.
func (r Run) Last() crdt.ChangeID { return r.IDs()[len(r.Payloads)-1] }

// Signed is r under a signature of key.
func (r Run) Signed(key ed25519.PrivateKey) Run {
	r.Signature = ed25519.Sign(key, Signable(r.crew.Room, r.Last()))
	return r
}

// After is the run of author n that goes on where r ends.
func (r Run) After(n int, payloads ...[]byte) Run { return r.crew.Run(n, r.Last(), payloads...) }

// Cut is the run without its first n changes: whoever has those takes it like the whole.
func (r Run) Cut(n int) Run {
	if n > 0 {
		prev := r.IDs()[n-1]
		r.Prev, r.Payloads = prev[:], r.Payloads[n:]
	}
	return r
}

// Signable is what a signature is over.
func Signable(room crdt.RoomID, last crdt.ChangeID) []byte {
	return slices.Concat([]byte("tallystick sig v1\x00"), room[:], last[:])
}

// Pack is the frame of runs.
func Pack(runs ...Run) []byte {
	pack := make(List, len(runs))
	for i, r := range runs {
		payloads := make(List, len(r.Payloads))
		for k, p := range r.Payloads {
			payloads[k] = p
		}
		pack[i] = List{r.Author, r.Prev, payloads, r.Signature}
	}
	return Encode(pack)
}

// Packs are the frames of runs, each in a pack of its own.
func Packs(runs ...Run) [][]byte {
	packs := make([][]byte, len(runs))
	for i, r := range runs {
		packs[i] = Pack(r)
	}
	return packs
}
