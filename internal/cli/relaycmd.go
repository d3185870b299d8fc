package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/internal/safe"
	"github.com/tallystick/tallystick/relay"
)

// relayFlags are the flags that only a relay has.
type relayFlags struct {
	relay   bool
	data    string
	metrics string
	pprof   string
}

// relayOnly are the flags that mean nothing without --relay, and what they are.
var relayOnly = []struct{ flag, what string }{
	{"data", "the folder of a relay"},
	{"metrics", "for the figures of a relay"},
	{"pprof", "for the profiles of a relay"},
}

// without refuses what means something to a relay alone.
func (f *relayFlags) without(cmd *cobra.Command) error {
	for _, o := range relayOnly {
		if cmd.Flags().Changed(o.flag) {
			return usage("--%s is %s: give --relay too", o.flag, o.what)
		}
	}
	return nil
}

func (f *relayFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.relay, "relay", false, "run a headless relay: keep and forward every room, write nothing; logs on standard error")
	cmd.Flags().StringVar(&f.data, "data", "", "with --relay: the `DIR` that keeps the rooms (default: tallystick/relay in the data folder)")
	cmd.Flags().StringVar(&f.metrics, "metrics", "", "with --relay: serve figures for Prometheus on `HOST:PORT`, to everyone who reaches it (default: nowhere)")
	cmd.Flags().StringVar(&f.pprof, "pprof", "", "with --relay: serve Go's profiles on `HOST:PORT`, a loopback address (default: nowhere)")
	_ = cmd.MarkFlagDirname("data") // for completion; the flag exists
}

// check refuses what means nothing to a relay.
func (f *relayFlags) check(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("a relay has no name: leave %q out", args[0])
	}
	for _, flag := range runOnly {
		if cmd.Flags().Changed(flag) {
			return usage("--%s means nothing to a relay: leave it out", flag)
		}
	}
	return nil
}

// relay runs a relay until a signal ends it.
func (p *program) relay(ctx context.Context, f relayFlags, run runFlags) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	dir := f.data
	if dir == "" {
		data, err := profile.DataDir()
		if err != nil {
			return err
		}
		dir = filepath.Join(data, "relay")
	}
	addr := run.listen
	if addr == "" {
		addr = defaultAddr
	}
	r, err := relay.New(relay.Config{Addr: addr, Data: dir, Version: Version, Metrics: f.metrics, Pprof: f.pprof, Log: p.logger(run.json)})
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("relay: %w; something listens there already: stop it, or give --listen another port", err)
	case errors.Is(err, relay.ErrNotLoopback):
		return usage("--%w; give one, as in 127.0.0.1:6060", err)
	case errors.Is(err, relay.ErrListen):
		return fmt.Errorf("relay: %w; give --listen HOST:PORT, as in 0.0.0.0:8080", err)
	case errors.Is(err, relay.ErrDataLocked):
		return fmt.Errorf("relay: %w; stop it, or give --data another folder", err)
	case errors.Is(err, relay.ErrDataFolder):
		return fmt.Errorf("relay: %w; give --data a folder that can be written", err)
	case err != nil:
		return fmt.Errorf("relay: %w", err)
	}
	if err := r.Run(ctx); err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	return nil
}

// logger returns the log of a relay, on standard error.
func (p *program) logger(asJSON bool) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: safe.ReplaceAttr}
	if asJSON {
		return slog.New(slog.NewJSONHandler(p.Err, o))
	}
	return slog.New(slog.NewTextHandler(p.Err, o))
}

// discardLog is for net/http, which would write to standard error itself.
func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }
