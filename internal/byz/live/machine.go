package live

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tallystick/tallystick/internal/byz"
	"github.com/tallystick/tallystick/internal/program"
)

// A machineAttack is one on the files, the environment or the command line of a machine, rather than over the network.
type machineAttack struct {
	class      byz.Class
	name, what string
	outcome    string // in words, if run finds it so
	run        func(context.Context, *scene) error
}

// machineAttacks lists those of package live. More of the class "store and crash" is in the tests of internal/store, internal/disk and
// internal/salvage (a damaged byte at every place of a file, torn writes, a full disk), and of internal/e2e (kills under load).
func machineAttacks() []machineAttack { return slices.Concat(configAttacks, storeAttacks) }

// Machine runs one attack on a machine in a scene of its own: two honest nodes at the relay, of which near is attacked, while far
// writes if busy.
func (w *World) Machine(ctx context.Context, a machineAttack, busy bool) *Result {
	r := &Result{Class: a.class, Name: a.name, What: a.what, Busy: busy}
	s, err := w.newScene(ctx, "", nil, r)
	if err == nil {
		s.words = a.outcome
		var traffic error
		var wg sync.WaitGroup
		if busy {
			wg.Go(func() { traffic = s.write(ctx, 1, s.far) })
		}
		err = a.run(ctx, s)
		wg.Wait()
		if err = errors.Join(err, traffic); busy && err == nil {
			s.made += honestEdits
			err = s.travel(ctx) // and what far wrote before
		}
	}
	if err == nil {
		err = s.judge(ctx)
	}
	if err != nil {
		r.Err = err
		if s != nil {
			s.abandon()
		}
		return r
	}
	w.mu.Lock()
	w.done = append(w.done, s)
	w.mu.Unlock()
	return r
}

// plainNear is the node that is attacked.
func (s *scene) plainNear() *plainNode { return s.near.(*plainNode) }

// home is where its files are.
func (s *scene) home() string { return s.plainNear().home }

// file is the one file of near that the pattern finds among what is kept of it.
func (s *scene) file(pattern string) (string, error) {
	found, err := filepath.Glob(filepath.Join(s.home(), "data", "tallystick", "people", "near", pattern))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%d files are found by %s", len(found), pattern)
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

// ran is what came of a command.
type ran struct {
	code   int
	output string // both
}

// command runs the program to its end, on near's machine with further variables in its environment and nothing to read.
func (s *scene) command(ctx context.Context, env []string, args ...string) (ran, error) {
	ctx, cancel := within(ctx, patience, "tallystick %.80q has ended", args)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.plainNear().binary, args...)
	cmd.Env = append(program.Environment(s.home()), env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if ctx.Err() != nil {
		return ran{}, context.Cause(ctx)
	}
	if err != nil && !errors.As(err, &exit) {
		return ran{}, err
	}
	r := ran{cmd.ProcessState.ExitCode(), string(out)}
	if strings.Contains(r.output, "panic:") || strings.Contains(r.output, "goroutine ") {
		return r, fmt.Errorf("tallystick %.80q panicked: %s", args, r.output)
	}
	for line := range strings.Lines(r.output) {
		if unsafeText(strings.TrimSuffix(line, "\n")) {
			return r, fmt.Errorf("tallystick %.80q printed what is not safe for a terminal: %q", args, line)
		}
	}
	return r, nil
}

// refuses runs a command that must end with one of the codes, say something on one or a few lines, and change no file of the machine.
func (s *scene) refuses(ctx context.Context, codes []int, env []string, args ...string) error {
	before, err := tree(s.home())
	if err != nil {
		return err
	}
	r, err := s.command(ctx, env, args...)
	if err != nil {
		return err
	}
	if !slices.Contains(codes, r.code) {
		return fmt.Errorf("tallystick %.80q ended with code %d, want one of %d: %s", args, r.code, codes, r.output)
	}
	if !strings.HasPrefix(r.output, "tallystick: ") || strings.Count(r.output, "\n") > 3 {
		return fmt.Errorf("tallystick %.80q says no plain message: %q", args, r.output)
	}
	after, err := tree(s.home())
	if err == nil && before != after {
		err = fmt.Errorf("tallystick %.80q was refused and has changed files:\n%s\n%s", args, before, after)
	}
	return err
}

// tree is a word for all files below dir and what is in them, but for those of far, which may be writing.
func tree(dir string) (string, error) {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == filepath.Join(dir, "data", "tallystick", "people", "far") {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %v", strings.TrimPrefix(path, dir), info.Mode())
		// A lock file names who tried last.
		if info.Mode().IsRegular() && info.Size() < 1<<24 && d.Name() != "lock" {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %d %.8x", len(data), sha256.Sum256(data))
		}
		b.WriteByte('\n')
		return nil
	})
	return b.String(), err
}

// rest ends near as it should, for the time of an attack on its files; wake starts it again, and it must have all that it had.
func (s *scene) rest(ctx context.Context) error { return s.near.finish(ctx) }

func (s *scene) wake(ctx context.Context) error {
	if err := s.near.begin(ctx); err != nil {
		return err
	}
	for _, id := range s.edits {
		if err := s.near.shows(ctx, id); err != nil {
			return err
		}
	}
	return s.travel(ctx)
}

// asleep makes an attack of what is done while near does not run.
func asleep(act func(context.Context, *scene) error) func(context.Context, *scene) error {
	return func(ctx context.Context, s *scene) error {
		return errors.Join(s.rest(ctx), act(ctx, s), s.wake(ctx))
	}
}

// Exit codes that are looked for (tallystick --help).
const (
	exitError   = 1
	exitUsage   = 2
	exitInUse   = 4
	exitDamaged = 5
)

var runNear = []string{"run", "near", "--plain", "--offline", "--room", "x"}

// withKey has something else in the place of the key, which must be refused, and puts the key back.
func withKey(codes []int, replace func(path string, key []byte) error) func(context.Context, *scene) error {
	return asleep(func(ctx context.Context, s *scene) error {
		path, err := s.file("key")
		if err != nil {
			return err
		}
		key, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := replace(path, key); err != nil {
			return err
		}
		err = s.refuses(ctx, codes, nil, runNear...)
		return errors.Join(err, os.RemoveAll(path), os.WriteFile(path, key, 0o600))
	})
}

// withConfig has a config that must be refused.
func withConfig(write func(path string) error) func(context.Context, *scene) error {
	return asleep(func(ctx context.Context, s *scene) error {
		path := filepath.Join(s.home(), "config", "tallystick", "config.toml")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), write(path)); err != nil {
			return err
		}
		return errors.Join(s.refuses(ctx, []int{exitError}, nil, runNear...), os.Remove(path))
	})
}

// hostileWords are words where a name is expected.
var hostileWords = []string{"../near", "a/b", "..", "", ".", "-", strings.Repeat("n", 33), "\x1b[2J", "a\nb", "nea\u0433", "n\u200bear", "con\u202e"}

var configAttacks = []machineAttack{
	{byz.Config, "config/loose-key", "the key file may be read by others", "refused, exit code 1 or 5, no file changed; the key serves again once it is private",
		withKey([]int{exitError, exitDamaged}, func(path string, _ []byte) error { return os.Chmod(path, 0o644) })},
	{byz.Config, "config/garbage-key", "the key file holds random bytes", "refused, exit code 5, no file changed",
		withKey([]int{exitDamaged}, func(path string, _ []byte) error {
			return os.WriteFile(path, bytes.Repeat([]byte("\x1b\x00\xff"), 100), 0o600)
		})},
	{byz.Config, "config/half-key", "the key file is cut, as by a torn write", "refused, exit code 5, no file changed",
		withKey([]int{exitDamaged}, func(path string, key []byte) error { return os.WriteFile(path, key[:len(key)-7], 0o600) })},
	{byz.Config, "config/folder-key", "a folder stands in the place of the key", "refused, exit code 1 or 5, no file changed",
		withKey([]int{exitError, exitDamaged}, func(path string, _ []byte) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) })},
	{byz.Config, "config/linked-key", "the key is a symbolic link to another file", "refused, exit code 1 or 5, no file changed",
		withKey([]int{exitError, exitDamaged}, func(path string, key []byte) error {
			return errors.Join(os.Remove(path), os.WriteFile(path+"-elsewhere", key, 0o600), os.Symlink(path+"-elsewhere", path))
		})},
	{byz.Config, "config/pipe-key", "the key is a pipe that nobody writes to: who opens it waits for ever", "refused at once, no file changed",
		withKey([]int{exitError, exitDamaged}, func(path string, _ []byte) error { return errors.Join(os.Remove(path), mkfifo(path)) })},
	{byz.Config, "config/garbage", "the config holds random bytes and escapes", "refused, exit code 1, the place named, no file changed",
		withConfig(func(path string) error { return os.WriteFile(path, []byte("\x1b[2J\xff\x00 = [[["), 0o600) })},
	{byz.Config, "config/hostile-field", "the config has a field whose name is an escape sequence", "refused, exit code 1, no file changed",
		withConfig(func(path string) error { return os.WriteFile(path, []byte("\"\\u001b[2J\" = 1\n"), 0o600) })},
	{byz.Config, "config/huge", "the config has a GiB", "refused, exit code 1, without reading it",
		withConfig(func(path string) error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<30)) })},
	{byz.Config, "config/pipe", "the config is a pipe that nobody writes to", "refused at once, no file changed", withConfig(mkfifo)},
	{byz.Config, "config/names", "names that climb out of folders, hide characters or look alike", "refused, exit code 2, no file made",
		asleep(func(ctx context.Context, s *scene) error {
			var err error
			for _, name := range hostileWords {
				err = errors.Join(err, s.refuses(ctx, []int{exitUsage}, nil, "run", "--plain", "--offline", "--", name))
			}
			return err
		})},
	{byz.Config, "config/rooms", "names of rooms that are no text, too long, or have something in them that is not seen", "refused, exit code 2, no file made",
		asleep(func(ctx context.Context, s *scene) error {
			var err error
			for _, room := range []string{strings.Repeat("r", 65), "\x1b[2J", "a\nb", "ma\u200bin", "\u202eniam", "\xff"} {
				err = errors.Join(err, s.refuses(ctx, []int{exitUsage}, nil, "run", "near", "--plain", "--offline", "--room", room))
			}
			return err
		})},
	{byz.Config, "config/addresses", "addresses that are none, with passwords, escapes or other schemes in them", "refused, exit code 2, no file changed",
		asleep(func(ctx context.Context, s *scene) error {
			var err error
			for _, url := range []string{"ws://[::1", "javascript:alert(1)", "file:///etc/passwd", "ws://\x1b[2J", "ws://", "ws://a b", "ws://h:99999999"} {
				err = errors.Join(err, s.refuses(ctx, []int{exitUsage}, nil, "run", "near", "--plain", "--connect", url))
			}
			return err
		})},
	{byz.Config, "config/environment", "no home, a home that is a device, relative and endless paths", "refused, exit code 1, no file made",
		asleep(func(ctx context.Context, s *scene) error {
			var err error
			for _, env := range [][]string{
				{"HOME=/dev/null", "XDG_DATA_HOME="}, {"HOME=", "XDG_DATA_HOME="}, {"XDG_DATA_HOME=data"}, {"XDG_DATA_HOME=/dev/null/x"},
				{"XDG_DATA_HOME=/" + strings.Repeat("x", 300)}, {"XDG_DATA_HOME=/" + strings.Repeat("x/", 3000)}, {"XDG_DATA_HOME=/proc/self/\x1b[2J"},
			} {
				err = errors.Join(err, s.refuses(ctx, []int{exitError}, env, runNear...))
			}
			return err
		})},
}

var storeAttacks = []machineAttack{
	{byz.Store, "store/two-processes", "a second process under the same name", "refused, exit code 4; the first goes on",
		func(ctx context.Context, s *scene) error {
			r, err := s.command(ctx, nil, "run", "near", "--plain", "--offline", "--room", s.plainNear().room)
			if err == nil && r.code != exitInUse {
				err = fmt.Errorf("the second process ended with code %d: %s", r.code, r.output)
			}
			return errors.Join(err, s.travel(ctx))
		}},
	{byz.Store, "store/two-relays", "a second relay on the same data", "refused, exit code 4; the first goes on",
		func(ctx context.Context, s *scene) error {
			addr, err := freeAddr()
			if err != nil {
				return err
			}
			r, err := s.command(ctx, nil, "--relay", "--listen", addr, "--data", s.w.relay.data)
			if err == nil && r.code != exitInUse {
				err = fmt.Errorf("the second relay ended with code %d: %s", r.code, r.output)
			}
			return errors.Join(err, s.travel(ctx))
		}},
	{byz.Store, "store/kill-at-write", "SIGKILL ten times, some hundred microseconds after an edit was typed", "all that was acknowledged is there; nobody has forked",
		func(ctx context.Context, s *scene) error {
			n := s.plainNear()
			for i := range 10 {
				id, err := n.say(ctx, fmt.Sprintf("kept-%d", i))
				if err != nil {
					return err
				}
				s.edits = append(s.edits, id)
				s.made++
				if _, err := fmt.Fprintf(n.stdin, "alice -> bob 1.25 perhaps-%d\n", i); err != nil {
					return err
				}
				time.Sleep(time.Duration(rand.IntN(1500)) * time.Microsecond) // where it is killed is left to chance
				n.kill()
				if err := n.begin(ctx); err != nil {
					return err
				}
				for _, id := range s.edits {
					if err := n.shows(ctx, id); err != nil {
						return err
					}
				}
			}
			if err := s.travel(ctx); err != nil {
				return err
			}
			n.see(func() {
				for i := range 10 {
					if n.memos[fmt.Sprintf("perhaps-%d", i)] != "" {
						s.made++
					}
				}
			})
			return nil
		}},
	{byz.Store, "store/cut-file", "the store is cut to half its length", "reported by place, kept aside, fetched again from peers; nothing forked", damaged(func(b []byte) []byte { return b[:len(b)/2] })},
	{byz.Store, "store/flipped-bits", "a bit is flipped in every 512 bytes of the store", "reported by place, kept aside, fetched again from peers; nothing forked", damaged(func(b []byte) []byte {
		for i := 100; i < len(b); i += 512 {
			b[i] ^= 4
		}
		return b
	})},
	{byz.Store, "store/garbage-file", "the store is replaced by random bytes", "refused, exit code 5, not touched; once it is moved away all is fetched again, and nobody has forked",
		asleep(func(ctx context.Context, s *scene) error {
			path, err := s.file("rooms/*.db")
			if err != nil {
				return err
			}
			garbage := make([]byte, 64<<10)
			for i := range garbage {
				garbage[i] = byte(rand.Uint32())
			}
			return errors.Join(os.WriteFile(path, garbage, 0o600),
				s.refuses(ctx, []int{exitDamaged}, nil, "run", "near", "--plain", "--offline", "--room", s.plainNear().room), os.Rename(path, path+"-aside"))
		})},
	{byz.Store, "store/old-backup", "yesterday's copy of the store is put back, the key's memory of what was sent is today's", "nothing is written until a peer has given back what is missing; nobody has forked",
		func(ctx context.Context, s *scene) error {
			if err := s.rest(ctx); err != nil {
				return err
			}
			path, err := s.file("rooms/*.db")
			if err != nil {
				return err
			}
			old, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := errors.Join(s.wake(ctx), s.rest(ctx), os.WriteFile(path, old, 0o600)); err != nil {
				return err
			}
			return s.wake(ctx)
		}},
}

// damaged has near find its store damaged. The peers have all of it.
func damaged(harm func([]byte) []byte) func(context.Context, *scene) error {
	return func(ctx context.Context, s *scene) error {
		if err := s.rest(ctx); err != nil {
			return err
		}
		path, err := s.file("rooms/*.db")
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, harm(b), 0o600); err != nil {
			return err
		}
		return s.wake(ctx)
	}
}
