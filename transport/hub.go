package transport

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/tallystick/tallystick/crdt"
)

// HubConfig is what a program's connections are made of.
type HubConfig struct {
	// Agent is what we call ourselves, at most 64 bytes: "tallystick node 0.1.0" or "tallystick relay 0.1.0"; the second
	// word is the role.
	Agent string
	// Open returns the running node of a room that a peer named and that was not added; nil or a nil func: the room is refused
	// with no-room. A [*RefuseError] is said to the peer. It may take its time: only that room of that connection waits.
	Open func(ctx context.Context, room crdt.RoomID, charter crdt.Charter) (*Node, error)
	// Limits bounds it all; the zero value means DefaultLimits.
	Limits Limits
	Log    *slog.Logger // nil: silent
}

// Hub holds all connections of a program; each carries any number of rooms. Safe for concurrent use.
type Hub struct{}

// NewHub makes a hub; nothing happens until Run.
func NewHub(cfg HubConfig) *Hub { panic("not yet") }

// Run dials and serves until ctx ends, closes every connection and returns when all goroutines of the hub have ended.
func (h *Hub) Run(ctx context.Context) error { panic("not yet") }

// Add serves n's room on all connections to come. The caller runs n.Run.
func (h *Hub) Add(n *Node) error { panic("not yet") }

// Remove ends n's sessions; connections that carry nothing more are closed.
func (h *Hub) Remove(n *Node) { panic("not yet") }

// Connect keeps up a connection to url for n's room until Disconnect; several rooms share one connection. Errors: [ErrBadURL].
func (h *Hub) Connect(n *Node, url string) (PeerID, error) { panic("not yet") }

// Disconnect ends a peer's connection; a dialled one is not dialled again.
func (h *Hub) Disconnect(id PeerID) { panic("not yet") }

// Retry dials a peer now, that waits for its next try.
func (h *Hub) Retry(id PeerID) { panic("not yet") }

// ServeHTTP accepts a websocket: mount it on /websocket.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) { panic("not yet") }

// ParseURL checks a peer's address and completes it: ws or wss (http and https are read so), a host, /websocket if there
// is no path. Errors: [ErrBadURL].
func ParseURL(s string) (string, error) { panic("not yet") }

// Probe connects to url and waits for the sign of a tallystick listener, within Limits.HelloTimeout. Errors: [*DialError].
func Probe(ctx context.Context, url string) error { panic("not yet") }
