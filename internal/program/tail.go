package program

import (
	"bytes"
	"sync"
)

// A Tail keeps the newest part of what a process says. It is safe for concurrent use.
type Tail struct {
	mu   sync.Mutex
	kept bytes.Buffer // guarded by mu
}

// maxTail bounds it, in bytes; a dump of all goroutines finds place.
const maxTail = 256 << 10

// Write keeps b, and gives up what was before if that is too much. It never fails.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept.Len() > maxTail {
		t.kept.Reset()
	}
	return t.kept.Write(b)
}

// String is what is kept.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept.String()
}
