package cli

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/internal/store"
	"github.com/tallystick/tallystick/transport"
)

// TestDamagedLastGuards: whoever can't be sure what it sent last does not write before a peer or the user has said so.
func TestDamagedLastGuards(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	name, err := profile.ParseName("ann")
	if err != nil {
		t.Fatal(err)
	}
	person, err := profile.Init(name)
	if err != nil {
		t.Fatal(err)
	}
	writing := func() transport.WriteState {
		o, err := openRoomOf(t.Context(), person, crdt.OpenLedger("main"), false)
		if err != nil {
			t.Fatal(err)
		}
		defer o.close()
		return o.node.Snapshot().Writing
	}
	if got := writing(); got != transport.WriteOpen {
		t.Fatalf("a new room: %v", got)
	}
	path := person.LastPath(crdt.OpenLedger("main").ID())
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := writing(); got != transport.WriteGuarded {
		t.Errorf("with a damaged last file: %v, want %v", got, transport.WriteGuarded)
	}
}

// TestRelaysJournal: who opens the files of a relay, copied with a journal that waits, is told what is left out, or takes it in.
func TestRelaysJournal(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	name, err := profile.ParseName("ann")
	if err != nil {
		t.Fatal(err)
	}
	person, err := profile.Init(name)
	if err != nil {
		t.Fatal(err)
	}
	charter := crdt.OpenLedger("main")
	path := person.RoomPath(charter.ID())
	st, err := store.Create(path, store.Meta{Room: charter.ID(), Charter: charter.Append(nil)})
	if err != nil {
		t.Fatal(err)
	}
	j, err := store.OpenJournal(st)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close() // it is closed below
	j.Always()
	replica, err := crdt.NewReplica(charter)
	if err != nil {
		t.Fatal(err)
	}
	w, err := replica.Writer(ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	row, err := crdt.EncodeLiteral("a row")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Change(1, func(tx *crdt.Tx) error { _, err := tx.Append(row); return err }); err != nil {
		t.Fatal(err)
	}
	w.Sign()
	frame, _ := replica.PackFrom(0, nil)
	if _, err := j.Append([][]byte{frame}); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, p := range []string{path, path + store.JournalInfix} {
		if files[p], err = os.ReadFile(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	for p, content := range files {
		if err := os.WriteFile(p, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	var said bytes.Buffer
	p := &program{Streams: Streams{Err: &said}}
	read := func() (n uint64) {
		said.Reset()
		if err := p.withStore("ann", "", func(st *store.Store, _ crdt.Charter) error { n = st.Len(); return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := read(); n != 0 || !strings.HasPrefix(said.String(), "left out what a relay has not yet put into the file (records: 1): it waits in ") {
		t.Errorf("%d records, and it says %q", n, &said)
	}
	o, err := openRoomOf(t.Context(), person, charter, false)
	if err != nil {
		t.Fatal(err)
	}
	if n := o.node.Snapshot().View.Changes(); n != 1 {
		t.Errorf("%d changes were taken in, want 1", n)
	}
	if err := o.close(); err != nil {
		t.Fatal(err)
	}
	if n := read(); n != 1 || said.Len() > 0 {
		t.Errorf("%d records, and it says %q", n, &said)
	}
}
