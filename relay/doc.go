// Package relay is the headless server: it stores and forwards the packs of any number of rooms and writes none.
//
// A relay is a [transport.Hub] whose rooms are opened on demand. Each room is a [transport.Node] without a key on a store
// file of its own, so a relay checks everything that a node checks, and can forge nothing:
//
//	DATA/lock             held while a relay runs on the folder
//	DATA/rooms/ROOM.db    one file a room; ROOM is the room's id, 64 hex digits
//
// A room is opened when the first peer names it, and closed again when nobody has been connected to it for
// [Policy].IdleRoom. What it holds stays on disk. What a peer can cost is bounded by [Policy], each bound a named field; the bounds
// of messages and connections are in [transport.Limits].
//
// To embed one:
//
//	r, err := relay.New(relay.Config{Addr: "127.0.0.1:8080", Data: dir})
//	if err != nil { … }
//	err = r.Run(ctx)
package relay
