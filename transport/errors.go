package transport

import (
	"errors"
	"fmt"

	"github.com/tallystick/tallystick/crdt"
)

// What a peer may not do. Each closes the connection; the short code (see [Code]) is what the peer is told.
var (
	ErrTextFrame   = errors.New("text frame: messages are binary")
	ErrTooLarge    = errors.New("message over the size limit")
	ErrBadMessage  = errors.New("not a message of the protocol")
	ErrHelloFirst  = errors.New("message for a room without hello")
	ErrHelloTwice  = errors.New("second hello for one room")
	ErrVersion     = errors.New("protocol version not known here")
	ErrWrongRoom   = errors.New("charter is not that of the room")
	ErrBadSync     = errors.New("statement out of place in a comparison")
	ErrSyncTimeout = errors.New("comparison not answered in time")
	ErrBadCredit   = errors.New("more packs credited than were sent")
	ErrOverWindow  = errors.New("more packs sent than credit allows")
	ErrTooManyAsk  = errors.New("too many rooms on one connection")
)

// Why a connection ended without the peer's fault, or could not be made.
var (
	ErrHelloTimeout = errors.New("no hello in time")
	ErrReadTimeout  = errors.New("nothing heard in time")
	ErrSlowReader   = errors.New("peer does not read what is sent")
	ErrPeerClosed   = errors.New("peer closed the connection")
	ErrConnection   = errors.New("connection broke")
	ErrNoRoom       = errors.New("room not served here")
	ErrSelf         = errors.New("that address is this program itself")
	ErrGoingAway    = errors.New("shutting down")
	ErrDisconnected = errors.New("disconnected by the user")
	ErrBusy         = errors.New("too many connections")
)

// Errors of the caller.
var (
	ErrStopped  = errors.New("node has stopped")
	ErrNoAuthor = errors.New("this node has no key to write with")
	ErrGuarded  = errors.New("store looks copied, restored or salvaged: writing waits for a peer, or for the word that it is the only copy")
	ErrSelfFork = errors.New("this key has written in two places: nothing more is written with it")
	ErrBadURL   = errors.New("not an address of a peer")
	ErrRoomOpen = errors.New("room is served already")
	// ErrFatal wraps every error of the store: the state on disk is unknown, and the node has stopped.
	ErrFatal = errors.New("not made durable")
)

var codes = []struct {
	err  error
	code string
}{
	{ErrTextFrame, "text-frame"},
	{ErrTooLarge, "too-large"},
	{ErrBadMessage, "bad-message"},
	{ErrHelloFirst, "hello-first"},
	{ErrHelloTwice, "hello-twice"},
	{ErrVersion, "version"},
	{ErrWrongRoom, "wrong-room"},
	{ErrBadSync, "bad-sync"},
	{ErrSyncTimeout, "sync-timeout"},
	{ErrBadCredit, "bad-credit"},
	{ErrOverWindow, "over-window"},
	{ErrTooManyAsk, "too-many-rooms"},
	{ErrHelloTimeout, "hello-timeout"},
	{ErrReadTimeout, "read-timeout"},
	{ErrSlowReader, "slow-reader"},
	{ErrPeerClosed, "closed"},
	{ErrConnection, "broken"},
	{ErrNoRoom, "no-room"},
	{ErrSelf, "self"},
	{ErrGoingAway, "going-away"},
	{ErrDisconnected, "disconnected"},
	{ErrBusy, "busy"},
	{ErrStopped, "stopped"},
	{ErrNoAuthor, "no-author"},
	{ErrGuarded, "guarded"},
	{ErrSelfFork, "self-fork"},
	{ErrBadURL, "bad-url"},
	{ErrRoomOpen, "room-open"},
	{ErrFatal, "store-error"},
}

// Code returns the short, stable code of an error of this package or of package crdt: what the wire, the counters and
// the screen use. An error without one is "error".
func Code(err error) string {
	var coded interface{ code() string }
	if errors.As(err, &coded) {
		return coded.code()
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	if c := crdt.Code(err); c != "" {
		return c
	}
	return "error"
}

// RefuseError is why a room is not served to a peer: what HubConfig.Open returns. It ends the peer's session of that
// room only; the connection stays for its other rooms.
type RefuseError struct {
	ErrorCode string // lower-case, digits and -, at most MaxErrorCodeBytes: "room-full", "no-room"
	Text      string // for people, at most MaxErrorTextBytes
}

func (e *RefuseError) Error() string { return fmt.Sprintf("%s: %s", e.ErrorCode, e.Text) }
func (e *RefuseError) code() string  { return e.ErrorCode }

// PeerError is what a peer said in an error message. Code and text are its words, within the limits, untrusted.
type PeerError struct {
	ErrorCode string
	Text      string
}

func (e *PeerError) Error() string { return fmt.Sprintf("peer says %s: %s", e.ErrorCode, e.Text) }
func (e *PeerError) code() string  { return e.ErrorCode }

// reasonOf turns the end of a connection into what the snapshot shows.
func reasonOf(err error) Reason {
	var peer *PeerError
	if errors.As(err, &peer) {
		return Reason{Code: peer.ErrorCode, Text: peer.Text, Remote: true}
	}
	return Reason{Code: Code(err), Text: err.Error()}
}
