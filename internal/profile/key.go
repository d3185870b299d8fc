package profile

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tallystick/tallystick/internal/disk"
)

// The key file's two lines; see doc.go.
const (
	keyComment = "# tallystick key of author "
	keyAdvice  = "; whoever has it can write as this author\n"
	keyLabel   = "tallystick-secret-key-1 "

	keyFileName = "key"
)

// formatKey returns the file that holds key.
func formatKey(key ed25519.PrivateKey) []byte {
	b := []byte(keyComment)
	b = hex.AppendEncode(b, key[ed25519.SeedSize:])
	b = append(b, keyAdvice+keyLabel...)
	b = hex.AppendEncode(b, key.Seed())
	return append(b, '\n')
}

// parseKey is the inverse of formatKey and accepts nothing else: no other case, space, order or author. What it returns
// as reason never holds bytes of the file.
func parseKey(b []byte) (key ed25519.PrivateKey, reason string) {
	at := bytes.Index(b, []byte("\n"+keyLabel))
	if at < 0 {
		return nil, fmt.Sprintf("no line begins with %q", strings.TrimSpace(keyLabel))
	}
	digits := b[at+1+len(keyLabel):]
	if len(digits) != 2*ed25519.SeedSize+1 {
		return nil, fmt.Sprintf("%d bytes follow %q, there should be %d digits and the end of the line", len(digits), strings.TrimSpace(keyLabel), 2*ed25519.SeedSize)
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := hex.Decode(seed, digits[:2*ed25519.SeedSize]); err != nil {
		return nil, "the key is not in hexadecimal digits"
	}
	key = ed25519.NewKeyFromSeed(seed)
	if !bytes.Equal(formatKey(key), b) {
		return nil, "the key and the author named in the file do not belong together"
	}
	return key, ""
}

// readKey reads the key file at path.
func readKey(path string) (Secret, error) {
	f, err := disk.OpenRegular(path, os.O_RDONLY)
	switch {
	case errors.Is(err, disk.ErrNotRegular):
		return Secret{}, fmt.Errorf("%w: %s: %w", ErrCorruptKey, path, disk.ErrNotRegular)
	case errors.Is(err, fs.ErrPermission):
		return Secret{}, fmt.Errorf("%w: %s cannot be read; if it is yours: chmod 600 %s", ErrKeyPermissions, path, shellQuote(path))
	case err != nil:
		return Secret{}, err
	}
	defer f.Close() // only read
	info, err := f.Stat()
	if err != nil {
		return Secret{}, err
	}
	id, err := disk.Stat(info)
	if err != nil {
		return Secret{}, err
	}
	if int(id.Owner) != os.Geteuid() {
		return Secret{}, fmt.Errorf("%w: %s belongs to user %d, you are %d; run as its owner", ErrKeyPermissions, path, id.Owner, os.Geteuid())
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return Secret{}, fmt.Errorf("%w: %s has mode %04o; run: chmod 600 %s", ErrKeyPermissions, path, perm, shellQuote(path))
	}
	b, err := disk.ReadSmall(f)
	if err != nil {
		if errors.Is(err, disk.ErrTooLarge) {
			err = fmt.Errorf("%w: %w", ErrCorruptKey, err)
		}
		return Secret{}, err
	}
	key, reason := parseKey(b)
	if reason != "" {
		return Secret{}, fmt.Errorf("%w: %s: %s; put back a copy of it, or move it away and make a new key", ErrCorruptKey, path, reason)
	}
	return newSecret(key), nil
}

// checkFolder refuses a folder in which others could put another key in the place of the key.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if perm := info.Mode().Perm(); perm&0o022 != 0 {
		return fmt.Errorf("%w: others can write in %s (mode %04o); run: chmod 700 %s", ErrKeyPermissions, dir, perm, shellQuote(dir))
	}
	return nil
}

// shellQuote makes path one word of a command.
func shellQuote(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

func keyPath(dir string) string { return filepath.Join(dir, keyFileName) }
