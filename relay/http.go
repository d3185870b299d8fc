package relay

import (
	"encoding/json"
	"log"
	"log/slog"
	"net/http"
	"strings"

	"github.com/tallystick/tallystick/internal/safe"
)

// Paths that a relay serves.
const (
	PathWebsocket = "/websocket"
	PathHealth    = "/healthz"
)

// Health is what GET /healthz answers: with status 200 while the relay serves, 503 while it ends.
type Health struct {
	Status      string `json:"status"` // ok, draining
	Version     string `json:"version"`
	Rooms       int    `json:"rooms"` // kept
	Open        int    `json:"open"`  // of them and of new ones, in memory
	Connections int    `json:"connections"`
}

// handler serves all paths.
func (r *Relay) handler(websocket http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(PathWebsocket, websocket)
	mux.HandleFunc("GET "+PathHealth, r.serveHealth)
	mux.HandleFunc(PathHealth, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "tallystick relay: only GET", http.StatusMethodNotAllowed)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "tallystick relay: connect to "+PathWebsocket, http.StatusNotFound)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch verdictOf(req) {
		case overTotal:
			refuse(w, http.StatusServiceUnavailable, "too many connections: try again later")
		case overAddr:
			refuse(w, http.StatusTooManyRequests, "too many connections from this address: close some")
		default:
			mux.ServeHTTP(w, req)
		}
	})
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Connection", "close")
	w.Header().Set("Retry-After", "10")
	http.Error(w, "tallystick relay: "+text, status)
}

func (r *Relay) serveHealth(w http.ResponseWriter, _ *http.Request) {
	h := r.Health()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if h.Status != statusOK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h) // the asker has gone: nobody to tell
}

const (
	statusOK       = "ok"
	statusDraining = "draining"
)

// Health returns what /healthz would answer now.
func (r *Relay) Health() Health {
	h := Health{Status: statusOK, Version: r.version, Connections: r.admission.connections()}
	if r.draining.Load() {
		h.Status = statusDraining
	}
	h.Rooms, h.Open = r.rooms.counts()
	return h
}

// errorLog takes what net/http has to say, which may quote a client.
func errorLog(to *slog.Logger) *log.Logger {
	return log.New(httpLog{to}, "", 0)
}

type httpLog struct{ to *slog.Logger }

func (l httpLog) Write(p []byte) (int, error) {
	l.to.Debug("http", "text", safe.Text(strings.TrimSpace(string(p)), safe.MaxLogCells))
	return len(p), nil
}
