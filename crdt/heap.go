package crdt

// heap is a binary heap whose items know where they stand, so that one that has
// changed or goes is found at once. It is container/heap without the boxing.
//
// Invariant: no item is before its parent, and *at(item) is its index.
type heap[T any] struct {
	items  []T
	before func(a, b T) bool // a total order
	at     func(T) *int      // where the item keeps its index
}

func (h *heap[T]) push(x T) {
	h.items = append(h.items, x)
	h.up(len(h.items) - 1)
}

// first is the item before all others; there must be one.
func (h *heap[T]) first() T { return h.items[0] }

func (h *heap[T]) remove(x T) {
	i, last := *h.at(x), len(h.items)-1
	moved := h.items[last]
	clear(h.items[last:])
	h.items = h.items[:last]
	if i < last {
		h.items[i] = moved
		h.down(h.up(i))
	}
}

// fix puts x, which has changed, where it belongs.
func (h *heap[T]) fix(x T) { h.down(h.up(*h.at(x))) }

// up moves item i towards the first and returns where it has come to.
func (h *heap[T]) up(i int) int {
	x := h.items[i]
	for i > 0 && h.before(x, h.items[(i-1)/2]) {
		h.set(i, h.items[(i-1)/2])
		i = (i - 1) / 2
	}
	h.set(i, x)
	return i
}

func (h *heap[T]) down(i int) {
	x := h.items[i]
	for {
		child := 2*i + 1
		if child+1 < len(h.items) && h.before(h.items[child+1], h.items[child]) {
			child++
		}
		if child >= len(h.items) || !h.before(h.items[child], x) {
			break
		}
		h.set(i, h.items[child])
		i = child
	}
	h.set(i, x)
}

func (h *heap[T]) set(i int, x T) {
	h.items[i] = x
	*h.at(x) = i
}
