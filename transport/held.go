package transport

// heldSets is the part of a Snapshot that says who holds what. Immutable.
type heldSets struct {
	peers   []heldBy
	ever    indexSet // own and other changes that some peer held once, gone ones included
	durable int
	of      int // peers that count in "sent k of m"
	refused []refusal
}

type heldBy struct {
	id     PeerID
	counts bool
	set    indexSet
}

// A refusal is a peer's error about what we sent it: the log range that was under way.
type refusal struct {
	peer     PeerID
	from, to int
	reason   Reason
}

// maxRefusals bounds the refusals that are remembered.
const maxRefusals = 32

func (h *heldSets) state(s *Snapshot, index int) ChangeState {
	if index >= h.durable {
		return ChangeState{Standing: Saving}
	}
	by := 0
	for i := range h.peers {
		if h.peers[i].counts && h.peers[i].set.has(index) {
			by++
		}
	}
	if by > 0 {
		return ChangeState{Standing: Sent, By: by, Of: max(h.of, by)}
	}
	if h.ever.has(index) || len(h.storedBy(nil, index)) > 0 {
		return ChangeState{Standing: Sent, By: 1, Of: max(h.of, 1)} // by one that has gone, or that does not count
	}
	if s.View.ChangeAt(index).Author != s.Me {
		return ChangeState{Standing: Foreign}
	}
	for i := range h.refused {
		if r := &h.refused[i]; r.from <= index && index < r.to {
			return ChangeState{Standing: Refused, Reason: r.reason, Peer: r.peer}
		}
	}
	return ChangeState{Standing: Unsent}
}

func (h *heldSets) storedBy(dst []PeerID, index int) []PeerID {
	for i := range h.peers {
		if h.peers[i].set.has(index) {
			dst = append(dst, h.peers[i].id)
		}
	}
	return dst
}
