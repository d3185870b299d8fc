package live

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/program"
)

// A relay is the headless program.
type relay struct {
	binary, home, data, addr string
	*process
	codes codes
}

// codes are what a victim has counted against connections, by their addresses.
type codes struct {
	news
	by map[string]map[string]int // guarded by news
}

// blameless are codes of an end that is no fault of the peer's.
var blameless = map[string]bool{"": true, "closed": true, "broken": true, "going-away": true, "disconnected": true, "no-room": true}

// add counts one end, or one refusal.
func (c *codes) add(addr, code string) {
	c.change(func() {
		if c.by == nil {
			c.by = make(map[string]map[string]int)
		}
		if c.by[addr] == nil {
			c.by[addr] = make(map[string]int)
		}
		c.by[addr][code]++
	})
}

// forget drops what was counted against an earlier connection from the same address.
func (c *codes) forget(addr string) {
	c.change(func() { delete(c.by, addr) })
}

// faults are the codes of faults that were counted against any of the addresses.
func (c *codes) faults(addrs map[string]bool) map[string]int {
	all := make(map[string]int)
	c.see(func() {
		for a := range addrs {
			for code, n := range c.by[a] {
				if !blameless[code] {
					all[code] += n
				}
			}
		}
	})
	return all
}

// awaitFault waits until the code was counted against one of the addresses.
func (c *codes) awaitFault(ctx context.Context, code string, addrs map[string]bool) error {
	return c.wait(ctx, func() bool {
		for a := range addrs {
			if c.by[a][code] > 0 {
				return true
			}
		}
		return false
	})
}

// awaitEnd waits until the end of the connection was noted.
func (c *codes) awaitEnd(ctx context.Context, addr string) error {
	return c.wait(ctx, func() bool { return len(c.by[addr]) > 0 })
}

// startRelay starts a relay on a free port.
func startRelay(ctx context.Context, binary, home string) (*relay, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	r := &relay{binary: binary, home: home, data: filepath.Join(home, "relay"), addr: addr}
	return r, r.start(ctx)
}

// start starts it, again, on its address and data.
func (r *relay) start(ctx context.Context) error {
	cmd := exec.Command(r.binary, "--relay", "--json", "--listen", r.addr, "--data", r.data)
	cmd.Env = program.Environment(r.home)
	var err error
	if r.process, err = start(cmd, nil, r.log); err != nil {
		return err
	}
	ctx, cancel := within(ctx, patience, "the relay at %s serves", r.addr)
	defer cancel()
	if err := program.Serves(ctx, r.addr, r.done); err != nil {
		return fmt.Errorf("%w: %s", err, r.stderr())
	}
	return nil
}

// log takes a line of the relay's log.
func (r *relay) log(line string) {
	var l struct {
		Msg, Kind, Peer, Code string
	}
	if json.Unmarshal([]byte(line), &l) != nil || l.Peer == "" {
		return
	}
	if l.Msg == "connection closed" || l.Msg == "event" && (l.Kind == "refused" || l.Kind == "closed") {
		r.codes.add(l.Peer, l.Code)
	}
}

// fileBytes is the size of a room's file, 0 if it has none.
func (r *relay) fileBytes(id crdt.RoomID) int64 {
	info, err := os.Stat(filepath.Join(r.data, "rooms", hex.EncodeToString(id[:])+".db"))
	if err != nil {
		return 0
	}
	return info.Size()
}
