package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/tallystick/tallystick/internal/disk"
)

const (
	// MinPassphraseBytes keeps out slips; it makes no passphrase a good one.
	MinPassphraseBytes = 8
	// MaxPassphraseBytes bounds what is read of one.
	MaxPassphraseBytes = 1024
	// MaxExportBytes bounds a file with an exported key.
	MaxExportBytes = disk.MaxSmallFileBytes

	// workFactor is the scrypt work, as a power of two: a second, and 256 MiB. maxWorkFactor bounds what a file may
	// ask of who imports it.
	workFactor    = 18
	maxWorkFactor = 18

	importedFile = "imported"
)

var (
	// ErrPassphrase: the passphrase is not that of the file, or is none.
	ErrPassphrase = errors.New("wrong passphrase")
	// ErrExport: the file holds no exported key.
	ErrExport = errors.New("no exported key")
)

// Export returns the person's key file, encrypted by a passphrase: an armored age file, which the age program reads too.
// Errors: [ErrPassphrase] if it is too short or too long to be one.
func (p *Person) Export(passphrase string) ([]byte, error) {
	if len(passphrase) < MinPassphraseBytes || len(passphrase) > MaxPassphraseBytes {
		return nil, fmt.Errorf("%w: it has %d bytes: give %d to %d", ErrPassphrase, len(passphrase), MinPassphraseBytes, MaxPassphraseBytes)
	}
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	to.SetWorkFactor(workFactor)
	var out bytes.Buffer
	text := armor.NewWriter(&out)
	sealed, err := age.Encrypt(text, to)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	if _, err := sealed.Write(formatKey(p.Secret.PrivateKey())); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	if err := errors.Join(sealed.Close(), text.Close()); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return out.Bytes(), nil
}

// Import makes name a person with the key that Export put into file, whole and durable on return. The rooms that it opens
// later wait with writing until a peer has shown what the key wrote elsewhere; see [Person.Imported].
//
// Errors: [ErrPassphrase], [ErrExport], and those of [Init]. After any of them no key has changed.
func Import(name Name, file []byte, passphrase string) (*Person, error) {
	dir, _, err := find(name)
	if err != nil {
		return nil, err
	}
	path := keyPath(dir)
	if _, err := os.Lstat(path); err == nil {
		return nil, existsError(name, path)
	}
	b, err := openExport(file, passphrase)
	if err != nil {
		return nil, err
	}
	key, reason := parseKey(b)
	if reason != "" {
		return nil, fmt.Errorf("%w: what the passphrase opens is none: %s", ErrExport, reason)
	}
	if err := disk.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	// Before the key: a crash in between leaves a mark without a key, not a key without its mark.
	if err := disk.Replace(filepath.Join(dir, importedFile), nil); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	if err := disk.WriteNew(path, formatKey(key)); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, existsError(name, path)
		}
		return nil, fmt.Errorf("%w: write the key of %s: %w", ErrFolder, name, err)
	}
	return newPerson(name, dir, newSecret(key)), nil
}

// Imported reports whether the key was made elsewhere: it may have written what this machine knows nothing of.
func (p *Person) Imported() bool {
	_, err := os.Lstat(filepath.Join(p.Dir, importedFile))
	return err == nil
}

// openExport returns what file holds.
func openExport(file []byte, passphrase string) ([]byte, error) {
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fmt.Errorf("%w: it is empty", ErrPassphrase)
	}
	id.SetMaxWorkFactor(maxWorkFactor)
	var in io.Reader = bytes.NewReader(file)
	if strings.HasPrefix(string(bytes.TrimLeft(file, " \t\r\n")), armor.Header) {
		in = armor.NewReader(in)
	}
	r, err := age.Decrypt(in, id)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none) && !slices.Contains(none.StanzaTypes, "scrypt"):
		return nil, fmt.Errorf("%w: it is encrypted, but not by a passphrase", ErrExport)
	case errors.As(err, &none):
		return nil, fmt.Errorf("%w; nothing was changed", ErrPassphrase)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrExport, err)
	}
	b, err := io.ReadAll(io.LimitReader(r, MaxExportBytes))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrExport, err)
	}
	return b, nil
}
