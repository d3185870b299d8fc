package oracle

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// Terms are what the charter of a room of kind oracle fixes: nobody can join the
// committee, add a pair or loosen the policy later. They are not changed once made.
type Terms struct {
	Room    crdt.RoomID
	Oracles []crdt.Author // the committee, sorted, unique, 1 … MaxOracles; an oracle's number is its place here
	Pairs   []Pair        // sorted by name, unique, 1 … MaxPairs
	Policy  Policy
}

// A Pair is what is priced, and in which unit: Price × 10^Expo.
type Pair struct {
	Name string // BASE/QUOTE, see [ParsePairName]
	Expo int    // −18 … 0
}

const (
	// DefaultExpo is the unit of prices where nothing else is said: 10^-8.
	DefaultExpo = -8

	minExpo = -18
)

// F is how many of the committee may lie: ⌊(N−1)/3⌋.
func (t Terms) F() int { return (len(t.Oracles) - 1) / 3 }

// Quorum is how many votes a price needs while nobody is convicted: 2f+1.
func (t Terms) Quorum() int { return 2*t.F() + 1 }

// Pair is the place in Pairs of the pair of that name.
func (t Terms) Pair(name string) (int, bool) {
	return slices.BinarySearchFunc(t.Pairs, name, func(p Pair, name string) int { return strings.Compare(p.Name, name) })
}

// Oracle is the number of an author of the committee.
func (t Terms) Oracle(a crdt.Author) (int, bool) {
	return slices.BinarySearchFunc(t.Oracles, a, compareAuthors)
}

func compareAuthors(a, b crdt.Author) int { return bytes.Compare(a[:], b[:]) }

// ParsePairName is the name of a pair, or an error that wraps [ErrTerms] and says
// what such a name is: two words of A–Z, a–z, 0–9, point, hyphen and underscore,
// with a slash between, of at most MaxPairBytes in all.
func ParsePairName(name string) (string, error) {
	if !validPair(name) {
		return "", fmt.Errorf("%w: %q is no pair like BTC/USD: two words of letters, digits, '.', '-' and '_' with a slash between, at most %d bytes",
			ErrTerms, clip(name), MaxPairBytes)
	}
	return name, nil
}

// clip keeps an error short, whatever somebody wrote.
func clip(s string) string {
	if len(s) > 2*MaxPairBytes {
		return s[:2*MaxPairBytes] + "…"
	}
	return s
}

func validPair[T string | []byte](name T) bool {
	slash := -1
	for i := range len(name) {
		switch c := name[i]; {
		case c == '/' && slash < 0:
			slash = i
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return slash > 0 && slash < len(name)-1 && len(name) <= MaxPairBytes
}

// Validate checks every rule of terms but those of the charter around them. The
// error wraps [ErrTerms] and says which parameter breaks which rule.
func (t Terms) Validate() error {
	switch n := len(t.Oracles); {
	case n == 0:
		return fmt.Errorf("%w: oracles: there are none", ErrTerms)
	case n > MaxOracles:
		return fmt.Errorf("%w: oracles: %d, at most %d", ErrTerms, n, MaxOracles)
	}
	for i, a := range t.Oracles {
		if _, err := crdt.ParseAuthor(a[:]); err != nil {
			return fmt.Errorf("%w: oracles[%d]: %w", ErrTerms, i, err)
		}
		if i > 0 && compareAuthors(t.Oracles[i-1], a) >= 0 {
			return fmt.Errorf("%w: oracles[%d]: not sorted and unique", ErrTerms, i)
		}
	}
	switch n := len(t.Pairs); {
	case n == 0:
		return fmt.Errorf("%w: pairs: there are none", ErrTerms)
	case n > MaxPairs:
		return fmt.Errorf("%w: pairs: %d, at most %d", ErrTerms, n, MaxPairs)
	}
	for i, p := range t.Pairs {
		if _, err := ParsePairName(p.Name); err != nil {
			return fmt.Errorf("pairs[%d]: %w", i, err)
		}
		if p.Expo < minExpo || p.Expo > 0 {
			return fmt.Errorf("%w: pairs[%d]: expo %d of %s is not in %d … 0", ErrTerms, i, p.Expo, p.Name, minExpo)
		}
		if i > 0 && t.Pairs[i-1].Name >= p.Name {
			return fmt.Errorf("%w: pairs[%d]: %s: not sorted by name and unique", ErrTerms, i, p.Name)
		}
	}
	return t.Policy.Validate()
}

// NewCharter is the charter of a room with those terms; their Room is not read.
// Oracles and pairs may come in any order. Without writers the committee alone may
// write. The error wraps [ErrTerms] or [crdt.ErrCharter].
func NewCharter(name string, writers []crdt.Author, t Terms) (crdt.Charter, error) {
	t.Oracles, t.Pairs = slices.Clone(t.Oracles), slices.Clone(t.Pairs)
	slices.SortFunc(t.Oracles, compareAuthors)
	slices.SortFunc(t.Pairs, func(a, b Pair) int { return strings.Compare(a.Name, b.Name) })
	if err := t.Validate(); err != nil {
		return crdt.Charter{}, err
	}
	params, err := t.encode()
	if err != nil {
		return crdt.Charter{}, fmt.Errorf("%w: %w", ErrTerms, err)
	}
	if len(writers) == 0 {
		writers = t.Oracles
	}
	writers = slices.Clone(writers)
	slices.SortFunc(writers, compareAuthors)
	c := crdt.Charter{Name: name, Kind: crdt.Oracle, Writers: slices.Compact(writers), Params: params}
	if err := c.Validate(); err != nil {
		return crdt.Charter{}, err
	}
	if _, err := ParseTerms(c); err != nil {
		return crdt.Charter{}, err
	}
	return c, nil
}

// encode is the params of a charter: {"pairs": [[name, expo], …], "policy": {…},
// "oracles": [key, …]}.
func (t *Terms) encode() (crdt.Literal, error) {
	pairs := make([]any, len(t.Pairs))
	for i, p := range t.Pairs {
		pairs[i] = []any{p.Name, int64(p.Expo)}
	}
	oracles := make([]any, len(t.Oracles))
	for i, a := range t.Oracles {
		oracles[i] = a[:]
	}
	policy := map[string]any{"strategy": t.Policy.Strategy.String(), "commit_reveal": t.Policy.CommitReveal}
	for _, f := range policyFields {
		policy[f.Name] = f.In(&t.Policy)
	}
	return crdt.EncodeLiteral(map[string]any{"oracles": oracles, "pairs": pairs, "policy": policy})
}

// ParseTerms reads the terms of a charter. Every parameter must be there, and no
// other: what is left to a default would change its meaning with the program. The
// error wraps [ErrTerms] and says which parameter breaks which rule.
func ParseTerms(c crdt.Charter) (Terms, error) {
	var t Terms
	if c.Kind != crdt.Oracle {
		return t, fmt.Errorf("%w: the room %q is of kind %q", ErrTerms, c.Name, c.Kind)
	}
	if _, err := crdt.ParseLiteral(c.Params); err != nil {
		return t, fmt.Errorf("%w: params: %w", ErrTerms, err)
	}
	if err := t.decode(c.Params.Value()); err != nil {
		return Terms{}, fmt.Errorf("%w: %w", ErrTerms, err)
	}
	if err := t.Validate(); err != nil {
		return Terms{}, err
	}
	for i, a := range t.Oracles {
		if _, ok := slices.BinarySearchFunc(c.Writers, a, compareAuthors); c.Closed() && !ok {
			return Terms{}, fmt.Errorf("%w: oracles[%d]: %v may not write in this room", ErrTerms, i, a)
		}
	}
	t.Room = c.ID()
	return t, nil
}

func (t *Terms) decode(v any) error {
	params, ok := v.(map[string]any)
	if !ok {
		return errors.New("params are no map")
	}
	if err := known("params", params, "oracles", "pairs", "policy"); err != nil {
		return err
	}
	oracles, ok := params["oracles"].([]any)
	if !ok {
		return errors.New("oracles are no list of keys")
	}
	for i, v := range oracles {
		key, ok := v.([]byte)
		if !ok || len(key) != len(crdt.Author{}) {
			return fmt.Errorf("oracles[%d] is no key of 32 bytes", i)
		}
		t.Oracles = append(t.Oracles, crdt.Author(key))
	}
	pairs, ok := params["pairs"].([]any)
	if !ok {
		return errors.New("pairs are no list")
	}
	for i, v := range pairs {
		pair, ok := v.([]any)
		if !ok || len(pair) != 2 {
			return fmt.Errorf("pairs[%d] is not [name, expo]", i)
		}
		name, okName := pair[0].(string)
		expo, okExpo := pair[1].(int64)
		if !okName || !okExpo || expo < minExpo || expo > 0 {
			return fmt.Errorf("pairs[%d] is not [name, expo] with expo in %d … 0", i, minExpo)
		}
		t.Pairs = append(t.Pairs, Pair{name, int(expo)})
	}
	policy, ok := params["policy"].(map[string]any)
	if !ok {
		return errors.New("policy is no map")
	}
	names := []string{"strategy", "commit_reveal"}
	for _, f := range policyFields {
		names = append(names, f.Name)
	}
	if err := known("policy", policy, names...); err != nil {
		return err
	}
	strategy, ok := policy["strategy"].(string)
	if !ok {
		return errors.New("policy.strategy is no text")
	}
	var err error
	if t.Policy.Strategy, err = ParseStrategy(clip(strategy)); err != nil {
		return fmt.Errorf("policy.strategy: %w", err)
	}
	if t.Policy.CommitReveal, ok = policy["commit_reveal"].(bool); !ok {
		return errors.New("policy.commit_reveal is neither true nor false")
	}
	for _, f := range policyFields {
		v, ok := policy[f.Name].(int64)
		if !ok {
			return fmt.Errorf("policy.%s is no integer", f.Name)
		}
		if v < f.Min || v > f.Max { // before it is put into a smaller type
			return fmt.Errorf("policy.%s: %d is not in %d … %d", f.Name, v, f.Min, f.Max)
		}
		f.Set(&t.Policy, v)
	}
	return nil
}

// known checks that m has exactly these keys.
func known(where string, m map[string]any, keys ...string) error {
	for _, k := range keys {
		if _, ok := m[k]; !ok {
			return fmt.Errorf("%s has no %q", where, k)
		}
	}
	if len(m) == len(keys) {
		return nil
	}
	odd := make([]string, 0, len(m))
	for k := range m {
		if !slices.Contains(keys, k) {
			odd = append(odd, k)
		}
	}
	slices.Sort(odd) // the same error each time
	return fmt.Errorf("%s has %q, which is unknown", where, clip(odd[0]))
}

// A pairTable finds the number of a pair by its name.
type pairTable struct {
	names   []string
	encoded []string // as CBOR
	between []string // what lies between t and price where there is nothing but the pair
	index   map[string]int
	next    int // the pair after the one found last
}

func newPairTable(t *Terms) *pairTable {
	p := &pairTable{index: make(map[string]int, len(t.Pairs))}
	for i, pair := range t.Pairs {
		p.names = append(p.names, pair.Name)
		p.encoded = append(p.encoded, string(dcbor.AppendText(nil, pair.Name)))
		p.between = append(p.between, "\x64pair"+p.encoded[i]+"\x65price")
		p.index[pair.Name] = i
	}
	return p
}

// find is the number of the pair, or −1.
func (p *pairTable) find(name []byte) int {
	i, ok := p.index[string(name)]
	if !ok {
		return -1
	}
	p.found(i)
	return i
}

func (p *pairTable) found(i int) {
	if p.next = i + 1; p.next == len(p.names) {
		p.next = 0
	}
}
