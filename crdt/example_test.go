package crdt_test

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// exampleKey is fixed so that the examples print the same each time; a person's
// key comes from ed25519.GenerateKey.
func exampleKey(name string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%-32s", name)))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A ledger, one change in it, and what a reader sees.
func Example() {
	replica := must(crdt.NewReplica(crdt.OpenLedger("lunch")))
	alice := must(replica.Writer(exampleKey("alice")))

	entry := must(crdt.EncodeLiteral(map[string]any{"from": "alice", "to": "bob", "cents": 1250, "memo": "dinner"}))
	unix := int64(1_700_000_000) // a claim: nothing is ordered by it
	must(alice.Change(unix, func(tx *crdt.Tx) error {
		_, err := tx.Append(entry)
		return err
	}))
	alice.Sign() // one signature over all that was made since the last

	view := replica.View() // immutable: for any goroutine
	for row := range view.Rows {
		change := view.ChangeAt(row.Key.Change)
		fmt.Println(change.Seq, change.Author == alice.Author(), string(must(row.Literal.MarshalJSON())))
	}
	// Output:
	// 1 true {"cents":1250,"from":"alice","memo":"dinner","to":"bob"}
}

// Two replicas exchange bytes. In between are a connection and a store: neither
// is trusted.
func ExampleReplica_Receive() {
	room := crdt.Charter{Name: "plan", Kind: crdt.JSON}
	ours := must(crdt.NewReplica(room))
	theirs := must(crdt.NewReplica(room))
	type plan struct {
		Items crdt.List[string] `crdt:"items"`
	}
	for name, r := range map[string]*crdt.Replica{"alice": ours, "bob": theirs} {
		doc := must(crdt.Bind[plan](r.Doc()))
		w := must(r.Writer(exampleKey(name)))
		must(w.Change(0, func(tx *crdt.Tx) error { return doc.Items.Append(tx, "of "+name) }))
		w.Sign()
	}

	send := func(from, to *crdt.Replica) {
		checker := crdt.NewChecker(room) // pure: may run on another goroutine
		for i := 0; i < from.Signed(); {
			var frame []byte
			frame, i = from.PackFrom(i, nil)
			pack, err := checker.Check(frame, nil)
			if err != nil {
				fmt.Println("refused:", crdt.Code(err))
				return
			}
			const peer = 1
			if out := to.Receive(pack, peer, time.Time{}); out.Err != nil {
				fmt.Println("refused:", crdt.Code(out.Err))
			} else if len(out.Missing) > 0 {
				fmt.Println("pending, asks for", out.Missing)
			}
		}
	}
	send(ours, theirs)
	send(theirs, ours)
	fmt.Println(ours.Len(), theirs.Len())
	fmt.Println(ours.LogDigest() == theirs.LogDigest(), ours.DocDigest() == theirs.DocDigest())

	frame, _ := ours.PackFrom(0, nil)
	frame[len(frame)-100] ^= 1 // a relay that alters a bit
	_, err := crdt.NewChecker(room).Check(frame, nil)
	fmt.Println(crdt.Code(err))
	// Output:
	// 2 2
	// true true
	// bad-signature
}

// A JSON document of nested objects, without a schema.
func ExampleTx() {
	replica := must(crdt.NewReplica(crdt.Charter{Name: "plan", Kind: crdt.JSON}))
	alice := must(replica.Writer(exampleKey("alice")))
	text := func(s string) crdt.Literal { return must(crdt.EncodeLiteral(s)) }

	var list crdt.Name
	id := must(alice.Change(0, func(tx *crdt.Tx) (err error) {
		if list, err = tx.Make(crdt.Root, "todo", crdt.ListObject); err != nil {
			return err
		}
		_, err = tx.Insert(list, 0, text("bread"), text("milk"))
		return err
	}))
	list.Change = id // what a Tx made is named by its change from then on

	must(alice.Change(1, func(tx *crdt.Tx) error {
		if err := tx.Delete(list, 0, 1); err != nil {
			return err
		}
		_, err := tx.Insert(list, 1, text("salt"))
		return err
	}))
	alice.Sign()
	fmt.Println(replica.Value())
	// Output:
	// map[todo:[salt milk]]
}

// Evidence of a fork convinces who has no log.
func ExampleCheckEvidence() {
	room := crdt.OpenLedger("lunch")
	replica := must(crdt.NewReplica(room))
	key := exampleKey("mallory")
	for _, said := range []string{"I owe you 5", "I owe you 3"} { // on two machines
		elsewhere := must(crdt.NewReplica(room))
		w := must(elsewhere.Writer(key))
		must(w.Change(0, func(tx *crdt.Tx) error {
			_, err := tx.Append(must(crdt.EncodeLiteral(said)))
			return err
		}))
		w.Sign()
		frame, _ := elsewhere.PackFrom(0, nil)
		replica.Receive(must(crdt.NewChecker(room).Check(frame, nil)), 1, time.Time{})
	}
	evidence := must(replica.Evidence(replica.Forks()[0]))

	id, fork, err := crdt.CheckEvidence(evidence)
	fmt.Println(id == room.ID(), fork.Author, err)
	// Output:
	// true ae61e823 <nil>
}
