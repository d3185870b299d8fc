package transport

import (
	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// cachedFrames is how many packs messages a room keeps for further subscribers: what one commit added, and what those
// who are a little behind are sent.
const cachedFrames = 8

// frame is one encoded packs message that carries all of the log in [from, next) to whoever holds [0, from).
type frame struct {
	from, next int
	msg        []byte
}

// frameCache keeps the newest frames, so that one encoding serves all subscribers whose cursors agree.
type frameCache struct {
	ring [cachedFrames]frame
	at   int
}

// packs returns a packs message that carries the log from index from on, without what is in given; nil if there is
// nothing. from is not in given, all below it is, and given holds with each change all before it on its chain. next is
// the index up to which the message, together with given, goes. The message may be shared: do not change it.
func (rm *room) packs(from int, given *indexSet) (msg []byte, next int) {
	rm.asked++
	clear := given.nextSet(from) // the first that is given after all; what lies before it concerns all who begin at from
	if clear < 0 {
		clear = rm.durable
	}
	for i := range rm.frames.ring {
		if f := &rm.frames.ring[i]; f.msg != nil && f.from == from && f.next <= clear {
			rm.reused++
			return f.msg, f.next
		}
	}
	if clear == rm.durable {
		msg, next = rm.encode(from, func(i int) bool { return i < from })
		rm.frames.ring[rm.frames.at] = frame{from, next, msg}
		rm.frames.at = (rm.frames.at + 1) % cachedFrames
		return msg, next
	}
	return rm.encode(from, given.has)
}

// encode makes one packs message of the packs from index from on, without what has names. It stops where a further
// pack would make it larger than packsMessageBytes.
func (rm *room) encode(from int, has func(i int) bool) (msg []byte, next int) {
	var plans plannedPacks
	total := 0
	next = from
	for next < rm.durable && len(plans) < MaxPacksPerMessage {
		plan, end := rm.replica.PlanPack(next, has)
		if !plan.Empty() {
			if total+plan.Size() > packsMessageBytes && len(plans) > 0 {
				break
			}
			plans = append(plans, plan)
			total += plan.Size()
		}
		next = end
		if total >= packsMessageBytes {
			break
		}
	}
	if len(plans) == 0 {
		return nil, next
	}
	return AppendMessage(make([]byte, 0, messageBytes(total, len(plans))), rm.id, plans), next
}

// messageBytes is at least what a message of so many packs takes, which are so many bytes in all.
func messageBytes(total, packs int) int { return total + 8*packs + 48 }

// plannedPacks is [Packs] that are written straight into the message.
type plannedPacks []crdt.PackPlan

func (plannedPacks) kind() uint64 { return typePacks }
func (plannedPacks) items() int   { return 1 }

func (p plannedPacks) append(dst []byte) []byte {
	dst = dcbor.AppendArray(dst, len(p))
	for i := range p {
		dst = p[i].AppendTo(dcbor.AppendBytesHead(dst, p[i].Size()))
	}
	return dst
}

func (rm *room) message(packs Packs, total int) []byte {
	return AppendMessage(make([]byte, 0, messageBytes(total, len(packs))), rm.id, packs)
}

// packStart returns the log index at which the pack that change i lies in begins. It looks at no more than two packs' worth
// of changes.
func (rm *room) packStart(i int) int {
	all := func(int) bool { return true }
	start := max(0, i-crdt.MaxPackChanges+1)
	for {
		_, next := rm.replica.PackFrom(start, all)
		if next > i {
			return start
		}
		start = next
	}
}

// eachFrame calls yield with the frames of the packs in the log from index from on: what a store has to keep.
func eachFrame(r *crdt.Replica, from int, yield func(pack []byte)) {
	has := func(i int) bool { return i < from }
	for next := from; next < r.Signed(); {
		var pack []byte
		if pack, next = r.PackFrom(next, has); pack != nil {
			yield(pack)
		}
	}
}
