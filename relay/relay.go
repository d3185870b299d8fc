package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/transport"
)

// Config is what a relay is made of.
type Config struct {
	Addr     string       // host:port to listen on; port 0: any free one
	Listener net.Listener // instead of Addr; the relay closes it
	Data     string       // the data folder; made if need be, with mode 0700
	Version  string       // of the program, without spaces: said to peers and by /healthz
	Policy   Policy
	// Metrics and Pprof are host:port to listen on besides, for who runs the relay; empty: not at all. Both are without
	// any login. Metrics serves PathMetrics and nothing else. Pprof must be a loopback address.
	Metrics, Pprof string
	Limits         transport.Limits // what Policy also says is taken from there
	Log            *slog.Logger     // nil: silent. What peers say is made safe before it gets there
}

// Relay is a headless server. Make one with [New], end it with [Relay.Run] or [Relay.Close].
type Relay struct {
	policy    Policy
	version   string
	log       *slog.Logger
	lock      *os.File
	admission *admission
	rooms     *rooms
	hub       *transport.Hub
	authors   *authorRates
	metrics   *metrics
	side      []*sideServer

	endNodes context.CancelFunc
	draining atomic.Bool
	used     atomic.Bool // Run or Close was called
}

// New takes the data folder, finds the rooms in it and listens. Nobody is served before Run.
//
// Errors: [ErrDataLocked], [ErrDataFolder], [ErrListen].
func New(cfg Config) (_ *Relay, err error) {
	ln := cfg.Listener
	defer func() {
		if err != nil && ln != nil {
			_ = ln.Close() // nobody was served
		}
	}()
	r := &Relay{policy: cfg.Policy.withDefaults(), version: cfg.Version, log: safeLog(cfg.Log)}
	if r.version == "" {
		r.version = "dev"
	}
	if r.lock, err = lockData(cfg.Data); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = r.lock.Close() // nothing was written
		}
	}()
	var ctx context.Context
	ctx, r.endNodes = context.WithCancel(context.Background())
	r.metrics = newMetrics()
	if r.rooms, err = newRooms(ctx, filepath.Join(cfg.Data, "rooms"), r.policy, r.log); err != nil {
		r.endNodes()
		return nil, fmt.Errorf("%w: %w", ErrDataFolder, err)
	}
	if ln == nil {
		if ln, err = net.Listen("tcp", cfg.Addr); err != nil {
			r.endNodes()
			return nil, fmt.Errorf("%w: %w", ErrListen, err)
		}
	}
	if err = r.listenAside(cfg); err != nil {
		r.endNodes()
		return nil, err
	}
	r.admission = newAdmission(ln, r.policy)
	r.authors = &authorRates{rate: r.policy.AuthorBytesPerSecond}
	r.hub = transport.NewHub(transport.HubConfig{
		Agent: "tallystick relay " + r.version, Open: r.rooms.Open, Limits: r.policy.apply(cfg.Limits), Log: r.log,
		Charge: r.authors.charge, Meter: r.rooms.meter,
	})
	r.rooms.hub, r.rooms.metrics = r.hub, r.metrics
	r.metrics.of(r)
	return r, nil
}

// lockData makes the data folder, if need be, and takes its lock.
func lockData(dir string) (*os.File, error) {
	if err := disk.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDataFolder, err)
	}
	f, err := disk.OpenRegular(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDataFolder, err)
	}
	if err := disk.Lock(f); err != nil {
		_ = f.Close() // nothing was written
		if errors.Is(err, disk.ErrLocked) {
			return nil, fmt.Errorf("%w %s", ErrDataLocked, dir)
		}
		return nil, fmt.Errorf("%w: %w", ErrDataFolder, err)
	}
	return f, nil
}

// Addr returns where the relay listens.
func (r *Relay) Addr() net.Addr { return r.admission.Addr() }

// URL returns what a node on this machine can connect to.
func (r *Relay) URL() string {
	addr := r.Addr()
	host := addr.String()
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		host = net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
	}
	return "ws://" + host + PathWebsocket
}

// Close gives up a relay that was not Run.
func (r *Relay) Close() error {
	if r.used.Swap(true) {
		return nil
	}
	r.endNodes()
	for _, s := range r.side {
		_ = s.listener.Close() // nobody was served
	}
	return errors.Join(r.admission.Close(), r.lock.Close())
}

// Run serves until ctx ends, then drains: it accepts no more, tells every peer that it goes away, commits what it has
// received, and closes every store. It returns nil once that is done, [ErrDrain] if it took longer than Policy.Drain,
// or the error that ended it before.
func (r *Relay) Run(ctx context.Context) error {
	if r.used.Swap(true) {
		return ErrClosed
	}
	defer r.lock.Close() // it is never written

	hubCtx, endHub := context.WithCancel(context.Background())
	defer endHub()
	sweepCtx, endSweep := context.WithCancel(context.Background())
	defer endSweep()
	server := &http.Server{
		Handler:           r.handler(r.hub),
		ReadHeaderTimeout: r.policy.Handshake,
		IdleTimeout:       r.policy.Handshake,
		MaxHeaderBytes:    r.policy.MaxHeaderBytes,
		ConnContext:       withConn,
		ErrorLog:          errorLog(r.log),
	}
	var hub, sweeper, serving sync.WaitGroup
	hubErr, serveErr := make(chan error, 1), make(chan error, 1)
	hub.Go(func() { hubErr <- r.hub.Run(hubCtx) })
	sweeper.Go(func() { r.rooms.sweep(sweepCtx) })
	serving.Go(func() { serveErr <- server.Serve(r.admission) })
	for _, s := range r.side {
		serving.Go(func() { s.serve(r.log) })
	}

	kept, _ := r.rooms.counts()
	r.log.Info("listening", "url", r.URL(), "address", r.Addr().String(), "rooms", kept, "version", r.version)

	var cause error
	select {
	case <-ctx.Done():
	case err := <-serveErr:
		cause = fmt.Errorf("%w: %w", ErrListen, err)
	case err := <-hubErr:
		cause = fmt.Errorf("connections: %w", err)
	}

	began := time.Now()
	r.log.Info("draining", "connections", r.admission.connections(), "within", r.policy.Drain.String())
	r.draining.Store(true)
	drained := make(chan struct{})
	stopServing, endServing := context.WithTimeout(context.Background(), r.policy.Drain)
	defer endServing()
	go func() { // waited for below, within the bound
		defer close(drained)
		// The listener is closed first. Answers that are under way are finished; websockets are the hub's.
		serving.Go(func() { _ = server.Shutdown(stopServing) }) // what is not finished in time is closed below
		endHub()
		hub.Wait()
		endSweep()
		sweeper.Wait()
		r.rooms.shut()
		r.endNodes()
		r.rooms.wg.Wait()
		endServing()
		for _, s := range r.side {
			_ = s.server.Close() // figures that are under way: ask again elsewhere
		}
		_ = server.Close() // a half-sent HTTP request: nobody to tell
		serving.Wait()
	}()
	bound := time.NewTimer(r.policy.Drain)
	defer bound.Stop()
	select {
	case <-drained:
		r.log.Info("stopped", "after", time.Since(began).Round(time.Millisecond).String())
		return cause
	case <-bound.C:
		kept, open := r.rooms.counts()
		r.log.Error("stopped before all was closed", "open", open, "rooms", kept)
		return errors.Join(cause, fmt.Errorf("%w: %d rooms were still open after %v; what was acknowledged is on disk", ErrDrain, open, r.policy.Drain))
	}
}
