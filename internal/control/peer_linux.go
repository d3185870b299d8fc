package control

import (
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// samePerson reports whether the other end of c is a process of this user.
func samePerson(c net.Conn) bool {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return false
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return false
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) { cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	return errors.Join(err, credErr) == nil && cred.Uid == uint32(os.Getuid())
}
