package crdt_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"math/big"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// The reference: docs/protocol.md in the plainest Go, with maps, recursion and a
// general CBOR library, and without a line of the package that it judges. What
// is slow here is slow on purpose.

type hash32 = [32]byte

// A rawChange is what stands in a run: nothing is derived yet.
type rawChange struct {
	author  hash32
	prev    hash32 // the room for a chain's first
	payload []byte
}

// A refChange is a change of which every parent is in the refLog.
type refChange struct {
	rawChange
	id      hash32
	seq     int
	lamport int
	time    int64
	links   []hash32
	ops     []byte
	made    int // things that its well-formed ops make, void ones too
}

// A refLog is the set of accepted changes and all that follows from it.
type refLog struct {
	room    hash32
	kind    string
	changes map[hash32]*refChange
	doc     *refDoc
}

func newRefLog(room hash32, kind string) *refLog {
	l := &refLog{room: room, kind: kind, changes: map[hash32]*refChange{}}
	l.doc = newRefDoc(l)
	return l
}

// refID is §3: SHA-256(T ‖ prev ‖ SHA-256(payload)).
func refID(room hash32, c rawChange) hash32 {
	return refIDOf(room, c.author, c.prev, refHash(c.payload))
}

func refHash(b []byte) hash32 { return sha256.Sum256(b) }

func refIDOf(room, author, prev, hash hash32) hash32 {
	chain := sha256.Sum256(slices.Concat([]byte("tallystick chain v1\x00"), room[:], author[:]))
	label := make([]byte, 32)
	copy(label, "tallystick change v1")
	return sha256.Sum256(slices.Concat(chain[:], label, prev[:], hash[:]))
}

// refEnvelope reads a payload by §3. code is "" or the code of its refusal.
func refEnvelope(room hash32, c rawChange) (e refChange, code string) {
	e.rawChange = c
	if len(c.payload) > 65536 {
		return e, "over-limit"
	}
	item, ok := refDecode(c.payload, math.MaxInt)
	list, isList := item.([]any)
	if !ok || !isList || len(list) != 3 {
		return e, "malformed"
	}
	time, isTime := refInt(list[0])
	links, isLinks := list[1].([]any)
	ops, isOps := list[2].([]byte)
	if !isTime || !isLinks || !isOps {
		return e, "malformed"
	}
	if len(links) > 1024 {
		return e, "over-limit"
	}
	for _, l := range links {
		b, isBytes := l.([]byte)
		if !isBytes || len(b) != 32 {
			return e, "malformed"
		}
		e.links = append(e.links, hash32(b))
	}
	for i, l := range e.links {
		if l == c.prev || l == room || i > 0 && bytes.Compare(e.links[i-1][:], l[:]) >= 0 {
			return e, "bad-links"
		}
	}
	if len(ops) == 0 {
		return e, "empty-ops"
	}
	e.time, e.ops = time, ops
	return e, ""
}

// parents are prev, unless it is the room, and the links.
func (c *refChange) parents(room hash32) []hash32 {
	p := slices.Clone(c.links)
	if c.prev != room {
		p = append(p, c.prev)
	}
	return p
}

// add puts in a change whose envelope was judged and whose parents are in, and
// applies its ops.
func (l *refLog) add(c refChange) *refChange {
	c.id = refID(l.room, c.rawChange)
	if _, twice := l.changes[c.id]; twice {
		panic("the reference was given a change twice")
	}
	for _, p := range c.parents(l.room) {
		parent := l.changes[p]
		if parent == nil {
			panic(fmt.Sprintf("the reference was given %x before its parent %x", c.id[:4], p[:4]))
		}
		c.lamport = max(c.lamport, parent.lamport)
	}
	c.lamport++
	c.seq = 1
	if c.prev != l.room {
		c.seq = l.changes[c.prev].seq + 1
	}
	l.changes[c.id] = &c
	l.doc.apply(&c)
	return &c
}

// back is the change d before c on its chain, nil if the chain ends before.
func (l *refLog) back(c *refChange, d uint64) *refChange {
	for ; d > 0 && c != nil; d-- {
		c = l.changes[c.prev]
	}
	return c
}

func (l *refLog) ids() []hash32 {
	ids := make([]hash32, 0, len(l.changes))
	for id := range l.changes {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, compareHashes)
	return ids
}

func compareHashes(a, b hash32) int { return bytes.Compare(a[:], b[:]) }

// heads are the changes that no change has as a parent, sorted.
func (l *refLog) heads() []hash32 {
	isParent := map[hash32]bool{}
	for _, c := range l.changes {
		for _, p := range c.parents(l.room) {
			isParent[p] = true
		}
	}
	return slices.DeleteFunc(l.ids(), func(id hash32) bool { return isParent[id] })
}

// tips are the changes that no change follows on its chain, sorted.
func (l *refLog) tips() []hash32 {
	followed := map[hash32]bool{}
	for _, c := range l.changes {
		followed[c.prev] = true
	}
	return slices.DeleteFunc(l.ids(), func(id hash32) bool { return followed[id] })
}

// A refFork is an author and a prev (the room: began twice) after which it made
// several changes.
type refFork struct{ author, prev hash32 }

func (l *refLog) forks() map[refFork][]hash32 {
	forks := map[refFork][]hash32{}
	for _, id := range l.ids() {
		c := l.changes[id]
		at := refFork{c.author, c.prev}
		forks[at] = append(forks[at], id)
	}
	for at, branches := range forks {
		if len(branches) < 2 {
			delete(forks, at)
		}
	}
	return forks
}

// logDigest is §6.
func (l *refLog) logDigest() hash32 {
	b := append([]byte("tallystick log v1\x00"), l.room[:]...)
	for _, h := range l.heads() {
		b = append(b, h[:]...)
	}
	return sha256.Sum256(b)
}

// A refRun and a refPack are §4.
type refRun struct {
	author, prev hash32
	payloads     [][]byte
	sig          []byte
}

type refPack []refRun

func (p refPack) frame() []byte {
	var runs []any
	for _, r := range p {
		runs = append(runs, r.item())
	}
	return refEncode(runs)
}

func (r refRun) item() any {
	var payloads []any
	for _, b := range r.payloads {
		payloads = append(payloads, b)
	}
	return []any{r.author[:], r.prev[:], payloads, r.sig}
}

// raws are the changes of a run, each with its prev.
func (r refRun) raws(room hash32) []rawChange {
	var all []rawChange
	prev := r.prev
	for _, p := range r.payloads {
		c := rawChange{r.author, prev, p}
		all = append(all, c)
		prev = refID(room, c)
	}
	return all
}

func (r refRun) last(room hash32) hash32 {
	all := r.raws(room)
	return refID(room, all[len(all)-1])
}

func refSigned(room, last hash32) []byte {
	return slices.Concat([]byte("tallystick sig v1\x00"), room[:], last[:])
}

// accept takes p into l if all of §4's rules allow it now, and reports whether
// it did. judged says for a run whether author and signature are good, which
// the maker of the run knows.
func (l *refLog) accept(p refPack, judged func(refRun) bool) bool {
	var rest []refChange
	in := map[hash32]*refChange{}
	good := true
	for _, r := range p {
		// Judged before anything is dropped.
		for _, raw := range r.raws(l.room) {
			e, code := refEnvelope(l.room, raw)
			e.id = refID(l.room, raw)
			if code != "" || in[e.id] != nil {
				return false
			}
			in[e.id] = &e
		}
	}
	for _, r := range p {
		if l.changes[r.last(l.room)] != nil {
			continue // dropped before its author and signature are judged
		}
		good = good && judged(r)
		for _, raw := range r.raws(l.room) {
			if id := refID(l.room, raw); l.changes[id] == nil {
				rest = append(rest, *in[id])
			}
		}
	}
	if !good {
		return false
	}
	within := map[hash32]*refChange{}
	for i := range rest {
		within[rest[i].id] = &rest[i]
	}
	for _, c := range rest {
		for _, p := range c.parents(l.room) {
			parent := l.changes[p]
			if parent == nil {
				parent = within[p]
			}
			if parent == nil || p == c.prev && parent.author != c.author {
				return false
			}
		}
	}
	for len(rest) > 0 {
		rest = slices.DeleteFunc(rest, func(c refChange) bool {
			for _, p := range c.parents(l.room) {
				if l.changes[p] == nil {
					return false
				}
			}
			l.add(c)
			return true
		})
	}
	return true
}

// refSettle takes packs in until no more can be: the set that every replica must
// reach that receives all of them, in whatever order, often enough.
func (l *refLog) settle(packs []refPack, judged func(refRun) bool) {
	for grown := true; grown; {
		before := len(l.changes)
		for _, p := range packs {
			l.accept(p, judged)
		}
		grown = len(l.changes) > before
	}
}

// CBOR by a general library, held to §1 by decoding, encoding again, and
// comparing.

var refDecMode = func() cbor.DecMode {
	m, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  1000,
		MaxArrayElements: 1 << 24,
		MaxMapPairs:      1 << 24,
		UTF8:             cbor.UTF8RejectInvalid,
		NaN:              cbor.NaNDecodeForbidden,
		Inf:              cbor.InfDecodeForbidden,
		DefaultMapType:   nil,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}()

var refEncMode = func() cbor.EncMode {
	m, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return m
}()

func refEncode(v any) []byte {
	b, err := refEncMode.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// refDecode reads one item by §1 that nests at most depth deep: integers are
// uint64 or int64.
func refDecode(b []byte, depth int) (any, bool) {
	var v any
	if err := refDecMode.Unmarshal(b, &v); err != nil {
		return nil, false
	}
	if !refPlain(v, depth) || !bytes.Equal(refEncode(v), b) {
		return nil, false
	}
	return v, true
}

// refPlain reports whether v is made of what §1 allows alone.
func refPlain(v any, depth int) bool {
	switch v := v.(type) {
	case nil, bool, string, []byte, float64, int64:
		return true
	case uint64:
		return v <= math.MaxInt64
	case []any:
		return depth > 0 && !slices.ContainsFunc(v, func(x any) bool { return !refPlain(x, depth-1) })
	case map[any]any:
		for k, x := range v {
			if _, text := k.(string); !text || !refPlain(x, depth-1) {
				return false
			}
		}
		return depth > 0
	case big.Int, cbor.SimpleValue:
		return false
	default:
		panic(fmt.Sprintf("the reference met a %T", v))
	}
}

func refInt(v any) (int64, bool) {
	switch v := v.(type) {
	case uint64:
		return int64(v), true
	case int64:
		return v, true
	}
	return 0, false
}

func compareNames(a, b refName) int {
	if c := compareHashes(a.change, b.change); c != 0 {
		return c
	}
	return a.index - b.index
}

// refRoom is §2.
func refRoom(charter []byte) hash32 {
	return sha256.Sum256(append([]byte("tallystick room v1\x00"), charter...))
}
