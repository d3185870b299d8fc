// Package disk holds what a durable file needs and package os leaves to its
// caller: locks, directories that survive a power cut, and a new file that
// appears whole or not at all.
//
// A file is durable once its content was synced AND the directory that names
// it was. The calls of a good creation are, in this order:
//
//	open(tmp, O_EXCL) · write · fsync(tmp) · link(tmp, path) · unlink(tmp) · fsync(dir)
//
// BUG: after a failed fsync a kernel may drop the dirty pages and report success
// the next time (Rebello et al., "Can Applications Recover from fsync
// Failures?", USENIX ATC 2020). A caller must not retry: what is on disk is
// unknown until the file was read again by a new process.
//
// BUG: systems without flock(2) are not supported: [Lock] and [Stat] return
// [errors.ErrUnsupported] there.
package disk
