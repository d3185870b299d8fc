package crdt_test

import (
	"fmt"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// planRoom is a json room with a text "title" that says "Party 🎈", and its writer.
func planRoom() (r *crdt.Replica, alice *crdt.Writer, title crdt.Name) {
	r = must(crdt.NewReplica(crdt.Charter{Name: "plan", Kind: crdt.JSON}))
	alice = must(r.Writer(exampleKey("alice")))
	must(alice.Change(0, func(tx *crdt.Tx) error {
		t, err := tx.Make(crdt.Root, "title", crdt.TextObject)
		if err == nil {
			_, err = tx.InsertText(t, 0, "Party 🎈")
		}
		return err
	}))
	alice.Sign()
	return r, alice, must(r.Doc().Find("title"))
}

// give hands all that is signed in from over to to.
func give(from, to *crdt.Replica) {
	for i := 0; i < from.Signed(); {
		var frame []byte
		frame, i = from.PackFrom(i, nil)
		to.Receive(must(crdt.NewChecker(to.Charter()).Check(frame, nil)), 1, time.Time{})
	}
}

// Places are found by path; an error says where the path ends.
func ExampleDoc_Find() {
	replica, _, title := planRoom()
	doc := replica.Doc()
	fmt.Println(must(doc.Kind(title)), must(doc.Text(title)))
	_, err := doc.Find("title", 99)
	fmt.Println(err)
	_, err = doc.Find("guests", 0, "name")
	fmt.Println(err)
	// Output:
	// text Party 🎈
	// at .title[99]: index out of range: 99 of 7
	// at .guests: no such object or element in this document
}

// Editors count in UTF-16 or in bytes, the document in code points.
func ExampleDoc_Index() {
	replica, _, title := planRoom()
	doc := replica.Doc()
	fmt.Println(must(doc.Offset(title, 7, crdt.UTF8)), must(doc.Offset(title, 7, crdt.UTF16)))
	fmt.Println(must(doc.Index(title, 8, crdt.UTF16)))
	_, err := doc.Index(title, 7, crdt.UTF16)
	fmt.Println(err)
	// Output:
	// 10 8
	// 7
	// at .title: index out of range: UTF-16 offset 7 is within code point 6
}

// A cursor stays with its item, whatever others do.
func ExampleDoc_Cursor() {
	replica, alice, title := planRoom()
	doc := replica.Doc()
	cursor := must(doc.Cursor(title, 5, crdt.StickLeft)) // behind "Party"
	must(alice.Change(1, func(tx *crdt.Tx) error {
		_, err := tx.InsertText(title, 0, "The ")
		return err
	}))
	fmt.Println(must(doc.Position(cursor)))

	bytes := must(cursor.MarshalBinary()) // for another replica, or for later
	again := must(crdt.ParseCursor(bytes))
	must(alice.Change(2, func(tx *crdt.Tx) error { return tx.Delete(title, 2, 9) }))
	fmt.Println(must(doc.Position(again)), must(doc.Text(title)))
	// Output:
	// 9
	// 2 Th
}

// Two people set one key at once: one value wins, on every replica the same, and
// the other stays readable until somebody sets the key again.
func ExampleDoc_Values() {
	ours, alice, _ := planRoom()
	theirs := must(crdt.NewReplica(ours.Charter()))
	give(ours, theirs)
	bob := must(theirs.Writer(exampleKey("bob")))
	for _, w := range []*crdt.Writer{alice, bob} {
		must(w.Change(1, func(tx *crdt.Tx) error {
			_, err := tx.Set(crdt.Root, "place", must(crdt.EncodeLiteral("at "+w.Author().String())))
			return err
		}))
		w.Sign()
	}
	give(ours, theirs)
	give(theirs, ours)
	for i, held := range must(ours.Doc().Values(crdt.Root, "place")) {
		same := must(theirs.Doc().Values(crdt.Root, "place"))[i].Name == held.Name
		fmt.Println(held.Literal.Value() == "at "+held.Author.String(), same)
	}
	// Output:
	// true true
	// true true
}

// Observers hear what changed and where, never that something did.
func ExampleReplica_Observe() {
	ours, alice, title := planRoom()
	theirs := must(crdt.NewReplica(ours.Charter()))
	give(ours, theirs)
	cancel := theirs.Observe(func(patches []crdt.Patch) {
		for _, p := range patches {
			fmt.Println(p.Op, p.Path, p.Index, p.Count, p.Value, p.Author == alice.Author())
		}
	})
	defer cancel()
	for i, key := range "hello" { // five changes
		must(alice.Change(int64(i), func(tx *crdt.Tx) error {
			_, err := tx.InsertText(title, 5+i, string(key))
			return err
		}))
	}
	alice.Sign()
	give(ours, theirs)
	// Output:
	// insert [title] 5 5 hello true
}

// The document as it was, and what has changed since.
func ExampleReplica_Diff() {
	replica, alice, title := planRoom()
	then := replica.Heads()
	must(alice.Change(1, func(tx *crdt.Tx) error {
		if err := tx.Delete(title, 5, 2); err != nil {
			return err
		}
		_, err := tx.Set(crdt.Root, "guests", must(crdt.EncodeLiteral(12)))
		return err
	}))
	fmt.Println(must(replica.AsOf(then...)).Value())
	for _, p := range must(replica.Diff(then, replica.Heads())) {
		fmt.Println(p.Op, p.Path, p.Index, p.Count, p.Value)
	}
	// Output:
	// map[title:Party 🎈]
	// delete [title] 5 2 <nil>
	// set [guests] 0 0 12
}
