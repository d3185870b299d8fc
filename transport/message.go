package transport

import (
	"fmt"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// Types of messages, the first item of each. Those of [greaseFirst, greaseLast] are ignored, and one is sent at times,
// so that peers stay able to skip what they do not know (RFC 8701). All others are refused.
const (
	typeHello uint64 = iota
	typeTips
	typePacks
	typeNeed
	typeStored
	typePresence
	typeError

	greaseFirst uint64 = 32
	greaseLast  uint64 = 63
)

// Forms of a tips message.
const (
	formFingerprint uint64 = iota // the fingerprint of all tips: opens or answers a round
	formBuckets                   // the 256 sub-fingerprints of a bucket
	formTips                      // tips of a bucket by name
	formHeld                      // those tips of the other side's formTips that this side holds as well
)

// Message is one decoded message. It aliases the frame that it was read from.
type Message struct {
	Room crdt.RoomID
	Body Body
}

// Body is one of *Hello, *Tips, Packs, Need, *Stored, Presence, *PeerError, Grease.
type Body interface {
	kind() uint64
	// append appends the items after type and room.
	append(dst []byte) []byte
	items() int
}

// Hello opens a room on a connection, once in each direction.
type Hello struct {
	Charter     []byte // its hash is the room
	Agent       string // who speaks: "tallystick relay 0.1.0"; the second word is the role
	Count       uint64 // changes that the speaker holds: a hint
	Fingerprint [32]byte
}

// Tips is a statement in a round of comparison about the bucket Prefix.
type Tips struct {
	Round  uint64
	Prefix []byte
	Form   uint64

	Count       uint64          // formFingerprint: changes held, a hint
	Fingerprint [32]byte        // formFingerprint
	Buckets     *[256][32]byte  // formBuckets
	More        bool            // formTips, formHeld: the statement goes on in the next message
	Tips        []Tip           // formTips
	Held        []crdt.ChangeID // formHeld
}

// Tip is the newest change of one branch.
type Tip struct {
	Author crdt.Author
	ID     crdt.ChangeID
	Seq    uint64          // a hint
	Back   []crdt.ChangeID // the changes 1, 2, 4, … before it on its chain
}

// Packs carries packs in the order in which they can be accepted.
type Packs [][]byte

// Need asks for the packs that hold these changes.
type Need []crdt.ChangeID

// Stored says how many packs messages were processed since the connection began, and what is durable of them.
type Stored struct {
	Credit uint64
	Ends   []AuthorEnds
}

// AuthorEnds are the newest durable changes of an author's branches; all before them on their chains are durable too.
type AuthorEnds struct {
	Author crdt.Author
	IDs    []crdt.ChangeID
}

// Presence is reserved: short-lived, never stored. It is checked and ignored.
type Presence []byte

// Grease is a message of a type that is ignored.
type Grease uint64

func (*Hello) kind() uint64     { return typeHello }
func (*Tips) kind() uint64      { return typeTips }
func (Packs) kind() uint64      { return typePacks }
func (Need) kind() uint64       { return typeNeed }
func (*Stored) kind() uint64    { return typeStored }
func (Presence) kind() uint64   { return typePresence }
func (*PeerError) kind() uint64 { return typeError }
func (g Grease) kind() uint64   { return uint64(g) }

func (*Hello) items() int     { return 5 }
func (*Tips) items() int      { return 4 }
func (Packs) items() int      { return 1 }
func (Need) items() int       { return 1 }
func (*Stored) items() int    { return 2 }
func (Presence) items() int   { return 1 }
func (*PeerError) items() int { return 2 }
func (Grease) items() int     { return 1 }

// AppendMessage appends the encoding of a message: the array [type, room, …].
func AppendMessage(dst []byte, room crdt.RoomID, b Body) []byte {
	dst = dcbor.AppendArray(dst, 2+b.items())
	dst = dcbor.AppendUint(dst, b.kind())
	dst = dcbor.AppendBytes(dst, room[:])
	return b.append(dst)
}

func (h *Hello) append(dst []byte) []byte {
	dst = dcbor.AppendUint(dst, Version)
	dst = dcbor.AppendBytes(dst, h.Charter)
	dst = dcbor.AppendText(dst, h.Agent)
	dst = dcbor.AppendUint(dst, h.Count)
	return dcbor.AppendBytes(dst, h.Fingerprint[:])
}

func (t *Tips) append(dst []byte) []byte {
	dst = dcbor.AppendUint(dst, t.Round)
	dst = dcbor.AppendBytes(dst, t.Prefix)
	dst = dcbor.AppendUint(dst, t.Form)
	switch t.Form {
	case formFingerprint:
		dst = dcbor.AppendArray(dst, 2)
		dst = dcbor.AppendUint(dst, t.Count)
		return dcbor.AppendBytes(dst, t.Fingerprint[:])
	case formBuckets:
		dst = dcbor.AppendArray(dst, len(t.Buckets))
		for i := range t.Buckets {
			dst = dcbor.AppendBytes(dst, t.Buckets[i][:])
		}
		return dst
	case formTips:
		dst = dcbor.AppendArray(dst, 2)
		dst = dcbor.AppendBool(dst, t.More)
		dst = dcbor.AppendArray(dst, len(t.Tips))
		for i := range t.Tips {
			tip := &t.Tips[i]
			dst = dcbor.AppendArray(dst, 4)
			dst = dcbor.AppendBytes(dst, tip.Author[:])
			dst = dcbor.AppendBytes(dst, tip.ID[:])
			dst = dcbor.AppendUint(dst, tip.Seq)
			dst = appendIDs(dst, tip.Back)
		}
		return dst
	case formHeld:
		dst = dcbor.AppendArray(dst, 2)
		dst = dcbor.AppendBool(dst, t.More)
		return appendIDs(dst, t.Held)
	default:
		panic(fmt.Sprintf("transport: internal error: tips of form %d", t.Form))
	}
}

func (p Packs) append(dst []byte) []byte {
	dst = dcbor.AppendArray(dst, len(p))
	for _, pack := range p {
		dst = dcbor.AppendBytes(dst, pack)
	}
	return dst
}

func (n Need) append(dst []byte) []byte { return appendIDs(dst, n) }

func (s *Stored) append(dst []byte) []byte {
	dst = dcbor.AppendUint(dst, s.Credit)
	dst = dcbor.AppendArray(dst, len(s.Ends))
	for i := range s.Ends {
		dst = dcbor.AppendArray(dst, 2)
		dst = dcbor.AppendBytes(dst, s.Ends[i].Author[:])
		dst = appendIDs(dst, s.Ends[i].IDs)
	}
	return dst
}

func (p Presence) append(dst []byte) []byte { return dcbor.AppendBytes(dst, p) }

func (e *PeerError) append(dst []byte) []byte {
	dst = dcbor.AppendText(dst, e.ErrorCode)
	return dcbor.AppendText(dst, e.Text)
}

func (g Grease) append(dst []byte) []byte { return dcbor.AppendNull(dst) }

func appendIDs(dst []byte, ids []crdt.ChangeID) []byte {
	dst = dcbor.AppendArray(dst, len(ids))
	for i := range ids {
		dst = dcbor.AppendBytes(dst, ids[i][:])
	}
	return dst
}

// DecodeMessage reads one message and checks every limit of it. It allocates in proportion to the frame, whatever the
// frame claims. The message aliases frame. The errors wrap [ErrBadMessage], [ErrTooLarge] or [ErrVersion]; the room is
// returned with an error too, if it was read so far.
func DecodeMessage(frame []byte) (Message, error) {
	var m Message
	if len(frame) > MaxFrameBytes {
		return m, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(frame), MaxFrameBytes)
	}
	r := dcbor.NewReader(frame)
	items := r.Array()
	kind := r.Uint()
	m.Room = r.Bytes32()
	if err := r.Err(); err != nil {
		return m, badMessage(err)
	}
	limit := MaxControlBytes
	switch kind {
	case typePacks:
		limit = MaxFrameBytes
	case typeHello:
		limit = MaxHelloBytes
	}
	if len(frame) > limit {
		return m, fmt.Errorf("%w: message of type %d has %d bytes, at most %d", ErrTooLarge, kind, len(frame), limit)
	}
	var err error
	switch kind {
	case typeHello:
		m.Body, err = decodeHello(&r)
	case typeTips:
		m.Body, err = decodeTips(&r)
	case typePacks:
		m.Body, err = decodePacks(&r)
	case typeNeed:
		m.Body, err = decodeNeed(&r)
	case typeStored:
		m.Body, err = decodeStored(&r)
	case typePresence:
		m.Body, err = decodePresence(&r)
	case typeError:
		m.Body, err = decodeError(&r)
	default:
		if kind < greaseFirst || kind > greaseLast || items < 2 {
			return m, fmt.Errorf("%w: type %d", ErrBadMessage, kind)
		}
		m.Body = Grease(kind) // what follows is of a later version: not looked at
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if err := r.Done(); err != nil {
		return m, badMessage(err)
	}
	if want := 2 + m.Body.items(); items != want {
		return m, fmt.Errorf("%w: %d items of type %d, want %d", ErrBadMessage, items, kind, want)
	}
	return m, nil
}

func badMessage(err error) error { return fmt.Errorf("%w: %w", ErrBadMessage, err) }

func overLimit(what string, got, limit int) error {
	return fmt.Errorf("%w: %d %s, at most %d", ErrBadMessage, got, what, limit)
}

func decodeHello(r *dcbor.Reader) (*Hello, error) {
	version := r.Uint()
	if err := r.Err(); err != nil {
		return nil, badMessage(err)
	}
	if version != Version {
		return nil, fmt.Errorf("%w: %d, this program speaks %d", ErrVersion, version, Version)
	}
	h := &Hello{Charter: r.Bytes(), Agent: r.Text(), Count: r.Uint(), Fingerprint: r.Bytes32()}
	if err := r.Err(); err != nil {
		return nil, badMessage(err)
	}
	if len(h.Charter) > crdt.MaxCharterBytes {
		return nil, overLimit("bytes of charter", len(h.Charter), crdt.MaxCharterBytes)
	}
	if len(h.Agent) > MaxAgentBytes {
		return nil, overLimit("bytes of agent", len(h.Agent), MaxAgentBytes)
	}
	return h, nil
}

func decodeTips(r *dcbor.Reader) (*Tips, error) {
	t := &Tips{Round: r.Uint(), Prefix: r.Bytes(), Form: r.Uint()}
	if err := r.Err(); err != nil {
		return nil, badMessage(err)
	}
	if len(t.Prefix) > MaxPrefixBytes {
		return nil, overLimit("bytes of prefix", len(t.Prefix), MaxPrefixBytes)
	}
	switch t.Form {
	case formFingerprint:
		r.ArrayN(2)
		t.Count = r.Uint()
		t.Fingerprint = r.Bytes32()
		if r.Err() == nil && len(t.Prefix) != 0 {
			return nil, fmt.Errorf("%w: fingerprint of a bucket, not of all", ErrBadMessage)
		}
	case formBuckets:
		r.ArrayN(256)
		if r.Err() != nil {
			break
		}
		t.Buckets = new([256][32]byte)
		for i := range t.Buckets {
			t.Buckets[i] = r.Bytes32()
		}
	case formTips:
		r.ArrayN(2)
		t.More = r.Bool()
		var err error
		if t.Tips, err = decodeTipList(r); err != nil {
			return nil, err
		}
	case formHeld:
		r.ArrayN(2)
		t.More = r.Bool()
		t.Held = decodeIDs(r)
	default:
		return nil, fmt.Errorf("%w: tips of form %d", ErrBadMessage, t.Form)
	}
	if err := r.Err(); err != nil {
		return nil, badMessage(err)
	}
	return t, nil
}

// Least bytes of what is repeated, so that a count is checked before anything is allocated for it.
const (
	idBytes       = 2 + 32
	tipBytes      = 1 + 34 + 34 + 1 + 1
	authorIDBytes = 1 + 34 + 1
	packBytes     = 2
)

// count reads the head of an array whose items take at least itemBytes each.
func count(r *dcbor.Reader, itemBytes int) int {
	n := r.Array()
	if n > r.Remaining()/itemBytes {
		r.Fail(dcbor.ErrTruncated)
		return 0
	}
	return n
}

func decodeTipList(r *dcbor.Reader) ([]Tip, error) {
	n := count(r, tipBytes)
	tips := make([]Tip, n)
	for i := range tips {
		t := &tips[i]
		r.ArrayN(4)
		t.Author = r.Bytes32()
		t.ID = r.Bytes32()
		t.Seq = r.Uint()
		t.Back = decodeIDs(r)
		if len(t.Back) > MaxBack {
			return nil, overLimit("ids before a tip", len(t.Back), MaxBack)
		}
	}
	return tips, nil
}

func decodeIDs(r *dcbor.Reader) []crdt.ChangeID {
	n := count(r, idBytes)
	if n == 0 {
		return nil
	}
	ids := make([]crdt.ChangeID, n)
	for i := range ids {
		ids[i] = r.Bytes32()
	}
	return ids
}

func decodePacks(r *dcbor.Reader) (Packs, error) {
	n := count(r, packBytes)
	if n > MaxPacksPerMessage {
		return nil, overLimit("packs in a message", n, MaxPacksPerMessage)
	}
	packs := make(Packs, n)
	total := 0
	for i := range packs {
		packs[i] = r.Bytes()
		total += len(packs[i])
		if r.Err() == nil && len(packs[i]) == 0 {
			return nil, fmt.Errorf("%w: empty pack", ErrBadMessage)
		}
	}
	if err := r.Err(); err != nil {
		return nil, badMessage(err)
	}
	if n == 0 {
		return nil, fmt.Errorf("%w: no packs", ErrBadMessage)
	}
	if total > crdt.MaxPackBytes {
		return nil, overLimit("bytes of packs", total, crdt.MaxPackBytes)
	}
	return packs, nil
}

func decodeNeed(r *dcbor.Reader) (Need, error) {
	ids := decodeIDs(r)
	if err := r.Err(); err != nil {
		return nil, badMessage(err)
	}
	if len(ids) > MaxNeedIDs {
		return nil, overLimit("ids in a need", len(ids), MaxNeedIDs)
	}
	return ids, nil
}

func decodeStored(r *dcbor.Reader) (*Stored, error) {
	s := &Stored{Credit: r.Uint()}
	s.Ends = make([]AuthorEnds, count(r, authorIDBytes))
	for i := range s.Ends {
		r.ArrayN(2)
		s.Ends[i] = AuthorEnds{Author: r.Bytes32(), IDs: decodeIDs(r)}
	}
	if err := r.Err(); err != nil {
		return nil, badMessage(err)
	}
	return s, nil
}

func decodePresence(r *dcbor.Reader) (Presence, error) {
	p := r.Bytes()
	if err := r.Err(); err != nil {
		return nil, badMessage(err)
	}
	if len(p) > MaxPresenceBytes {
		return nil, overLimit("bytes of presence", len(p), MaxPresenceBytes)
	}
	return p, nil
}

func decodeError(r *dcbor.Reader) (*PeerError, error) {
	e := &PeerError{ErrorCode: r.Text(), Text: r.Text()}
	if err := r.Err(); err != nil {
		return nil, badMessage(err)
	}
	if len(e.ErrorCode) > MaxErrorCodeBytes || len(e.Text) > MaxErrorTextBytes {
		return nil, fmt.Errorf("%w: error of %d and %d bytes, at most %d and %d", ErrBadMessage, len(e.ErrorCode), len(e.Text), MaxErrorCodeBytes, MaxErrorTextBytes)
	}
	for _, b := range []byte(e.ErrorCode) {
		if (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' {
			return nil, fmt.Errorf("%w: error code %q", ErrBadMessage, e.ErrorCode)
		}
	}
	return e, nil
}

// cutText cuts s to at most max bytes of valid UTF-8.
func cutText(s string, max int) string {
	if !utf8.ValidString(s) {
		s = fmt.Sprintf("%q", s)
	}
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}
