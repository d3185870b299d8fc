package oracle

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// Flags of an attestation.
const (
	FlagRounded  uint64 = 1 << iota // the price had more decimals than its unit
	FlagHalted                      // a source of the oracle's own gave no price
	FlagReplayed                    // of a recording
	FlagRevealed                    // committed to before: there is a Nonce

	flagsKnown = 1<<iota - 1
)

// An Attestation is what one oracle says that one pair's price was at one time. It
// is one literal of the feed; who says it, and what came first, the chain says.
type Attestation struct {
	Pair   string   `crdt:"pair"`
	Price  int64    `crdt:"price"`            // 1 … MaxPrice, units of 10^expo of the pair
	Spread int64    `crdt:"spread,omitempty"` // half-width that the author claims, 0 … MaxPrice; never a weight
	T      int64    `crdt:"t"`                // of the observation, Unix ms, claimed, 0 … MaxTimeMS
	Src    []Source `crdt:"src,omitempty"`    // what was read, at most MaxSources
	Flags  uint64   `crdt:"flags,omitempty"`
	Nonce  []byte   `crdt:"nonce,omitempty"` // with FlagRevealed: NonceBytes
}

// A Source is one reading behind an attestation, as its author tells it.
type Source struct {
	Name   string `crdt:"name"` // 1 … MaxSourceNameBytes bytes of UTF-8
	Price  int64  `crdt:"price"`
	T      int64  `crdt:"t"`                // Unix ms
	Volume string `crdt:"volume,omitempty"` // a decimal number as the venue wrote it, ≤ MaxVolumeBytes
	Digest []byte `crdt:"digest,omitempty"` // SHA-256 of the raw answer
}

// NonceBytes is the length of a nonce.
const NonceBytes = 16

const digestBytes = 32

// Encode is a as it lies in a change. The error is the [Reason] for which it would
// be void: an honest program never writes one. Whether the room has its pair is not
// asked.
func (a *Attestation) Encode() (crdt.Literal, error) {
	if r := a.check(); r != NotVoid {
		return nil, r
	}
	return a.append(), nil
}

// append is Encode of what was checked.
func (a *Attestation) append() []byte {
	n := 3
	for _, present := range [...]bool{len(a.Src) > 0, a.Flags != 0, len(a.Nonce) > 0, a.Spread != 0} {
		if present {
			n++
		}
	}
	b := dcbor.AppendMap(make([]byte, 0, 64+96*len(a.Src)), n)
	b = dcbor.AppendInt(dcbor.AppendText(b, "t"), a.T)
	if len(a.Src) > 0 {
		b = dcbor.AppendArray(dcbor.AppendText(b, "src"), len(a.Src))
		for i := range a.Src {
			b = a.Src[i].append(b)
		}
	}
	b = dcbor.AppendText(dcbor.AppendText(b, "pair"), a.Pair)
	if a.Flags != 0 {
		b = dcbor.AppendUint(dcbor.AppendText(b, "flags"), a.Flags)
	}
	if len(a.Nonce) > 0 {
		b = dcbor.AppendBytes(dcbor.AppendText(b, "nonce"), a.Nonce)
	}
	b = dcbor.AppendInt(dcbor.AppendText(b, "price"), a.Price)
	if a.Spread != 0 {
		b = dcbor.AppendInt(dcbor.AppendText(b, "spread"), a.Spread)
	}
	return b
}

func (s *Source) append(b []byte) []byte {
	n := 3
	if len(s.Digest) > 0 {
		n++
	}
	if s.Volume != "" {
		n++
	}
	b = dcbor.AppendMap(b, n)
	b = dcbor.AppendInt(dcbor.AppendText(b, "t"), s.T)
	b = dcbor.AppendText(dcbor.AppendText(b, "name"), s.Name)
	b = dcbor.AppendInt(dcbor.AppendText(b, "price"), s.Price)
	if len(s.Digest) > 0 {
		b = dcbor.AppendBytes(dcbor.AppendText(b, "digest"), s.Digest)
	}
	if s.Volume != "" {
		b = dcbor.AppendText(dcbor.AppendText(b, "volume"), s.Volume)
	}
	return b
}

// check is the first rule that a breaks, in the order of its keys.
func (a *Attestation) check() Reason {
	switch {
	case a.T < 0 || a.T > MaxTimeMS:
		return VoidTime
	case len(a.Src) > MaxSources:
		return VoidSources
	}
	for i := range a.Src {
		if !a.Src[i].valid() {
			return VoidSources
		}
	}
	switch {
	case !validPair(a.Pair):
		return VoidPair
	case a.Flags&^flagsKnown != 0 || (a.Flags&FlagRevealed != 0) != (len(a.Nonce) == NonceBytes) || len(a.Nonce) > 0 && len(a.Nonce) != NonceBytes:
		return VoidFlags
	case a.Price <= 0 || a.Price > MaxPrice:
		return VoidPrice
	case a.Spread < 0 || a.Spread > MaxPrice:
		return VoidSpread
	}
	return NotVoid
}

func (s *Source) valid() bool {
	return validReading(s.T, s.Price, []byte(s.Name), s.Digest, []byte(s.Volume))
}

func validReading(t, price int64, name, digest, volume []byte) bool {
	return t >= 0 && t <= MaxTimeMS && len(name) > 0 && len(name) <= MaxSourceNameBytes && utf8.Valid(name) &&
		price > 0 && price <= MaxPrice && (len(digest) == 0 || len(digest) == digestBytes) && validVolume(volume)
}

// validVolume reports whether v is digits, with at most one point between them, or
// nothing.
func validVolume(v []byte) bool {
	if len(v) > MaxVolumeBytes {
		return false
	}
	points := 0
	for i := range len(v) {
		switch c := v[i]; {
		case c == '.' && i > 0 && i < len(v)-1:
			points++
		case c < '0' || c > '9':
			return false
		}
	}
	return points <= 1
}

// ParseAttestation reads one literal of the feed. The error is the [Reason] that its
// bytes give for its being void; of a commitment it is VoidMalformed. The result
// shares nothing with l.
func ParseAttestation(l crdt.Literal) (Attestation, error) {
	var r record
	if reason := r.decode(l, nil); reason != NotVoid || r.commitment {
		if reason == NotVoid {
			reason = VoidMalformed
		}
		return Attestation{}, reason
	}
	a := Attestation{Pair: string(r.pair), Price: r.price, Spread: r.spread, T: r.t, Flags: r.flags, Nonce: append([]byte(nil), r.nonce...)}
	if r.sources > 0 {
		a.Src = make([]Source, r.sources)
		d := decoder{b: l, off: r.src}
		for i := range a.Src {
			s := d.source()
			a.Src[i] = Source{Name: string(s.name), Price: s.price, T: s.t, Volume: string(s.volume), Digest: append([]byte(nil), s.digest...)}
		}
	}
	return a, nil
}

// A record is what the log needs of one literal. Its slices alias it.
type record struct {
	pair   []byte
	index  int // of the pair in the terms; -1: not there
	t      int64
	price  int64
	spread int64
	flags  uint64
	nonce  []byte

	src, sources int // where the sources begin, and how many

	commitment bool // then t is zero, and these two are said
	slot       int64
	commit     []byte
}

// decode reads l, strictly: one map of deterministic CBOR with the keys
//
//	t  [src]  pair  [flags]  [nonce]  price  [spread]         an attestation
//	pair  slot  commit                                        a commitment
//
// in that order, which is that of RFC 8949 §4.2.1; optional values are absent, never
// zero or empty. It allocates nothing. With pairs nil no pair is looked for. A form
// that is broken anywhere is VoidMalformed; of other rules the first broken is told.
func (r *record) decode(l []byte, pairs *pairTable) Reason {
	if pairs != nil && r.decodePlain(l, pairs) {
		return NotVoid
	}
	*r = record{index: -1}
	d := decoder{b: l}
	left := d.head(majorMap)
	if r.commitment = !d.key("\x61t"); r.commitment {
		return r.decodeCommitment(&d, left, pairs)
	}
	reason := NotVoid
	if r.t = d.int(); r.t < 0 || r.t > MaxTimeMS {
		reason = VoidTime
	}
	if d.key("\x63src") {
		left--
		if !r.decodeSources(&d) && reason == NotVoid {
			reason = VoidSources
		}
	}
	if !d.key("\x64pair") {
		return VoidMalformed
	}
	if !r.decodePair(&d, pairs) && reason == NotVoid {
		reason = VoidPair
	}
	if !d.key("\x65price") {
		if !r.decodeFlags(&d, &left) && reason == NotVoid {
			reason = VoidFlags
		}
		if !d.key("\x65price") {
			return VoidMalformed
		}
	}
	if r.price = d.int(); reason == NotVoid && (r.price <= 0 || r.price > MaxPrice) {
		reason = VoidPrice
	}
	if d.off < len(l) && d.key("\x66spread") {
		left--
		r.spread = d.int()
		d.bad = d.bad || r.spread == 0
		if reason == NotVoid && (r.spread < 0 || r.spread > MaxPrice) {
			reason = VoidSpread
		}
	}
	if d.bad || left != 3 || d.off != len(l) {
		return VoidMalformed
	}
	return reason
}

// decodePlain is decode of what most literals are: no more than t, the pair that is
// expected, and a price, each of these days' size. Of others it says nothing.
func (r *record) decodePlain(l []byte, pairs *pairTable) bool {
	const start = "\xa3\x61t\x1b"
	i := pairs.next
	middle := pairs.between[i]
	at := len(start) + 8 + len(middle)
	if len(l) <= at || string(l[:len(start)]) != start || string(l[len(start)+8:at]) != middle {
		return false
	}
	t := binary.BigEndian.Uint64(l[len(start):])
	var price uint64
	switch rest := l[at:]; {
	case len(rest) == 9 && rest[0] == 0x1b:
		if price = binary.BigEndian.Uint64(rest[1:]); price>>32 == 0 {
			return false
		}
	case len(rest) == 5 && rest[0] == 0x1a:
		if price = uint64(binary.BigEndian.Uint32(rest[1:])); price>>16 == 0 {
			return false
		}
	default:
		return false
	}
	if t>>32 == 0 || t > MaxTimeMS || price > MaxPrice {
		return false
	}
	name := len(start) + 8 + len("\x64pair") + len(pairs.encoded[i]) - len(pairs.names[i])
	// To clear the rest as well, field by field, is a third of what it costs to assign a whole record.
	r.pair, r.index, r.t, r.price = l[name:name+len(pairs.names[i])], i, int64(t), int64(price)
	r.spread, r.flags, r.nonce, r.src, r.sources = 0, 0, nil, 0, 0
	r.commitment, r.slot, r.commit = false, 0, nil
	pairs.found(i)
	return true
}

// decodePair reads a pair, and reports whether it is one, of the room.
func (r *record) decodePair(d *decoder, pairs *pairTable) bool {
	if pairs != nil {
		// Mostly the pair after the last one comes.
		if i := pairs.next; d.key(pairs.encoded[i]) {
			r.pair, r.index = d.b[d.off-len(pairs.names[i]):d.off], i
			pairs.found(i)
			return true
		}
	}
	r.pair = d.text()
	if pairs == nil {
		return validPair(r.pair)
	}
	r.index = pairs.find(r.pair)
	return r.index >= 0
}

// decodeSources reads sources, and reports whether they are within bounds.
func (r *record) decodeSources(d *decoder) bool {
	n := d.head(majorArray)
	d.bad = d.bad || n == 0
	r.src, r.sources = d.off, int(n)
	good := n <= MaxSources
	for ; n > 0 && !d.bad; n-- {
		s := d.source()
		good = good && s.valid()
	}
	return good
}

// decodeFlags reads flags and nonce, and reports whether they go together.
func (r *record) decodeFlags(d *decoder, left *int64) bool {
	good := true
	if d.key("\x65flags") {
		*left--
		v := d.int()
		good = v <= flagsKnown
		d.bad = d.bad || v <= 0
		r.flags = uint64(v)
	}
	if d.key("\x65nonce") {
		*left--
		r.nonce = d.bytes()
		d.bad = d.bad || len(r.nonce) == 0
		good = good && len(r.nonce) == NonceBytes
	}
	return good && (r.flags&FlagRevealed != 0) == (r.nonce != nil)
}

func (r *record) decodeCommitment(d *decoder, left int64, pairs *pairTable) Reason {
	if !d.key("\x64pair") {
		return VoidMalformed
	}
	reason := NotVoid
	if !r.decodePair(d, pairs) {
		reason = VoidPair
	}
	if !d.key("\x64slot") {
		return VoidMalformed
	}
	if r.slot = d.int(); reason == NotVoid && (r.slot < 0 || r.slot > MaxTimeMS) {
		reason = VoidTime
	}
	if !d.key("\x66commit") {
		return VoidMalformed
	}
	if r.commit = d.bytes(); d.bad || len(r.commit) != digestBytes || left != 3 || d.off != len(d.b) {
		return VoidMalformed
	}
	return reason
}

// Major types of RFC 8949 §3.1.
const (
	majorUint  = 0 << 5
	majorNeg   = 1 << 5
	majorBytes = 2 << 5
	majorText  = 3 << 5
	majorArray = 4 << 5
	majorMap   = 5 << 5
)

// A decoder reads deterministic CBOR as [dcbor.Reader] does, but keeps no reason:
// bad says that something was broken. It is this small because a day of 31 oracles
// and 10 pairs is 27 million attestations. The tests hold it against dcbor.
type decoder struct {
	b   []byte
	off int
	bad bool
}

// key steps over the encoded text k if it comes next.
func (d *decoder) key(k string) bool {
	if rest := d.b[d.off:]; len(rest) >= len(k) && string(rest[:len(k)]) == k {
		d.off += len(k)
		return true
	}
	return false
}

// head reads a head of that major type. After a broken one it is 0.
func (d *decoder) head(major byte) int64 {
	if d.off >= len(d.b) || d.b[d.off]&0xe0 != major {
		d.bad = true
		return 0
	}
	return d.number()
}

// number is the argument of the head at off, which is there. Beyond int64, or in a
// longer form than needed, it is broken, and 0.
func (d *decoder) number() int64 {
	b := d.b[d.off:]
	low := b[0] & 0x1f
	if low < 24 {
		d.off++
		return int64(low)
	}
	var n, least uint64
	size := 0
	switch {
	case low == 24 && len(b) >= 2:
		size, n, least = 2, uint64(b[1]), 24
	case low == 25 && len(b) >= 3:
		size, n, least = 3, uint64(b[1])<<8|uint64(b[2]), 1<<8
	case low == 26 && len(b) >= 5:
		size, n, least = 5, uint64(b[1])<<24|uint64(b[2])<<16|uint64(b[3])<<8|uint64(b[4]), 1<<16
	case low == 27 && len(b) >= 9:
		size, least = 9, 1<<32
		n = uint64(b[1])<<56 | uint64(b[2])<<48 | uint64(b[3])<<40 | uint64(b[4])<<32 | uint64(b[5])<<24 | uint64(b[6])<<16 | uint64(b[7])<<8 | uint64(b[8])
	}
	if size == 0 || n < least || n > 1<<63-1 {
		d.bad = true
		return 0
	}
	d.off += size
	return int64(n)
}

// int reads an integer.
func (d *decoder) int() int64 {
	if d.off < len(d.b) && d.b[d.off]&0xe0 == majorNeg {
		return -1 - d.number()
	}
	return d.head(majorUint)
}

func (d *decoder) bytes() []byte { return d.str(majorBytes) }

func (d *decoder) text() []byte {
	s := d.str(majorText)
	if !utf8.Valid(s) {
		d.bad = true
	}
	return s
}

func (d *decoder) str(major byte) []byte {
	n := d.head(major)
	if n > int64(len(d.b)-d.off) {
		d.bad = true
	}
	if d.bad {
		return nil
	}
	s := d.b[d.off : d.off+int(n) : d.off+int(n)]
	d.off += int(n)
	return s
}

// A reading is a [Source] that aliases its literal.
type reading struct {
	t, price             int64
	name, digest, volume []byte
}

// source reads one source.
func (d *decoder) source() (s reading) {
	left := d.head(majorMap) - 3
	d.bad = d.bad || !d.key("\x61t")
	s.t = d.int()
	d.bad = d.bad || !d.key("\x64name")
	s.name = d.text()
	d.bad = d.bad || !d.key("\x65price")
	s.price = d.int()
	if d.key("\x66digest") {
		left--
		s.digest = d.bytes()
		d.bad = d.bad || len(s.digest) == 0
	}
	if d.key("\x66volume") {
		left--
		s.volume = d.text()
		d.bad = d.bad || len(s.volume) == 0
	}
	d.bad = d.bad || left != 0
	return s
}

func (s *reading) valid() bool {
	return validReading(s.t, s.price, s.name, s.digest, s.volume)
}
