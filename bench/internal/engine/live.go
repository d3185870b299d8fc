package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tallystick/tallystick/bench/internal/trace"
	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// live is a replica of a live case.
type live struct {
	*typist
	frames  [][]byte      // signed and not yet sent
	signing time.Duration // spent in Writer.Sign
}

// sign signs what was typed since the last time and keeps the pack until it is sent.
func (l *live) sign() {
	if n, _ := l.writer.Unsigned(); n == 0 {
		return
	}
	start := time.Now()
	from, _ := l.writer.Sign()
	l.signing += time.Since(start)
	frame, _ := l.replica.PackFrom(from, nil)
	l.frames = append(l.frames, frame)
}

// take has the replica take a message. Own changes must be signed before.
func (l *live) take(message []byte, check *crdt.Checker, signed bool) error {
	l.sign()
	if !signed {
		p, err := check.Stored(message)
		if err == nil {
			err = l.replica.LoadPack(p)
		}
		return err
	}
	p, err := check.Check(message, nil)
	if err == nil {
		err = receive(l.replica, p, false)
	}
	return err
}

// join makes one pack of packs: their runs one after the other.
func join(frames [][]byte) []byte {
	if len(frames) == 1 {
		return frames[0]
	}
	size, runs := 0, 0
	for _, f := range frames {
		size += len(f) + 2
		n, _ := arrayHead(f)
		runs += n
	}
	pack := dcbor.AppendArray(make([]byte, 0, size), runs)
	for _, f := range frames {
		_, head := arrayHead(f)
		pack = append(pack, f[head:]...)
	}
	return pack
}

// arrayHead reads the head of a frame that we made: the number of its runs, and the head's bytes.
func arrayHead(frame []byte) (runs, bytes int) {
	for n := 1; n <= crdt.MaxPackRuns; n++ {
		head := dcbor.AppendArray(nil, n)
		if string(frame[:len(head)]) == string(head) {
			return n, len(head)
		}
	}
	panic("engine: internal error: a frame without its head")
}

// mergeRun lives through a live case. Signed, each message is signed, and its signatures are checked. Not signed, they are not checked, as
// if read from an own store, and the time that signing took is left out; all ids are made and checked either way.
func mergeRun(c *trace.Case, signed bool) (Run, error) {
	frame, text, err := base(0)
	if err != nil {
		return nil, err
	}
	return func() (Result, error) {
		replicas := make([]*live, c.Agents)
		for a := range replicas {
			t, err := newTypist(a+1, frame, text)
			if err != nil {
				return Result{}, err
			}
			replicas[a] = &live{typist: t}
		}
		check := crdt.NewChecker(room)
		messages := make([][]byte, 0, c.Messages)
		res, err := timed(func() (err error) {
			messages, err = liveThrough(c, replicas, check, messages, signed)
			return err
		})
		if err != nil {
			return res, err
		}
		if !signed {
			for _, l := range replicas {
				*res.Ms -= float64(l.signing) / float64(time.Millisecond)
			}
		}
		res.Bytes = total(messages)
		return res, checkLive(c, replicas)
	}, nil
}

func liveThrough(c *trace.Case, replicas []*live, check *crdt.Checker, messages [][]byte, signed bool) ([][]byte, error) {
	for i, s := range c.Steps {
		l, x := replicas[s[1]], s[2]
		var err error
		switch s[0] {
		case trace.Edit:
			err = l.splice(c.Times[x], c.At[x], c.Delete[x], c.Insert[x], l.sign)
		case trace.Send:
			l.sign()
			messages = append(messages, join(l.frames))
			l.frames = l.frames[:0]
		case trace.Take:
			err = l.take(messages[x], check, signed)
		}
		if err != nil {
			return messages, fmt.Errorf("step %d of agent %d: %w", i, s[1], err)
		}
	}
	return messages, nil
}

// checkLive holds the replicas against each other and against the case: the same characters, in the same order everywhere. The trace's
// own order at places where several typed at once is its tools' choice.
func checkLive(c *trace.Case, replicas []*live) error {
	first, err := content(replicas[0].replica)
	if err != nil {
		return err
	}
	for a, l := range replicas {
		if err := checkText(l.replica, first); err != nil {
			return fmt.Errorf("agent %d, agent 0: %w", a, err)
		}
		if l.replica.LogDigest() != replicas[0].replica.LogDigest() || l.replica.DocDigest() != replicas[0].replica.DocDigest() {
			return fmt.Errorf("%w: agent %d has other digests than agent 0", ErrOtherText, a)
		}
	}
	return sameCharacters(first, c.End)
}

func sameCharacters(got, want string) error {
	a, b := []rune(got), []rune(want)
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(a, b) {
		return fmt.Errorf("%w: %d code points, not %d, or others", ErrOtherText, len(a), len(b))
	}
	return nil
}

// bundle is how many runs of one change of an author travel as one pack.
const bundle = 50

// headsRun has a replica take what many authors typed at the head at once, in runs of so many changes: in packs of one run each, checked
// and taken one by one, or, where a run is one change, in packs of several, checked by two goroutines.
func headsRun(c *trace.Case, run int) (Run, error) {
	first, frames, want, err := headsFrames(c, run)
	if err != nil {
		return nil, err
	}
	check := crdt.NewChecker(room)
	return func() (Result, error) {
		r, err := crdt.NewReplica(room)
		if err == nil {
			err = r.Load(first)
		}
		if err != nil {
			return Result{}, err
		}
		res, err := timed(func() error {
			if run == 1 {
				return applyAhead(r, check, frames, 2, true)
			}
			return apply(r, check, frames, true)
		})
		got, textErr := content(r)
		if textErr == nil {
			textErr = sameCharacters(got, want)
		}
		return res, errors.Join(err, textErr)
	}, nil
}

// headsFrames are the packs of a heads case in their order of arrival, and the text's characters.
func headsFrames(c *trace.Case, run int) (first []byte, frames [][]byte, want string, err error) {
	first, text, err := base(0)
	if err != nil {
		return nil, nil, "", err
	}
	arrival := make([]int, len(c.Order)) // of each message
	for at, m := range c.Order {
		arrival[m] = at
	}
	type arriving struct {
		frame []byte
		at    int
	}
	var all []arriving
	for a := range c.Agents {
		t, err := newTypist(a+1, first, text)
		if err != nil {
			return nil, nil, "", err
		}
		letter := string(rune('a' + a%26))
		var unsent [][]byte
		for i := range c.Inserts {
			if err := t.splice(int64(i), 0, 0, letter, func() {}); err != nil {
				return nil, nil, "", err
			}
			want += letter
			last := i == c.Inserts-1
			if n, _ := t.writer.Unsigned(); n == run || last {
				unsent = append(unsent, t.seal())
			}
			if len(unsent) > 0 && (run > 1 || len(unsent) == bundle || last) {
				all = append(all, arriving{join(unsent), arrival[a*c.Inserts+i]})
				unsent = nil
			}
		}
	}
	slices.SortStableFunc(all, func(x, y arriving) int { return x.at - y.at })
	for _, f := range all {
		frames = append(frames, f.frame)
	}
	return first, frames, want, nil
}
