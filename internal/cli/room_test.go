package cli

import (
	"os"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/transport"
)

// TestDamagedLastGuards: whoever can't be sure what it sent last does not write before a peer or the user has said so.
func TestDamagedLastGuards(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	name, err := profile.ParseName("ann")
	if err != nil {
		t.Fatal(err)
	}
	person, err := profile.Init(name)
	if err != nil {
		t.Fatal(err)
	}
	writing := func() transport.WriteState {
		o, err := (&program{}).openRoom(t.Context(), person, crdt.OpenLedger("main"), false)
		if err != nil {
			t.Fatal(err)
		}
		defer o.close()
		return o.node.Snapshot().Writing
	}
	if got := writing(); got != transport.WriteOpen {
		t.Fatalf("a new room: %v", got)
	}
	path := person.LastPath(crdt.OpenLedger("main").ID())
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := writing(); got != transport.WriteGuarded {
		t.Errorf("with a damaged last file: %v, want %v", got, transport.WriteGuarded)
	}
}
