package profile

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/adrg/xdg"
)

// xdgMu guards the variables of package xdg, which Reload writes.
var xdgMu sync.Mutex

// base returns the folder "tallystick" within the one that pick chooses and the environment variable names.
func base(variable string, pick func() string) (string, error) {
	switch v := os.Getenv(variable); {
	case v != "" && !filepath.IsAbs(v):
		// The XDG specification has such a path ignored, and a key would be made where nobody expects it.
		return "", fmt.Errorf("%w: $%s is %q: give an absolute path, or none for the default", ErrFolder, variable, v)
	case v == "" && runtime.GOOS != "windows" && !filepath.IsAbs(os.Getenv("HOME")):
		// Package xdg would take / for the home.
		return "", fmt.Errorf("%w: neither $%s nor $HOME is set to an absolute path", ErrFolder, variable)
	}
	xdgMu.Lock()
	defer xdgMu.Unlock()
	xdg.Reload() // it reads the environment when the program starts; tests and callers may have changed it
	dir := pick()
	if !filepath.IsAbs(dir) {
		return "", fmt.Errorf("%w: this system has no folder for $%s", ErrFolder, variable)
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

// RuntimeDir returns the user's folder for what lives no longer than a login, as the environment says, or as is usual on this system. It may
// not exist; "" if the environment names no absolute path.
func RuntimeDir() string {
	if v := os.Getenv("XDG_RUNTIME_DIR"); v != "" && !filepath.IsAbs(v) {
		return ""
	}
	xdgMu.Lock()
	defer xdgMu.Unlock()
	xdg.Reload()
	if !filepath.IsAbs(xdg.RuntimeDir) {
		return ""
	}
	return xdg.RuntimeDir
}

func peopleDir() (string, error) {
	dir, err := DataDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "people"), nil
}
