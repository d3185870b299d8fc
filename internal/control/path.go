package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tallystick/tallystick/internal/disk"
)

// ErrFolder is wrapped by errors about the folder of a socket.
var ErrFolder = errors.New("the folder of the control socket cannot be used")

// Paths are where the socket of the person whose own folder is dir may be, in the order in which they are tried: in the user's runtime
// folder, where that is known and absolute, and in the person's folder. The two are tried by both sides, since a program
// that runs on and one that asks it may have been started with different environments.
//
// The name has part of a hash of dir: people of one name in two data folders are two. runtime is the user's runtime folder, empty or
// not absolute if that is not known.
func Paths(runtime, name, dir string) []string {
	h := sha256.Sum256([]byte(dir))
	file := name + "-" + hex.EncodeToString(h[:4]) + ".sock"
	paths := []string{filepath.Join(dir, "sock")}
	if filepath.IsAbs(runtime) {
		paths = append([]string{filepath.Join(runtime, "tallystick", file)}, paths...)
	}
	return paths
}

// maxPathBytes is the shortest that systems take for a socket's path, the byte that ends it included.
const maxPathBytes = 104

// prepare makes the folder of a socket, if need be, and checks it.
func prepare(path string) error {
	if len(path) >= maxPathBytes || strings.ContainsRune(path, 0) {
		return fmt.Errorf("%w: %s: %d bytes, fewer than %d are possible", ErrFolder, path, len(path), maxPathBytes)
	}
	dir := filepath.Dir(path)
	if err := disk.MkdirAll(dir); err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	return checkFolder(dir)
}

// checkFolder refuses a folder in which another user could have put the socket.
func checkFolder(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%w: %s is no folder", ErrFolder, dir)
	}
	id, err := disk.Stat(info)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil // a system without owners in this form
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrFolder, dir, err)
	}
	if uid := os.Getuid(); uid >= 0 && id.Owner != uint32(uid) {
		return fmt.Errorf("%w: %s belongs to another user: set XDG_RUNTIME_DIR to a folder of your own", ErrFolder, dir)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("%w: others may write in %s: chmod 700 %s", ErrFolder, dir, dir)
	}
	return nil
}
