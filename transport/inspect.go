package transport

import (
	"bytes"
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
	Body    Body
	Changes int // in its packs
	Bytes   int // of its packs
	packs   []checkedPack
}

// checkedPack is one pack of a packs message: refused by its bytes (err), or ready for the replica.
type checkedPack struct {
	pack *crdt.Pack
	ends []crdt.ChangeID // the last change of every run, those dropped as known included
	err  error
}

// Inspect checks the packs of b, up to the first that is refused; those after it are dropped, as the connection ends with
// it. Other messages pass unchanged.
func (x *Inspector) Inspect(b Body) Inbound {
	in := Inbound{Body: b}
	packs, ok := b.(Packs)
	if !ok {
		return in
	}
	in.packs = make([]checkedPack, 0, len(packs))
	for _, frame := range packs {
		var c checkedPack
		if len(packs) > 1 {
			frame = bytes.Clone(frame) // what is kept of it keeps nothing of the other packs
		}
		c.pack, c.err = x.checker.Check(frame, func(id crdt.ChangeID) bool {
			c.ends = append(c.ends, id)
			return x.known.has(id)
		})
		in.Bytes += len(frame)
		if c.err != nil {
			c.ends = nil
			in.packs = append(in.packs, c)
			break
		}
		in.Changes += c.pack.Changes()
		in.packs = append(in.packs, c)
	}
	return in
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
