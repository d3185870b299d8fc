package transport

import (
	"slices"
	"sync"

	"github.com/tallystick/tallystick/crdt"
)

// An Inspector does what can be done about a message before its node sees it: it checks packs, signatures included. It
// is safe for concurrent use, so that each connection's reader calls it.
type Inspector struct {
	checker *crdt.Checker
	known   knownSet
}

// Inbound is an inspected message for one room. What it aliases must not change any more.
type Inbound struct {
	Body    Body // of a packs message, its type alone
	Changes int  // in its packs
	Bytes   int  // of its packs
	packs   []checkedPack
}

// checkedPack is one pack of a packs message: refused by its bytes (err), or ready for the replica.
type checkedPack struct {
	pack *crdt.Pack
	ends []crdt.ChangeID // the last change of every run, those dropped as known included
	err  error
}

// What is checked at once. A forger is thrown out at the first bad pack, so little is checked of a peer that has shown nothing good
// yet; of others more, since signatures cost half in a batch. Between two parts others have their turn.
const (
	firstPart = 4  // packs
	mostPart  = 64 // packs
	partBytes = 128 << 10
)

// A partSize is how many packs of a peer are checked at once: it doubles with each part that was good.
type partSize int

func (p *partSize) packs() int { return max(int(*p), firstPart) }

// proven reports whether a part of this peer was good.
func (p *partSize) proven() bool { return *p > firstPart }

func (p *partSize) grow() { *p = partSize(min(2*p.packs(), mostPart)) }

// Inspect checks the packs of b, up to the first that is refused; those after it are dropped, as the connection ends with
// it. Other messages pass unchanged.
func (x *Inspector) Inspect(b Body) Inbound {
	packs, ok := b.(Packs)
	if !ok {
		return Inbound{Body: b}
	}
	var size partSize
	n := newInspection(packs, len(packs) > 1)
	for part := n.part(&size); len(part) > 0; part = n.part(&size) {
		n.take(part, x.check(part), &size)
	}
	return n.in
}

// check checks frames all together.
func (x *Inspector) check(frames [][]byte) []checkedPack {
	out := make([]checkedPack, len(frames))
	packs, errs := x.checker.CheckAll(frames, func(k int, id crdt.ChangeID) bool {
		out[k].ends = append(out[k].ends, id)
		return x.known.has(id)
	})
	for k := range out {
		out[k].pack, out[k].err = packs[k], errs[k]
		if out[k].err != nil {
			out[k].ends = nil
		}
	}
	return out
}

// An inspection is a packs message that is checked part by part.
type inspection struct {
	in   Inbound
	left Packs
	copy bool // what is kept of a pack is to keep nothing of what is around it
}

func newInspection(packs Packs, copied bool) *inspection {
	return &inspection{in: Inbound{Body: Packs(nil), packs: make([]checkedPack, 0, len(packs))}, left: packs, copy: copied}
}

// part takes the next frames that are to be checked at once, none at the end.
func (n *inspection) part(size *partSize) [][]byte {
	count, bytes := 0, 0
	for count < len(n.left) && count < size.packs() && (count == 0 || bytes+len(n.left[count]) <= partBytes) {
		bytes += len(n.left[count])
		count++
	}
	part := n.left[:count]
	n.left = n.left[count:]
	if n.copy {
		part = append(Packs(nil), part...)
		for k := range part {
			part[k] = slices.Clone(part[k])
		}
	}
	return part
}

// take takes what came of a part. After a pack that is refused nothing is left.
func (n *inspection) take(part [][]byte, checked []checkedPack, size *partSize) {
	verified := false
	for k, c := range checked {
		n.in.packs = append(n.in.packs, c)
		n.in.Bytes += len(part[k])
		if c.err != nil {
			n.left = nil
			return
		}
		n.in.Changes += c.pack.Changes()
		verified = verified || c.pack.Runs() > 0
	}
	if verified {
		size.grow()
	}
}

// authors yields the runs of the packs that are good and were not known: their author and their bytes.
func (in *Inbound) authors(yield func(crdt.Author, int) bool) {
	for i := range in.packs {
		if k := &in.packs[i]; k.err == nil {
			for author, n := range k.pack.Authors() {
				if !yield(author, n) {
					return
				}
			}
		}
	}
}

// knownGeneration is how many run ends one generation of a knownSet holds.
const knownGeneration = 16 << 10

// A knownSet remembers the newest accepted run ends, so that a pack that several peers forward is verified once. It
// forgets the older half when it is full. Safe for concurrent use.
type knownSet struct {
	mu       sync.RWMutex
	new, old map[crdt.ChangeID]struct{} // guarded by mu
}

func (k *knownSet) has(id crdt.ChangeID) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if _, ok := k.new[id]; ok {
		return true
	}
	_, ok := k.old[id]
	return ok
}

// add notes accepted changes.
func (k *knownSet) add(ids []crdt.ChangeID) {
	if len(ids) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		if k.new == nil || len(k.new) >= knownGeneration {
			k.old, k.new = k.new, make(map[crdt.ChangeID]struct{})
		}
		k.new[id] = struct{}{}
	}
}
