package proxy

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// socket makes a socket such as one on a long line: small segments and a small window. Else the loopback's segments of 64 KiB let
// the kernel take megabytes off a sender at once, however slowly they leave it.
func socket(_, _ string, raw syscall.RawConn) error {
	var err error
	if control := raw.Control(func(fd uintptr) {
		if err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, segmentBytes); err == nil {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, windowBytes)
		}
	}); control != nil {
		return control
	}
	return err
}

const (
	segmentBytes = 1400
	windowBytes  = 16 << 10
)
