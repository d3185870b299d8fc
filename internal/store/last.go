package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tallystick/tallystick/internal/disk"
)

// The file: a line of text, then two slots far enough apart that no torn write reaches both. The one with the greater
// number counts, the other is the next to be written.
//
//	slot = number (8) ‖ id (32) ‖ CRC-32C of the two (4), big endian; the first of a new file has number 1 and no id (zero)
const (
	lastMagic    = "tallystick last 1\n"
	lastSlotStep = 4096
	lastSlotSize = 8 + 32 + 4
	lastSize     = 2*lastSlotStep + lastSlotSize
)

// Last is the file beside a key that remembers the newest own change that may have left this machine. If the store knows
// less, it is an old copy, and to write into it would fork the author. It is not safe for concurrent use.
type Last struct {
	path    string
	file    *os.File
	number  uint64   // of the slot that counts
	slot    int      // that slot, 0 or 1
	id      [32]byte // zero: none
	damaged bool
	// unreadable: neither slot counts
	unreadable bool
	fatal      error

	hook hooks
}

// OpenLast opens the file at path and takes its lock; if there is none it is made, with mode 0600, and its folders. Whoever
// holds the lock on the key holds this one too, so [ErrLocked] is rare.
//
// Errors: [ErrLocked], [ErrNotStore], or that of the file system. A file of which neither half can be read is opened all the
// same: see [Last.Damaged].
func OpenLast(path string) (*Last, error) {
	for range 2 {
		f, err := disk.OpenRegular(path, os.O_RDWR)
		switch {
		case err == nil:
			return readLast(path, f)
		case errors.Is(err, disk.ErrNotRegular):
			return nil, fmt.Errorf("last file %s: %w: %w", path, ErrNotStore, disk.ErrNotRegular)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("last file %s: %w", path, err)
		}
		if err := disk.MkdirAll(filepath.Dir(path)); err != nil {
			return nil, fmt.Errorf("last file %s: create: %w", path, err)
		}
		content := make([]byte, lastSize)
		copy(content, lastMagic)
		for i := range 2 {
			copy(content[lastOffset(i):], lastSlot(uint64(i), [32]byte{}))
		}
		// A crash before it is published leaves nothing, one after it a whole file that holds no id.
		if err := disk.WriteNew(path, content); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("last file %s: create: %w", path, err)
		}
	}
	return nil, fmt.Errorf("last file %s: %w", path, fs.ErrNotExist)
}

func lastOffset(slot int) int64 { return int64(slot+1) * lastSlotStep }

func lastSlot(number uint64, id [32]byte) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, lastSlotSize), number)
	b = append(b, id[:]...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// readLast takes over f.
func readLast(path string, f *os.File) (l *Last, err error) {
	defer func() {
		if err != nil {
			_ = disk.Release(f) // nothing was written
		}
	}()
	if err := disk.Lock(f); err != nil {
		if errors.Is(err, disk.ErrLocked) {
			err = ErrLocked
		}
		return nil, fmt.Errorf("last file %s: %w", path, err)
	}
	b, err := disk.ReadSmall(f)
	if err != nil {
		return nil, fmt.Errorf("last file %s: %w: %w", path, ErrNotStore, err)
	}
	l = &Last{path: path, file: f, slot: -1}
	if reason := l.parse(b); reason != "" {
		l.slot, l.number, l.unreadable = 1, 1, true // so that Set makes slot 0 number 2
	}
	return l, nil
}

// parse takes the content of the file. It returns why nothing in it counts.
func (l *Last) parse(b []byte) (reason string) {
	l.damaged = len(b) != lastSize || string(b[:min(len(b), len(lastMagic))]) != lastMagic
	var numbers [2]uint64
	for i := range 2 {
		at := int(lastOffset(i))
		if len(b) < at+lastSlotSize {
			l.damaged = true
			continue
		}
		slot := b[at : at+lastSlotSize]
		body := slot[:lastSlotSize-4]
		number := binary.BigEndian.Uint64(body)
		if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(slot[lastSlotSize-4:]) || number%2 != uint64(i) {
			l.damaged = true
			continue
		}
		numbers[i] = number
		if l.slot < 0 || number > l.number {
			l.slot, l.number, l.id = i, number, [32]byte(body[8:])
		}
	}
	if a, b := numbers[0], numbers[1]; a != b+1 && b != a+1 {
		l.damaged = true // one of them is not the last but one
	}
	if l.slot < 0 {
		return "neither half is what was written"
	}
	return ""
}

// ID returns the id that was set last, false if none ever was.
func (l *Last) ID() (id [32]byte, ok bool) { return l.id, l.id != [32]byte{} }

// Damaged says that part of the file is not as it was written, so that ID may be the last but one, or there is none although
// one was set: rotten bits, or a power cut that tore a Set. To be treated as a store that looks copied. The next Set repairs
// the file.
func (l *Last) Damaged() bool { return l.damaged }

// Set replaces the id; durable on return. An error wraps [ErrFatal]: the old or the new id is on disk, and nothing more
// is written through this Last. A zero id is refused. The cost is one sync of the disk.
func (l *Last) Set(id [32]byte) error {
	if l.fatal != nil {
		return l.fatal
	}
	if id == ([32]byte{}) {
		return fmt.Errorf("last file %s: set: %w: no id", l.path, ErrRange)
	}
	if err := l.write(id); err != nil {
		l.fatal = fmt.Errorf("last file %s: set: %w: %w", l.path, ErrFatal, err)
		return l.fatal
	}
	return nil
}

func (l *Last) write(id [32]byte) error {
	if l.hook.before != nil {
		if err := l.hook.before(); err != nil {
			return err
		}
	}
	// Commit point. The slot that counts is not touched: a crash before the sync ends leaves it and, of the other, what
	// it was, the new id, or rubbish that its CRC shows. The change of the new id has not left yet in any of these.
	slot, number := 1-l.slot, l.number+1
	if l.damaged {
		// Whatever else was not as written; the slot that was is written below.
		if _, err := l.file.WriteAt([]byte(lastMagic), 0); err != nil {
			return err
		}
		if err := l.file.Truncate(lastSize); err != nil {
			return err
		}
	}
	if l.unreadable {
		if _, err := l.file.WriteAt(lastSlot(l.number, [32]byte{}), lastOffset(l.slot)); err != nil {
			return err
		}
	}
	if _, err := l.file.WriteAt(lastSlot(number, id), lastOffset(slot)); err != nil {
		return err
	}
	if err := disk.Datasync(l.file); err != nil {
		return err
	}
	if l.hook.after != nil {
		if err := l.hook.after(); err != nil {
			return err
		}
	}
	l.slot, l.number, l.id, l.damaged, l.unreadable = slot, number, id, false, false
	return nil
}

// Close lets go of the file and its lock. A second Close does nothing.
func (l *Last) Close() error {
	if err := disk.Release(l.file); err != nil {
		return fmt.Errorf("last file %s: close: %w", l.path, err)
	}
	return nil
}
