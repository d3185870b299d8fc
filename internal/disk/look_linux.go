package disk

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Look returns the size of f in bytes and which file it is. Unlike [os.File.Stat] it does not ask for times: a kernel that was
// asked (Linux from 6.13 on) gives the next write a time of its own, and the next Datasync has the inode to write besides.
func Look(f *os.File) (size int64, id Identity, err error) {
	var st unix.Statx_t
	for {
		err = unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_SIZE|unix.STATX_INO|unix.STATX_NLINK|unix.STATX_UID, &st)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if errors.Is(err, unix.ENOSYS) {
		return lookSlowly(f)
	}
	if err != nil {
		return 0, id, &fs.PathError{Op: "statx", Path: f.Name(), Err: err}
	}
	id = Identity{Device: unix.Mkdev(st.Dev_major, st.Dev_minor), Inode: st.Ino, Links: uint64(st.Nlink), Owner: st.Uid}
	return int64(st.Size), id, nil
}
