package engine

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unicode/utf8"

	"github.com/tallystick/tallystick/bench/internal/trace"
	"github.com/tallystick/tallystick/crdt"
)

// room is the json room of all cases with a text.
var room = crdt.Charter{Name: "bench", Kind: crdt.JSON, Params: mustLiteral(map[string]any{})}

func mustLiteral(v any) crdt.Literal {
	l, err := crdt.EncodeLiteral(v)
	if err != nil {
		panic("engine: internal error: " + err.Error())
	}
	return l
}

// key is where the text stands in the root map.
const key = "text"

// base is the first change of a room, which makes the text that all authors edit: its pack, and the text's name.
func base(unix int64) (frame []byte, text crdt.Name, err error) {
	a, err := newAuthor(room, 0)
	if err != nil {
		return nil, text, err
	}
	text.Change, err = a.writer.Change(unix, func(tx *crdt.Tx) error {
		_, err := tx.Make(crdt.Root, key, crdt.TextObject)
		return err
	})
	return a.seal(), text, err
}

// typist is an author who edits the text.
type typist struct {
	*author
	text crdt.Name

	// The edit under way, and what makes it: one closure for all edits.
	at, deleted int
	inserted    string
	edit        func(*crdt.Tx) error
}

// newTypist is an author who has the base.
func newTypist(number int, frame []byte, text crdt.Name) (*typist, error) {
	a, err := newAuthor(room, number)
	if err != nil {
		return nil, err
	}
	if err := a.replica.Load(frame); err != nil {
		return nil, err
	}
	a.packed = a.replica.Len()
	t := &typist{author: a, text: text}
	t.edit = func(tx *crdt.Tx) error {
		if t.deleted > 0 {
			if err := tx.Delete(t.text, t.at, t.deleted); err != nil {
				return err
			}
		}
		if t.inserted == "" {
			return nil
		}
		_, err := tx.InsertText(t.text, t.at, t.inserted)
		return err
	}
	return t, nil
}

// What one change may hold: see crdt.MaxDeleteRange and MaxPayloadBytes. Pastes beyond it are several changes.
const (
	maxDelete = crdt.MaxDeleteRange
	maxInsert = crdt.MaxPayloadBytes - 1024 // bytes
)

// splice makes one edit as one change. full is called when changes must be signed first.
func (t *typist) splice(unix int64, at, deleted int, inserted string, full func()) error {
	for deleted > maxDelete {
		if err := t.change(unix, at, maxDelete, "", full); err != nil {
			return err
		}
		deleted -= maxDelete
	}
	for len(inserted) > maxInsert {
		cut := maxInsert
		for !utf8.RuneStart(inserted[cut]) {
			cut--
		}
		if err := t.change(unix, at, deleted, inserted[:cut], full); err != nil {
			return err
		}
		at, deleted, inserted = at+utf8.RuneCountInString(inserted[:cut]), 0, inserted[cut:]
	}
	return t.change(unix, at, deleted, inserted, full)
}

func (t *typist) change(unix int64, at, deleted int, inserted string, full func()) error {
	t.at, t.deleted, t.inserted = at, deleted, inserted
	_, err := t.writer.Change(unix, t.edit)
	if errors.Is(err, crdt.ErrUnsigned) {
		full()
		_, err = t.writer.Change(unix, t.edit)
	}
	return err
}

// typed makes all edits of a text case, in runs of so many changes, and returns their frames.
func (t *typist) typed(c *trace.Case, times []int64, run int) (frames [][]byte, err error) {
	sign := func() {
		if f := t.seal(); f != nil {
			frames = append(frames, f)
		}
	}
	for i, at := range c.At {
		if err := t.splice(times[i], at, c.Delete[i], c.Insert[i], sign); err != nil {
			return nil, fmt.Errorf("edit %d: %w", i, err)
		}
		if n, _ := t.writer.Unsigned(); n >= run {
			sign()
		}
	}
	sign()
	return frames, nil
}

// content is the text of r.
func content(r *crdt.Replica) (string, error) {
	d := r.Doc()
	n, err := d.Find(key)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrOtherText, err)
	}
	return d.Text(n)
}

func checkText(r *crdt.Replica, want string) error {
	got, err := content(r)
	if err == nil && got != want {
		err = fmt.Errorf("%w: %d bytes, not %d, or others", ErrOtherText, len(got), len(want))
	}
	return err
}

func makeRun(c *trace.Case, run int) (Run, error) {
	frame, text, err := base(0)
	if err != nil {
		return nil, err
	}
	return func() (Result, error) {
		t, err := newTypist(1, frame, text)
		if err != nil {
			return Result{}, err
		}
		var frames [][]byte
		res, err := timed(func() error { frames, err = t.typed(c, c.Times, run); return err })
		res.Bytes = total(frames)
		return res, errors.Join(err, checkText(t.replica, c.End))
	}, nil
}

// typedFrames are the messages of a text case, the base first.
func typedFrames(c *trace.Case, times []int64, run int) ([][]byte, error) {
	frame, text, err := base(0)
	if err != nil {
		return nil, err
	}
	t, err := newTypist(1, frame, text)
	if err != nil {
		return nil, err
	}
	frames, err := t.typed(c, times, run)
	return append([][]byte{frame}, frames...), err
}

func applyRun(c *trace.Case, run int, ahead bool) (Run, error) {
	frames, err := typedFrames(c, c.Times, run)
	if err != nil {
		return nil, err
	}
	return func() (Result, error) {
		r, err := crdt.NewReplica(room)
		if err != nil {
			return Result{}, err
		}
		check := crdt.NewChecker(room)
		res, err := timed(func() error {
			if ahead {
				return applyAhead(r, check, frames)
			}
			return apply(r, check, frames)
		})
		return res, errors.Join(err, checkText(r, c.End))
	}, nil
}

// apply checks and takes frames one by one.
func apply(r *crdt.Replica, check *crdt.Checker, frames [][]byte) error {
	for i, f := range frames {
		p, err := check.Check(f, nil)
		if err == nil {
			err = receive(r, p, false)
		}
		if err != nil {
			return fmt.Errorf("frame %d: %w", i, err)
		}
	}
	return nil
}

// applyAhead has another goroutine check the next frames while one is taken.
func applyAhead(r *crdt.Replica, check *crdt.Checker, frames [][]byte) error {
	type checked struct {
		pack *crdt.Pack
		err  error
	}
	packs := make(chan checked, 4)
	go func() {
		defer close(packs)
		for _, f := range frames {
			p, err := check.Check(f, nil)
			packs <- checked{p, err}
		}
	}()
	var first error
	for p := range packs { // to the end, so that nobody waits to send
		if first == nil {
			first = p.err
		}
		if first == nil {
			first = receive(r, p.pack, false)
		}
	}
	return first
}

// heapRun measures what a replica holds that took all messages: with each frame a copy, so that what it keeps of them counts.
func heapRun(c *trace.Case) (Run, error) {
	frames, err := typedFrames(c, c.Times, LongRun)
	if err != nil {
		return nil, err
	}
	return func() (Result, error) {
		check := crdt.NewChecker(room)
		before := liveHeap()
		r, err := crdt.NewReplica(room)
		if err != nil {
			return Result{}, err
		}
		for _, f := range frames {
			if err := apply(r, check, [][]byte{slices.Clone(f)}); err != nil {
				return Result{}, err
			}
		}
		heap := liveHeap() - before
		runtime.KeepAlive(frames)
		return Result{Heap: &heap}, checkText(r, c.End)
	}, nil
}
