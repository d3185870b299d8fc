package relay

import (
	"time"

	"github.com/tallystick/tallystick/transport"
)

// Policy is what a relay gives to those that it does not know: everybody. The zero value of a field means its default.
//
// Admission charges the connection that delivers, or the room as a whole. No limit leaves out one author or one change
// of a room that is served: any honest change may link it.
type Policy struct {
	MaxRooms      int   // kept on disk; a further one is refused with `rooms-full`
	MaxOpenRooms  int   // in memory at a time; beyond, idle ones are closed early, and if there is none: `relay-busy`
	MaxRoomBytes  int64 // of one room's file and 192 for each change, about its memory; a room that has reached it is closed, and refused with `room-full`
	MaxOpenBytes  int64 // of all open rooms, counted as for MaxRoomBytes: beyond, as MaxOpenRooms
	MaxTotalBytes int64 // of all rooms' files, damaged ones that are kept among them; beyond, no new room is made: `rooms-full`
	MaxOpening    int   // stores that are read and checked at a time; others wait

	MaxConnections        int // TCP connections at a time; beyond, HTTP status 503
	MaxConnectionsPerAddr int // of one IPv4 address or IPv6 /64; beyond, HTTP status 429. Loopback is exempt unless LimitLoopback
	MaxRefusing           int // connections beyond the two limits above that get an answer; more are closed without a word
	MaxRoomsPerConnection int // that one connection may name

	// Rates in bytes a second, each with a burst of four seconds. What exceeds one makes the connection that delivers it
	// wait; nothing is refused for it. Loopback is exempt unless LimitLoopback.
	ConnBytesPerSecond   int64 // that one connection may send
	AddrBytesPerSecond   int64 // that all connections of one address may send, as for MaxConnectionsPerAddr
	AuthorBytesPerSecond int64 // of one author's new changes, by whomever they come

	// What waits for a parent in all rooms together. While they hold more, a room keeps no more than the floor.
	MaxPendingBytes   int64
	PendingFloorBytes int64

	// LimitLoopback makes limits by address and rates count local connections too. A proxy on the same host makes all of
	// its clients look local.
	LimitLoopback bool

	Handshake      time.Duration // from the TCP connection to the end of the HTTP request, and from there to the first hello
	MaxHeaderBytes int           // of an HTTP request
	IdleRoom       time.Duration // without a connected peer, until a room is closed
	RetryStore     time.Duration // until a room whose store went wrong is opened again
	Drain          time.Duration // for an orderly end
}

// DefaultPolicy returns the policy of a relay that sets none.
func DefaultPolicy() Policy {
	return Policy{
		MaxRooms:      4096,
		MaxOpenRooms:  256,
		MaxRoomBytes:  512 << 20,
		MaxOpenBytes:  2 << 30,
		MaxTotalBytes: 16 << 30,
		MaxOpening:    4,

		MaxConnections:        4096,
		MaxConnectionsPerAddr: 64,
		MaxRefusing:           64,
		MaxRoomsPerConnection: 64,

		ConnBytesPerSecond:   8 << 20,
		AddrBytesPerSecond:   32 << 20,
		AuthorBytesPerSecond: 4 << 20,

		MaxPendingBytes:   128 << 20,
		PendingFloorBytes: 1 << 20,

		Handshake:      10 * time.Second,
		MaxHeaderBytes: 8 << 10,
		IdleRoom:       5 * time.Minute,
		RetryStore:     30 * time.Second,
		Drain:          10 * time.Second,
	}
}

// withDefaults fills in the fields that are zero.
func (p Policy) withDefaults() Policy {
	d := DefaultPolicy()
	for _, f := range []struct{ v, d *int }{
		{&p.MaxRooms, &d.MaxRooms},
		{&p.MaxOpenRooms, &d.MaxOpenRooms},
		{&p.MaxOpening, &d.MaxOpening},
		{&p.MaxConnections, &d.MaxConnections},
		{&p.MaxConnectionsPerAddr, &d.MaxConnectionsPerAddr},
		{&p.MaxRefusing, &d.MaxRefusing},
		{&p.MaxRoomsPerConnection, &d.MaxRoomsPerConnection},
		{&p.MaxHeaderBytes, &d.MaxHeaderBytes},
	} {
		if *f.v == 0 {
			*f.v = *f.d
		}
	}
	for _, f := range []struct{ v, d *int64 }{
		{&p.MaxRoomBytes, &d.MaxRoomBytes},
		{&p.MaxOpenBytes, &d.MaxOpenBytes},
		{&p.MaxTotalBytes, &d.MaxTotalBytes},
		{&p.ConnBytesPerSecond, &d.ConnBytesPerSecond},
		{&p.AddrBytesPerSecond, &d.AddrBytesPerSecond},
		{&p.AuthorBytesPerSecond, &d.AuthorBytesPerSecond},
		{&p.MaxPendingBytes, &d.MaxPendingBytes},
		{&p.PendingFloorBytes, &d.PendingFloorBytes},
	} {
		if *f.v == 0 {
			*f.v = *f.d
		}
	}
	for _, f := range []struct{ v, d *time.Duration }{
		{&p.Handshake, &d.Handshake},
		{&p.IdleRoom, &d.IdleRoom},
		{&p.RetryStore, &d.RetryStore},
		{&p.Drain, &d.Drain},
	} {
		if *f.v == 0 {
			*f.v = *f.d
		}
	}
	return p
}

// apply puts what the policy says about single connections into the limits of the hub.
func (p Policy) apply(l transport.Limits) transport.Limits {
	l.HelloTimeout = p.Handshake
	l.Connections = p.MaxConnections
	l.RoomsPerConn = p.MaxRoomsPerConnection
	return l
}
