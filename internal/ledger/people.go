package ledger

import (
	"bytes"
	"cmp"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tallystick/tallystick/crdt"
)

// MaxContacts bounds how many people a user has named or confirmed.
const MaxContacts = 10_000

// A Contact is what the user has said of an author: how to call it, and whether
// its key was compared out of band.
type Contact struct {
	Author    crdt.Author
	Name      string // what the user calls it: a label
	Confirmed bool   // the user compared the key with that person's
}

// ErrContacts says that contacts break a rule.
var ErrContacts = errors.New("contacts")

// Contacts are the people that the user has named. The zero value holds none. It
// never changes.
type Contacts struct {
	byAuthor map[crdt.Author]Contact
	sorted   []Contact // by name
}

// NewContacts takes one contact per author, each with a name of its own, for the
// names decide who is meant. The error wraps [ErrContacts].
func NewContacts(list []Contact) (Contacts, error) {
	if len(list) > MaxContacts {
		return Contacts{}, fmt.Errorf("%w: %d, at most %d", ErrContacts, len(list), MaxContacts)
	}
	c := Contacts{byAuthor: make(map[crdt.Author]Contact, len(list)), sorted: make([]Contact, 0, len(list))}
	names := make(map[string]crdt.Author, len(list))
	for _, one := range list {
		label, ok := ParseLabel(one.Name)
		if !ok || strings.TrimSpace(label) != label {
			return Contacts{}, fmt.Errorf("%w: %q is no name: give 1 to %d bytes of plain text", ErrContacts, one.Name, MaxLabelBytes)
		}
		if _, _, ok := cutKey(label); ok {
			return Contacts{}, fmt.Errorf("%w: %q is no name: # and hexadecimal digits choose a key", ErrContacts, one.Name)
		}
		one.Name = label
		if other, taken := c.byAuthor[one.Author]; taken {
			return Contacts{}, fmt.Errorf("%w: author %v stands there twice, as %q and as %q", ErrContacts, one.Author, other.Name, label)
		}
		if other, taken := names[label]; taken {
			return Contacts{}, fmt.Errorf("%w: the name %q is of author %v already, and not of %v: give another", ErrContacts, label, other, one.Author)
		}
		names[label] = one.Author
		c.byAuthor[one.Author] = one
		c.sorted = append(c.sorted, one)
	}
	slices.SortFunc(c.sorted, func(a, b Contact) int { return strings.Compare(a.Name, b.Name) })
	return c, nil
}

// All are the contacts, sorted by name.
func (c Contacts) All() []Contact { return slices.Clone(c.sorted) }

// Of is what the user said of an author.
func (c Contacts) Of(a crdt.Author) (Contact, bool) {
	one, ok := c.byAuthor[a]
	return one, ok
}

// With is c with what it says of one author replaced.
func (c Contacts) With(one Contact) (Contacts, error) {
	return NewContacts(append(c.others(one.Author), one))
}

// Without is c without an author.
func (c Contacts) Without(a crdt.Author) Contacts {
	// A part of what was taken is taken.
	rest, _ := NewContacts(c.others(a))
	return rest
}

func (c Contacts) others(a crdt.Author) []Contact {
	return slices.DeleteFunc(c.All(), func(one Contact) bool { return one.Author == a })
}

// People is who is called what in a room, for one user. It never changes: make a
// new one when names do.
type People struct {
	me       crdt.Author
	myName   string
	contacts Contacts
	all      []crdt.Author // sorted
	claimed  map[crdt.Author]string
	own      map[string]crdt.Author   // names that the user decided: contacts, and the own
	claims   map[string][]crdt.Author // who calls itself so
	alike    map[crdt.Author]bool
	byLook   map[string][]naming // all names, by how they look

	order   sync.Once
	ordered []Person // what Of returns, once that was asked for
}

// A naming is that somebody is called so.
type naming struct {
	author crdt.Author
	own    bool // by the user, not by itself
}

// NewPeople brings together what authors call themselves (claimed returns "" if
// nothing), what the user calls them, and the user's own key and name, which win.
func NewPeople(authors []crdt.Author, claimed func(crdt.Author) string, c Contacts, me crdt.Author, myName string) *People {
	p := &People{
		me: me, contacts: c, claimed: map[crdt.Author]string{},
		own: map[string]crdt.Author{}, claims: map[string][]crdt.Author{}, alike: map[crdt.Author]bool{}, byLook: map[string][]naming{},
	}
	p.myName, _ = ParseLabel(myName)
	p.all = append(slices.Clone(authors), me)
	for _, one := range c.sorted {
		p.all = append(p.all, one.Author)
		p.own[one.Name] = one.Author
	}
	if p.myName != "" {
		p.own[p.myName] = me
	}
	slices.SortFunc(p.all, compareAuthors)
	p.all = slices.Compact(p.all)
	for _, a := range p.all {
		name := claimed(a)
		if !isClaim(name) {
			continue
		}
		p.claimed[a] = name
		if a != me { // whatever was said in other times
			p.claims[name] = append(p.claims[name], a)
		}
	}
	p.findAlike()
	return p
}

// isClaim reports whether what an author calls itself counts as a name. None is one
// that shows nothing, and none that reads as a key or the choice of one, in whatever
// width it is written: it would be another's.
func isClaim(name string) bool {
	if name == "" || skeleton(name) == "" {
		return false
	}
	folded := foldCase(name)
	_, _, byKey := cutKey(folded)
	return !byKey && (len(folded) < minKeyDigits || strings.Trim(folded, "0123456789abcdef") != "")
}

func compareAuthors(a, b crdt.Author) int { return bytes.Compare(a[:], b[:]) }

// findAlike marks everyone whose name could be taken for another's. Nobody can
// bring the mark upon one whom the user has named, but by the user's own doing.
func (p *People) findAlike() {
	add := func(name string, n naming) {
		if name == "" {
			return
		}
		l := looks(name)
		p.byLook[l[0]] = append(p.byLook[l[0]], n)
		if l[1] != l[0] {
			p.byLook[l[1]] = append(p.byLook[l[1]], n)
		}
	}
	for _, a := range p.all {
		name := p.ownName(a)
		if name != "" {
			add(name, naming{a, true})
		}
		if p.claimed[a] != name {
			add(p.claimed[a], naming{a, false})
		}
	}
	for _, claims := range p.byLook {
		owners := 0
		var first, firstOwn crdt.Author
		several, severalOwn := false, false
		for i, c := range claims {
			if i == 0 {
				first = c.author
			}
			several = several || c.author != first
			if c.own {
				if owners == 0 {
					firstOwn = c.author
				}
				severalOwn = severalOwn || c.author != firstOwn
				owners++
			}
		}
		if !several {
			continue
		}
		for _, c := range claims {
			if !c.own && p.ownName(c.author) == "" || c.own && severalOwn {
				p.alike[c.author] = true
			}
		}
	}
}

// ownName is what the user calls a, "" if nothing.
func (p *People) ownName(a crdt.Author) string {
	if a == p.me && p.myName != "" {
		return p.myName
	}
	one := p.contacts.byAuthor[a]
	if p.own[one.Name] != a {
		return "" // the user's own name wins
	}
	return one.Name
}

// AmbiguousError says that a label does not tell who is meant.
type AmbiguousError struct {
	Label      string
	Candidates []crdt.Author // sorted; none if the label names a key that nobody here has
	digits     []string      // to show of each
}

// Error says what to do.
func (e *AmbiguousError) Error() string {
	if len(e.Candidates) == 0 {
		return fmt.Sprintf("%q: nobody here has a key that begins so", e.Label)
	}
	name, _, _ := cutKey(e.Label)
	var words []string
	for i := range e.Candidates {
		if i == maxTold {
			words = append(words, fmt.Sprintf("%d more", len(e.Candidates)-maxTold))
			break
		}
		words = append(words, QuoteLabel(name+"#"+e.digits[i]))
	}
	return fmt.Sprintf("%q can be any of %d: say which: %s", e.Label, len(e.Candidates), strings.Join(words, ", "))
}

// maxTold bounds how many candidates an error names.
const maxTold = 8

// minKeyDigits is how many digits of a key choose an author.
const minKeyDigits = 8

// cutKey parts "bob#1a2b3c4d".
func cutKey(label string) (name, digits string, ok bool) {
	at := strings.LastIndexByte(label, '#')
	if at < 0 {
		return label, "", false
	}
	digits = label[at+1:]
	if len(digits) < minKeyDigits || len(digits) > 2*len(crdt.Author{}) || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return label, "", false
	}
	return label[:at], strings.ToLower(digits), true
}

// Lookup is who a label means: one that the user named so, else the one author who
// calls itself so, if nobody else's name looks like that; false if nobody is known.
// "bob#1a2b3c4d" chooses by the first digits of the key, whatever the name. The error
// is an *[AmbiguousError].
func (p *People) Lookup(label string) (crdt.Author, bool, error) {
	if parsed, ok := ParseLabel(label); ok {
		label = parsed
	}
	found, ok := p.own[label]
	if ok {
		return found, true, nil
	}
	candidates := p.claims[label]
	if _, digits, byKey := cutKey(label); byKey {
		if candidates = p.withDigits(digits); len(candidates) == 0 {
			return found, false, &AmbiguousError{Label: label}
		}
	} else if len(candidates) == 1 {
		candidates = p.takenFor(label, candidates[0])
	}
	switch len(candidates) {
	case 0:
		return found, false, nil
	case 1:
		return candidates[0], true, nil
	}
	e := &AmbiguousError{Label: label, Candidates: slices.Clone(candidates)}
	for _, a := range candidates {
		e.digits = append(e.digits, p.digits(a, minKeyDigits))
	}
	return found, false, e
}

// takenFor are a, who alone calls itself so, and all for whom the user could take it:
// else who calls itself bob would be bound when the user writes to Bob. Whom the user
// has named is taken only for others that it has named.
func (p *People) takenFor(label string, a crdt.Author) []crdt.Author {
	all := []crdt.Author{a}
	named := p.ownName(a) != ""
	l := looks(label)
	for i, look := range l {
		if i > 0 && look == l[0] {
			break
		}
		for _, n := range p.byLook[look] {
			if n.own || !named {
				all = append(all, n.author)
			}
		}
	}
	slices.SortFunc(all, compareAuthors)
	return slices.Compact(all)
}

// Seems reports whether a label could be taken for the name of somebody here.
func (p *People) Seems(label string) bool {
	l := looks(label)
	return len(p.byLook[l[0]]) > 0 || len(p.byLook[l[1]]) > 0
}

// withDigits are those whose key begins so.
func (p *People) withDigits(digits string) []crdt.Author {
	var found []crdt.Author
	i, _ := slices.BinarySearchFunc(p.all, digits, func(a crdt.Author, d string) int {
		return strings.Compare(hex.EncodeToString(a[:])[:len(d)], d)
	})
	for ; i < len(p.all) && strings.HasPrefix(hex.EncodeToString(p.all[i][:]), digits); i++ {
		found = append(found, p.all[i])
	}
	return found
}

// Bind gives a key to each posting that has none and whose label tells who is
// meant, and cuts the digits of a key off its label. After an error, which is an
// *[AmbiguousError], e is as it was. e may not have been checked: two of its
// labels can be one person.
func (p *People) Bind(e *Entry) error {
	bound := slices.Clone(e.Postings)
	for i := range bound {
		one := &bound[i]
		if one.Key != nil {
			continue
		}
		a, ok, err := p.Lookup(one.Label)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		one.Key = &a
		if name, _, byKey := cutKey(one.Label); byKey {
			one.Label = cmp.Or(name, p.nameOf(a), hex.EncodeToString(a[:4]))
		}
	}
	e.Postings = bound
	return nil
}

// Shown is how an author is shown. Its texts come from other people.
type Shown struct {
	Name      string // what the user calls it, else what it calls itself, else ""
	Confirmed bool   // the user compared its key: the name stands alone
	Digits    string // of its key, as many as tell it from everyone here; shown beside the name unless Confirmed
	LookAlike bool   // its name could be taken for another's: shown as ?
}

// Shown is how a is shown, who need not be known.
func (p *People) Shown(a crdt.Author) Shown {
	one := p.contacts.byAuthor[a]
	return Shown{
		Name:      p.nameOf(a),
		Confirmed: a == p.me && p.myName != "" || one.Confirmed && p.own[one.Name] == a,
		Digits:    p.digits(a, minKeyDigits), LookAlike: p.alike[a],
	}
}

// Name is that of Shown, in less time.
func (p *People) Name(a crdt.Author) string { return p.nameOf(a) }

func (p *People) nameOf(a crdt.Author) string { return cmp.Or(p.ownName(a), p.claimed[a]) }

// Brief is the beginning of a's key, as much as tells it from everyone else here: for
// beside a name where there is little room.
func (p *People) Brief(a crdt.Author) string { return p.digits(a, briefDigits) }

const briefDigits = 4

// digits are as many of a's key as tell it from everyone else here, and at least so
// many.
func (p *People) digits(a crdt.Author, least int) string {
	i, found := slices.BinarySearchFunc(p.all, a, compareAuthors)
	n := least
	if i > 0 {
		n = max(n, alikeDigits(a, p.all[i-1])+1)
	}
	if found {
		i++
	}
	if i < len(p.all) {
		n = max(n, alikeDigits(a, p.all[i])+1)
	}
	return hex.EncodeToString(a[:])[:n]
}

// alikeDigits is how many digits of two different keys agree.
func alikeDigits(a, b crdt.Author) int {
	for i := range a {
		if x := a[i] ^ b[i]; x != 0 {
			if x < 0x10 {
				return 2*i + 1
			}
			return 2 * i
		}
	}
	return 2*len(a) - 1
}

// A Person is what is known of who an author is.
type Person struct {
	Author  crdt.Author
	Shown   Shown
	Claimed string  // what it calls itself, "" if nothing; of another's making
	Contact Contact // zero if the user has said nothing of it
	Me      bool
}

// Of is everyone: first me, then by name, those without one last. It is worked out
// once; the caller may not change it.
func (p *People) Of() []Person {
	p.order.Do(func() { p.ordered = p.inOrder() })
	return p.ordered
}

func (p *People) inOrder() []Person {
	rank := func(a crdt.Author, name string) int {
		switch {
		case a == p.me:
			return 0
		case name != "":
			return 1
		}
		return 2
	}
	type named struct { // no more than the order needs: a Person is long to move about
		rank   int
		name   string
		author *crdt.Author
	}
	order := make([]named, len(p.all))
	for i := range p.all {
		name := p.nameOf(p.all[i])
		order[i] = named{rank(p.all[i], name), name, &p.all[i]}
	}
	slices.SortFunc(order, func(x, y named) int {
		if x.rank != y.rank {
			return cmp.Compare(x.rank, y.rank)
		}
		if c := strings.Compare(x.name, y.name); c != 0 {
			return c
		}
		return compareAuthors(*x.author, *y.author)
	})
	out := make([]Person, len(order))
	for i := range order {
		out[i] = p.Person(*order[i].author)
	}
	return out
}

// Person is what is known of a, who need not be known.
func (p *People) Person(a crdt.Author) Person {
	return Person{Author: a, Shown: p.Shown(a), Claimed: p.claimed[a], Contact: p.contacts.byAuthor[a], Me: a == p.me}
}

// Labels are the labels that tell who is meant, sorted, for completion: one that
// several call themselves, or that looks like another's, stands there with the digits
// of each key.
func (p *People) Labels() []string {
	var out []string
	for name := range p.own {
		out = append(out, name)
	}
	for name, who := range p.claims {
		if _, ok := p.own[name]; ok {
			continue
		}
		if len(who) == 1 && len(p.takenFor(name, who[0])) == 1 {
			out = append(out, name)
			continue
		}
		for _, a := range who {
			if label := name + "#" + p.digits(a, minKeyDigits); len(label) <= MaxLabelBytes {
				out = append(out, label)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Me is the user's own key and name.
func (p *People) Me() (crdt.Author, string) { return p.me, p.myName }

// safetyRounds is how often a safety number is hashed: so much dearer is the
// search for a key that has the same.
const safetyRounds = 8192

// SafetyNumber is what two people read to each other, out of band, to make sure that
// each has the other's key: six groups of five digits, the same for both (protocol:
// "Safety number").
func SafetyNumber(a, b crdt.Author) string {
	if compareAuthors(a, b) > 0 {
		a, b = b, a
	}
	var block [sha512.Size + 2*len(a)]byte // the hash so far, and both keys
	copy(block[sha512.Size:], a[:])
	copy(block[sha512.Size+len(a):], b[:])
	sum := sha512.Sum512(append([]byte("tallystick safety v1\x00"), block[sha512.Size:]...))
	for range safetyRounds {
		copy(block[:], sum[:])
		sum = sha512.Sum512(block[:])
	}
	groups := make([]string, 6)
	for i := range groups {
		var wide [8]byte
		copy(wide[3:], sum[5*i:5*i+5])
		groups[i] = fmt.Sprintf("%05d", binary.BigEndian.Uint64(wide[:])%100_000)
	}
	return strings.Join(groups, " ")
}
