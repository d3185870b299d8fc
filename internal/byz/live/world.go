package live

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/byz"
)

// A World is the processes that many attacks share: a relay, and for each attack two honest nodes on one machine of their own.
// It is safe for concurrent use, but for Restart.
type World struct {
	binary, dir string
	relay       *relay
	rooms       atomic.Int64

	mu   sync.Mutex
	done []*scene // attacks that wait for Restart
}

// NewWorld starts a relay of the program at binary; all files are in dir.
func NewWorld(ctx context.Context, binary, dir string) (*World, error) {
	r, err := startRelay(ctx, binary, filepath.Join(dir, "relay"))
	if err != nil {
		return nil, err
	}
	return &World{binary: binary, dir: dir, relay: r}, nil
}

// Close ends the relay. It must end as it should.
func (w *World) Close(ctx context.Context) error {
	if err := w.relay.terminate(ctx); err != nil {
		return err
	}
	if code := w.relay.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the relay ended with code %d: %s", code, w.relay.stderr())
	}
	return w.relay.fault()
}

// Result is what came of one attack in one form.
type Result struct {
	Class byz.Class
	Name  string
	What  string
	Busy  bool // it ran among honest traffic
	// Outcome says what the victims did, in words made of what they counted: the same in every run.
	Outcome string
	Edit    time.Duration // that an honest edit took to travel afterwards, both ways
	Relay   int64         // most bytes of memory of the relay during the attack
	Node    int64         // and of the node that was attacked, 0 if it is part of this process
	Err     error         // what was not as it must be
}

// A scene is the room of one attack, and who is in it.
type scene struct {
	w      *World
	result *Result
	room   *byz.Room
	source net.Addr // of the attackers
	near   honest   // listens, and is attacked like the relay
	far    honest
	made   int      // honest edits
	edits  []string // the newest of each
	want   byz.Want
	words  string                     // the outcome, if it is not what want says
	gang   map[string]map[string]bool // the attackers' addresses, by their victims'
}

// newScene makes a room with two honest nodes in it, that have each made an edit.
func (w *World) newScene(ctx context.Context, kind crdt.Kind, charter func(*byz.Room, []crdt.Author) crdt.Charter, result *Result) (*scene, error) {
	n := w.rooms.Add(1)
	name := fmt.Sprintf("attack-%04d", n)
	home := filepath.Join(w.dir, name)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	listen, err := freeAddr()
	if err != nil {
		return nil, err
	}
	room := &byz.Room{Charter: crdt.OpenLedger(name), Rand: rand.New(rand.NewPCG(uint64(n), 0)), Now: time.Now()}
	url := "ws://" + w.relay.addr + "/websocket"
	s := &scene{w: w, result: result, room: room, source: sourceOf(n), gang: make(map[string]map[string]bool)}
	if charter == nil && (kind == "" || kind == crdt.Ledger) {
		connect := []string{"--connect", url}
		s.near = &plainNode{binary: w.binary, home: home, name: "near", room: name, listen: listen, args: connect}
		s.far = &plainNode{binary: w.binary, home: home, name: "far", room: name, args: connect}
	} else {
		if kind != "" {
			room.Charter.Kind = kind
		}
		var keys [2]ed25519.PrivateKey
		var authors []crdt.Author
		for i := range keys {
			public, key, err := ed25519.GenerateKey(nil)
			if err != nil {
				return nil, err
			}
			keys[i] = key
			authors = append(authors, crdt.Author(public))
		}
		if charter != nil {
			room.Charter = charter(room, authors)
		}
		s.near = &member{charter: room.Charter, key: keys[0], dir: filepath.Join(home, "near"), relay: url, listen: listen}
		s.far = &member{charter: room.Charter, key: keys[1], dir: filepath.Join(home, "far"), relay: url}
	}
	for _, h := range []honest{s.near, s.far} {
		if err := h.begin(ctx); err != nil {
			return s, err
		}
	}
	return s, s.edit(ctx, "before")
}

// edit has each honest node make an edit, and waits until the other has it.
func (s *scene) edit(ctx context.Context, text string) error {
	text = fmt.Sprintf("%s-%d", text, s.made) // no text twice: a node in plain mode is asked for an entry by its memo
	a, err := s.near.say(ctx, text+"-near")
	if err != nil {
		return err
	}
	if err := s.far.shows(ctx, a); err != nil {
		return err
	}
	b, err := s.far.say(ctx, text+"-far")
	if err != nil {
		return err
	}
	s.made += 2
	s.edits = []string{a, b}
	return s.near.shows(ctx, b)
}

// busy has both honest nodes make edits, one after the other, until each has made honestEdits.
func (s *scene) busy(ctx context.Context) error {
	var both [2]error
	var wg sync.WaitGroup
	for i, h := range []honest{s.near, s.far} {
		wg.Go(func() { both[i] = s.write(ctx, i, h) })
	}
	wg.Wait()
	s.made += 2 * honestEdits
	return errors.Join(both[0], both[1])
}

// write has one honest node make as many edits as honestEdits.
func (s *scene) write(ctx context.Context, i int, h honest) error {
	for k := range honestEdits {
		if _, err := h.say(ctx, fmt.Sprintf("busy-%d-%d", i, k)); err != nil {
			return err
		}
	}
	return nil
}

// victims are the addresses that are attacked.
func (s *scene) victims() []string { return []string{s.w.relay.addr, s.near.address()} }

// counted are the codes that a victim counts.
func (s *scene) counted(addr string) *codes {
	if addr == s.w.relay.addr {
		return &s.w.relay.codes
	}
	return s.near.counted()
}

// abandon ends what is left of a scene that went wrong.
func (s *scene) abandon() {
	if s.near != nil {
		s.near.abandon()
	}
	if s.far != nil {
		s.far.abandon()
	}
}
