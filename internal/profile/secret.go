package profile

import (
	"crypto/ed25519"
	"fmt"
	"log/slog"
)

// hidden is all that a Secret shows.
const hidden = "secret key (hidden)"

// Secret holds a secret key and shows it to nobody who does not ask for it by [Secret.PrivateKey]: not to fmt with any
// verb, not to log/slog, not to encoders of text or JSON, and not to what looks into structs by reflection, since there
// it is a function. The zero Secret holds no key.
type Secret struct {
	reveal func() ed25519.PrivateKey
}

func newSecret(key ed25519.PrivateKey) Secret {
	return Secret{func() ed25519.PrivateKey { return key }}
}

// PrivateKey returns the key itself, nil for the zero Secret. The caller must not change it, print it or store it.
func (s Secret) PrivateKey() ed25519.PrivateKey {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// String hides the key.
func (s Secret) String() string { return hidden }

// GoString hides the key.
func (s Secret) GoString() string { return hidden }

// Format hides the key from every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) } // fmt has no use for an error here

// MarshalText hides the key.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the key.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }
