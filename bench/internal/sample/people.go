package sample

import (
	"crypto/ed25519"
	"crypto/sha256"

	"github.com/tallystick/tallystick/crdt"
)

// Person is an author with a name. The key follows from the name: it protects nothing.
type Person struct {
	Name string
	Key  ed25519.PrivateKey
}

// NewPerson returns the person of that name.
func NewPerson(name string) Person {
	seed := sha256.Sum256([]byte("tallystick bench person " + name))
	return Person{name, ed25519.NewKeyFromSeed(seed[:])}
}

// Author is the person's public key.
func (p Person) Author() crdt.Author { return crdt.Author(p.Key.Public().(ed25519.PublicKey)) }

// People returns the usual five.
func People() []Person {
	var people []Person
	for _, name := range []string{"alice", "bob", "carol", "dave", "erin"} {
		people = append(people, NewPerson(name))
	}
	return people
}
