// Package profile is a person on this machine: the name, the secret key, the
// config, and where all of it lies.
//
//	$XDG_CONFIG_HOME/tallystick/config.toml          config, written by the user; see [Config]
//	$XDG_DATA_HOME/tallystick/people/NAME/key        secret key, 0600
//	$XDG_DATA_HOME/tallystick/people/NAME/lock       held while NAME runs
//	$XDG_DATA_HOME/tallystick/people/NAME/last-ROOM  see store.Last
//	$XDG_DATA_HOME/tallystick/people/NAME/rooms/ROOM.db
//	$XDG_DATA_HOME/tallystick/people/NAME/contacts.toml  whom NAME calls what; see [Person.Contacts]
//	$XDG_DATA_HOME/tallystick/people/NAME/rooms.toml     rooms that NAME has joined; see [Person.Joined]
//
// ROOM is the first 16 hex digits of the room's id. Folders are made with mode
// 0700 when they are first needed. A variable that is unset or empty means
// the system's default (on Linux ~/.config and ~/.local/share); one that is no
// absolute path is an error, so that nothing is written where nobody looks.
//
// # The key file
//
//	# tallystick key of author 5f1c…(64 hex digits); whoever has it can write as this author
//	tallystick-secret-key-1 (64 hex digits: the Ed25519 seed)
//
// Two lines, byte for byte. The author is there so that a flipped bit in the
// seed shows, rather than making another author. The file is written once and
// never changed or replaced.
//
// Functions here are safe for concurrent use, if nobody changes the environment
// meanwhile.
package profile
