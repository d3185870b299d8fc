package byz

import (
	"context"
	"net"
	"slices"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// A Wire is an attack below the protocol's messages: it needs a socket of its own, so it runs against real processes only.
type Wire struct {
	Class Class
	Name  string // unique: "transport/text-frame"
	What  string // what is tried, in a line
	// Run attacks the target until it is through. The error says where the victim did not answer as it must.
	Run  func(context.Context, *Target) error
	Want Want
	// Relay says that only a relay is attacked: a node serves one room and has no admission.
	Relay bool
	// Slow says that it waits for a timeout of the victim of ten seconds or more.
	Slow bool
	// Heavy says that it uses up what a victim has for all: no other attack is run beside it.
	Heavy bool
}

// A Target is the victim of a Wire attack.
type Target struct {
	Addr string // host:port
	Room *Room
	// Relay says that the victim is a relay.
	Relay bool
	// Dial makes a TCP connection to the victim; what it says of that connection's end counts as the attacker's.
	Dial func(context.Context) (net.Conn, error)
	// Told takes the code of an error that the victim has said on a connection.
	Told func(nc net.Conn, code string)
	// AwaitEnd waits until the victim says that it has ended that connection, which is read by nobody.
	AwaitEnd func(context.Context, net.Conn) error
}

// Wires lists the attacks that need a socket.
func Wires() []Wire {
	return slices.Concat(handshakeWires, frameWires, floodWires, terminalWires)
}

// hello is the message that opens the target's room, of one who has nothing.
func (t *Target) hello() []byte { return helloFor(t.Room.Charter) }

// roomHello is a hello for another room: an open ledger of that name.
func roomHello(name string) []byte { return helloFor(crdt.OpenLedger(name)) }

func helloFor(c crdt.Charter) []byte {
	return transport.AppendMessage(nil, c.ID(), &transport.Hello{Charter: c.Append(nil), Agent: "tallystick node 1.0.0"})
}
