package tui

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// openOwn opens the terminal that f is once more, without blocking: what is set on this description concerns no other
// program, and a write to a terminal that takes no bytes can be ended by a deadline. Where that is not allowed, as after
// su, f itself has to do.
func openOwn(f *os.File) *os.File {
	own, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), os.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return f
	}
	return own
}

// discardOutput drops what was written to a terminal and was not taken yet.
func discardOutput(f *os.File) {
	_ = unix.IoctlSetInt(int(f.Fd()), unix.TCFLSH, unix.TCOFLUSH) // it is a try
}

// discardInput drops what was typed and not read yet.
func discardInput(f *os.File) {
	_ = unix.IoctlSetInt(int(f.Fd()), unix.TCFLSH, unix.TCIFLUSH) // it is a try
}

// takesBytes reports whether a terminal takes more bytes, or will within a moment.
func takesBytes(f *os.File, within time.Duration) bool {
	fds := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLOUT}}
	n, err := unix.Poll(fds, int(within.Milliseconds()))
	return n > 0 || err != nil // an error says nothing: then nothing is dropped
}
