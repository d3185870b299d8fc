package profile

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/ledger"
)

// maxContactsBytes bounds the file of contacts: [ledger.MaxContacts] of the longest names, every byte escaped.
const maxContactsBytes = 8 << 20

// ErrContacts: the file of contacts is not as it should be. The text names file and line.
var ErrContacts = errors.New("contacts")

// contactsFile is the file's form.
type contactsFile struct {
	Contact []contactTable `toml:"contact"`
}

type contactTable struct {
	Name      string `toml:"name"`
	Author    hexKey `toml:"author"`
	Confirmed bool   `toml:"confirmed,omitempty"`
}

// hexKey is an author in 64 hexadecimal digits.
type hexKey crdt.Author

func (k hexKey) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, k[:]), nil }

func (k *hexKey) UnmarshalText(b []byte) error {
	a, err := ParseAuthor(string(b))
	*k = hexKey(a)
	return err
}

// ParseAuthor reads the 64 hexadecimal digits of a public key.
func ParseAuthor(s string) (crdt.Author, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(crdt.Author{}) {
		return crdt.Author{}, errors.New("an author is 64 hexadecimal digits, as tallystick id NAME prints them")
	}
	return crdt.ParseAuthor(b)
}

func (p *Person) contacts() *table {
	return &table{path: p.ContactsPath(), word: "contact", most: maxContactsBytes, wrong: ErrContacts}
}

// ContactsPath returns where the person's file of contacts is or is to be.
func (p *Person) ContactsPath() string { return filepath.Join(p.Dir, "contacts.toml") }

// Contacts are those of the person's file, none if there is no file. Errors: [ErrContacts].
func (p *Person) Contacts() (ledger.Contacts, error) {
	t := p.contacts()
	var file contactsFile
	b, err := t.read(&file)
	if err != nil {
		return ledger.Contacts{}, err
	}
	list := make([]ledger.Contact, len(file.Contact))
	for i, c := range file.Contact {
		if crdt.Author(c.Author) == (crdt.Author{}) {
			return ledger.Contacts{}, t.at(b, i, errors.New(`field "author" is missing`))
		}
		list[i] = ledger.Contact{Author: crdt.Author(c.Author), Name: c.Name, Confirmed: c.Confirmed}
	}
	contacts, err := ledger.NewContacts(list)
	if err != nil {
		for i := range list { // which is the first that is wrong
			if _, err := ledger.NewContacts(list[:i+1]); err != nil {
				return ledger.Contacts{}, t.at(b, i, err)
			}
		}
	}
	return contacts, nil
}

// ChangeContacts writes what f makes of the contacts, whole and durable on return. Errors: those of f, [ErrContacts], [ErrFolder].
func (p *Person) ChangeContacts(f func(ledger.Contacts) (ledger.Contacts, error)) error {
	return p.contacts().change(func() (any, error) {
		old, err := p.Contacts()
		if err != nil {
			return nil, err
		}
		contacts, err := f(old)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		var file contactsFile
		for _, c := range contacts.All() {
			file.Contact = append(file.Contact, contactTable{c.Name, hexKey(c.Author), c.Confirmed})
		}
		return file, nil
	})
}
