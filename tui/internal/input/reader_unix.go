//go:build unix

package input

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

// EscapeTimeout is how long bytes that begin a sequence are held back. Terminals send a sequence in one piece; over a slow
// line it may come in two.
const EscapeTimeout = 30 * time.Millisecond

// Read reads the terminal until ctx ends (nil), its end of file (io.EOF as *os.File gives it) or an error. Messages come
// in batches, in the order of their bytes: send gets all that one read brought, and may block.
func Read(ctx context.Context, tty *os.File, send func([]tea.Msg)) error {
	r, w, err := os.Pipe() // ends the waiting below
	if err != nil {
		return fmt.Errorf("terminal input: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = w.Close() }) // nobody reads the error
	defer func() {
		if stop() {
			_ = w.Close()
		}
		_ = r.Close()
	}()
	var d Decoder
	buf := make([]byte, 16<<10)
	for {
		wait := time.Duration(-1)
		if d.Waiting() {
			wait = EscapeTimeout
		}
		ready, err := readable(int(tty.Fd()), int(r.Fd()), wait)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("terminal input: %w", err)
		case !ready:
			send(d.Flush(nil))
			continue
		}
		n, err := unix.Read(int(tty.Fd()), buf)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil {
			return fmt.Errorf("terminal input: %w", err)
		}
		if n <= 0 {
			return errHangup
		}
		if msgs := d.Feed(nil, buf[:n]); len(msgs) > 0 {
			send(msgs)
		}
	}
}

var errHangup = errors.New("terminal input: end of file: the terminal is gone")

// readable waits until fd can be read (true), wait has passed (false), or stop was closed (true; ctx tells). A negative
// wait is without end. select, since poll knows no terminals on macOS.
func readable(fd, stop int, wait time.Duration) (bool, error) {
	for {
		var set unix.FdSet
		set.Set(fd)
		set.Set(stop)
		var tv *unix.Timeval
		if wait >= 0 {
			t := unix.NsecToTimeval(wait.Nanoseconds())
			tv = &t
		}
		n, err := unix.Select(max(fd, stop)+1, &set, nil, nil, tv)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return n > 0, err
	}
}
