package engine

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/tallystick/tallystick/bench/internal/trace"
	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// ledger is the room of work append.
var ledger = crdt.OpenLedger("bench")

// appendTransaction encodes transaction number i: the map that worker.mjs of the peers makes as an object.
func appendTransaction(dst []byte, i int) []byte {
	dst = dcbor.AppendMap(dst, 4)
	dst = dcbor.AppendText(dcbor.AppendText(dst, "to"), "b"+strconv.Itoa(i*7%1000))
	dst = dcbor.AppendText(dcbor.AppendText(dst, "from"), "a"+strconv.Itoa(i%1000))
	dst = dcbor.AppendText(dcbor.AppendText(dst, "memo"), "payment "+strconv.Itoa(i))
	return dcbor.AppendInt(dcbor.AppendText(dst, "amount"), int64(i))
}

// appended appends all transactions, each as a change, and returns the frames.
func appended(a *author, c *trace.Case) (frames [][]byte, err error) {
	var literal crdt.Literal
	add := func(tx *crdt.Tx) error {
		_, err := tx.Append(literal)
		return err
	}
	for i := range c.Count {
		literal = appendTransaction(literal[:0], i)
		_, err := a.writer.Change(int64(i), add)
		if errors.Is(err, crdt.ErrUnsigned) { // the bytes of a pack are full
			frames = append(frames, a.seal())
			_, err = a.writer.Change(int64(i), add)
		}
		if err != nil {
			return nil, fmt.Errorf("transaction %d: %w", i, err)
		}
		if n, _ := a.writer.Unsigned(); n == LongRun {
			frames = append(frames, a.seal())
		}
	}
	if f := a.seal(); f != nil {
		frames = append(frames, f)
	}
	return frames, nil
}

func checkLedger(r *crdt.Replica, c *trace.Case) error {
	v := r.View()
	if v.Len() != c.Count {
		return fmt.Errorf("%w: %d rows, not %d", ErrOtherText, v.Len(), c.Count)
	}
	for _, i := range []int{0, c.Count - 1} {
		if got := v.Row(i).Literal; string(got) != string(appendTransaction(nil, i)) {
			return fmt.Errorf("%w: row %d is %v", ErrOtherText, i, got.Value())
		}
	}
	return nil
}

func appendRun(c *trace.Case) (Run, error) {
	return func() (Result, error) {
		a, err := newAuthor(ledger, 1)
		if err != nil {
			return Result{}, err
		}
		var frames [][]byte
		res, err := timed(func() error { frames, err = appended(a, c); return err })
		res.Bytes = total(frames)
		return res, errors.Join(err, checkLedger(a.replica, c))
	}, nil
}

func appendApplyRun(c *trace.Case) (Run, error) {
	a, err := newAuthor(ledger, 1)
	if err != nil {
		return nil, err
	}
	frames, err := appended(a, c)
	if err != nil {
		return nil, err
	}
	check := crdt.NewChecker(ledger)
	return func() (Result, error) {
		r, err := crdt.NewReplica(ledger)
		if err != nil {
			return Result{}, err
		}
		res, err := timed(func() error { return apply(r, check, frames) })
		return res, errors.Join(err, checkLedger(r, c))
	}, nil
}
