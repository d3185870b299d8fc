package relay

import (
	"errors"
	"fmt"

	"github.com/tallystick/tallystick/transport"
)

// Starting and ending.
var (
	// ErrDataLocked: another relay runs on the data folder.
	ErrDataLocked = errors.New("another relay uses the data folder")
	// ErrDataFolder: the data folder cannot be used.
	ErrDataFolder = errors.New("data folder")
	// ErrListen: the address cannot be listened on. The cause is wrapped, such as syscall.EADDRINUSE.
	ErrListen = errors.New("listen")
	// ErrDrain: not everything had ended when Policy.Drain was over. What was acknowledged is on disk all the same.
	ErrDrain = errors.New("drain took too long")
	// ErrClosed: Run was called after Close, or twice.
	ErrClosed = errors.New("relay is closed")
)

// Codes of what a relay refuses, besides those of package transport.
const (
	CodeRoomsFull  = "rooms-full"
	CodeRoomFull   = "room-full"
	CodeBusy       = "relay-busy"
	CodeStoreError = "relay-store"
)

func refuseRooms(limit string) error {
	return &transport.RefuseError{ErrorCode: CodeRoomsFull, Text: "this relay keeps " + limit + " and takes no new room: use another relay"}
}

func refuseFull(limit int64) error {
	return &transport.RefuseError{ErrorCode: CodeRoomFull, Text: fmt.Sprintf("the room has reached %d bytes, the most that this relay keeps of one: use another relay, or a new room", limit)}
}

func refuseBusy() error {
	return &transport.RefuseError{ErrorCode: CodeBusy, Text: "this relay has as many rooms open as it can: try again later"}
}

func refuseStore() error {
	return &transport.RefuseError{ErrorCode: CodeStoreError, Text: "this relay cannot read or write its store of the room: tell who runs it, or use another relay"}
}

func refuseLeaving() error {
	return &transport.RefuseError{ErrorCode: transport.Code(transport.ErrGoingAway), Text: "this relay is shutting down: try again later"}
}
