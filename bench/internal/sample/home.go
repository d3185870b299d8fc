package sample

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/internal/store"
)

// Home is a home folder in which nobody has been before.
type Home string

// NewHome makes a home in a new folder within dir.
func NewHome(dir string) (Home, error) {
	home, err := os.MkdirTemp(dir, "home-")
	if err != nil {
		return "", fmt.Errorf("home: %w", err)
	}
	return Home(home), nil
}

// Env is the whole environment of a program that lives there, in a terminal of 16 colours at least.
func (h Home) Env() []string {
	return []string{
		"HOME=" + string(h),
		"XDG_DATA_HOME=" + filepath.Join(string(h), "data"),
		"XDG_CONFIG_HOME=" + filepath.Join(string(h), "config"),
		"XDG_STATE_HOME=" + filepath.Join(string(h), "state"),
		"XDG_CACHE_HOME=" + filepath.Join(string(h), "cache"),
		"XDG_RUNTIME_DIR=" + filepath.Join(string(h), "runtime"),
		"PATH=" + os.Getenv("PATH"),
		"TERM=xterm-256color", "LANG=C.UTF-8", "TZ=UTC",
	}
}

// Person returns where p's things are or are to be.
func (h Home) Person(p Person) *profile.Person {
	return &profile.Person{Author: p.Author(), Dir: filepath.Join(string(h), "data", "tallystick", "people", p.Name)}
}

// AddPerson writes p's key.
func (h Home) AddPerson(p Person) error {
	dir := h.Person(p).Dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("home: %w", err)
	}
	author := p.Author()
	text := "# tallystick key of author " + hex.EncodeToString(author[:]) + "; whoever has it can write as this author\n" +
		"tallystick-secret-key-1 " + hex.EncodeToString(p.Key.Seed()) + "\n"
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("home: %w", err)
	}
	return nil
}

// AddRoom gives p a store that holds room, and says beside the key which own change is the newest.
func (h Home) AddRoom(p Person, room *Room) error {
	id := room.Charter.ID()
	if err := WriteStore(h.Person(p).RoomPath(id), room); err != nil {
		return err
	}
	newest, wrote := room.Newest[p.Author()]
	if !wrote {
		return nil
	}
	last, err := store.OpenLast(h.Person(p).LastPath(id))
	if err != nil {
		return err
	}
	return errors.Join(last.Set(newest), last.Close())
}

// batchPacks is how many packs are stored in a transaction: few syncs, no transaction of hundreds of megabytes.
const batchPacks = 4096

// WriteStore makes a store at path that holds room.
func WriteStore(path string, room *Room) error {
	id := room.Charter.ID()
	s, err := store.Create(path, store.Meta{Room: id, Charter: room.Charter.Append(nil)})
	if err != nil {
		return err
	}
	for packs := room.Packs; len(packs) > 0 && err == nil; {
		n := min(batchPacks, len(packs))
		_, err = s.Append(packs[:n])
		packs = packs[n:]
	}
	return errors.Join(err, s.Close())
}

// RelayStorePath is where a relay with the data folder dir keeps the room.
func RelayStorePath(dir string, room crdt.RoomID) string {
	return filepath.Join(dir, "rooms", hex.EncodeToString(room[:])+".db")
}
