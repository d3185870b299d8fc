package profile

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/adrg/xdg"
)

// xdgMu guards the variables of package xdg, which Reload writes.
var xdgMu sync.Mutex

// base returns the folder "tallystick" within the one that pick chooses and the environment variable names.
func base(variable string, pick func() string) (string, error) {
	if v := os.Getenv(variable); v != "" && !filepath.IsAbs(v) {
		return "", fmt.Errorf("%w: $%s is %q: give an absolute path, or none for the default", ErrFolder, variable, v)
	}
	xdgMu.Lock()
	defer xdgMu.Unlock()
	xdg.Reload() // it reads the environment when the program starts; tests and callers may have changed it
	dir := pick()
	if !filepath.IsAbs(dir) {
		return "", fmt.Errorf("%w: neither $%s nor $HOME is set to an absolute path", ErrFolder, variable)
	}
	return filepath.Join(dir, "tallystick"), nil
}

// DataDir returns the folder of all data, which may not exist. Errors: [ErrFolder].
func DataDir() (string, error) {
	return base("XDG_DATA_HOME", func() string { return xdg.DataHome })
}

// ConfigPath returns where the config file is, if there is one. Errors: [ErrFolder].
func ConfigPath() (string, error) {
	dir, err := base("XDG_CONFIG_HOME", func() string { return xdg.ConfigHome })
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "config.toml"), nil
}

func peopleDir() (string, error) {
	dir, err := DataDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "people"), nil
}
