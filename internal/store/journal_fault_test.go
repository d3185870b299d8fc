package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/tallystick/tallystick/internal/disk"
)

// machine runs a journal beside a model of what was acknowledged. Any step of it may fail, or be the last of its process:
// then the next one goes on with the files as they were there.
type machine struct {
	t      *testing.T
	rnd    *rand.Rand
	dir    string
	j      *Journal
	serial uint64
	model  [][]byte
	log    []string

	rarely int    // one step of so many is broken; 0: none is
	was    []byte // the journal's content before the write
	next   string // where the killed process has left its files; empty: it lives
	broken bool
	hits   map[string]int
}

// step is the fault before each step.
func (m *machine) step(name string) error {
	if name == "write" {
		m.was = readFile(m.t, m.j.path)
	}
	if m.next != "" {
		return errBroken // whatever a dead process does
	}
	if m.rarely == 0 || m.rnd.IntN(m.rarely) > 0 {
		return nil
	}
	if m.broken = true; m.rnd.IntN(2) == 0 {
		m.hits["fail at "+name]++
		m.log = append(m.log, "fail at "+name)
		return errBroken
	}
	m.hits["kill at "+name]++
	m.log = append(m.log, "kill at "+name)
	m.kill(name)
	return errBroken
}

// kill copies the files as they are. Of a write that was not synced any part of the sectors is there.
func (m *machine) kill(step string) {
	m.next = m.t.TempDir()
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, e := range entries {
		content := readFile(m.t, filepath.Join(m.dir, e.Name()))
		if step == "sync" && e.Name() == "room.db"+JournalInfix {
			for at := m.j.at / 512 * 512; at < int64(len(content)); at += 512 {
				if m.rnd.IntN(2) == 0 {
					copy(content[at:at+512], m.was[at:])
				}
			}
		}
		mustDo(m.t, os.WriteFile(filepath.Join(m.next, e.Name()), content, 0o600))
	}
}

func (m *machine) some() [][]byte {
	from, most := m.serial, []int{20, 400, 3000}[m.rnd.IntN(3)]
	m.serial += 1 + m.rnd.Uint64N(6)
	return numbered(from, m.serial, most)
}

// try does what is to end with the model as after; if it goes wrong, before or after must be what the next process finds.
func (m *machine) try(what string, after [][]byte, do func() error) {
	m.log = append(m.log, what)
	m.broken = false
	err := do()
	if err == nil && m.next == "" {
		m.model = after
		return
	}
	if !m.broken {
		m.t.Fatalf("%s: %v\n%q", what, err, m.log)
	}
	before := m.model
	if m.next == "" && what != "close" {
		if _, err := m.j.Append(numbered(1<<40, 1<<40+1, 10)); !errors.Is(err, ErrFatal) {
			m.t.Fatalf("%s has failed, and an append after it says %v\n%q", what, err, m.log)
		}
	}
	m.reopen(before, after)
}

// reopen starts the next process, which must find one of the two.
func (m *machine) reopen(either, or [][]byte) {
	rarely := m.rarely
	defer func() { m.rarely = rarely }()
	for try := range 10 {
		if try == 5 {
			m.rarely = 0
		}
		if m.j != nil {
			_ = m.j.Close() // of a dead process, or one that has failed: its error was that
		}
		if m.next != "" {
			m.dir, m.next = m.next, ""
		}
		s, err := Open(filepath.Join(m.dir, "room.db"))
		if err != nil {
			m.t.Fatalf("%v\n%q", err, m.log)
		}
		m.hook(s)
		m.broken = false
		j, err := openJournalAs(s, 32<<10, m.step)
		if err != nil || m.next != "" {
			if !m.broken {
				m.t.Fatalf("%v\n%q", err, m.log)
			}
			_ = s.Close() // as above
			m.j = nil
			continue
		}
		m.use(j)
		m.rarely = 0
		got := journalRecords(m.t, j)
		if j.Found() != nil {
			m.t.Fatalf("a crash is taken for damage: %v\n%q", j.Found().Damage, m.log)
		}
		if !slices.EqualFunc(got, either, bytes.Equal) && !slices.EqualFunc(got, or, bytes.Equal) {
			m.t.Fatalf("got %d records, want %d or %d, or others\n%q", len(got), len(either), len(or), m.log)
		}
		m.model = got
		return
	}
	m.t.Fatalf("it does not open\n%q", m.log)
}

func (m *machine) use(j *Journal) {
	m.j = j
	j.after = m.rnd.IntN(3)
}

func (m *machine) hook(s *Store) {
	s.hook.before = func() error { return m.step("commit of the store") }
	s.hook.after = func() error { return m.step("answer of the store") }
}

// TestJournalFaults breaks every step of a journal's life, by an error and by a kill, at random: nothing that was acknowledged
// is lost, nothing is there in part, and no crash looks like damage.
func TestJournalFaults(t *testing.T) {
	t.Parallel()
	hits := map[string]int{}
	for seed := range uint64(10) {
		m := &machine{t: t, rnd: rand.New(rand.NewPCG(seed, 5)), dir: t.TempDir(), hits: hits}
		s, err := Create(filepath.Join(m.dir, "room.db"), testMeta)
		if err != nil {
			t.Fatal(err)
		}
		m.hook(s)
		j, err := openJournalAs(s, 32<<10, m.step)
		if err != nil {
			t.Fatal(err)
		}
		m.use(j)
		m.rarely = 12
		for range 50 {
			switch m.rnd.IntN(10) {
			case 0:
				m.try("close", m.model, func() error { return m.j.Close() })
				if m.j.store.closed {
					m.reopen(m.model, m.model)
				}
			case 1:
				m.kill("")
				m.log = append(m.log, "kill")
				m.reopen(m.model, m.model)
			case 2:
				from := max(0, len(m.model)-3)
				in := m.some()
				m.try("replace", append(m.model[:from:from], in...), func() error { return m.j.Replace(uint64(from), in) })
			case 3:
				m.try("records", m.model, func() error { return m.j.Records(func(uint64, []byte) error { return nil }) })
			default:
				in := m.some()
				m.try(fmt.Sprintf("append %d", len(in)), append(m.model[:len(m.model):len(m.model)], in...), func() error {
					_, err := m.j.Append(in)
					return err
				})
			}
		}
		m.rarely = 0
		wantFrames(t, "in the end", journalRecords(t, m.j), m.model)
		if err := m.j.Close(); err != nil {
			t.Error(err)
		}
		for _, suffix := range []string{JournalInfix, JournalInfix + ".new"} {
			noFile(t, filepath.Join(m.dir, "room.db"+suffix))
		}
	}
	for _, step := range []string{"write", "sync", "answer", "sync of the new file", "removal", "end of replay", "commit of the store", "answer of the store"} {
		if hits["fail at "+step] == 0 || hits["kill at "+step] == 0 {
			t.Errorf("nothing was broken at %q: %v", step, hits)
		}
	}
}

// TestJournalPath: what is no file of ours at the journal's path is neither followed nor taken for a journal nor removed, and an
// unfinished journal is.
func TestJournalPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	mustDo(t, os.WriteFile(target, []byte("mine"), 0o600))
	for name, lay := range map[string]func(path string) error{
		"symlink": func(path string) error { return os.Symlink(target, path) },
		"pipe":    func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder":  func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		path := filepath.Join(dir, name+".db")
		s, err := Create(path, testMeta)
		if err != nil {
			t.Fatal(err)
		}
		mustDo(t, lay(path+JournalInfix))
		_, err = OpenJournal(s)
		wantError(t, err, disk.ErrNotRegular)
		if _, err := os.Lstat(path + JournalInfix); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		mustDo(t, os.Remove(path+JournalInfix))

		// While the store is open: it does without a journal.
		mustDo(t, os.WriteFile(path+JournalInfix+".new", make([]byte, 100), 0o600))
		j, err := OpenJournal(s)
		if err != nil {
			t.Fatal(err)
		}
		noFile(t, path+JournalInfix+".new")
		mustDo(t, lay(path+JournalInfix))
		j.after = 0
		want := journalAppend(t, j, numbered(0, 3, 100))
		if j.file != nil {
			t.Errorf("%s: a journal was made over it", name)
		}
		mustClose(t, s)
		wantFrames(t, name, records(t, open(t, path)), want)
		noFile(t, path+JournalInfix+".new")
	}
	if string(readFile(t, target)) != "mine" {
		t.Error("a link was followed")
	}
}

// TestJournalWaits: who opens a store alone can know what it lacks, and changes nothing by asking; nobody opens one in use.
func TestJournalWaits(t *testing.T) {
	t.Parallel()
	s, err := Create(filepath.Join(t.TempDir(), "room.db"), testMeta)
	if err != nil {
		t.Fatal(err)
	}
	j, err := OpenJournal(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() }) // it is closed below
	for n := range uint64(journalAfter + 5) {
		journalAppend(t, j, numbered(n, n+1, 100))
	}
	if _, err := Open(s.path); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v, want %v", err, ErrLocked)
	}
	path := crashed(t, j, nil)
	was := readFile(t, path+JournalInfix)
	for range 2 {
		o, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := JournalWaits(o); n != 5 || err != nil || o.Len() != journalAfter {
			t.Errorf("got %d, %v, and %d records, want 5, %d", n, err, o.Len(), journalAfter)
		}
		mustClose(t, o)
	}
	if !bytes.Equal(readFile(t, path+JournalInfix), was) {
		t.Error("the journal has changed")
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(j.path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a closed journal stays")
	}
	if n, err := JournalWaits(open(t, s.path)); n != 0 || err != nil {
		t.Errorf("without a journal: got %d, %v", n, err)
	}
}
