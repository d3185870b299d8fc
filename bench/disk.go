package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tallystick/tallystick/internal/store"
)

// diskTimes are what the disk takes, measured beside what rests on it.
type diskTimes struct {
	sync   []time.Duration // one write of 4 KiB and one fsync
	commit []time.Duration // what any commit of bbolt has to wait for: pages, fdatasync, one page, fdatasync
	append []time.Duration // one store.Append of one frame
	last   []time.Duration // one store.Last.Set
}

// measureDisk takes n samples of each, in turn, so that a slow moment of the disk hits all alike. frame is the size of
// what is appended.
func (r *run) measureDisk(n, frame int) (*diskTimes, error) {
	dir, err := os.MkdirTemp(r.dir, "disk-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // run.close does it too
	f, err := os.Create(filepath.Join(dir, "plain"))
	if err != nil {
		return nil, err
	}
	defer f.Close() // nobody reads it
	pages, err := newPagesFile(filepath.Join(dir, "pages"))
	if err != nil {
		return nil, err
	}
	defer pages.Close() // as above
	s, err := store.Create(filepath.Join(dir, "room.db"), store.Meta{})
	if err != nil {
		return nil, err
	}
	last, err := store.OpenLast(filepath.Join(dir, "last"))
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	d := &diskTimes{}
	page, content := make([]byte, 4096), make([]byte, frame)
	timed := func(to *[]time.Duration, what func() error) error {
		start := time.Now()
		err := what()
		*to = append(*to, time.Since(start))
		return err
	}
	for i := range n {
		page[0]++
		err = errors.Join(
			timed(&d.sync, func() error {
				if _, err := f.WriteAt(page, int64(i)*4096); err != nil {
					return err
				}
				return f.Sync()
			}),
			timed(&d.commit, func() error { return commitPages(pages, page, i) }),
			timed(&d.append, func() error {
				_, err := s.Append([][]byte{content})
				return err
			}),
			timed(&d.last, func() error { return last.Set([32]byte{byte(i), 1}) }),
		)
		if err != nil {
			return nil, fmt.Errorf("measure the disk: %w", errors.Join(err, s.Close(), last.Close()))
		}
	}
	return d, errors.Join(s.Close(), last.Close())
}

// commitRegion is how much of the file of pages is written over and over.
const commitRegion = 1 << 20

// newPagesFile makes a file whose pages exist on disk, so that to write them over changes nothing but their content.
func newPagesFile(path string) (*os.File, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteAt(make([]byte, commitRegion), 0)
	if err := errors.Join(err, f.Sync()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// commitPages does to f what the smallest commit of a B+ tree with two roots does: four pages (leaf, state, two roots) and one sync, the
// root's root and another. Nothing that commits so can be faster on this disk.
func commitPages(f *os.File, page []byte, i int) error {
	const size, pages = 4096, 4
	for k := range pages {
		at := int64(2+(i*pages+k)%(commitRegion/size-2)) * size
		if _, err := f.WriteAt(page, at); err != nil {
			return err
		}
	}
	if err := syncData(f); err != nil {
		return err
	}
	if _, err := f.WriteAt(page, int64(i%2)*size); err != nil {
		return err
	}
	return syncData(f)
}
