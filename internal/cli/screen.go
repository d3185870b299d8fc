package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/atotto/clipboard"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/transport"
	"github.com/tallystick/tallystick/tui"
)

// colors are the values of --color.
var colors = map[string]tui.Color{"auto": tui.ColorAuto, "never": tui.ColorNever, "16": tui.Color16}

// notesKept is how many lines about connections wait for the screen; more are dropped.
const notesKept = 16

// screen shows the ledger until the user, or a signal, ends it.
func (s *session) screen(ctx context.Context) error {
	notes := make(chan string, notesKept)
	opening := &openOnce{}
	cfg, err := profile.LoadConfig()
	if err != nil {
		return err
	}
	rooms := &screenRooms{s: s, cfg: cfg, changed: make(chan struct{}, 1)}
	options := tui.Options{
		Name: s.person.Name.String(), Room: s.room,
		Keys:  s.keys,
		Look:  tui.LookFromEnv(colors[s.flags.color], s.flags.ascii, os.Getenv),
		Tmux:  os.Getenv("TMUX") != "",
		Notes: notes,
		Rooms: rooms, People: &peopleStore{person: s.person, say: noteTo(notes)},
		Save: func(name string, content []byte) (string, error) { return saveNear(name, content, s.person.Dir) },
		Open: func(ctx context.Context, guard *tui.Guard) (tui.Opened, error) {
			o, err := opening.do(func() (*opened, error) {
				o, err := s.open(ctx, guard.Go, noteTo(notes), func() {})
				if err == nil {
					rooms.opened(o.house) // before a command has it open another room
					opening.answering = s.answer(o)
				}
				return o, err
			})
			if err != nil {
				return tui.Opened{}, err
			}
			return openedFor(o), nil
		},
	}
	if !clipboard.Unsupported {
		options.Clipboard = clipboard.WriteAll
	}
	err = tui.Run(ctx, options)
	if stopErr := opening.end(); err == nil {
		err = stopErr
	}
	var panicked *tui.PanicError
	if errors.As(err, &panicked) {
		s.p.stack(panicked)
		return &codedError{code: ExitError}
	}
	return err
}

// openedFor is a room as the screen has it.
func openedFor(o *opened) tui.Opened {
	return tui.Opened{Node: o.node, Network: network{o}, Prove: func(ctx context.Context, entry crdt.Name) ([]byte, error) {
		return proveEntry(ctx, o.node, entry)
	}}
}

// checkKeys refuses keys of the config that the screen cannot work with.
func checkKeys(cfg profile.Config) error {
	if err := tui.CheckKeys(cfg.Keys); err != nil {
		path, _ := profile.ConfigPath() // it was read
		return fmt.Errorf("%w: %s: %w", profile.ErrConfig, path, err)
	}
	return nil
}

// saveNear makes a new file in the working folder, or in dir where that cannot be written, and returns its path.
func saveNear(name string, content []byte, dir string) (string, error) {
	var errs []error
	for _, in := range []string{".", dir} {
		path, err := filepath.Abs(filepath.Join(in, name))
		if err == nil {
			err = disk.WriteNew(path, content)
		}
		if err == nil {
			return path, nil
		}
		if errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("%s is there already: it was left as it is", path)
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}

// stack tells of a panic. It is our own mistake: all of it is of use to us.
func (p *program) stack(e *tui.PanicError) {
	p.note("tallystick: internal error; please report it: %v", e.Value)
	for _, line := range strings.Split(string(e.Stack), "\n") {
		p.note("%s", strings.ReplaceAll(line, "\t", "    "))
	}
}

// openOnce opens a room at most once, and not after end.
type openOnce struct {
	mu    sync.Mutex // held while it is being opened
	ended bool
	room  *opened

	answering *answering
}

func (o *openOnce) do(open func() (*opened, error)) (*opened, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return nil, context.Canceled
	}
	var err error
	o.room, err = open()
	return o.room, err
}

// end waits for do, and stops what it opened.
func (o *openOnce) end() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	if o.room == nil {
		return nil
	}
	o.answering.end()
	return o.room.stop()
}

// noteTo returns a func that puts lines into notes, and drops them if nobody reads.
func noteTo(notes chan<- string) func(string, ...any) {
	return func(format string, args ...any) {
		select {
		case notes <- fmt.Sprintf(format, args...): // the screen makes it safe
		default:
		}
	}
}

// network lets the screen change the room's connections.
type network struct{ o *opened }

func (n network) Connect(address string) error {
	_, err := n.o.hub.Connect(n.o.node, address)
	return err
}

func (n network) Disconnect(id transport.PeerID) { n.o.links.disconnect(id) }
func (n network) Retry(id transport.PeerID)      { n.o.hub.Retry(id) }
