package crdt_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tallystick/tallystick/crdt"
)

// The room of the examples, and a replica of it with its writer.
func open(name string) (*crdt.Replica, *crdt.Writer) {
	replica := must(crdt.NewReplica(crdt.Charter{Name: "example", Kind: crdt.JSON}))
	return replica, must(replica.Writer(exampleKey(name)))
}

// edit makes one signed change.
func edit(w *crdt.Writer, steps func(tx *crdt.Tx) error) {
	must(w.Change(1_700_000_000, steps))
	w.Sign()
}

// swap sends two replicas what the other has, as bytes.
func swap(a, b *crdt.Replica) {
	for range 2 {
		for i := 0; i < a.Signed(); {
			var frame []byte
			frame, i = a.PackFrom(i, nil)
			b.Receive(must(crdt.NewChecker(b.Charter()).Check(frame, nil)), 1, time.Time{})
		}
		a, b = b, a
	}
}

// The schema of a document is a Go struct.
func ExampleBind() {
	type Todo struct {
		Title crdt.Text        `crdt:"title"`
		Done  crdt.Field[bool] `crdt:"done"`
	}
	type Board struct {
		Name  crdt.Field[string] `crdt:"name"`
		Todos crdt.List[Todo]    `crdt:"todos"`
	}
	replica, alice := open("alice")
	board := must(crdt.Bind[Board](replica.Doc()))

	edit(alice, func(tx *crdt.Tx) error {
		return errors.Join(
			board.Name.Set(tx, "Party"),
			board.Todos.Append(tx,
				Todo{Title: crdt.NewText("bake bred")},
				Todo{Title: crdt.NewText("buy milk"), Done: crdt.NewField(true)},
			),
		)
	})
	edit(alice, func(tx *crdt.Tx) error {
		bread, err := board.Todos.At(0)
		if err != nil {
			return err
		}
		return bread.Title.Insert(tx, 8, "a")
	})

	for todo, err := range board.Todos.All() {
		done, _ := todo.Done.Value()
		fmt.Println(todo.Title, done, err)
	}
	fmt.Println(board.Todos.Delete(nil, 0, 1))
	// Output:
	// bake bread false <nil>
	// buy milk true <nil>
	// at .todos: handle cannot be used here: no Tx
}

// Two people begin the same document, each unaware of the other. Nothing is lost.
func ExampleBind_concurrent() {
	type Plan struct {
		Going  crdt.Counter       `crdt:"going"`
		Bring  crdt.List[string]  `crdt:"bring"`
		Phones crdt.Map[string]   `crdt:"phones"`
		Place  crdt.Field[string] `crdt:"place"`
	}
	ours, alice := open("alice")
	theirs, bob := open("bob")
	a, b := must(crdt.Bind[Plan](ours.Doc())), must(crdt.Bind[Plan](theirs.Doc()))
	edit(alice, func(tx *crdt.Tx) error {
		return errors.Join(a.Going.Add(tx, 2), a.Bring.Append(tx, "bread"), a.Phones.Set(tx, "alice", "555-1"), a.Place.Set(tx, "park"))
	})
	edit(bob, func(tx *crdt.Tx) error {
		return errors.Join(b.Going.Add(tx, 1), b.Bring.Append(tx, "milk"), b.Phones.Set(tx, "bob", "555-2"), b.Place.Set(tx, "lake"))
	})
	swap(ours, theirs)

	fmt.Println(a.Going.Value())
	fmt.Println(a.Bring.Value())
	fmt.Println(a.Phones.Value())
	fmt.Println(a.Place.Value())     // a plain value has one winner,
	fmt.Println(a.Place.Conflicts()) // and the others can be read
	fmt.Println(ours.DocDigest() == theirs.DocDigest())
	// Output:
	// 3 <nil>
	// [bread milk] <nil>
	// map[alice:555-1 bob:555-2] <nil>
	// park <nil>
	// [lake] <nil>
	// true
}

// Read makes plain Go values of a document, with the same tags.
func ExampleRead() {
	type Todo struct {
		Title string `crdt:"title"`
		Hours int8   `crdt:"hours,omitempty"`
	}
	type Board struct {
		Todos []Todo `crdt:"todos"`
	}
	replica, alice := open("alice")
	bound := must(crdt.Bind[struct {
		Todos crdt.List[Todo] `crdt:"todos"` // of immutable values
	}](replica.Doc()))
	edit(alice, func(tx *crdt.Tx) error {
		return bound.Todos.Append(tx, Todo{"bread", 2}, Todo{"milk", 0})
	})

	fmt.Println(crdt.Read[Board](replica.Doc()))
	fmt.Println(crdt.Read[Todo](replica.Doc(), "todos", 1))
	all := must(crdt.Read[any](replica.Doc()))
	fmt.Println(string(must(json.Marshal(all))))
	// Output:
	// {[{bread 2} {milk 0}]} <nil>
	// {milk 0} <nil>
	// {"todos":[{"hours":2,"title":"bread"},{"title":"milk"}]}
}

// Anybody may write anything; what does not fit the schema is an error of its place.
func ExampleCheck() {
	type Board struct {
		Title crdt.Text    `crdt:"title"`
		Votes crdt.Counter `crdt:"votes"`
	}
	replica, mallory := open("mallory")
	board := must(crdt.Bind[Board](replica.Doc()))
	edit(mallory, func(tx *crdt.Tx) error {
		_, err := tx.Set(crdt.Root, "votes", must(crdt.EncodeLiteral("many")))
		_, err2 := tx.Set(crdt.Root, "colour", must(crdt.EncodeLiteral("red")))
		return errors.Join(err, err2, board.Title.Insert(tx, 0, "fine"))
	})

	fmt.Println(crdt.Check[Board](replica.Doc()))
	_, err := board.Votes.Value()
	fmt.Println(errors.Is(err, crdt.ErrWrongType))
	fmt.Println(board.Title)
	// Output:
	// at .colour: unknown field of crdt_test.Board
	// at .votes: wrong type for this operation: want counter object, got text
	// true
	// fine
}

// Two people type into one text.
func ExampleText() {
	type Page struct {
		Body crdt.Text `crdt:"body"`
	}
	ours, alice := open("alice")
	theirs, bob := open("bob")
	a, b := must(crdt.Bind[Page](ours.Doc())), must(crdt.Bind[Page](theirs.Doc()))
	edit(alice, func(tx *crdt.Tx) error { return a.Body.Insert(tx, 0, "bread and butter") })
	swap(ours, theirs)

	edit(alice, func(tx *crdt.Tx) error { return a.Body.Splice(tx, 10, 6, "Käse") })
	edit(bob, func(tx *crdt.Tx) error { return b.Body.Insert(tx, 0, "rye ") })
	swap(ours, theirs)

	fmt.Println(a.Body, a.Body.Len())
	fmt.Println(a.Body.Offset(16, crdt.UTF8)) // code points before, in bytes
	// Output:
	// rye bread and Käse 18
	// 17 <nil>
}

// What several authors add at once adds up.
func ExampleCounter() {
	type Poll struct {
		Yes crdt.Counter `crdt:"yes"`
	}
	ours, alice := open("alice")
	theirs, bob := open("bob")
	a, b := must(crdt.Bind[Poll](ours.Doc())), must(crdt.Bind[Poll](theirs.Doc()))
	edit(alice, func(tx *crdt.Tx) error { return a.Yes.Add(tx, 5) })
	edit(bob, func(tx *crdt.Tx) error { return b.Yes.Add(tx, -2) })
	swap(ours, theirs)
	fmt.Println(a.Yes.Value())
	// Output:
	// 3 <nil>
}

// Of two values set at once one wins, alike everywhere; the other is not lost.
func ExampleRegister() {
	type Door struct {
		Color crdt.Register[string] `crdt:"color"`
	}
	ours, alice := open("alice")
	theirs, bob := open("bob")
	a, b := must(crdt.Bind[Door](ours.Doc())), must(crdt.Bind[Door](theirs.Doc()))
	edit(alice, func(tx *crdt.Tx) error { return a.Color.Set(tx, "red") })
	edit(bob, func(tx *crdt.Tx) error { return b.Color.Set(tx, "blue") })
	swap(ours, theirs)
	fmt.Println(b.Color.Value())
	fmt.Println(b.Color.Conflicts())

	edit(bob, func(tx *crdt.Tx) error { return b.Color.Set(tx, "green") }) // replaces both
	fmt.Println(b.Color.Value())
	fmt.Println(b.Color.Conflicts())
	// Output:
	// blue <nil>
	// [red] <nil>
	// green <nil>
	// [] <nil>
}

// A plain value directly under its key.
func ExampleField() {
	type Door struct {
		Open crdt.Field[bool] `crdt:"open"`
	}
	replica, alice := open("alice")
	door := must(crdt.Bind[Door](replica.Doc()))
	edit(alice, func(tx *crdt.Tx) error { return door.Open.Set(tx, true) })
	fmt.Println(door.Open.Value())
	edit(alice, func(tx *crdt.Tx) error { return door.Open.Unset(tx) })
	fmt.Println(door.Open.Value())
	fmt.Println(door.Open.Has(), replica.Value())
	// Output:
	// true <nil>
	// false <nil>
	// false map[]
}

// Items of a list are plain values, objects, or structs of them.
func ExampleList() {
	type Trip struct {
		Stops crdt.List[string]         `crdt:"stops"`
		Grid  crdt.List[crdt.List[int]] `crdt:"grid"`
	}
	replica, alice := open("alice")
	trip := must(crdt.Bind[Trip](replica.Doc()))
	edit(alice, func(tx *crdt.Tx) error {
		return errors.Join(
			trip.Stops.Append(tx, "Rome", "Pisa", "Bern"),
			trip.Grid.Append(tx, crdt.NewList(1, 2), crdt.NewList(3)),
		)
	})
	row := must(trip.Grid.At(1))
	edit(alice, func(tx *crdt.Tx) error {
		return errors.Join(
			trip.Stops.Splice(tx, 1, 1, "Lucca", "Genoa"),
			row.Append(tx, 4),
		)
	})
	fmt.Println(trip.Stops.Value())
	fmt.Println(row.Value())
	fmt.Println(trip.Stops.At(7))
	// Output:
	// [Rome Lucca Genoa Bern] <nil>
	// [3 4] <nil>
	//  at .stops: index out of range: 7 of 4
}

// A map of counters: what is written under a new key makes its object.
func ExampleMap() {
	type Poll struct {
		Votes  crdt.Map[crdt.Counter] `crdt:"votes"`
		Labels crdt.Map[string]       `crdt:"labels"`
	}
	replica, alice := open("alice")
	poll := must(crdt.Bind[Poll](replica.Doc()))
	edit(alice, func(tx *crdt.Tx) error {
		tea, err := poll.Votes.At("tea")
		return errors.Join(err, tea.Add(tx, 2), poll.Labels.Set(tx, "tea", "a cup of tea"))
	})
	for _, key := range poll.Votes.Keys() {
		votes, err := poll.Votes.At(key)
		if err != nil {
			panic(err)
		}
		fmt.Println(key, must(votes.Value()), must(poll.Labels.At(key)))
	}
	// Output:
	// tea 2 a cup of tea
}
