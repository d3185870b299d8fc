package engine

import (
	"errors"
	"fmt"

	"github.com/tallystick/tallystick/bench/internal/trace"
	"github.com/tallystick/tallystick/crdt"
)

// written is a replica that has made all of a text case, signed in long runs, at the given times.
func written(c *trace.Case, times []int64) (*crdt.Replica, error) {
	frames, err := typedFrames(c, times, LongRun)
	if err != nil {
		return nil, err
	}
	r, err := crdt.NewReplica(room)
	if err != nil {
		return nil, err
	}
	return r, apply(r, crdt.NewChecker(room), frames)
}

// fileRun saves a room.
func fileRun(c *trace.Case, times []int64) (Run, error) {
	r, err := written(c, times)
	if err != nil {
		return nil, err
	}
	return func() (Result, error) {
		var file []byte
		res, err := timed(func() error { file = r.Save(nil); return nil })
		res.Bytes = total([][]byte{file})
		loaded, loadErr := crdt.LoadFile(file)
		if err := errors.Join(err, loadErr); err != nil {
			return res, err
		}
		return res, sameRoom(loaded, r)
	}, nil
}

// loadRun loads a room's file, every id and the signatures of all tips checked.
func loadRun(c *trace.Case) (Run, error) {
	r, err := written(c, c.Times)
	if err != nil {
		return nil, err
	}
	file := r.Save(nil)
	return func() (Result, error) {
		var loaded *crdt.Replica
		res, err := timed(func() (err error) { loaded, err = crdt.LoadFile(file); return err })
		if err != nil {
			return res, err
		}
		res.Bytes = total([][]byte{file})
		return res, errors.Join(sameRoom(loaded, r), checkText(loaded, c.End))
	}, nil
}

// snapshotRun opens a snapshot and reads the text out of it.
func snapshotRun(c *trace.Case) (Run, error) {
	r, err := written(c, c.Times)
	if err != nil {
		return nil, err
	}
	file, err := r.Snapshot()
	if err != nil {
		return nil, err
	}
	return func() (Result, error) {
		var value any
		var s *crdt.Snapshot
		res, err := timed(func() (err error) {
			if s, err = crdt.OpenSnapshot(file); err == nil {
				value = s.Value()
			}
			return err
		})
		if err != nil {
			return res, err
		}
		res.Bytes = total([][]byte{file})
		m, _ := value.(map[string]any)
		if m[key] != c.End {
			err = fmt.Errorf("%w: that of the snapshot", ErrOtherText)
		}
		return res, errors.Join(err, s.Check(r))
	}, nil
}

func sameRoom(got, want *crdt.Replica) error {
	if got.LogDigest() != want.LogDigest() || got.DocDigest() != want.DocDigest() {
		return fmt.Errorf("%w: other digests after loading", ErrOtherText)
	}
	return nil
}
