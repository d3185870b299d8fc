package oracle_test

import (
	"crypto/ed25519"
	"fmt"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/oracle"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Four oracles, one of which lies, and what anybody with the same log answers.
func Example() {
	terms := oracle.Terms{Pairs: []oracle.Pair{{Name: "ETH/USD", Expo: -2}}, Policy: oracle.DefaultPolicy()}
	keys := map[crdt.Author]ed25519.PrivateKey{}
	for _, name := range []string{"ann", "ben", "cem", "dee"} {
		key := ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%-32s", name)))
		author := crdt.Author(key.Public().(ed25519.PublicKey))
		keys[author] = key
		terms.Oracles = append(terms.Oracles, author)
	}
	charter := must(oracle.NewCharter("prices", nil, terms))
	terms = must(oracle.ParseTerms(charter)) // what everybody who has the charter does

	replica := must(crdt.NewReplica(charter))
	for i, text := range []string{"2500.25", "2501.00", "2499.75", "9000.00"} {
		price, _, err := oracle.ParsePrice(text, terms.Pairs[0].Expo)
		if err != nil {
			panic(err)
		}
		says := oracle.Attestation{Pair: "ETH/USD", Price: price, T: 1_760_131_200_000 + int64(i)}
		writer := must(replica.Writer(keys[terms.Oracles[i]]))
		must(writer.Change(0, func(tx *crdt.Tx) error {
			_, err := tx.Append(must(says.Encode()))
			return err
		}))
		writer.Sign()
	}

	log := oracle.NewLog(terms)
	log.Update(replica.View())
	p := must(log.Price("ETH/USD", -1)) // at log time
	fmt.Println(p.Status, oracle.FormatPrice(p.Price, p.Expo), "in", oracle.FormatPrice(p.Low, p.Expo), "to", oracle.FormatPrice(p.High, p.Expo))
	fmt.Println(p.Votes, "votes, of which", p.F, "may be a lie; at", p.At)
	// Output:
	// ok 2500.62 in 2500.25 to 2501.00
	// 4 votes, of which 1 may be a lie; at 1760131200001
}
