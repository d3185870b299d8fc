package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tallystick/tallystick/internal/store"
)

func Example() {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	path := filepath.Join(dir, "rooms", "main.db")
	s, err := store.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		s, err = store.Create(path, store.Meta{Room: [32]byte{1}, Charter: []byte("charter")})
	}
	if err != nil {
		panic(err)
	}
	defer s.Close() // all that was acknowledged is durable

	if _, err := s.Append([][]byte{[]byte("first"), []byte("second")}); err != nil {
		panic(err) // stop writing: what is on disk is unknown until a restart
	}
	if err := s.Records(func(n uint64, frame []byte) error {
		fmt.Printf("%d %s\n", n, frame)
		return nil
	}); err != nil {
		panic(err)
	}
	// Output:
	// 0 first
	// 1 second
}
