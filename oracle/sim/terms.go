package sim

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/oracle"
)

func strategyOf(name string) (oracle.Strategy, error) { return oracle.ParseStrategy(name) }

// policy is what the charter gets.
func (sc *Scenario) policy() (oracle.Policy, error) {
	p := oracle.DefaultPolicy()
	s, err := strategyOf(sc.Policy.Strategy)
	if err != nil {
		return p, err
	}
	of := &sc.Policy
	p.Strategy, p.VoteK, p.IntervalMS, p.SlotMS = s, int(of.VoteK), sc.IntervalMS, of.SlotMS
	if p.SlotMS == 0 {
		p.SlotMS = sc.IntervalMS
	}
	p.MaxAgeMS, p.VoteSpanMS, p.SkewMaxMS, p.LateMaxMS = of.MaxAgeMS, of.VoteSpanMS, of.SkewMaxMS, of.LateMaxMS
	p.Fence, p.FenceFloor, p.WidePPM, p.FloodMax = of.Fence, of.FenceFloorPPM, of.WidePPM, int(of.FloodMax)
	p.DeviationPPM, p.HeartbeatMS, p.HaltPPM, p.MaxGapMS = of.DeviationPPM, of.HeartbeatMS, of.HaltPPM, of.MaxGapMS
	p.CommitReveal, p.MinSources = of.CommitReveal, int(of.MinSources)
	return p, p.Validate()
}

// keys are those of the oracles, in the order of their authors: so an oracle's number is the same in scenario and committee.
func (sc *Scenario) keys() []ed25519.PrivateKey {
	keys := make([]ed25519.PrivateKey, sc.oracles())
	for i := range keys {
		seed := sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte("tallystick oracle simulation key"), sc.Seed), uint64(i)))
		keys[i] = ed25519.NewKeyFromSeed(seed[:])
	}
	slices.SortFunc(keys, func(a, b ed25519.PrivateKey) int { return slices.Compare(a[32:], b[32:]) })
	return keys
}

func authorOf(key ed25519.PrivateKey) crdt.Author { return crdt.Author(key[32:]) }

// charter founds the room of oracles with these keys; nil: those of the scenario.
func (sc *Scenario) charter(keys []ed25519.PrivateKey) (crdt.Charter, error) {
	if keys == nil {
		keys = sc.keys()
	}
	p, err := sc.policy()
	if err != nil {
		return crdt.Charter{}, err
	}
	t := oracle.Terms{Policy: p}
	for _, k := range keys {
		t.Oracles = append(t.Oracles, authorOf(k))
	}
	for _, pair := range sc.Pairs {
		t.Pairs = append(t.Pairs, oracle.Pair{Name: pair.Pair, Expo: int(pair.Expo)})
	}
	slices.SortFunc(t.Pairs, func(a, b oracle.Pair) int { return slices.Compare([]byte(a.Name), []byte(b.Name)) })
	c, err := oracle.NewCharter(roomName(sc.Name), nil, t)
	if err != nil {
		return c, fmt.Errorf("room: %w", err)
	}
	return c, nil
}

// roomName cuts a scenario's name to what a room's may be.
func roomName(name string) string {
	for len(name) > crdt.MaxRoomNameBytes {
		name = name[:len(name)-1]
	}
	return name
}
