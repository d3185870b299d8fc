package transport

import (
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// Snapshot is all that a screen or a script may know of a room at one moment. It is immutable and may be read from any
// goroutine, for as long as wanted; the next state is another Snapshot with a greater Version. Making one costs
// nothing that grows with the length of the log.
//
// Every text in it that came from outside (PeerStatus.Agent, PeerStatus.Reason.Text, Event.Text, RoomName) is untrusted
// and as received, cut to the wire's limits: it passes the program's one sanitiser before it is shown.
type Snapshot struct {
	Version  uint64 // grows with each snapshot that is published
	Room     crdt.RoomID
	RoomName string      // the charter's name; untrusted
	Me       crdt.Author // zero if this node writes nothing (a relay, a reader)

	View    *crdt.View // document, rows, changes, forks, digests
	Pending int        // changes that wait for an ancestor; not in the View
	Unsent  int        // own durable changes that no peer has said to have stored

	Link    LinkState
	Live    int     // peers with which the last comparison was equal and that lack nothing we know of
	Of      int     // peers we are to have: those dialled for this room, and those connected to us
	CatchUp CatchUp // meaningful while Link is LinkCatchingUp

	Peers  []PeerStatus // dialled ones in the order they were added, then accepted ones by arrival
	Events []Event      // the newest MaxEvents, oldest first

	Writing  WriteState
	StoreErr error     // set if Writing is WriteStoreError: what could not be made durable, and where
	SelfFork *SelfFork // set if Writing is WriteSelfFork

	held heldSets // who has which change; see State, StoredBy, Held
}

// LinkState is the node's connection to the room as a whole, the word of the header.
type LinkState uint8

const (
	LinkOffline    LinkState = iota // no peer is configured or none is reachable; see PeerStatus.State for each
	LinkConnecting                  // at least one peer is being dialled, or has not yet said hello; none is further
	LinkCatchingUp                  // changes are on their way in; see CatchUp
	LinkLive                        // equal with Live of Of peers
)

// CatchUp is the progress of receiving what others have and we lack.
type CatchUp struct {
	Done, Total int       // changes that we hold, and the most that any peer holds; if it is a peer that lacks some: that it holds, and that we hold
	AtLeast     bool      // Total may still grow
	Since       time.Time // when it began; show a bar only if it lasts
	From        int       // Done at Since: (Done - From) / (now - Since) is the rate
}

// WriteState says whether Submit takes changes at this moment, and why not.
type WriteState uint8

const (
	WriteOpen       WriteState = iota
	WriteNoAuthor              // this node has no key: a relay or a reader
	WriteGuarded               // the store looks copied or older than what was sent: wait for a peer, or ConfirmOnlyCopy
	WriteStoreError            // a write to disk went wrong: nothing more is taken; see StoreErr
	WriteSelfFork              // our own author has forked: nothing more is taken under this key; see SelfFork
)

// SelfFork names the two changes of our own author with one prev. The way on is a new author that names the old one.
type SelfFork struct {
	Prev crdt.ChangeID
	A, B crdt.ChangeID
}

// PeerID names a peer within this process, for as long as it runs; never reused. Zero is no peer.
type PeerID uint64

// PeerState is the connection to one peer, as far as this room is concerned.
type PeerState uint8

const (
	PeerConnecting PeerState = iota // being dialled, or no hello yet
	PeerComparing                   // hello exchanged; finding out what differs
	PeerCatchingUp                  // changes under way in one or both directions; see ToReceive, ToSend
	PeerLive                        // the last comparison was equal, or all that differed has been exchanged and stored
	PeerRetry                       // not connected: dialled again at RetryAt; see Reason
	PeerClosed                      // not connected and not tried again: Reason says why; an accepted one that left
)

// String returns the state's word.
func (s PeerState) String() string {
	switch s {
	case PeerConnecting:
		return "connecting"
	case PeerComparing:
		return "comparing"
	case PeerCatchingUp:
		return "catching up"
	case PeerLive:
		return "live"
	case PeerRetry:
		return "retry"
	default:
		return "closed"
	}
}

// Role is what a peer says that it is. A claim, shown and used for nothing but to choose who counts in "sent k of m".
type Role uint8

const (
	RoleUnknown Role = iota // no hello yet; a dialled one counts as a relay until it says something else
	RoleRelay
	RoleNode
)

// String returns the role's word, empty if unknown.
func (r Role) String() string { return [...]string{"", "relay", "node"}[r] }

// Direction says who opened the connection.
type Direction uint8

const (
	Dialled  Direction = iota // by us, to Address; kept up with back-off
	Accepted                  // by the peer, to our listener
)

// PeerStatus is one peer in one room.
type PeerStatus struct {
	ID        PeerID
	Address   string // the URL that we dial, or host:port of who connected to us
	Direction Direction
	Role      Role
	Agent     string // what it calls itself; untrusted, empty before its hello

	State   PeerState
	Since   time.Time // when State was entered
	RetryAt time.Time // if State is PeerRetry
	Reason  Reason    // why it was closed or not reached the last time; zero Code: never

	Ours   int // changes that we hold
	Theirs int // changes that it holds, as it last said; -1 before its hello. A claim
	Behind int // changes of ours that it is not known to hold: 0 after an equal comparison; -1 before the first
	// Withheld counts changes that it once said to have stored and that its last comparison did not show.
	Withheld  int
	ToReceive int // what Theirs exceeds Ours by, while catching up; at least 0
	ToSend    int // sent and not yet said to be received, and what is left to send

	BytesIn, BytesOut uint64        // whole connection, since the process began; payload of websocket messages
	RTT               time.Duration // of the last ping; 0 before the first
	Refused           []RefusedCount
}

// RefusedCount counts what was refused from a peer for one reason.
type RefusedCount struct {
	Code string // the short code: bad-signature, too-large, …
	N    uint64
}

// Reason says why a connection ended or could not be made.
type Reason struct {
	Code   string // closed list of short codes (errors.go); empty: no reason, never closed
	Text   string // what, where, what to do; untrusted where Remote
	Remote bool   // the peer said it, in an error message
}

// ChangeStanding is how far one change has got.
type ChangeStanding uint8

const (
	Saving  ChangeStanding = iota // own, not yet durable here
	Unsent                        // own, durable here; no peer has said that it stored it
	Sent                          // said to be stored by By of Of peers, or named by another author's change
	Refused                       // own; a peer refused it (Reason) and none has stored it
	Foreign                       // another's, and no peer has said that it stored it (it came from somewhere, though)
)

// String returns the state's word; Foreign has none.
func (s ChangeStanding) String() string {
	return [...]string{"saving", "unsent", "sent", "refused", ""}[s]
}

// ChangeState is the state of a change in this process. By of Of peers claim to have stored it; the ones that count are
// relays, or nodes where there is no relay.
type ChangeState struct {
	Standing ChangeStanding
	By, Of   int    // if Sent: 1 <= By <= Of
	Reason   Reason // if Refused
	Peer     PeerID // if Refused: who
}

// MaxEvents bounds Snapshot.Events.
const MaxEvents = 256

// EventKind is what an Event tells.
type EventKind uint8

const (
	EventPeerLive    EventKind = iota // Peer became live (equal, or caught up)
	EventPeerClosed                   // connection to Peer ended or could not be made: Code, Text
	EventRefused                      // N packs of Peer were refused for Code (one event a second and reason at most); Author, Change if known
	EventPending                      // a pack of Peer waits for ancestors; N packs (one event a second at most); Change is one missing id
	EventExpired                      // N pending packs of Peer were given up; they are asked for again by the next comparison
	EventFork                         // Author signed two changes after one prev: Change and Other
	EventStoreError                   // a write to disk went wrong: Text. Writing is closed
	EventGuard                        // writing waits (Code "guarded") or is open again (Code "open"): Text
	EventSelfFork                     // our own author has forked: Change and Other
	EventWithheld                     // Peer no longer shows N changes that it said to have stored
	EventNoteRefused                  // Peer refused what we sent: Code, Text (its words)
	EventSalvage                      // the store was damaged: what was lost (Code "salvaged"), what waits for it ("waiting"), N changes, or is back ("recovered"): Text
)

// Event is one line of the events screen. Seq grows by one with each event of the process.
type Event struct {
	Seq     uint64
	Time    time.Time
	Kind    EventKind
	Peer    PeerID // zero: none
	Address string // of Peer
	Author  crdt.Author
	Change  crdt.ChangeID
	Other   crdt.ChangeID
	Code    string
	Text    string // untrusted if it came from the peer
	N       int
}

// State returns the state of the change at a log index of s.View (0 <= index < View.Changes(); crdt.View.ChangeAt gives
// id and author). Cost: O(peers), no allocation. A change that is in no View yet is Saving; the receipt of Submit tells.
func (s *Snapshot) State(index int) ChangeState { return s.held.state(s, index) }

// StoredBy appends the peers that claim to have stored the change at a log index.
func (s *Snapshot) StoredBy(dst []PeerID, index int) []PeerID { return s.held.storedBy(dst, index) }

// Peer returns the status of a peer, false if it is not in the snapshot.
func (s *Snapshot) Peer(id PeerID) (PeerStatus, bool) {
	for i := range s.Peers {
		if s.Peers[i].ID == id {
			return s.Peers[i], true
		}
	}
	return PeerStatus{}, false
}
