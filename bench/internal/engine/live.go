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

// batch is how many packs of one change each are checked at a time, as they would arrive in one message.
const batch = 256

// headsRun has a replica take what many authors typed at the head at once, in packs of one run of so many changes: checked and taken one by one
// or, where a run is one change, checked many at a time.
func headsRun(c *trace.Case, run int) (Run, error) {
	first, packs, want, err := headsPacks(c, run)
	if err != nil {
		return nil, err
	}
	size := 1
	if run == 1 {
		size = batch
	}
	return func() (Result, error) {
		r, err := crdt.NewReplica(room)
		if err == nil {
			err = r.Load(first)
		}
		if err != nil {
			return Result{}, err
		}
		check := crdt.NewChecker(room)
		res, err := timed(func() error { return takeAll(r, check, packs, size) })
		got, textErr := content(r)
		if textErr == nil {
			textErr = sameCharacters(got, want)
		}
		return res, errors.Join(err, textErr)
	}, nil
}

// headsPack is a pack of a heads case: which one it is of its author's.
type headsPack struct {
	frame          []byte
	author, number int
	arrival        int
}

// takeAll has r take packs that may come before their parents, and checks so many at a time. More than the pending buffer holds of one peer
// (a pack counts for MaxPendingBytes/MaxPendingPacks at least) are held back here until their predecessors have come.
func takeAll(r *crdt.Replica, check *crdt.Checker, all []headsPack, size int) error {
	hold := len(all) > crdt.MaxPendingPeerBytes/(crdt.MaxPendingBytes/crdt.MaxPendingPacks)
	type place struct{ author, number int }
	held := make(map[place]*crdt.Pack)
	next := make(map[int]int) // number of the author's next pack
	frames := make([][]byte, 0, size)
	for some := range slices.Chunk(all, size) {
		frames = frames[:0]
		for i := range some {
			frames = append(frames, some[i].frame)
		}
		packs, errs := check.CheckAll(frames, nil)
		for i, p := range packs {
			if errs[i] != nil {
				return errs[i]
			}
			author := some[i].author
			at := place{author, some[i].number}
			if hold && at.number != next[author] {
				held[at] = p
				continue
			}
			for p != nil {
				if err := receive(r, p, !hold); err != nil {
					return fmt.Errorf("pack %d of author %d: %w", at.number, author, err)
				}
				next[author]++
				at = place{author, next[author]}
				p = held[at]
				delete(held, at)
			}
		}
	}
	return nil
}

// headsPacks are the packs of a heads case in their order of arrival, and the text's characters.
func headsPacks(c *trace.Case, run int) (first []byte, packs []headsPack, want string, err error) {
	first, text, err := base(0)
	if err != nil {
		return nil, nil, "", err
	}
	arrival := make([]int, len(c.Order)) // of each message
	for at, m := range c.Order {
		arrival[m] = at
	}
	for a := range c.Agents {
		t, err := newTypist(a+1, first, text)
		if err != nil {
			return nil, nil, "", err
		}
		letter, number := string(rune('a'+a%26)), 0
		for i := range c.Inserts {
			if err := t.splice(int64(i), 0, 0, letter, func() {}); err != nil {
				return nil, nil, "", err
			}
			want += letter
			if n, _ := t.writer.Unsigned(); n == run || i == c.Inserts-1 {
				packs = append(packs, headsPack{t.seal(), a, number, arrival[a*c.Inserts+i]})
				number++
			}
		}
	}
	slices.SortStableFunc(packs, func(x, y headsPack) int { return x.arrival - y.arrival })
	return first, packs, want, nil
}
