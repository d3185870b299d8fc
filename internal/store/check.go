package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// check reads a whole store: both meta pages, every page that they lead to, every record. It returns what the store holds
// only if bbolt can work on the file and every record is as it was written. size is the file's length in bytes.
//
// Errors: [ErrNotStore], [ErrVersion], [*DamageError]. It allocates in proportion to the file and to
// maxSpanBytes, never to what the file says of itself.
func check(f io.ReaderAt, size int64, path string) (*header, error) {
	m, err := checkMetas(f, size, path)
	if err != nil {
		return nil, err
	}
	c := &checker{path: path, pager: newPager(f, m.pages, size)}
	// The order matters: with the format known, an entry that this version does not know is told from damage.
	if err := c.root(m.root); err != nil {
		return nil, err
	}
	if size < int64(m.pages)*pageSize {
		return nil, c.damage(NoRecord, size, "the file ends at byte %d and needs %d", size, int64(m.pages)*pageSize)
	}
	return &c.header, nil
}

// checkMetas returns the newer of the meta pages; both must be sound.
func checkMetas(f io.ReaderAt, size int64, path string) (boltMeta, error) {
	buf := make([]byte, 2*pageSize)
	n, err := f.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return boltMeta{}, &DamageError{Path: path, Record: NoRecord, Offset: int64(n), Reason: fmt.Sprintf("cannot be read: %v", err)}
	}
	metas := [2]boltMeta{parseBoltMeta(buf), parseBoltMeta(buf[pageSize:])}
	a, b := metas[0], metas[1]
	switch {
	case a.sound && a.magic == boltMagic && a.size != pageSize:
		return boltMeta{}, fmt.Errorf("store %s: %w: a bbolt file with pages of %d bytes", path, ErrNotStore, a.size)
	case a.magic != boltMagic && b.magic != boltMagic:
		return boltMeta{}, fmt.Errorf("store %s: %w", path, ErrNotStore)
	case size < minPages*pageSize:
		return boltMeta{}, &DamageError{Path: path, Record: NoRecord, Offset: size, Reason: fmt.Sprintf("the file ends at byte %d", size)}
	}
	for i, m := range metas {
		damage := &DamageError{Path: path, Record: NoRecord, Offset: int64(i)*pageSize + pageHead}
		head := buf[i*pageSize:]
		switch {
		case native.Uint64(head) != uint64(i) || native.Uint16(head[8:]) != flagMeta:
			damage.Reason = fmt.Sprintf("the head of meta page %d is of another page", i)
			damage.Offset -= pageHead
		case !m.sound || m.magic != boltMagic:
			damage.Reason = fmt.Sprintf("checksum of meta page %d does not match: the last transaction may be lost", i)
		case m.version != boltVersion:
			return boltMeta{}, fmt.Errorf("store %s: %w: bbolt version %d", path, ErrVersion, m.version)
		case m.size != pageSize:
			damage.Reason = fmt.Sprintf("meta page %d is for pages of %d bytes", i, m.size)
		case m.tx%2 != uint64(i):
			damage.Reason = fmt.Sprintf("meta page %d is of transaction %d", i, m.tx)
		}
		if damage.Reason != "" {
			return boltMeta{}, damage
		}
	}
	if a.tx < b.tx {
		a, b = b, a
	}
	if a.tx-b.tx != 1 {
		return boltMeta{}, &DamageError{
			Path: path, Record: NoRecord, Offset: int64(b.tx%2)*pageSize + pageHead,
			Reason: fmt.Sprintf("the meta pages are of transactions %d and %d", b.tx, a.tx),
		}
	}
	if a.freelist != noFreelist {
		// bbolt would read a list of free pages that this package does not check and never has written.
		return boltMeta{}, fmt.Errorf("store %s: %w: a bbolt file of another program, with a list of free pages", path, ErrNotStore)
	}
	return a, nil
}

type checker struct {
	path   string
	pager  *pager
	header header
	next   uint64 // number of the next record
}

func (c *checker) damage(record uint64, at int64, format string, args ...any) error {
	return &DamageError{Path: c.path, Record: record, Offset: at, Reason: fmt.Sprintf(format, args...)}
}

// root checks the three buckets.
func (c *checker) root(id uint64) error {
	type bucket struct {
		value []byte
		at    int64
	}
	found := map[string]bucket{}
	known := 0
	err := c.tree(id, NoRecord, func(e element) error {
		if !e.bucket {
			return c.damage(NoRecord, e.at, "entry %s stands where only buckets do", printable(e.key))
		}
		if len(found) >= 16 {
			return c.damage(NoRecord, e.at, "more than %d buckets", len(found))
		}
		switch string(e.key) {
		case string(bucketMeta), string(bucketRecords), string(bucketState):
			known++
		}
		found[string(e.key)] = bucket{bytes.Clone(e.value), e.at + int64(len(e.key))}
		return nil
	})
	if err != nil {
		return err
	}
	if known == 0 {
		return fmt.Errorf("store %s: %w: a bbolt file of another program", c.path, ErrNotStore)
	}
	rootAt := int64(id) * pageSize
	for _, name := range [][]byte{bucketMeta, bucketState, bucketRecords} {
		b, ok := found[string(name)]
		if !ok {
			return c.damage(NoRecord, rootAt, "bucket %s is missing", name)
		}
		var first error // the walk goes on: the format may be known only later
		visit := func(e element) error {
			reason := "a bucket where none belongs"
			if !e.bucket {
				reason = c.header.set(name, e.key, e.value)
			}
			if reason != "" && first == nil {
				first = c.damage(NoRecord, e.at, "%s", reason)
			}
			return nil
		}
		record := uint64(NoRecord)
		if bytes.Equal(name, bucketRecords) {
			visit, record = c.record, 0
		}
		err := c.bucket(b.value, b.at, record, visit)
		if err == nil {
			err = first
		}
		if bytes.Equal(name, bucketMeta) && c.header.present[0] && c.header.format != Version {
			// Rather than damage: what another format looks like is not known here.
			return fmt.Errorf("store %s: %w: format %d, known is %d", c.path, ErrVersion, c.header.format, Version)
		}
		if err != nil {
			return err
		}
	}
	if len(found) != known {
		return c.damage(NoRecord, rootAt, "%d buckets too many", len(found)-known)
	}
	for i, name := range [][]byte{keyFormat, keyRoom, keyCharter, keyFile, keyCount} {
		if !c.header.present[i] {
			return c.damage(NoRecord, rootAt, "entry %s is missing", name)
		}
	}
	if c.next != c.header.count {
		return c.damage(min(c.next, c.header.count), -1, "there are %d records, there should be %d", c.next, c.header.count)
	}
	return nil
}

// record checks one entry of the bucket records.
func (c *checker) record(e element) error {
	if e.bucket || len(e.key) != keyBytes {
		return c.damage(c.next, e.at, "entry %s is no record", printable(e.key))
	}
	if want := recordKey(c.next); !bytes.Equal(e.key, want[:]) {
		return c.damage(c.next, e.at, "record %x stands in its place", e.key)
	}
	if _, reason := parseRecord(e.key, e.value); reason != "" {
		return c.damage(c.next, e.at, "%s", reason)
	}
	c.next++
	return nil
}

// bucket visits the entries of the bucket that value is, in order. at is the place of value in the file.
func (c *checker) bucket(value []byte, at int64, record uint64, visit func(element) error) error {
	if len(value) < bucketHead {
		return c.damage(record, at, "a bucket of %d bytes", len(value))
	}
	if root := native.Uint64(value); root != 0 {
		return c.tree(root, record, visit)
	}
	inline := value[bucketHead:]
	if len(inline) < pageHead {
		return c.damage(record, at, "a bucket of %d bytes", len(value))
	}
	n, reason := parseNode(inline, 0, at+bucketHead)
	if reason == "" && !n.leaf {
		reason = "a branch page within an entry"
	}
	if reason != "" {
		return c.damage(record, n.at, "%s", reason)
	}
	w := walk{checker: c, record: record, visit: visit}
	return w.entries(&n, nil, nil, 0)
}

// tree visits the entries below page root, in order. Elements are valid during the call only.
func (c *checker) tree(root uint64, record uint64, visit func(element) error) error {
	w := walk{checker: c, record: record, visit: visit}
	return w.page(root, nil, nil, 0)
}

// walk is one tree being read.
type walk struct {
	*checker
	record uint64 // NoRecord, or anything else in the tree of records: damage names the next one
	visit  func(element) error
	leaf   []byte   // buffer for leaves
	branch [][]byte // buffers for branches, by depth
}

func (w *walk) damageHere(at int64, format string, args ...any) error {
	record := w.record
	if record != NoRecord {
		record = w.next
	}
	return w.damage(record, at, format, args...)
}

// page visits what is below page id: its first key must be low (if there is one), all its keys below high.
func (w *walk) page(id uint64, low, high []byte, depth int) error {
	if depth >= maxDepth {
		return w.damageHere(int64(id)*pageSize, "the tree is deeper than %d", maxDepth)
	}
	for len(w.branch) <= depth {
		w.branch = append(w.branch, nil)
	}
	// A page is read into the leaf's buffer; a branch keeps it, since its entries are needed while those below are read.
	n, buf, reason := w.pager.node(id, w.leaf)
	w.leaf = buf
	if reason != "" {
		at := int64(-1)
		if id < w.pager.pages {
			at = int64(id) * pageSize
		}
		return w.damageHere(at, "%s", reason)
	}
	if !n.leaf {
		w.leaf, w.branch[depth] = w.branch[depth], w.leaf
	}
	return w.entries(&n, low, high, depth)
}

func (w *walk) entries(n *node, low, high []byte, depth int) error {
	if n.count == 0 && low != nil {
		return w.damageHere(n.at, "an empty page below another")
	}
	var before []byte
	for i := range n.count {
		e, reason := n.element(i)
		if reason != "" {
			return w.damageHere(n.at, "%s", reason)
		}
		switch {
		case i == 0 && low != nil && !bytes.Equal(e.key, low):
			// Lookups would work with a lower bound, but bbolt finds a page in its parent by this very key when it
			// writes, and would leave two entries for one page.
			return w.damageHere(e.at, "the first key of the page is not the one that its parent names")
		case i > 0 && bytes.Compare(before, e.key) >= 0, high != nil && bytes.Compare(e.key, high) >= 0:
			return w.damageHere(e.at, "keys are out of order")
		}
		before = e.key
		if n.leaf {
			if err := w.visit(e); err != nil {
				return err
			}
			continue
		}
		bound := high
		if i+1 < n.count {
			following, reason := n.element(i + 1)
			if reason != "" {
				return w.damageHere(n.at, "%s", reason)
			}
			bound = following.key
		}
		if err := w.page(e.child, e.key, bound, depth+1); err != nil {
			return err
		}
	}
	return nil
}
