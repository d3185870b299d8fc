package profile

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/tallystick/tallystick/crdt"
)

const (
	// MaxJoined bounds the rooms that a person has joined.
	MaxJoined = 256
	// MaxRelays bounds the addresses that are kept of a room, and MaxRelayBytes each.
	MaxRelays     = 16
	MaxRelayBytes = 512

	maxJoinedBytes = MaxJoined * (2*crdt.MaxCharterBytes + 2*MaxRelays*MaxRelayBytes)
)

// ErrJoined: the file of joined rooms is not as it should be, or would break a bound. The text says where.
var ErrJoined = errors.New("joined rooms")

// Joined is a room that a person has joined.
type Joined struct {
	Charter crdt.Charter
	Relays  []string // where it is to be found, as the invitation said
	Read    int      // changes of its log that the person has seen
}

type joinedFile struct {
	Room []joinedTable `toml:"room"`
}

type joinedTable struct {
	Name    string     `toml:"name"` // for who reads the file; the charter decides
	Charter hexCharter `toml:"charter"`
	Relays  []string   `toml:"relays,omitempty"`
	Read    int        `toml:"read,omitempty"`
}

// hexCharter is a charter's bytes in hexadecimal digits.
type hexCharter struct{ crdt.Charter }

func (c hexCharter) MarshalText() ([]byte, error) {
	return hex.AppendEncode(nil, c.Append(nil)), nil
}

func (c *hexCharter) UnmarshalText(b []byte) error {
	raw, err := hex.DecodeString(string(b))
	if err != nil {
		return errors.New("a charter is in hexadecimal digits")
	}
	c.Charter, err = crdt.ParseCharter(raw)
	return err
}

func (p *Person) joined() *table {
	return &table{path: p.JoinedPath(), word: "room", most: maxJoinedBytes, wrong: ErrJoined}
}

// JoinedPath returns where the person's file of joined rooms is or is to be.
func (p *Person) JoinedPath() string { return filepath.Join(p.Dir, "rooms.toml") }

// Joined are the rooms that the person has joined, in the order of joining. Errors: [ErrJoined].
func (p *Person) Joined() ([]Joined, error) {
	t := p.joined()
	var file joinedFile
	b, err := t.read(&file)
	if err != nil {
		return nil, err
	}
	var list []Joined
	for i, r := range file.Room {
		if r.Charter.Name == "" {
			return nil, t.at(b, i, errors.New(`field "charter" is missing`))
		}
		list = append(list, Joined{r.Charter.Charter, r.Relays, max(r.Read, 0)})
		if err := checkJoined(list); err != nil {
			return nil, t.at(b, i, err)
		}
	}
	return list, nil
}

// checkJoined judges the last of list against those before it.
func checkJoined(list []Joined) error {
	if len(list) > MaxJoined {
		return fmt.Errorf("%d rooms, at most %d: leave one", len(list), MaxJoined)
	}
	last := &list[len(list)-1]
	id := last.Charter.ID()
	for i := range list[:len(list)-1] {
		if list[i].Charter.ID() == id {
			return fmt.Errorf("room %v stands there twice", id)
		}
	}
	if len(last.Relays) > MaxRelays {
		return fmt.Errorf("%d relays, at most %d", len(last.Relays), MaxRelays)
	}
	for _, r := range last.Relays {
		if len(r) > MaxRelayBytes {
			return fmt.Errorf("the address of a relay has %d bytes, at most %d", len(r), MaxRelayBytes)
		}
	}
	return nil
}

// ChangeJoined writes what f makes of the joined rooms, whole and durable on return. Errors: those of f, [ErrJoined], [ErrFolder].
func (p *Person) ChangeJoined(f func([]Joined) ([]Joined, error)) error {
	return p.joined().change(func() (any, error) {
		old, err := p.Joined()
		if err != nil {
			return nil, err
		}
		list, err := f(old)
		if err != nil {
			return nil, err
		}
		var file joinedFile
		for i := range list {
			if err := checkJoined(list[:i+1]); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrJoined, err)
			}
			file.Room = append(file.Room, joinedTable{list[i].Charter.Name, hexCharter{list[i].Charter}, list[i].Relays, list[i].Read})
		}
		return file, nil
	})
}
