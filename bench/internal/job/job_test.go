package job

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

func shell(script string) *exec.Cmd { return exec.Command("sh", "-c", script) }

func TestRun(t *testing.T) {
	t.Parallel()
	const long = time.Minute
	for name, c := range map[string]struct {
		script string
		limit  time.Duration
		ms     []float64
		bytes  int64
		runs   int
		over   bool
		said   string // in the error
	}{
		"warm-up is dropped": {`echo '{"ready":true}'; echo '{"ms":9}'; echo '{"ms":1,"bytes":5}'; echo '{"ms":2,"bytes":5}'`, long, []float64{1, 2}, 5, 2, false, ""},
		"one run alone":      {`echo '{"ready":true}'; echo '{"ms":9}'`, long, []float64{9}, 0, 1, false, ""},
		"heap":               {`echo '{"heap_bytes":7}'`, long, nil, 0, 1, false, ""},
		"hangs after a run":  {`echo '{"ready":true}'; echo '{"ms":3}'; exec sleep 600`, time.Second, []float64{3}, 0, 1, false, ""},
		"hangs at once":      {`exec sleep 600`, 50 * time.Millisecond, nil, 0, 0, true, ""},
		"says an error":      {`echo '{"error":"no text"}'; exit 1`, long, nil, 0, 0, false, "no text"},
		"fails":              {`echo broken >&2; exit 3`, long, nil, 0, 0, false, "broken"},
		"fails after a run":  {`echo '{"ms":3}'; echo broken >&2; exit 3`, long, nil, 0, 0, false, "broken"},
		"measures nothing":   {`echo '{"ready":true}'`, long, nil, 0, 0, false, "measured nothing"},
		"says nonsense":      {`echo hello; exec sleep 600`, 2 * time.Second, nil, 0, 0, false, `"hello"`},
		"a line without end": {`head -c 100000 /dev/zero`, long, nil, 0, 0, false, "measured nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := Run(context.Background(), shell(c.script), c.limit)
			if c.said != "" {
				if !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), c.said) {
					t.Errorf("got %v, want %q in it", err, c.said)
				}
				return
			}
			if err != nil || !slices.Equal(o.Ms, c.ms) || o.Runs != c.runs || o.Over != c.over {
				t.Errorf("got %+v, %v", o, err)
			}
			if got := o.Bytes; c.bytes > 0 && (got == nil || *got != c.bytes) {
				t.Errorf("got bytes %v, want %d", got, c.bytes)
			}
			if name == "heap" && (o.Heap == nil || *o.Heap != 7) {
				t.Errorf("got %+v", o)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, shell("exec sleep 600"), time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := Run(context.Background(), exec.Command("/nothing/here"), time.Minute); !errors.Is(err, ErrFailed) {
		t.Errorf("got %v", err)
	}
}
