package live

import "time"

// What the processes may take at most while they are attacked. None is near what they need: each is a small multiple of the
// bounds that docs/limits.md lists, since Go's collector lets garbage grow to the size of what lives.
const (
	// maxRelayBytes is of memory: 32 MiB of pending packs a room, 64 MiB in all of the queues of a few peers, and as much garbage.
	maxRelayBytes = 320 << 20
	// maxNodeBytes is of memory: one room, so 32 MiB of pending packs, its document, the queues of ten peers, and as much garbage.
	maxNodeBytes = 256 << 20
	// maxFileBytes is of one room's file: what the greatest attack puts there is 6 MiB, and bbolt keeps free pages.
	maxFileBytes = 24 << 20
	// maxEdit is how long an honest edit may take from one node over the relay to the other, after the attack; it takes some
	// milliseconds on a machine with nothing else to do.
	maxEdit = 10 * time.Second

	// patience is when a wait for something that must come is given up. It decides nothing else.
	patience = 20 * time.Second
	// slowPatience is for what waits for a timeout of the victim: at most the 158 s that a comparison may stand still.
	slowPatience = 200 * time.Second
	// calm is how long attackers must have had nothing to say for the attack to be through. What they have said by then was
	// credited, so it decides nothing but the order of the attack and the edit after it.
	calm = 100 * time.Millisecond
	// horizon is how far ahead an attacker's next deadline may lie for the attack not to be through.
	horizon = 3 * time.Second

	// honestEdits is how many edits each honest node makes during an attack among honest traffic.
	honestEdits = 25
)
