package crdt

import (
	"fmt"
	"reflect"
)

// What tests of the outside need of the inside.

// CheckInvariants is check.
func (r *Replica) CheckInvariants() error { return r.check() }

// SnapshotBody is what a snapshot holds, uncompressed.
func SnapshotBody(s *Snapshot) []byte { return s.body }

// FullPack says that nothing more fits into the newest pack.
func (r *Replica) FullPack() {
	if n := len(r.log.packs); n > 0 {
		r.log.packs[n-1].bytes = MaxPackBytes
	}
}

// LimitLogs makes every log full at so much, until restore is called.
func LimitLogs(changes, links, payloadBytes int) (restore func()) {
	c, l, b := maxLogChanges, maxLogLinks, maxLogPayloadBytes
	maxLogChanges, maxLogLinks, maxLogPayloadBytes = changes, links, payloadBytes
	return func() { maxLogChanges, maxLogLinks, maxLogPayloadBytes = c, l, b }
}

// SameAsFrame reports whether p is what reading its frame makes.
func (c *Checker) SameAsFrame(p *Pack) error {
	again, err := c.Stored(p.frame)
	switch {
	case err != nil:
		return err
	case !reflect.DeepEqual(again, p):
		return fmt.Errorf("read as %+v, its frame is %+v", p, again)
	}
	return nil
}
