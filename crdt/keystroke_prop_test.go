package crdt_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

// The short way of applying keystrokes makes the document that the general way
// makes.
func TestKeystrokesApplyLikeOps(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	rapid.Check(t, func(t *rapid.T) {
		_, r := worldOf(t, crdt.JSON)
		digest, stretches := r.PlainDocument()
		if digest != r.DocDigest() || stretches != r.Stretches() {
			t.Fatalf("%d stretches, want %d, or another digest", r.Stretches(), stretches)
		}
	})
}
