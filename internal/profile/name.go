package profile

import (
	"fmt"
	"os/user"
	"strings"
)

// MaxNameBytes bounds a name.
const MaxNameBytes = 32

// Name is a person's name on this machine, and a folder's. It says nothing to others: they know the key. Only this package
// makes one; the zero Name is no name.
type Name struct{ s string }

// String returns the name, "" for the zero Name.
func (n Name) String() string { return n.s }

// IsZero says whether it is no name.
func (n Name) IsZero() bool { return n.s == "" }

// ParseName checks s. Errors: [ErrName].
func ParseName(s string) (Name, error) {
	if len(s) == 0 {
		return Name{}, fmt.Errorf("%w: it is empty; give 1 to %d letters, digits, - or _", ErrName, MaxNameBytes)
	}
	if len(s) > MaxNameBytes {
		return Name{}, fmt.Errorf("%w: %.*q… has %d bytes; give at most %d letters, digits, - or _", ErrName, MaxNameBytes, s, len(s), MaxNameBytes)
	}
	if s == "-" {
		return Name{}, fmt.Errorf("%w: - stands for standard input; give a name with a letter or digit", ErrName)
	}
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
		default:
			return Name{}, fmt.Errorf("%w: %q has %q; use the letters A to Z and a to z, digits, - and _", ErrName, s, r)
		}
	}
	return Name{s}, nil
}

// loginName is replaced in tests.
var loginName = func() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	// On Windows it is DOMAIN\name.
	return u.Username[strings.LastIndexByte(u.Username, '\\')+1:]
}

// DefaultName returns the name of the config, or the login name if it is a name, or "me".
func DefaultName(cfg Config) Name {
	if !cfg.Name.IsZero() {
		return cfg.Name
	}
	if n, err := ParseName(loginName()); err == nil {
		return n
	}
	return Name{"me"}
}
