package crdt_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// A peer is a replica and the author who writes in it, each change signed and
// sent by itself: for tests that tell a story.
type peer struct {
	t testing.TB
	*crdt.Replica
	w *crdt.Writer
}

// newPeers are n peers of an empty json room.
func newPeers(t testing.TB, n int) (all []*peer) {
	t.Helper()
	for a := range n {
		r := newReplica(t, roomOf(crdt.JSON))
		all = append(all, &peer{t, r, mustWriter(t, r, a)})
	}
	return all
}

// do makes one change, and returns its frame and id.
func (p *peer) do(edit func(*crdt.Tx) error) ([]byte, crdt.ChangeID) {
	p.t.Helper()
	from := p.Len()
	id, err := p.w.Change(0, edit)
	if err != nil {
		p.t.Fatal(err)
	}
	p.w.Sign()
	frame, _ := p.PackFrom(from, nil)
	checkReplica(p.t, p.Replica)
	return frame, id
}

// says is what becomes of a frame: the code of its refusal, "" or "pending".
func (p *peer) says(frame []byte) string {
	p.t.Helper()
	code := deliver(p.t, p.Replica, frame, 1)
	checkReplica(p.t, p.Replica)
	return code
}

// hears must accept every frame.
func (p *peer) hears(frames ...[]byte) {
	p.t.Helper()
	for i, frame := range frames {
		if code := p.says(frame); code != "" {
			p.t.Fatalf("frame %d: %s", i, code)
		}
	}
}

// at is the name of what a path of keys and indexes leads to.
func (p *peer) at(path ...any) crdt.Name {
	p.t.Helper()
	n := crdt.Root
	for i, step := range path {
		var held []crdt.Held
		var err error
		key, isKey := step.(string)
		if isKey {
			held, err = p.Values(n, key)
		} else if held, err = p.Items(n); err == nil {
			held = held[step.(int):]
		}
		if err != nil || len(held) == 0 {
			p.t.Fatalf("path %v: nothing at step %d: %v", path, i, err)
		}
		n = held[0].Name
	}
	return n
}

// shows compares the document's JSON with want.
func (p *peer) shows(want string) {
	p.t.Helper()
	got, err := json.Marshal(p.Value())
	if err != nil {
		p.t.Fatal(err)
	}
	if string(got) != want {
		p.t.Fatalf("author %v shows %s, want %s", p.w.Author(), got, want)
	}
}

// agree checks that all have the same log and the same document.
func agree(t testing.TB, peers ...*peer) {
	t.Helper()
	for _, p := range peers[1:] {
		if p.LogDigest() != peers[0].LogDigest() || p.DocDigest() != peers[0].DocDigest() {
			t.Fatalf("%v and %v differ", p.w.Author(), peers[0].w.Author())
		}
	}
}

// missing checks that a frame waits for exactly the change id.
func (p *peer) missing(frame []byte, id crdt.ChangeID) {
	p.t.Helper()
	pack, err := crdt.NewChecker(p.Charter()).Check(frame, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	out := p.Receive(pack, 1, epoch)
	if out.Err != nil || len(out.Missing) != 1 || out.Missing[0] != id {
		p.t.Fatalf("got %+v, want it to wait for %v", out, id)
	}
	checkReplica(p.t, p.Replica)
}

// refuses checks that a frame is refused for want, and leaves nothing behind.
func (p *peer) refuses(frame []byte, want error) {
	p.t.Helper()
	log, doc, n := p.LogDigest(), p.DocDigest(), p.Len()
	pack, err := crdt.NewChecker(p.Charter()).Check(frame, nil)
	if err == nil {
		err = p.Receive(pack, 1, epoch).Err
	} else {
		p.Condemn(err)
	}
	if !errors.Is(err, want) {
		p.t.Fatalf("got %v, want %v", err, want)
	}
	waiting, _ := p.Pending()
	if p.LogDigest() != log || p.DocDigest() != doc || p.Len() != n || waiting != 0 {
		p.t.Fatal("what was refused left something behind")
	}
	checkReplica(p.t, p.Replica)
}
