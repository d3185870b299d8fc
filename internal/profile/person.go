package profile

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tallystick/tallystick/internal/disk"
)

// Person is someone with a key on this machine. It may be printed: it shows name and author.
type Person struct {
	Name   Name
	Author [32]byte // the public key
	Dir    string   // the person's own folder, absolute
	Secret Secret
}

// String returns the name and the first eight hex digits of the author.
func (p *Person) String() string { return fmt.Sprintf("%s (%x)", p.Name, p.Author[:4]) }

// RoomPath returns where the person's store of a room is or is to be.
func (p *Person) RoomPath(room [32]byte) string {
	return filepath.Join(p.Dir, "rooms", roomName(room)+".db")
}

// LastPath returns where the file of the newest own change sent to a room is or is to be.
func (p *Person) LastPath(room [32]byte) string {
	return filepath.Join(p.Dir, "last-"+roomName(room))
}

// SentPath returns where the file of the newest own change of a room that a peer has said to hold is or is to be.
func (p *Person) SentPath(room [32]byte) string {
	return filepath.Join(p.Dir, "sent-"+roomName(room))
}

// roomName is 16 hex digits: 64 bits are plenty for the rooms of one person, and a store says itself which room it is.
func roomName(room [32]byte) string { return hex.EncodeToString(room[:8]) }

// People returns who has a key on this machine, sorted. The keys are not read. Errors: [ErrFolder], or that of the file
// system.
func People() ([]Name, error) {
	dir, err := peopleDir()
	if err != nil {
		return nil, err
	}
	entries, err := readPeople(dir)
	if err != nil {
		return nil, err
	}
	var names []Name
	for _, name := range entries {
		if _, err := os.Lstat(keyPath(filepath.Join(dir, name.s))); err == nil {
			names = append(names, name)
		}
	}
	return names, nil
}

// readPeople returns the folders in dir whose names are names, sorted.
func readPeople(dir string) ([]Name, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	var names []Name
	for _, e := range entries {
		if name, err := ParseName(e.Name()); err == nil {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b Name) int { return strings.Compare(a.s, b.s) })
	return names, nil
}

// find returns the folder of name and whether it exists. [ErrNameCase] if only one that differs in case does: on some
// file systems that would be the same.
func find(name Name) (dir string, exists bool, err error) {
	if name.IsZero() {
		return "", false, fmt.Errorf("%w: it is empty", ErrName)
	}
	people, err := peopleDir()
	if err != nil {
		return "", false, err
	}
	names, err := readPeople(people)
	if err != nil {
		return "", false, err
	}
	for _, n := range names {
		if n == name {
			return filepath.Join(people, name.s), true, nil
		}
	}
	for _, n := range names {
		if strings.EqualFold(n.s, name.s) {
			return "", false, fmt.Errorf("%w: there is %s, not %s", ErrNameCase, n, name)
		}
	}
	return filepath.Join(people, name.s), false, nil
}

// Init makes a new key for name, whole and durable on return.
//
// Errors: [ErrExists] if there is a file in the key's place, whatever it is; [ErrNameCase], [ErrFolder], [ErrKeyPermissions],
// or that of the file system. After any of them no file has changed.
func Init(name Name) (*Person, error) {
	dir, _, err := find(name)
	if err != nil {
		return nil, err
	}
	path := keyPath(dir)
	if _, err := os.Lstat(path); err == nil {
		return nil, existsError(name, path)
	}
	if err := disk.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if err := disk.WriteNew(path, formatKey(key)); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, existsError(name, path)
		}
		return nil, fmt.Errorf("%w: write the key of %s: %w", ErrFolder, name, err)
	}
	return newPerson(name, dir, newSecret(key)), nil
}

func existsError(name Name, path string) error {
	return fmt.Errorf("%s %w: %s; nothing was changed", name, ErrExists, path)
}

func newPerson(name Name, dir string, s Secret) *Person {
	return &Person{Name: name, Author: [32]byte(s.PrivateKey()[ed25519.SeedSize:]), Dir: dir, Secret: s}
}

// Load reads the key of name. It does not take the lock; see [Person.Lock].
//
// Errors: [ErrUnknown], [ErrNameCase], [ErrCorruptKey], [ErrKeyPermissions], [ErrFolder], or that of the file system.
func Load(name Name) (*Person, error) {
	dir, exists, err := find(name)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, unknownError(name)
	}
	s, err := readKey(keyPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unknownError(name)
	}
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", name, err)
	}
	if err := checkFolder(dir); err != nil {
		return nil, fmt.Errorf("key of %s: %w", name, err)
	}
	return newPerson(name, dir, s), nil
}

func unknownError(name Name) error {
	dashes := ""
	if name.s[0] == '-' {
		dashes = "-- " // or it would be read as an option
	}
	return fmt.Errorf("%s: %w; to make a key: tallystick init %s%s", name, ErrUnknown, dashes, name)
}

// Lock is held while a person runs.
type Lock struct{ file *os.File }

// Lock makes this process the only one that runs as the person, until [Lock.Unlock] or its end, however it ends. It does
// not wait. Errors: [ErrRunning] (the text says which process, and how to be another person), [ErrFolder].
func (p *Person) Lock() (*Lock, error) {
	path := filepath.Join(p.Dir, "lock")
	f, err := disk.OpenRegular(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, fmt.Errorf("%w: lock %s: %w", ErrFolder, p.Name, err)
	}
	if err := disk.Lock(f); err != nil {
		defer f.Close() // nothing was written
		if errors.Is(err, disk.ErrLocked) {
			return nil, fmt.Errorf("%s %w%s; to be another person: tallystick run NAME", p.Name, ErrRunning, holder(f))
		}
		return nil, fmt.Errorf("%w: lock %s: %w", ErrFolder, p.Name, err)
	}
	// For the text above only, so neither synced nor relied upon. The file stays: to remove it would let two hold it.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0) // without it the text names no process
	}
	return &Lock{f}, nil
}

// holder returns the process that says in f that it holds the lock, in brackets.
func holder(f *os.File) string {
	b, err := disk.ReadSmall(f)
	if err != nil {
		return ""
	}
	if pid, err := strconv.ParseUint(strings.TrimSuffix(string(b), "\n"), 10, 31); err == nil && pid > 0 {
		return fmt.Sprintf(" (process %d)", pid)
	}
	return ""
}

// Unlock lets another process run as the person. A second Unlock does nothing.
func (l *Lock) Unlock() error {
	if err := disk.Release(l.file); err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	return nil
}
