package sim

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/transport"
)

// A disk is what a machine keeps while its process is not running: the records of the room, the file beside the key that
// names the newest own change, and the one that names the newest that was sent. It is the [transport.Store] of its process.
type disk struct {
	medium
	last, sent idFile
	moved      bool   // the store is not the file that it was made as, or was salvaged
	salvaged   string // what a salvage found, until the process has been told and trusts the store
	fault      string // of the next write; see verbs crash and fail
	backup     *copied
	mutant     string // see Config.Mutant
	trusting   bool   // see Config.Trusting: there is no shadow

	// What is durable, as another reader of the disk finds it: whatever leaves the machine is compared with it.
	room   crdt.Charter
	shadow *reader
	bad    error // what was written cannot be read

	// early, if set, is called with what is about to be written: a mutant sends it.
	early func(frames [][]byte)
}

// medium holds records.
type medium interface {
	transport.Store
	transport.Merger
	// rewrite puts these records in the place of all.
	rewrite(records [][]byte) error
	// release lets go of what a process holds: it has ended.
	release()
}

// copied is an old state of a disk.
type copied struct {
	records    [][]byte
	last, sent idFile
}

// crashed is what a disk panics with where its process is to end within a write.
type crashed struct{ where string }

var errDisk = errors.New("no space left on device")

func newDisk(room crdt.Charter, m medium, mutant string, trusting bool) *disk {
	d := &disk{medium: m, room: room, mutant: mutant, trusting: trusting}
	d.recount()
	return d
}

// Records is that of [transport.Store].
func (d *disk) Records(yield func(uint64, []byte) error) error {
	if d.mutant != mutantStale {
		return d.medium.Records(yield)
	}
	count := uint64(0)
	if err := d.medium.Records(func(n uint64, _ []byte) error { count = n; return nil }); err != nil {
		return err
	}
	return d.medium.Records(func(n uint64, r []byte) error {
		if n == count {
			return nil
		}
		return yield(n, r)
	})
}

// Append is that of [transport.Store], with the fault that is due.
func (d *disk) Append(frames [][]byte) (uint64, error) {
	fault := d.fault
	d.fault = ""
	if d.early != nil {
		d.early(frames)
	}
	switch fault {
	case "before":
		panic(crashed{"before the write"})
	case "none":
		return 0, errDisk
	case "last":
		d.fault = "last"
	}
	first, err := d.append(frames)
	if err != nil {
		return first, err
	}
	switch fault {
	case "after":
		panic(crashed{"after the write"})
	case "all":
		return 0, errDisk
	}
	return first, nil
}

func (d *disk) append(frames [][]byte) (uint64, error) {
	if d.mutant == mutantDropFrame && len(frames) > 0 {
		frames = frames[:len(frames)-1]
	}
	first, err := d.medium.Append(frames)
	if err == nil {
		for _, f := range frames {
			d.note(f)
		}
	}
	return first, err
}

// note takes in that a record is durable.
func (d *disk) note(record []byte) {
	if d.trusting {
		return
	}
	d.broken(d.shadow.take(record))
}

// durable reports whether a change is on disk.
func (d *disk) durable(id crdt.ChangeID) bool {
	_, ok := d.shadow.replica.Index(id)
	return ok
}

// Set is that of the last file.
func (d *disk) setLast(id [32]byte) error {
	if d.fault == "last" {
		d.fault = ""
		panic(crashed{"between the store and the last file"})
	}
	return d.last.Set(id)
}

// lastFile is the disk's file beside the key, as the process sees it.
type lastFile struct{ *disk }

func (f lastFile) ID() ([32]byte, bool)  { return f.last.ID() }
func (f lastFile) Set(id [32]byte) error { return f.setLast(id) }

// Adopt is that of [transport.Adopter].
func (d *disk) Adopt() error {
	d.moved, d.salvaged = false, ""
	return nil
}

// crash takes from the disk what was not synced.
func (d *disk) crash() {
	d.fault = ""
	if f, ok := d.medium.(*files); ok {
		d.broken(f.kill())
	}
	d.release()
	if m, ok := d.medium.(*memory); ok && len(m.records) > m.synced {
		m.records = m.records[:m.synced]
		d.recount()
	}
	d.last.crash()
	d.sent.crash()
}

// recount finds out what is durable after records were lost.
func (d *disk) recount() {
	d.bad = nil
	if d.trusting {
		return
	}
	keeper, err := crdt.NewKeeper(d.room)
	d.broken(err)
	d.shadow = newReader(d.room, keeper)
	d.broken(d.Records(func(_ uint64, r []byte) error {
		d.note(r)
		return nil
	}))
}

// copyAll remembers the present state.
func (d *disk) copyAll() {
	d.backup = &copied{last: d.last, sent: d.sent, records: d.all()}
}

// all are the records.
func (d *disk) all() (records [][]byte) {
	d.broken(d.medium.Records(func(_ uint64, r []byte) error {
		records = append(records, append([]byte(nil), r...))
		return nil
	}))
	return records
}

// restore puts the backup back. how is that of verb restore.
func (d *disk) restore(how string) {
	d.broken(d.medium.rewrite(d.backup.records))
	switch how {
	case "all":
		d.last = d.backup.last
	case "rollback":
		d.last, d.sent = d.backup.last, d.backup.sent
	}
	d.moved = d.moved || how != "inplace" && how != "rollback"
	d.recount()
}

// cut loses the newest n records, as a salvage would.
func (d *disk) cut(n int) {
	all := d.all()
	d.salvage(all[:max(0, len(all)-n)])
}

// lose loses n records anywhere, as a salvage would. What needs them stays, and waits for somebody to bring them back.
func (d *disk) lose(n int, random *rand.Rand) {
	all := d.all()
	gone := random.Perm(len(all))[:min(n, len(all))]
	var left [][]byte
	for i, r := range all {
		if !slices.Contains(gone, i) {
			left = append(left, r)
		}
	}
	d.salvage(left)
}

// salvage leaves these records in a new store.
func (d *disk) salvage(left [][]byte) {
	d.broken(d.medium.rewrite(left))
	d.moved, d.salvaged = true, "records were lost"
	d.recount()
}

// broken notes that the simulation's own work on the disk went wrong.
func (d *disk) broken(err error) {
	if err != nil && d.bad == nil {
		d.bad = err
	}
}

// An idFile is a [transport.LastFile] in memory.
type idFile struct {
	id, synced     [32]byte
	set, setSynced bool
	lazy           bool // a mutant that does not sync
}

// ID and Set are those of [transport.LastFile].
func (f *idFile) ID() ([32]byte, bool) { return f.id, f.set }

func (f *idFile) Set(id [32]byte) error {
	f.id, f.set = id, true
	if !f.lazy {
		f.synced, f.setSynced = id, true
	}
	return nil
}

func (f *idFile) crash() { f.id, f.set = f.synced, f.setSynced }

// memory is a medium in memory.
type memory struct {
	records [][]byte
	synced  int
	lazy    bool // a mutant that syncs only now and then
}

func (m *memory) Records(yield func(uint64, []byte) error) error {
	for i, r := range m.records {
		if err := yield(uint64(i), r); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Append(frames [][]byte) (uint64, error) {
	first := len(m.records)
	for _, f := range frames {
		m.records = append(m.records, append([]byte(nil), f...))
	}
	if !m.lazy || len(m.records)%4 == 0 {
		m.synced = len(m.records)
	}
	return uint64(first), nil
}

func (m *memory) Replace(from uint64, frames [][]byte) error {
	m.records = m.records[:from:from]
	_, err := m.Append(frames)
	return err
}

func (m *memory) rewrite(records [][]byte) error {
	m.records, m.synced = slices.Clone(records), len(records)
	return nil
}

func (m *memory) release() {}

// files is a medium of real files. A process that ends lets go of it; the next one opens it.
type files struct {
	path    string
	meta    store.Meta
	journal bool // before the store there is a journal, as a relay's
	open    opened
}

// opened is a [store.Store] or a [store.Journal].
type opened interface {
	Append(frames [][]byte) (uint64, error)
	Replace(from uint64, frames [][]byte) error
	Records(yield func(n uint64, record []byte) error) error
	Close() error
}

func newFiles(dir string, room crdt.Charter, journal bool) (*files, error) {
	f := &files{path: filepath.Join(dir, "room"), meta: store.Meta{Room: room.ID(), Charter: room.Append(nil)}, journal: journal}
	return f, f.create()
}

func (f *files) create() error {
	s, err := store.Create(f.path, f.meta)
	if err != nil {
		return err
	}
	return f.use(s)
}

func (f *files) use(s *store.Store) error {
	f.open = s
	if !f.journal {
		return nil
	}
	j, err := store.OpenJournal(s)
	if err != nil {
		return err
	}
	f.open = j
	if found := j.Found(); found != nil {
		return fmt.Errorf("a crash is taken for damage: %w", found.Damage)
	}
	j.Always()
	return nil
}

func (f *files) store() (opened, error) {
	if f.open != nil {
		return f.open, nil
	}
	s, err := store.Open(f.path)
	if err != nil {
		return nil, err
	}
	err = f.use(s)
	return f.open, err
}

func (f *files) Records(yield func(uint64, []byte) error) error {
	s, err := f.store()
	if err != nil {
		return err
	}
	return s.Records(yield)
}

func (f *files) Append(frames [][]byte) (uint64, error) {
	s, err := f.store()
	if err != nil {
		return 0, err
	}
	return s.Append(frames)
}

func (f *files) Replace(from uint64, frames [][]byte) error {
	s, err := f.store()
	if err != nil {
		return err
	}
	return s.Replace(from, frames)
}

func (f *files) rewrite(records [][]byte) error {
	f.release()
	f.path += "x" // what is there stays as it is
	if err := f.create(); err != nil || len(records) == 0 {
		return err
	}
	_, err := f.open.Append(records)
	return err
}

// kill leaves the files as they are now: to close a journal would put what it holds into the store.
func (f *files) kill() error {
	if f.open == nil || !f.journal {
		return nil
	}
	next := f.path + "k"
	for _, suffix := range []string{"", store.JournalInfix} {
		content, err := os.ReadFile(f.path + suffix)
		if errors.Is(err, fs.ErrNotExist) && suffix != "" {
			continue
		}
		if err == nil {
			err = os.WriteFile(next+suffix, content, 0o600)
		}
		if err != nil {
			return err
		}
	}
	f.release()
	f.path = next
	return nil
}

func (f *files) release() {
	if f.open != nil {
		_ = f.open.Close() // a journal's last words are checked by the next process
		f.open = nil
	}
}
