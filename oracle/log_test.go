package oracle

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// keyOf is author i of tests; ids ascend in no order of i.
func keyOf(i int) ed25519.PrivateKey {
	seed := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("oracle test "), uint64(i)))
	return ed25519.NewKeyFromSeed(seed[:])
}

func authorOf(i int) crdt.Author {
	return crdt.Author(keyOf(i).Public().(ed25519.PublicKey))
}

func testTerms(t testing.TB, n int, pairs []string, change func(*Policy)) Terms {
	t.Helper()
	terms := Terms{Policy: DefaultPolicy()}
	for i := range n {
		terms.Oracles = append(terms.Oracles, authorOf(i))
	}
	for _, p := range pairs {
		terms.Pairs = append(terms.Pairs, Pair{p, DefaultExpo})
	}
	if change != nil {
		change(&terms.Policy)
	}
	c, err := NewCharter("test", nil, terms)
	if err != nil {
		t.Fatal(err)
	}
	if terms, err = ParseTerms(c); err != nil {
		t.Fatal(err)
	}
	return terms
}

func literal(t testing.TB, a Attestation) crdt.Literal {
	t.Helper()
	l, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestFirstPrice(t *testing.T) {
	t.Parallel()
	terms := testTerms(t, 4, []string{"BTC/USD", "ETH/USD"}, nil)
	l := NewLog(terms)
	var links []crdt.ChangeID
	for i := range 4 {
		id := crdt.ChangeID{byte(i + 1)}
		l.Add(Change{ID: id, Author: terms.Oracles[i], Links: links, Body: []crdt.Literal{
			literal(t, Attestation{Pair: "ETH/USD", Price: int64(2500 + i), T: int64(1000 + i)}),
		}})
		links = []crdt.ChangeID{id}
	}
	p, err := l.Price("ETH/USD", -1)
	if err != nil || p.Status != OK || p.At != 1001 || p.Price != 2501 || p.Low != 2501 || p.High != 2502 || p.Votes != 4 || p.F != 1 {
		t.Fatalf("%+v %v", p, err)
	}
	if p.Digest != p.Sum() {
		t.Fatal("digest")
	}
	q, err := terms.PriceOf(Median, "ETH/USD", p.At, l.Votes("ETH/USD", -1), l.Heads())
	if err != nil || q != p {
		t.Fatalf("%+v %v", q, err)
	}
	if p, _ = l.Price("BTC/USD", -1); p.Status != Insufficient || p.Price != 0 {
		t.Fatalf("%+v", p)
	}
}
