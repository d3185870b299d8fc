package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// makeBolt makes a bbolt file that is no store; without a bucket if name is "".
func makeBolt(path, name string, size int) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: size, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	if name != "" {
		err = db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte(name)); return err })
	}
	return errors.Join(err, db.Close())
}

// small is a store with all kinds of pages: branch, leaves, a page with overflow, inline buckets, free pages.
func small(t testing.TB) (content []byte, want [][]byte) {
	t.Helper()
	s, err := Create(filepath.Join(t.TempDir(), "room.db"), testMeta)
	if err != nil {
		t.Fatal(err)
	}
	want = append(frames(0, 40, 100), bytes.Repeat([]byte("large"), 1500))
	want = append(want, frames(41, 60, 300)...)
	for len(want) > int(s.Len()) {
		mustAppend(t, s, want[s.Len():min(int(s.Len())+7, len(want))])
	}
	mustClose(t, s)
	content, err = os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	return content, want
}

// used returns which pages the newest state uses.
func used(t testing.TB, content []byte) []bool {
	t.Helper()
	m, err := checkMetas(bytes.NewReader(content), int64(len(content)), "")
	if err != nil {
		t.Fatal(err)
	}
	c := &checker{pager: newPager(bytes.NewReader(content), m.pages, int64(len(content)))}
	if err := c.root(m.root); err != nil {
		t.Fatal(err)
	}
	out := make([]bool, len(content)/pageSize)
	out[0], out[1] = true, true
	for i := range out {
		out[i] = out[i] || c.pager.seen[i/64]&(1<<(i%64)) != 0
	}
	return out
}

// soundOrTyped is the outcome that every damage must have: a typed error, and then bbolt never sees the file; or the file
// is a store with all its records, for our reader and, if deep, for bbolt.
func soundOrTyped(t testing.TB, content []byte, want [][]byte, deep bool) error {
	t.Helper()
	h, err := check(bytes.NewReader(content), int64(len(content)), "x.db")
	if err != nil {
		var damage *DamageError
		if !errors.As(err, &damage) && !errors.Is(err, ErrNotStore) && !errors.Is(err, ErrVersion) {
			t.Fatalf("got %v, want a typed error", err)
		}
		if damage != nil && (damage.Path != "x.db" || damage.Reason == "" || damage.Offset > 1<<20 ||
			damage.Record != NoRecord && damage.Record > uint64(len(want))) {
			t.Fatalf("got %#v, want a place", damage)
		}
		return err
	}
	if h.count != uint64(len(want)) || h.meta.Room != testMeta.Room || !bytes.Equal(h.meta.Charter, testMeta.Charter) {
		t.Fatalf("damage unseen: got %+v", h)
	}
	if !deep {
		return nil
	}
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	wantRecords(t, s, want)
	more := frames(uint64(len(want)), uint64(len(want))+9, 500)
	mustAppend(t, s, more)
	wantRecords(t, s, append(want[:len(want):len(want)], more...))
	mustClose(t, s)
	return nil
}

// TestFlipAnyByte changes each byte of a store by itself, in three ways.
func TestFlipAnyByte(t *testing.T) {
	t.Parallel()
	content, want := small(t)
	inUse := used(t, content)
	refused, slack := 0, 0
	step := 1
	if testing.Short() {
		step = 7 // no divisor of anything in the file
	}
	for at := 0; at < len(content); at += step {
		if !inUse[at/pageSize] && at%61 != 0 {
			continue // nobody reads it; a sample is enough
		}
		flips := []byte{1 << (at % 8), 0xff}
		if testing.Short() {
			flips = flips[:1]
		}
		for _, x := range flips {
			content[at] ^= x
			// bbolt's own work on what passes is dear: a part of it.
			if soundOrTyped(t, content, want, (refused+slack)%97 == 0) != nil {
				refused++
			} else {
				slack++
			}
			content[at] ^= x
		}
	}
	t.Logf("%d refused, %d without effect", refused, slack)
	if refused < 10000/step {
		t.Errorf("only %d damages were refused", refused)
	}
	if err := soundOrTyped(t, content, want, true); err != nil {
		t.Error(err)
	}
}

// TestFlipIsNamed damages each record in the file and looks for its number and place in the error.
func TestFlipIsNamed(t *testing.T) {
	t.Parallel()
	content, want := small(t)
	m, err := checkMetas(bytes.NewReader(content), int64(len(content)), "")
	if err != nil {
		t.Fatal(err)
	}
	places := map[uint64]element{}
	c := &checker{pager: newPager(bytes.NewReader(content), m.pages, int64(len(content)))}
	if err := c.tree(m.root, NoRecord, func(e element) error {
		if !bytes.Equal(e.key, bucketRecords) {
			return nil
		}
		return c.bucket(e.value, e.at, 0, func(e element) error {
			places[binary.BigEndian.Uint64(e.key)] = element{value: bytes.Clone(e.value), at: e.at}
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	if len(places) != len(want) {
		t.Fatalf("got %d places, want %d", len(places), len(want))
	}
	dir := t.TempDir()
	for n, e := range places {
		last := e.at + keyBytes + int64(len(e.value)) - 1
		content[last] ^= 4
		path := filepath.Join(dir, fmt.Sprint(n))
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		var damage *DamageError
		if !errors.As(err, &damage) || damage.Record != n || damage.Offset != e.at || damage.Path != path {
			t.Errorf("record %d: got %v, want it named, at byte %d", n, err, e.at)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, content) {
			t.Errorf("record %d: the damaged file was changed (%v)", n, err)
		}
		content[last] ^= 4
	}
}

// TestTruncate cuts the file at every sector and beside it.
func TestTruncate(t *testing.T) {
	t.Parallel()
	content, want := small(t)
	for at := 0; at < len(content); at += 512 {
		for _, n := range []int{at - 1, at, at + 1} {
			if n < 0 {
				continue
			}
			if err := soundOrTyped(t, content[:n], want, n%(3*512) == 0); err == nil {
				// Only what lies behind the last page in use may go.
				for _, u := range used(t, content)[(n+pageSize-1)/pageSize:] {
					if u {
						t.Fatalf("cut to %d bytes, unseen", n)
					}
				}
			}
		}
	}
}

// TestSectors loses, empties, swaps and fills whole sectors and pages.
func TestSectors(t *testing.T) {
	t.Parallel()
	content, want := small(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	rounds := 4000
	if testing.Short() {
		rounds = 400
	}
	for i := range rounds {
		size := []int{8, 16, 512, pageSize}[rnd.IntN(4)]
		damaged := bytes.Clone(content)
		at := func() []byte { p := rnd.IntN(len(content)/size) * size; return damaged[p : p+size] }
		switch a, b := at(), at(); rnd.IntN(4) {
		case 0:
			clear(a)
		case 1:
			copy(a, b)
		case 2:
			for i := range a {
				a[i] = byte(rnd.Uint32())
			}
		case 3:
			for i := range a {
				a[i], b[i] = b[i], a[i]
			}
		}
		_ = soundOrTyped(t, damaged, want, i%16 == 0) // both outcomes are right
	}
}

// places finds a branch, a leaf, and a leaf without overflow in front of another page in use; 0 if there is none.
func places(t testing.TB, content []byte) (m boltMeta, branch, leaf, beside uint64) {
	t.Helper()
	m, err := checkMetas(bytes.NewReader(content), int64(len(content)), "")
	if err != nil {
		t.Fatal(err)
	}
	inUse := used(t, content)
	for i, u := range inUse {
		if i > 1 && u && uint64(i) != m.root {
			switch n, _ := parseNode(content[i*pageSize:], uint64(i), 0); {
			case !n.leaf && n.count > 0:
				branch = uint64(i)
			case n.leaf && n.count > 3:
				leaf = uint64(i)
				if i+1 < len(inUse) && inUse[i+1] && native.Uint32(content[i*pageSize+12:]) == 0 {
					beside = leaf
				}
			}
		}
	}
	return m, branch, leaf, beside
}

// TestDamagedStructure breaks what a checksum cannot show: the pages that lead to the records.
func TestDamagedStructure(t *testing.T) {
	t.Parallel()
	content, want := small(t)
	m, branch, leaf, beside := places(t, content)
	// bbolt takes free pages in no fixed order, so the places asked for are not always there.
	for range 100 {
		if branch != 0 && leaf != 0 && beside != 0 {
			break
		}
		content, want = small(t)
		m, branch, leaf, beside = places(t, content)
	}
	if branch == 0 || leaf == 0 || beside == 0 {
		t.Fatal("no small store has a branch, a leaf, and two beside one another")
	}
	page := func(b []byte, id uint64) []byte { return b[id*pageSize : (id+1)*pageSize] }
	for name, breakIt := range map[string]func(b []byte){
		"leaf loses its last entry":   func(b []byte) { p := page(b, leaf)[10:]; native.PutUint16(p, native.Uint16(p)-1) },
		"branch loses its last child": func(b []byte) { p := page(b, branch)[10:]; native.PutUint16(p, native.Uint16(p)-1) },
		"branch without children":     func(b []byte) { native.PutUint16(page(b, branch)[10:], 0) },
		"branch has itself as child":  func(b []byte) { native.PutUint64(page(b, branch)[pageHead+8:], branch) },
		"branch has root as child":    func(b []byte) { native.PutUint64(page(b, branch)[pageHead+8:], m.root) },
		"child twice": func(b []byte) {
			p := page(b, branch)[pageHead:]
			native.PutUint64(p[8:], native.Uint64(p[elementHead+8:]))
		},
		"child beyond the end":    func(b []byte) { native.PutUint64(page(b, branch)[pageHead+8:], 1<<40) },
		"child is a meta page":    func(b []byte) { native.PutUint64(page(b, branch)[pageHead+8:], 1) },
		"overflow beyond the end": func(b []byte) { native.PutUint32(page(b, leaf)[12:], 1<<31) },
		"more entries than fit":   func(b []byte) { native.PutUint16(page(b, leaf)[10:], 0xffff) },
		"entry far outside":       func(b []byte) { native.PutUint32(page(b, leaf)[pageHead+4:], 1<<31) },
		"entry over its own head": func(b []byte) { native.PutUint32(page(b, leaf)[pageHead+4:], 0) },
		"value of 4 GiB":          func(b []byte) { native.PutUint32(page(b, leaf)[pageHead+12:], 0xffffffff) },
		"key of no bytes":         func(b []byte) { native.PutUint32(page(b, leaf)[pageHead+8:], 0) },
		"record is a bucket":      func(b []byte) { native.PutUint32(page(b, leaf)[pageHead:], 1) },
		"leaf is a freelist":      func(b []byte) { native.PutUint16(page(b, leaf)[8:], 0x10) },
		"no longer a store":       func(b []byte) { native.PutUint16(page(b, m.root)[10:], 0) },
		"branch key too low": func(b []byte) {
			p := page(b, branch)[pageHead+elementHead:]
			key := p[native.Uint32(p):][:native.Uint32(p[4:])]
			key[len(key)-1]--
		},
		"branch key too high": func(b []byte) {
			p := page(b, branch)[pageHead+elementHead:]
			key := p[native.Uint32(p):][:native.Uint32(p[4:])]
			key[len(key)-1]++
		},
		"overflow over the next page": func(b []byte) { native.PutUint32(page(b, beside)[12:], 1) },
		"first key is not the one above": func(b []byte) {
			p := page(b, branch)[pageHead:]
			p[native.Uint32(p)+keyBytes-1] ^= 0x80
		},
	} {
		t.Run(name, func(t *testing.T) {
			damaged := bytes.Clone(content)
			breakIt(damaged)
			if soundOrTyped(t, damaged, want, true) == nil {
				t.Error("unseen")
			}
		})
	}
}

// TestMetaPages: with either of the two broken, bbolt alone would open the file, and maybe without the last transaction.
func TestMetaPages(t *testing.T) {
	t.Parallel()
	content, want := small(t)
	sum := func(b []byte) {
		h := fnv.New64a()
		h.Write(b[pageHead : pageHead+metaBytes-8])
		native.PutUint64(b[pageHead+metaBytes-8:], h.Sum64())
	}
	for i := range 2 {
		for name, c := range map[string]struct {
			breakIt func(b []byte)
			want    error
		}{
			"torn":                     {func(b []byte) { clear(b[pageHead+30:]) }, ErrDamaged},
			"with another page's head": {func(b []byte) { b[0] ^= 2 }, ErrDamaged},
			"with another flag":        {func(b []byte) { b[8] ^= 2 }, ErrDamaged},
			"empty":                    {func(b []byte) { clear(b) }, ErrDamaged},
			"of the page size beside":  {func(b []byte) { native.PutUint32(b[pageHead+8:], 8192); sum(b) }, nil},
			"of a later bbolt":         {func(b []byte) { native.PutUint32(b[pageHead+4:], 3); sum(b) }, ErrVersion},
			"of another transaction":   {func(b []byte) { native.PutUint64(b[pageHead+48:], 1<<40+uint64(i)); sum(b) }, ErrDamaged},
			"of the other's parity": {func(b []byte) {
				native.PutUint64(b[pageHead+48:], native.Uint64(b[pageHead+48:])+1)
				sum(b)
			}, ErrDamaged},
		} {
			t.Run(fmt.Sprint(name, i), func(t *testing.T) {
				damaged := bytes.Clone(content)
				c.breakIt(damaged[i*pageSize : (i+1)*pageSize])
				err := soundOrTyped(t, damaged, want, true)
				if err == nil || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			})
		}
	}
	newest := native.Uint64(content[pageSize+pageHead+48:]) % 2
	damaged := bytes.Clone(content)
	b := damaged[newest*pageSize:]
	native.PutUint64(b[pageHead+32:], 3) // a list of free pages: no store has one
	sum(b)
	wantError(t, soundOrTyped(t, damaged, want, true), ErrNotStore)
}

// TestWithoutCount removes or changes what only the bucket state and meta know, as a program could, not a flipped bit.
func TestWithoutCount(t *testing.T) {
	t.Parallel()
	put := func(bucket, key, value []byte) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Put(key, appendSealed(nil, key, value)) }
	}
	number := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
	for name, c := range map[string]struct {
		change func(*bbolt.Tx) error
		want   error
		record uint64
	}{
		"count too low":    {put(bucketState, keyCount, number(9)), ErrDamaged, 9},
		"count too high":   {put(bucketState, keyCount, number(12)), ErrDamaged, 10},
		"count too short":  {put(bucketState, keyCount, []byte{1}), ErrDamaged, NoRecord},
		"no count":         {func(tx *bbolt.Tx) error { return tx.Bucket(bucketState).Delete(keyCount) }, ErrDamaged, NoRecord},
		"no charter":       {func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Delete(keyCharter) }, ErrDamaged, NoRecord},
		"no state":         {func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketState) }, ErrDamaged, NoRecord},
		"no records":       {func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketRecords) }, ErrDamaged, NoRecord},
		"one bucket more":  {func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("x")); return err }, ErrDamaged, NoRecord},
		"one entry more":   {put(bucketMeta, []byte("colour"), []byte("red")), ErrDamaged, NoRecord},
		"format 2":         {put(bucketMeta, keyFormat, []byte{2}), ErrVersion, 0},
		"record missing":   {func(tx *bbolt.Tx) error { return tx.Bucket(bucketRecords).Delete(number(4)) }, ErrDamaged, 4},
		"record elsewhere": {func(tx *bbolt.Tx) error { b := tx.Bucket(bucketRecords); return b.Put(number(4), b.Get(number(5))) }, ErrDamaged, 4},
		"bucket as record": {func(tx *bbolt.Tx) error {
			_, err := tx.Bucket(bucketRecords).CreateBucket(number(10))
			return err
		}, ErrDamaged, 10},
		"format 2, and things that format 1 does not know": {func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucket([]byte("x"))
			return errors.Join(err, put(bucketMeta, keyFormat, []byte{2})(tx), put(bucketMeta, []byte("a"), nil)(tx))
		}, ErrVersion, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Create(filepath.Join(t.TempDir(), "room.db"), testMeta)
			if err != nil {
				t.Fatal(err)
			}
			mustAppend(t, s, frames(0, 10, 100))
			if err := s.db.Update(c.change); err != nil {
				t.Fatal(err)
			}
			mustClose(t, s)
			_, err = Open(s.path)
			wantError(t, err, c.want)
			var damage *DamageError
			if errors.As(err, &damage) && damage.Record != c.record {
				t.Errorf("got %v, want record %d", err, c.record)
			}
		})
	}
}
