package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/tallystick/tallystick/internal/disk"
)

// How long a change of a table waits for another process that changes it too.
const (
	tablePatience = 5 * time.Second
	tableStep     = 20 * time.Millisecond
)

// table is a file of a person that the program writes and people may edit: TOML, a list of tables of one name.
type table struct {
	path  string
	word  string // of its tables
	most  int64  // bytes of the file
	wrong error  // what every error about its content is
}

// read decodes the file into v, which is left as it is if there is no file. b is its content.
func (t *table) read(v any) (b []byte, err error) {
	f, err := disk.OpenRegular(t.path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", t.wrong, err)
	}
	defer f.Close() // only read
	if b, err = io.ReadAll(io.LimitReader(f, t.most+1)); err != nil {
		return nil, fmt.Errorf("%w: %w", t.wrong, err)
	}
	if int64(len(b)) > t.most {
		return nil, fmt.Errorf("%w: %s: larger than %d bytes", t.wrong, t.path, t.most)
	}
	return b, t.decode(b, v)
}

func (t *table) decode(b []byte, v any) error {
	err := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(v)
	if err == nil {
		return nil
	}
	var missing *toml.StrictMissingError
	if errors.As(err, &missing) && len(missing.Errors) > 0 {
		e := &missing.Errors[0]
		line, _ := e.Position()
		return fmt.Errorf("%w: %s:%d: unknown field %q", t.wrong, t.path, line, strings.Join(e.Key(), "."))
	}
	var bad *toml.DecodeError
	if !errors.As(err, &bad) {
		return fmt.Errorf("%w: %s: %w", t.wrong, t.path, err)
	}
	line, column := bad.Position()
	what := strings.TrimPrefix(bad.Error(), "toml: ")
	if field := strings.Join(bad.Key(), "."); field != "" {
		return fmt.Errorf("%w: %s:%d: field %q: %s", t.wrong, t.path, line, field, strings.TrimPrefix(what, "error calling UnmarshalText: "))
	}
	return fmt.Errorf("%w: %s:%d:%d: %s", t.wrong, t.path, line, column, what)
}

// at is an error about the table of that index, from 0.
func (t *table) at(b []byte, index int, err error) error {
	n, seen := 0, 0
	for line := range bytes.Lines(b) {
		n++
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte("[["+t.word+"]]")) {
			if seen == index {
				return fmt.Errorf("%w: %s:%d: %w", t.wrong, t.path, n, err)
			}
			seen++
		}
	}
	return fmt.Errorf("%w: %s: %s %d: %w", t.wrong, t.path, t.word, index+1, err)
}

// change lets f, which reads and returns what to write, be the only one that changes the file.
func (t *table) change(f func() (any, error)) error {
	if err := disk.MkdirAll(filepath.Dir(t.path)); err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	lock, err := disk.OpenRegular(t.path+".lock", os.O_RDWR|os.O_CREATE)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	for waited := time.Duration(0); ; waited += tableStep {
		if err = disk.Lock(lock); err == nil {
			break
		}
		if !errors.Is(err, disk.ErrLocked) || waited >= tablePatience {
			return errors.Join(fmt.Errorf("%w: %s: %w", t.wrong, t.path, err), lock.Close())
		}
		time.Sleep(tableStep)
	}
	defer disk.Release(lock) // the process's end does it too
	v, err := f()
	if err != nil {
		return err
	}
	b, err := toml.Marshal(v)
	if err == nil {
		err = disk.Replace(t.path, b)
	}
	if err != nil {
		return fmt.Errorf("%w: write %s: %w", t.wrong, t.path, err)
	}
	return nil
}
