package relay

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"

	"github.com/tallystick/tallystick/internal/safe"
)

// ErrNotLoopback: Config.Pprof is not an address that only this machine can reach.
var ErrNotLoopback = errors.New("not a loopback address")

// sideServer is a listener for who runs the relay, beside the one for peers.
type sideServer struct {
	what     string
	listener net.Listener
	server   *http.Server
}

// listenAside listens on Config.Metrics and Config.Pprof.
func (r *Relay) listenAside(cfg Config) (err error) {
	defer func() {
		if err != nil {
			for _, s := range r.side {
				_ = s.listener.Close() // nobody was served
			}
		}
	}()
	if cfg.Metrics != "" {
		mux := http.NewServeMux()
		mux.Handle("GET "+PathMetrics, r.Metrics())
		if err := r.aside("metrics", cfg.Metrics, mux); err != nil {
			return err
		}
	}
	if cfg.Pprof != "" {
		if !loopback(cfg.Pprof) {
			return fmt.Errorf("pprof on %s: %w: it shows what is in the program's memory", safe.Text(cfg.Pprof, safe.MaxLogCells), ErrNotLoopback)
		}
		return r.aside("pprof", cfg.Pprof, pprofHandler())
	}
	return nil
}

func (r *Relay) aside(what, addr string, h http.Handler) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", what, ErrListen, err)
	}
	r.side = append(r.side, &sideServer{what: what, listener: ln, server: &http.Server{
		Handler: h, ReadHeaderTimeout: r.policy.Handshake, IdleTimeout: r.policy.Handshake, MaxHeaderBytes: r.policy.MaxHeaderBytes, ErrorLog: errorLog(r.log),
	}})
	return nil
}

// serve serves until the server is closed.
func (s *sideServer) serve(log *slog.Logger) {
	log.Info("listening", "for", s.what, "address", s.listener.Addr().String())
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		log.Error("listening ended", "for", s.what, "err", err.Error())
	}
}

// SideAddr returns where Config.Metrics ("metrics") or Config.Pprof ("pprof") is served, nil if it is not.
func (r *Relay) SideAddr(what string) net.Addr {
	for _, s := range r.side {
		if s.what == what {
			return s.listener.Addr()
		}
	}
	return nil
}

// loopback says whether the host of a host:port can be reached from this machine alone. A name other than localhost is
// not looked up: what it means can change.
func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// pprofHandler serves Go's profiles, but not to a web page of elsewhere whose name was made to mean this machine.
func pprofHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if host := req.Host; !loopback(host) && !loopback(net.JoinHostPort(host, "0")) {
			http.Error(w, "tallystick relay: ask by a loopback address", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, req)
	})
}
