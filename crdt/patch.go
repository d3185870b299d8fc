package crdt

import "slices"

// PatchOp says what a [Patch] does.
type PatchOp uint8

// The ops of patches. Each names the place by its Path, and of what stands there:
const (
	PatchSet    PatchOp = iota // the value is Value now: a key's, an item's, or a register's content
	PatchUnset                 // the key, last in Path, has no value any more
	PatchInsert                // a list, text or feed has Count new items from Index on: Value, a []any or string
	PatchDelete                // a list or text has lost the Count items from Index on
	PatchAdd                   // a counter is greater by Value, an int64, modulo 2^64
	PatchMark                  // Author says Value of it
	PatchUnmark                // Author says nothing of it any more: in differences that lead back
)

// String is the word for o.
func (o PatchOp) String() string {
	words := [...]string{"set", "unset", "insert", "delete", "add", "mark", "unmark"}
	if int(o) < len(words) {
		return words[o]
	}
	return "unknown"
}

// A Patch is one step from a document to a later one, as plain Go values show
// them: strings count in code points, and a register is its content. Patches are
// made to be applied one after the other.
type Patch struct {
	Op    PatchOp
	Path  []any // of string and int, as it is when the patch is applied; do not change it
	Index int
	Count int
	Value any // as [Doc.Value] would have it; do not change it

	// Who did it, and the newest change that the patch comes from; zero where a
	// difference has several.
	Author Author
	Change ChangeID
}

// An observer is one function that [Replica.Observe] was given.
type observer struct{ f func([]Patch) }

// Observe calls f after each accepted pack and each own change with what they
// changed, as patches in the order in which to apply them; what nobody sees, in
// deleted things and in values that do not win, makes none, and without any f is
// not called. Runs of one author at one place are one patch. f is called by the
// goroutine that uses the replica. It may read, and keep the patches; what it
// writes is refused with [ErrObserving]. cancel ends it.
//
// While somebody observes, an op costs O(depth · log n) more; else nothing.
func (r *Replica) Observe(f func([]Patch)) (cancel func()) {
	o := &observer{f}
	r.observers = append(slices.Clip(r.observers), o)
	if r.journal == nil && !r.keeps() {
		r.journal = &journal{doc: r.Doc()}
		r.doc.observe(r.journal)
	}
	return func() {
		r.observers = slices.DeleteFunc(slices.Clone(r.observers), func(other *observer) bool { return other == o })
		if len(r.observers) == 0 && r.journal != nil {
			r.journal = nil
			r.doc.observe(nil)
		}
	}
}

// apply applies change i to the document.
func (r *Replica) apply(i int32) {
	if r.journal != nil {
		r.journal.change = i
	}
	r.doc.apply(i)
}

// publish hands over what was applied since it was last called.
func (r *Replica) publish() {
	if r.journal == nil {
		return
	}
	patches := r.journal.take()
	if len(patches) == 0 {
		return
	}
	r.observing = true
	defer func() { r.observing = false }()
	for _, o := range r.observers {
		if slices.Contains(r.observers, o) { // not cancelled by one before it
			o.f(patches)
		}
	}
}
