package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The child appends items, numbered from 0 over all its lives, 1 to 40 in a frame and 1 to 5 frames in a transaction. At times
// it merges the newest records into one, as a node does with packs. An item's bytes follow from its number.

func appendItem(b []byte, n uint64) []byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, n))
	size := int(sum[0])
	b = binary.BigEndian.AppendUint16(b, uint16(8+size))
	b = binary.BigEndian.AppendUint64(b, n)
	return append(b, bytes.Repeat(sum[:], 8)[:size]...)
}

// appender is a Store or a Journal.
type appender interface {
	Append(frames [][]byte) (uint64, error)
	Replace(from uint64, frames [][]byte) error
	Records(yield func(n uint64, frame []byte) error) error
	Len() uint64
	Close() error
}

// openAppender opens the store at path, with its journal if that is asked for.
func openAppender(path string, journal bool) (appender, error) {
	s, err := Open(path)
	created := errors.Is(err, fs.ErrNotExist)
	if created {
		s, err = Create(path, testMeta)
	}
	switch {
	case err != nil:
		return nil, err
	case !journal:
		return s, nil
	}
	j, err := OpenJournal(s)
	if err == nil {
		j.after = 1 // children do not live long
	}
	return j, err
}

// countItems checks that the records of s are items 0, 1, 2 … without a gap, and returns how many.
func countItems(s appender) (n uint64, err error) {
	err = s.Records(func(record uint64, f []byte) error {
		for len(f) > 0 {
			item := appendItem(nil, n)
			if !bytes.HasPrefix(f, item) {
				return fmt.Errorf("record %d does not go on with item %d", record, n)
			}
			f = f[len(item):]
			n++
		}
		return nil
	})
	return n, err
}

// itemID is what the last file says when n items may have been sent.
func itemID(n uint64) (id [32]byte) {
	binary.BigEndian.PutUint64(id[:], n)
	return id
}

// appendForEver is the child: it writes the number of items to out whenever they are durable and could be sent.
func appendForEver(path, lastPath string, journal bool, out io.Writer) error {
	s, err := openAppender(path, journal)
	if err != nil {
		return err
	}
	last, err := OpenLast(lastPath)
	if err != nil {
		return err
	}
	n, err := countItems(s)
	if err != nil {
		return err
	}
	for {
		var batch [][]byte
		for range 1 + rand.IntN(5) {
			var f []byte
			for range 1 + rand.IntN(40) {
				f = appendItem(f, n)
				n++
			}
			batch = append(batch, f)
		}
		if every := map[bool]int{false: 4, true: 400}[journal]; s.Len() > 3 && rand.IntN(every) == 0 {
			err = mergeNewest(s, batch)
		} else {
			_, err = s.Append(batch)
		}
		if err == nil {
			err = last.Set(itemID(n))
		}
		if err == nil {
			_, err = fmt.Fprintln(out, n)
		}
		if err != nil {
			return err
		}
	}
}

// mergeNewest replaces the newest three records by one that begins with them and ends with batch.
func mergeNewest(s appender, batch [][]byte) error {
	from := s.Len() - 3
	var merged []byte
	if err := s.Records(func(n uint64, f []byte) error {
		if n >= from {
			merged = append(merged, f...)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, f := range batch {
		merged = append(merged, f...)
	}
	if len(merged) > MaxFrameBytes/2 {
		_, err := s.Append(batch)
		return err
	}
	return s.Replace(from, [][]byte{merged})
}

// TestKill kills a process that appends, at random moments, over and over on the same store and the same last file.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds := 120
	if testing.Short() {
		rounds = 48
	}
	testKill(t, false, rounds)
}

// TestKillJournal is TestKill with a journal before the store.
func TestKillJournal(t *testing.T) {
	t.Parallel()
	testKill(t, true, 36)
}

func testKill(t *testing.T, journal bool, rounds int) {
	const storeEvery = 12 // now and then a new store: creation is killed too
	var path, lastPath string
	var acknowledged, seen, total uint64 // items of this store: said by a child; found after a kill
	killedEarly, journals := 0, 0
	for round := range rounds {
		if round%storeEvery == 0 {
			dir := t.TempDir()
			path, lastPath = filepath.Join(dir, "rooms", "room.db"), filepath.Join(dir, "last")
			total += seen
			acknowledged, seen = 0, 0
		}
		said := killOnce(t, path, lastPath, journal)
		if said == 0 {
			killedEarly++
		}
		acknowledged = max(acknowledged, said)

		st, err := Open(path)
		if errors.Is(err, fs.ErrNotExist) && acknowledged == 0 {
			continue // killed before the store was made
		}
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		s := appender(st)
		if journal {
			if _, err := os.Lstat(path + JournalInfix); err == nil {
				journals++
			}
			j, err := OpenJournal(st)
			if err != nil || j.Found() != nil {
				t.Fatalf("round %d: %v, found %v", round, err, j.Found())
			}
			s = j
		}
		n, err := countItems(s)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if n < acknowledged || n < seen {
			t.Fatalf("round %d: %d items were acknowledged, %d seen, %d are there", round, acknowledged, seen, n)
		}
		seen = n
		if st.Moved() {
			t.Errorf("round %d: the store looks copied", round)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		consistent(t, path)

		last, err := OpenLast(lastPath)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		id, _ := last.ID()
		if sent := binary.BigEndian.Uint64(id[:]); sent > n || sent < acknowledged {
			t.Fatalf("round %d: the last file says %d items, the store has %d, acknowledged were %d", round, sent, n, acknowledged)
		}
		if last.Damaged() {
			t.Errorf("round %d: the last file is damaged", round)
		}
		if err := last.Close(); err != nil {
			t.Fatal(err)
		}
	}
	total += seen
	t.Logf("%d rounds, %d of them killed before the first acknowledgement, %d left a journal, %d items", rounds, killedEarly, journals, total)
	if total == 0 || killedEarly > rounds/2 || journal && journals == 0 {
		t.Error("the children were killed too early for this test to mean anything")
	}
}

// killOnce runs a child, kills it after a few tens of milliseconds and returns the last number that it acknowledged.
func killOnce(t *testing.T, path, lastPath string, journal bool) (said uint64) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, path, lastPath)
	cmd.Env = append(os.Environ(), childEnv+"="+map[bool]string{false: "append", true: "journal"}[journal])
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = cmd.Process.Kill() } // it may have ended; Wait tells
	// Mostly from the first acknowledgement on, so that a slow machine gets to work too; at times from the start.
	delay := time.Duration(rand.IntN(30_000)) * time.Microsecond
	timer := time.AfterFunc(time.Minute, kill)
	defer timer.Stop()
	if rand.IntN(4) == 0 {
		timer.Reset(delay)
	}
	var once sync.Once
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // an unfinished line was not acknowledged
		}
		n, err := strconv.ParseUint(strings.TrimSpace(line), 10, 64)
		if err != nil || n <= said {
			t.Errorf("the child says %q after %d", line, said)
		}
		said = n
		once.Do(func() { timer.Reset(delay) })
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("the child was not killed, it ended by itself: %v\n%s", err, &stderr)
	}
	return said
}
