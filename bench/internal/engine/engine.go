// Package engine runs the cases of package trace on tallystick's own engine, through the public interface of package crdt.
package engine

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/tallystick/tallystick/bench/internal/trace"
	"github.com/tallystick/tallystick/crdt"
)

// A Result is what one run measured. Bytes and Heap are nil where they are not what the work is about.
type Result struct {
	Ms    *float64 `json:"ms,omitempty"`
	Bytes *int64   `json:"bytes,omitempty"`
	Heap  *int64   `json:"heap_bytes,omitempty"`
}

// A Run is one run of a work. It checks what it made, and does not count that.
type Run func() (Result, error)

// ErrOtherText is returned if the document at the end is not that of the case.
var ErrOtherText = errors.New("the document at the end is another one")

// works prepare a work, which is not measured, and return what one run is.
var works = map[string]func(*trace.Case) (Run, error){
	"make":           func(c *trace.Case) (Run, error) { return makeRun(c, LongRun) },
	"make-256":       func(c *trace.Case) (Run, error) { return makeRun(c, ShortRun) },
	"apply":          func(c *trace.Case) (Run, error) { return applyRun(c, LongRun, false) },
	"apply-2cores":   func(c *trace.Case) (Run, error) { return applyRun(c, LongRun, true) },
	"apply-256":      func(c *trace.Case) (Run, error) { return applyRun(c, ShortRun, false) },
	"file":           func(c *trace.Case) (Run, error) { return fileRun(c, c.Times) },
	"file-typing":    func(c *trace.Case) (Run, error) { return fileRun(c, c.TypingTimes()) },
	"load":           loadRun,
	"snapshot":       snapshotRun,
	"heap":           heapRun,
	"merge":          func(c *trace.Case) (Run, error) { return mergeRun(c, true) },
	"merge-unsigned": func(c *trace.Case) (Run, error) { return mergeRun(c, false) },
	"heads-200":      func(c *trace.Case) (Run, error) { return headsRun(c, 200) },
	"heads-20":       func(c *trace.Case) (Run, error) { return headsRun(c, 20) },
	"heads-1":        func(c *trace.Case) (Run, error) { return headsRun(c, 1) },
	"append":         appendRun,
	"append-apply":   appendApplyRun,
}

// manyCores are the works that may use more than one core; all others run on one, the collector included.
var manyCores = []string{"apply-2cores", "heads-1"}

// Lengths of runs, in changes: what one signature covers.
const (
	LongRun  = crdt.MaxPackChanges
	ShortRun = 256
)

// Prepare prepares a work of this process. From then on the process uses one core, unless the work is about more.
func Prepare(work string, c *trace.Case) (Run, error) {
	prepare, ok := works[work]
	if !ok {
		return nil, fmt.Errorf("engine: there is no work %q", work)
	}
	if !slices.Contains(manyCores, work) {
		runtime.GOMAXPROCS(1)
	}
	return prepare(c)
}

// author is one with a replica and a key of its own, the same whenever it is made.
type author struct {
	replica *crdt.Replica
	writer  *crdt.Writer
	packed  int // the log index up to which its own changes were sent
}

func newAuthor(c crdt.Charter, number int) (*author, error) {
	r, err := crdt.NewReplica(c)
	if err != nil {
		return nil, err
	}
	seed := sha256.Sum256([]byte("tallystick bench author " + strconv.Itoa(number)))
	w, err := r.Writer(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		return nil, err
	}
	return &author{replica: r, writer: w}, nil
}

// seal signs what was typed since the last time and returns it as a frame; nil if that is nothing.
func (a *author) seal() []byte {
	from, to := a.writer.Sign()
	if from == to {
		return nil
	}
	frame, _ := a.replica.PackFrom(from, nil)
	return frame
}

// timed measures f after a collection. Nothing else is running.
func timed(f func() error) (Result, error) {
	runtime.GC()
	start := time.Now()
	err := f()
	ms := float64(time.Since(start)) / float64(time.Millisecond)
	return Result{Ms: &ms}, err
}

func total(frames [][]byte) *int64 {
	n := int64(0)
	for _, f := range frames {
		n += int64(len(f))
	}
	return &n
}

// liveHeap is what is in use after a collection, in bytes.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // what the first one has swept
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// peer is whom all packs come from.
const peer = 1

// receive has r take a checked pack, which must be accepted or, if that is allowed, wait.
func receive(r *crdt.Replica, p *crdt.Pack, mayWait bool) error {
	out := r.Receive(p, peer, time.Unix(0, 0))
	if out.Err != nil {
		return out.Err
	}
	if len(out.Missing) > 0 && !mayWait {
		return fmt.Errorf("a pack waits for %d parents", len(out.Missing))
	}
	return nil
}
