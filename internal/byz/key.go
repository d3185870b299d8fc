package byz

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/hex"
	"slices"
	"time"

	"filippo.io/edwards25519"

	"github.com/tallystick/tallystick/crdt"
)

// Key and signature: keys for which everybody can sign, encodings of a key that are not the one, signatures that belong to
// something else, and the edge cases in which implementations of Ed25519 differ. By ZIP 215 each is accepted or refused alike
// everywhere: alone, in a batch, and when a store is opened. In the ancestor the author whose key was checked was not the author
// that the op named (hole 1), and signatures served as ids (hole 19).
var keyAttacks = slices.Concat(weakKeys(), []Attack{
	refused(Key, "key/speak-as-another", "signed as oneself, in the name of another author of the crew", "bad-signature", 0,
		func(c *Crew) [][]byte { return Packs(c.Chain(0, 2).Signed(c.Key(1))) }),
	refused(Key, "key/of-another-room", "a run that was signed in another room", "bad-signature", 0, func(c *Crew) [][]byte {
		return Packs(c.elsewhere().Chain(0, 2))
	}),
	refused(Key, "key/signature-of-another-room", "the right ids, signed for another room", "bad-signature", 0, func(c *Crew) [][]byte {
		run := c.Chain(0, 2)
		run.Signature = ed25519.Sign(c.Key(0), Signable(c.elsewhere().Room, run.Last()))
		return Packs(run)
	}),
	refused(Key, "key/without-context", "a signature over the id alone", "bad-signature", 0, func(c *Crew) [][]byte {
		run, id := c.Chain(0, 1), c.Chain(0, 1).Last()
		run.Signature = ed25519.Sign(c.Key(0), id[:])
		return Packs(run)
	}),
	refused(Key, "key/of-the-first-change", "a signature over the first change of a run, not the last", "bad-signature", 0, func(c *Crew) [][]byte {
		run := c.Chain(0, 3)
		run.Signature = c.Chain(0, 1).Signature
		return Packs(run)
	}),
	refused(Key, "key/s-not-reduced", "the order of the group added to S", "bad-signature", 0, func(c *Crew) [][]byte {
		run := c.Chain(0, 1)
		addOrder(run.Signature)
		return Packs(run)
	}),
	refused(Key, "key/zero-signature", "64 zero bytes", "bad-signature", 0, func(c *Crew) [][]byte {
		run := c.Chain(0, 1)
		run.Signature = make([]byte, ed25519.SignatureSize)
		return Packs(run)
	}),
	refused(Key, "key/one-bad-of-many", "255 good runs and a bad one: none of the pack is kept", "bad-signature", 0, func(c *Crew) [][]byte {
		var runs []Run
		for i := range crdt.MaxPackRuns {
			runs = append(runs, c.Chain(i, 1))
		}
		runs[c.Rand.IntN(len(runs))].Signature[0] ^= 1
		return [][]byte{Pack(runs...)}
	}),
	accepted(Key, "key/torsion-in-r", "R has a component of order 8: ZIP 215 takes it", 1, 0,
		func(c *Crew) [][]byte { return Packs(c.torsioned(true, false)) }),
	accepted(Key, "key/torsion-in-key", "the key has a component of order 8, and a large order", 1, 0,
		func(c *Crew) [][]byte { return Packs(c.torsioned(false, true)) }),
	accepted(Key, "key/torsion-in-both", "R and the key have components of order 8, among 31 plain runs", 32, 0, func(c *Crew) [][]byte {
		runs := []Run{c.torsioned(true, true)}
		for i := range 31 {
			runs = append(runs, c.Chain(1+i, 1))
		}
		return [][]byte{Pack(runs...)}
	}),
	accepted(Key, "key/many-signatures", "one change under three good signatures is one change", 1, 0, func(c *Crew) [][]byte {
		packs := Packs(c.Chain(0, 1))
		for k := range 2 {
			run := c.Chain(0, 1)
			run.Signature = c.sign(c.Key(0), Signable(c.Room, run.Last()), byte(k), nil, nil)
			packs = append(packs, Pack(run))
		}
		return packs
	}),
	{
		Class: Key, Name: "key/forged-then-true", What: "a change under a bad signature, then over another connection under a good one: that is accepted",
		Peers: func(rm *Room) []Peer {
			c := rm.Crew("key/forged-then-true")
			forged := c.Chain(0, 2).Signed(c.Key(1))
			return []Peer{
				NewSpeaker(rm).SayPacks(Pack(forged)),
				NewSpeaker(rm).SayPacksAt(c.Now.Add(2*time.Second), Pack(c.Chain(0, 2))),
			}
		},
		Want: Want{Refused: []string{"bad-signature"}, Closed: true, Accepted: 2},
	},
	{
		Class: Key, Name: "key/in-anothers-name", What: "what somebody honest wrote is continued in its name", Kind: crdt.Ledger,
		Peers: reacting("key/in-anothers-name", func(c *Crew, heard crdt.Change) [][]byte {
			run := c.Run(0, heard.ID, c.Say("I owe all of it"))
			run.Author = heard.Author[:]
			return Packs(run.Signed(c.Key(0)))
		}),
		Want: Want{Refused: []string{"bad-signature"}, Closed: true},
	},
	{
		Class: Key, Name: "key/stranger-in-closed-room", What: "a good run by one who is no writer of a closed room",
		Charter: func(rm *Room, honest []crdt.Author) crdt.Charter {
			writers := slices.Clone(honest)
			slices.SortFunc(writers, func(a, b crdt.Author) int { return bytes.Compare(a[:], b[:]) })
			return crdt.Charter{Name: "closed", Kind: crdt.Ledger, Writers: writers, Params: crdt.Literal{0xa0}}
		},
		Peers: packs("key/stranger-in-closed-room", func(c *Crew) [][]byte { return Packs(c.Chain(0, 2)) }),
		Want:  Want{Refused: []string{"not-a-writer"}, Closed: true},
	},
})

// weakKeys are runs under keys that are refused: for those of small order the signature (R the identity, S zero) fits anything.
func weakKeys() (attacks []Attack) {
	high := func(first, last string) string { return first + string(bytes.Repeat([]byte("ff"), 30)) + last }
	zeros := func(first, last string) string { return first + string(bytes.Repeat([]byte("00"), 30)) + last }
	for _, k := range []struct{ name, what, key string }{
		{"identity", "the identity", zeros("01", "00")},
		{"order-2", "of order 2", high("ec", "7f")},
		{"order-4", "of order 4", zeros("00", "00")},
		{"order-8", "of order 8", order8},
		{"identity-unreduced", "the identity with y = p + 1", high("ee", "7f")},
		{"negative-zero", "the identity with the sign of x set", zeros("01", "80")},
		{"unreduced", "of large order, with y = p + 3", high("f0", "7f")},
		{"off-the-curve", "no point at all", zeros("02", "00")},
	} {
		attacks = append(attacks, refused(Key, "key/weak-"+k.name, "a key that is "+k.what, "bad-author", 0, func(c *Crew) [][]byte {
			run := c.Chain(0, 1)
			run.Author, _ = hex.DecodeString(k.key)
			run.Signature, _ = hex.DecodeString(zeros("01", "00") + zeros("00", "00"))
			return Packs(run)
		}))
	}
	return attacks
}

// elsewhere is the same crew in another room.
func (c *Crew) elsewhere() *Crew {
	other := *c
	other.Room = crdt.OpenLedger("elsewhere").ID()
	return &other
}

// order8 is a point of order 8.
const order8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"

// torsioned is a run of author 0 in which R, the key, or both have a component of order 8.
func (c *Crew) torsioned(r, key bool) Run {
	raw, _ := hex.DecodeString(order8)
	torsion, err := new(edwards25519.Point).SetBytes(raw)
	if err != nil {
		panic("byz: internal error: the point of order 8 is none")
	}
	run := c.Chain(0, 1)
	var inR, inKey *edwards25519.Point
	if r {
		inR = torsion
	}
	if key {
		inKey = torsion
		a, _ := new(edwards25519.Point).SetBytes(run.Author)
		run.Author = a.Add(a, torsion).Bytes()
	}
	run.Signature = c.sign(c.Key(0), Signable(c.Room, run.Last()), 0, inR, inKey)
	return run
}

// sign signs by hand, with a nonce of the given number, and adds a point to R and to the key; nil: none.
func (c *Crew) sign(key ed25519.PrivateKey, msg []byte, number byte, toR, toKey *edwards25519.Point) []byte {
	scalar := func(b []byte) *edwards25519.Scalar {
		sum := sha512.Sum512(b)
		s, _ := new(edwards25519.Scalar).SetUniformBytes(sum[:]) // fails for another length alone
		return s
	}
	secret := sha512.Sum512(key.Seed())
	a, _ := new(edwards25519.Scalar).SetBytesWithClamping(secret[:32])
	nonce := scalar(slices.Concat(secret[32:], []byte{number}, msg))
	R := new(edwards25519.Point).ScalarBaseMult(nonce)
	if toR != nil {
		R.Add(R, toR)
	}
	A := new(edwards25519.Point).ScalarBaseMult(a)
	if toKey != nil {
		A.Add(A, toKey)
	}
	k := scalar(slices.Concat(R.Bytes(), A.Bytes(), msg))
	return append(R.Bytes(), new(edwards25519.Scalar).MultiplyAdd(k, a, nonce).Bytes()...)
}

// addOrder adds the order of the group to the S of a signature.
func addOrder(signature []byte) {
	order, _ := hex.DecodeString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	carry := 0
	for i, b := range order {
		carry += int(signature[32+i]) + int(b)
		signature[32+i] = byte(carry)
		carry >>= 8
	}
}
