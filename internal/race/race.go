// Package race says whether a program was built with the race detector, and lets tests do less under it.
package race

import "testing"

// OneGoroutine skips a test under the race detector: it is long there, and shares nothing, so there is no race to find.
// Without the detector it runs in full.
func OneGoroutine(t testing.TB) {
	t.Helper()
	if Enabled {
		t.Skip("one goroutine, sharing nothing")
	}
}
