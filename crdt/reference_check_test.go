package crdt_test

import (
	"bytes"
	"crypto/sha512"
	"slices"
	"unicode/utf8"

	"filippo.io/edwards25519"
)

// The reference of what is judged by bytes alone: keys, signatures, packs (§4),
// charters (§2) and evidence.

// refPoint decodes a point, non-canonical encodings too.
func refPoint(b []byte) *edwards25519.Point {
	p, err := new(edwards25519.Point).SetBytes(b)
	if err != nil {
		return nil
	}
	return p
}

func refAuthor(key hash32) bool {
	p := refPoint(key[:])
	return p != nil && bytes.Equal(p.Bytes(), key[:]) &&
		new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 0
}

// refVerify is ZIP 215: 8·S·B = 8·R + 8·k·A, with S below the order.
func refVerify(key hash32, message, sig []byte) bool {
	a, r := refPoint(key[:]), refPoint(sig[:32])
	s, err := edwards25519.NewScalar().SetCanonicalBytes(sig[32:])
	if a == nil || r == nil || err != nil {
		return false
	}
	sum := sha512.Sum512(slices.Concat(sig[:32], key[:], message))
	k, err := edwards25519.NewScalar().SetUniformBytes(sum[:])
	if err != nil {
		return false
	}
	left := new(edwards25519.Point).ScalarBaseMult(s)
	right := new(edwards25519.Point).Add(r, new(edwards25519.Point).ScalarMult(k, a))
	left.MultByCofactor(left)
	return left.Equal(right.MultByCofactor(right)) == 1
}

// refJudge is steps 1 to 6 of §4: the pack and "", or the code. What is both over
// a limit and malformed may be called either.
func refJudge(room hash32, writers []hash32, frame []byte) (refPack, string) {
	p, ok := refReadPack(frame)
	if !ok {
		return nil, "malformed"
	}
	if len(frame) > 1<<20 || len(p) > 256 {
		return nil, "over-limit"
	}
	changes, seen, twice := 0, map[hash32]bool{}, false
	for _, r := range p {
		if changes += len(r.payloads); changes > 4096 {
			return nil, "over-limit"
		}
	}
	for _, r := range p {
		for _, raw := range r.raws(room) {
			if _, code := refEnvelope(room, raw); code != "" {
				return nil, code
			}
			id := refID(room, raw)
			twice = twice || seen[id]
			seen[id] = true
		}
	}
	if twice {
		return nil, "duplicate-change"
	}
	for _, r := range p {
		if !refAuthor(r.author) {
			return nil, "bad-author"
		}
		if len(writers) > 0 && !slices.Contains(writers, r.author) {
			return nil, "not-a-writer"
		}
	}
	for _, r := range p {
		if !refVerify(r.author, refSigned(room, r.last(room)), r.sig) {
			return nil, "bad-signature"
		}
	}
	return p, ""
}

// refReadPack reads the form of a pack.
func refReadPack(frame []byte) (p refPack, ok bool) {
	tree, _ := refDecode(frame, 100)
	runs, _ := tree.([]any)
	for _, item := range runs {
		f, _ := item.([]any)
		if len(f) != 4 {
			return nil, false
		}
		author, a := f[0].([]byte)
		prev, b := f[1].([]byte)
		payloads, c := f[2].([]any)
		sig, d := f[3].([]byte)
		if !a || !b || !c || !d || len(author) != 32 || len(prev) != 32 || len(sig) != 64 || len(payloads) == 0 {
			return nil, false
		}
		r := refRun{author: hash32(author), prev: hash32(prev), sig: sig}
		for _, payload := range payloads {
			bytes, isBytes := payload.([]byte)
			if !isBytes {
				return nil, false
			}
			r.payloads = append(r.payloads, bytes)
		}
		p = append(p, r)
	}
	return p, len(p) > 0
}

// refCharter is §2.
func refCharter(b []byte) bool {
	tree, ok := refDecode(b, 33)
	f, isList := tree.([]any)
	if !ok || !isList || len(f) != 5 || len(b) > 64<<10 || f[0] != uint64(1) {
		return false
	}
	name, isText := f[1].(string)
	kind, isKind := f[2].(string)
	writers, isWriters := f[3].([]any)
	_, isParams := f[4].(map[any]any)
	if !isText || !isKind || !isWriters || !isParams || name == "" || len(name) > 64 || !utf8.ValidString(name) || len(writers) > 1024 {
		return false
	}
	var last []byte
	for _, w := range writers {
		key, isBytes := w.([]byte)
		if !isBytes || len(key) != 32 || !refAuthor(hash32(key)) || last != nil && bytes.Compare(last, key) >= 0 {
			return false
		}
		last = key
	}
	return slices.Contains([]string{"ledger", "json", "oracle"}, kind)
}

// refEvidence is the end of §4: the two ids after prev, if b proves a fork.
func refEvidence(b []byte) (ids [2]hash32, ok bool) {
	tree, _ := refDecode(b, 10)
	f, _ := tree.([]any)
	if len(f) != 8 || f[0] != "tallystick evidence v1" || len(b) > 1<<20 {
		return ids, false
	}
	var fixed [3]hash32
	for i := range fixed {
		h, isBytes := f[1+i].([]byte)
		if !isBytes || len(h) != 32 {
			return ids, false
		}
		fixed[i] = hash32(h)
	}
	room, author, prev := fixed[0], fixed[1], fixed[2]
	for i := range ids {
		hashes, isList := f[4+2*i].([]any)
		sig, isBytes := f[5+2*i].([]byte)
		if !isList || !isBytes || len(sig) != 64 || len(hashes) == 0 || len(hashes) > 4096 {
			return ids, false
		}
		id := prev
		for j, item := range hashes {
			h, isHash := item.([]byte)
			if !isHash || len(h) != 32 {
				return ids, false
			}
			if id = refIDOf(room, author, id, hash32(h)); j == 0 {
				ids[i] = id
			}
		}
		if !refVerify(author, refSigned(room, id), sig) {
			return ids, false
		}
	}
	return ids, refAuthor(author) && ids[0] != ids[1]
}
