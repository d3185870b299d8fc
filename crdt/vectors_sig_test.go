package crdt_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"filippo.io/edwards25519"

	"github.com/tallystick/tallystick/crdt"
)

// Keys and signatures at the edges of ZIP 215, made by hand with the curve.

func mustHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustPoint(t testing.TB, b []byte) *edwards25519.Point {
	t.Helper()
	p, err := new(edwards25519.Point).SetBytes(b)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	return p
}

// order8 is a point of order 8.
const order8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"

// hand is a secret scalar and the key that is shown for it.
type hand struct {
	secret *edwards25519.Scalar
	key    []byte
}

func newHand(t testing.TB, torsion bool) hand {
	t.Helper()
	h := sha512.Sum512([]byte("tallystick test hand"))
	secret, err := edwards25519.NewScalar().SetBytesWithClamping(h[:32])
	if err != nil {
		t.Fatal(err)
	}
	p := new(edwards25519.Point).ScalarBaseMult(secret)
	if torsion {
		p.Add(p, mustPoint(t, mustHex(t, order8)))
	}
	return hand{secret, p.Bytes()}
}

// sign makes a signature with r·B + extra, or the encoding that is given, as R.
func (h hand) sign(t testing.TB, message []byte, r *edwards25519.Scalar, encoded []byte) []byte {
	t.Helper()
	sum := sha512.Sum512(slices.Concat(encoded, h.key, message))
	k, err := edwards25519.NewScalar().SetUniformBytes(sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return append(slices.Clone(encoded), edwards25519.NewScalar().MultiplyAdd(k, h.secret, r).Bytes()...)
}

func (m *maker) signatures() {
	l := newMill(m.t, crdt.Ledger)
	one := edwards25519.NewScalar()
	nonce := sha512.Sum512([]byte("nonce"))
	r, err := edwards25519.NewScalar().SetUniformBytes(nonce[:])
	if err != nil {
		m.t.Fatal(err)
	}
	R := new(edwards25519.Point).ScalarBaseMult(r)
	torsionR := new(edwards25519.Point).Add(R, mustPoint(m.t, mustHex(m.t, order8))).Bytes()
	plain, mixed := newHand(m.t, false), newHand(m.t, true)
	run := func(h hand) (refRun, []byte) {
		run := refRun{author: hash32(h.key), prev: l.room, payloads: [][]byte{refPayload(0, nil, noOps)}}
		return run, refSigned(l.room, run.last(l.room))
	}
	add := func(name, comment, expect string, h hand, sign func(message []byte) []byte) {
		run, message := run(h)
		run.sig = sign(message)
		m.pack("sig-"+name, comment, expect, l.charter, refPack{run}.frame())
	}
	add("plain", "Made by hand, with nothing odd.", "accepted", plain, func(b []byte) []byte { return plain.sign(m.t, b, r, R.Bytes()) })
	add("torsion-in-r", "R has a component of order 8: good by the cofactored equation that ZIP 215 asks for.", "accepted", plain,
		func(b []byte) []byte { return plain.sign(m.t, b, r, torsionR) })
	add("torsion-in-key", "The key has a component of order 8, and a large order.", "accepted", mixed,
		func(b []byte) []byte { return mixed.sign(m.t, b, r, R.Bytes()) })
	add("torsion-in-both", "Key and R have components of order 8.", "accepted", mixed,
		func(b []byte) []byte { return mixed.sign(m.t, b, r, torsionR) })
	add("non-canonical-r", "R is the identity with y = p + 1: ZIP 215 takes it.", "accepted", plain,
		func(b []byte) []byte {
			return plain.sign(m.t, b, one, mustHex(m.t, "ee"+strings.Repeat("ff", 30)+"7f"))
		})
	add("negative-zero-r", "R is the identity with the sign of x set: ZIP 215 takes it.", "accepted", plain,
		func(b []byte) []byte {
			return plain.sign(m.t, b, one, mustHex(m.t, "01"+strings.Repeat("00", 30)+"80"))
		})
	add("s-not-reduced", "S + L instead of S.", "bad-signature", plain,
		func(b []byte) []byte { return addOrder(plain.sign(m.t, b, r, R.Bytes())) })
	add("r-not-a-point", "R is on no curve.", "bad-signature", plain,
		func(b []byte) []byte { return plain.sign(m.t, b, one, notAPoint(m.t)) })
	add("zero", "64 zero bytes.", "bad-signature", plain, func([]byte) []byte { return make([]byte, 64) })

	chain, ids := l.chain(0, 2)
	other := hash32(crdt.OpenLedger("other").ID())
	key := testKey(0)
	for _, s := range []struct {
		name, comment string
		sig           []byte
	}{
		{"flipped", "The last bit of R is another.", func() []byte { s := slices.Clone(chain.sig); s[31] ^= 0x80; return s }()},
		{"of-the-first", "Of the first change, not the last.", l.signature(0, ids[0])},
		{"of-another-author", "By another author.", l.signature(1, ids[1])},
		{"of-another-room", "For another room.", ed25519.Sign(key, refSigned(other, ids[1]))},
		{"without-label", "Of the id alone.", ed25519.Sign(key, ids[1][:])},
	} {
		m.pack("sig-"+s.name, s.comment, "bad-signature", l.charter, refPack{{chain.author, chain.prev, chain.payloads, s.sig}}.frame())
	}
	for _, k := range []struct{ name, comment, key string }{
		{"identity", "The identity.", "01" + strings.Repeat("00", 31)},
		{"order-2", "Of order 2.", "ec" + strings.Repeat("ff", 30) + "7f"},
		{"order-4", "Of order 4.", strings.Repeat("00", 32)},
		{"order-4-negative", "Of order 4, the sign of x set.", strings.Repeat("00", 31) + "80"},
		{"order-8", "Of order 8.", order8},
		{"non-canonical-identity", "The identity with y = p + 1.", "ee" + strings.Repeat("ff", 30) + "7f"},
		{"non-canonical-order-4", "Of order 4 with y = p.", "ed" + strings.Repeat("ff", 30) + "7f"},
		{"negative-zero", "The identity with the sign of x set.", "01" + strings.Repeat("00", 30) + "80"},
		{"non-canonical-large", "Of large order, with y above p.", hex.EncodeToString(nonCanonicalLarge(m.t))},
		{"not-a-point", "On no curve.", hex.EncodeToString(notAPoint(m.t))},
	} {
		// With R the identity and S zero, everybody can sign for a small order.
		sig := append(mustHex(m.t, "01"+strings.Repeat("00", 31)), make([]byte, 32)...)
		m.pack("author-"+k.name, k.comment, "bad-author", l.charter,
			refPack{{hash32(mustHex(m.t, k.key)), l.room, [][]byte{refPayload(0, nil, noOps)}, sig}}.frame())
	}
}

// addOrder adds the group's order L to the S of a signature.
func addOrder(sig []byte) []byte {
	order := []byte("\xed\xd3\xf5\x5c\x1a\x63\x12\x58\xd6\x9c\xf7\xa2\xde\xf9\xde\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10")
	carry := 0
	for i, b := range order {
		carry += int(sig[32+i]) + int(b)
		sig[32+i] = byte(carry)
		carry >>= 8
	}
	return sig
}

func notAPoint(t testing.TB) []byte {
	for y := range byte(255) {
		b := make([]byte, 32)
		b[0] = y
		if _, err := new(edwards25519.Point).SetBytes(b); err != nil {
			return b
		}
	}
	t.Fatal("all are on the curve")
	return nil
}

// nonCanonicalLarge is a point of large order with y = p + k.
func nonCanonicalLarge(t testing.TB) []byte {
	for k := range byte(19) {
		b := bytes.Repeat([]byte{0xff}, 32)
		b[0], b[31] = 0xed+k, 0x7f
		p, err := new(edwards25519.Point).SetBytes(b)
		if err == nil && new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 0 {
			return b
		}
	}
	t.Fatal("there is none")
	return nil
}

// Every signature and key is judged alike alone, and among so many others that
// they are checked as a batch, wherever it stands there; and when it is loaded.
func TestSignaturesAlikeInBatches(t *testing.T) {
	t.Parallel()
	m := &maker{t: t}
	m.signatures()
	l := newMill(t, crdt.Ledger)
	var good []refRun
	for a := range 7 {
		good = append(good, l.run(10+a, l.room, refPayload(0, nil, noOps)))
	}
	for _, v := range m.all {
		odd := parseRefPack(t, v.bytes(t, "pack"))[0]
		for _, n := range []int{1, 2, 3, 7} {
			for at := range n + 1 {
				p := slices.Insert(refPack(slices.Clone(good[:n])), at, odd)
				got := deliver(t, newReplica(t, l.charter), p.frame(), 1)
				if want := strings.TrimSuffix(v.get("expect"), "accepted"); got != want {
					t.Fatalf("%s at %d among %d: got %q, want %q", v.name, at, n, got, want)
				}
			}
		}
		r := newReplica(t, l.charter)
		err := r.Load(refPack{odd}.frame())
		if err == nil {
			err = r.VerifyTips()
		}
		if got, want := crdt.Code(err), strings.TrimSuffix(v.get("expect"), "accepted"); got != want {
			t.Fatalf("%s loaded: got %q, want %q", v.name, got, want)
		}
	}
}

func (m *maker) evidence() {
	l := newMill(m.t, crdt.Ledger)
	chain, ids := l.chain(0, 5)
	rival := l.run(0, ids[0], refPayload(7, nil, noOps), refPayload(8, nil, noOps))
	rivals := l.ids(rival)
	hashes := func(payloads ...[]byte) any {
		all := []any{}
		for _, p := range payloads {
			h := refHash(p)
			all = append(all, h[:])
		}
		return all
	}
	valid := func() []any {
		return []any{
			"tallystick evidence v1", l.room[:], chain.author[:], ids[0][:],
			hashes(chain.payloads[1:]...), chain.sig, hashes(rival.payloads...), rival.sig,
		}
	}
	add := func(name, comment, expect string, item any, tail ...byte) {
		v := &vector{name: "evidence-" + name, comment: comment, fields: []field{{"expect", expect}}}
		v.add("evidence", append(refEncode(item), tail...))
		if expect == "accepted" {
			f := item.([]any)
			v.add("room", f[1].([]byte))
			v.add("author", f[2].([]byte))
			v.add("prev", f[3].([]byte))
			for i, key := range []string{"a", "b"} {
				id := refIDOf(l.room, hash32(f[2].([]byte)), hash32(f[3].([]byte)), hash32(f[4+2*i].([]any)[0].([]byte)))
				v.add(key, id[:])
			}
		}
		m.all = append(m.all, v)
	}
	with := func(i int, value any) []any {
		f := valid()
		f[i] = value
		return f
	}
	add("fork", "Two branches after the first change, of four and of two changes.", "accepted", valid())
	begin := l.run(0, l.room, refPayload(9, nil, noOps))
	add("fork-at-the-beginning", "An author that began twice: prev is the room.", "accepted",
		[]any{"tallystick evidence v1", l.room[:], chain.author[:], l.room[:], hashes(chain.payloads...), chain.sig, hashes(begin.payloads...), begin.sig})
	add("one-branch", "The same branch twice, signed at two places.", "bad-evidence",
		[]any{"tallystick evidence v1", l.room[:], chain.author[:], ids[0][:], hashes(chain.payloads[1:]...), chain.sig, hashes(chain.payloads[1:3]...), l.signature(0, ids[2])})
	add("label", "Another label.", "bad-evidence", with(0, "tallystick evidence v2"))
	add("room", "Of another room.", "bad-evidence", with(1, make([]byte, 32)))
	other := authorOf(testKey(1))
	add("author", "Of another author.", "bad-evidence", with(2, other[:]))
	add("weak-author", "Of a key that everybody can sign for.", "bad-evidence",
		[]any{"tallystick evidence v1", l.room[:], append([]byte{1}, make([]byte, 31)...), ids[0][:], hashes(chain.payloads[1]), append([]byte{1}, make([]byte, 63)...), hashes(rival.payloads[0]), append([]byte{1}, make([]byte, 63)...)})
	add("prev", "After another change.", "bad-evidence", with(3, rivals[0][:]))
	add("signature", "The second signature is of the first change of its branch.", "bad-evidence", with(7, l.signature(0, rivals[0])))
	add("no-hashes", "A branch of no changes.", "bad-evidence", with(4, []any{}))
	add("fields", "Seven fields.", "bad-evidence", valid()[:7])
	add("trailing", "A byte after the end.", "bad-evidence", valid(), 0)
}
