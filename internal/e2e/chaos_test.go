package e2e

import (
	"flag"
	"testing"
	"time"

	"github.com/tallystick/tallystick/internal/e2e/chaos"
)

var chaosSeed = flag.Uint64("chaos.seed", 1, "of the faults of TestChaos")

// Nodes and relays write, are killed and frozen, and their lines are spoiled. What was acknowledged is there in the end,
// everybody has the same, nobody forked, no store is damaged. `go run ./bench chaos` does it for ten minutes.
func TestChaos(t *testing.T) {
	cfg := chaos.Config{
		Binary: binary, Home: t.TempDir(), Seed: *chaosSeed, For: 6 * time.Second, Every: 150 * time.Millisecond, Rate: 20,
		Patience: patience, CutAtEnd: true, Log: t.Logf,
	}
	if testing.Short() {
		cfg.For = 2 * time.Second
	}
	out, err := chaos.Run(t.Context(), cfg)
	if err != nil {
		t.Fatalf("go test ./internal/e2e -run TestChaos -chaos.seed %d: %v\n%+v", cfg.Seed, err, out)
	}
	if out.Total() < 5 || out.Faults[chaos.KillNode] == 0 || out.Tally.Acknowledged < 20 {
		t.Errorf("the test tests nothing: %+v", out)
	}
	t.Logf("%+v", out)
}
