package ledger

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tallystick/tallystick/crdt"
)

// ShortIDDigits is how many hex digits ShortID gives, of idDigits.
const (
	ShortIDDigits = 8
	idDigits      = 64
)

// maxFound is how many entries an AmbiguousIDError names.
const maxFound = 16

// ErrBadID is what no entry is named by.
var ErrBadID = errors.New("not the id of an entry")

// An IDError says that Find found nothing by a text, and why: [ErrBadID], [ErrNoEntry].
type IDError struct {
	Text string
	Err  error
}

func (e *IDError) Error() string {
	if errors.Is(e.Err, ErrBadID) {
		return fmt.Sprintf("%s is %v: give 4 to 64 hex digits of it, as the list shows them", quoteFound(e.Text), e.Err)
	}
	return fmt.Sprintf("%v has the id %s: look it up in the list", e.Err, quoteFound(e.Text))
}

func (e *IDError) Unwrap() error { return e.Err }

// An AmbiguousIDError says that several entries are named by a text.
type AmbiguousIDError struct {
	Text string
	Keys []crdt.Key // the first of them
	IDs  []string   // of those, each enough to tell them apart
	More bool       // there are more
}

func (e *AmbiguousIDError) Error() string {
	more := ""
	if e.More {
		more = " …"
	}
	return fmt.Sprintf("%s may be any of %s%s: give more of the id", quoteFound(e.Text), strings.Join(e.IDs, ", "), more)
}

// Find is the entry that a person names by text: 4 to 64 hex digits that the id of its
// change begins with and, if that change wrote several, a point and which, from 1. An
// error is an *[IDError] or an *[AmbiguousIDError]. O(entries).
func (b *Book) Find(v *crdt.View, text string) (crdt.Key, error) {
	digits, ordinal, numbered := strings.Cut(strings.ToLower(text), ".")
	n := 0
	if numbered {
		var err error
		if n, err = strconv.Atoi(ordinal); err != nil || n < 1 || ordinal[0] < '1' || ordinal[0] > '9' {
			return crdt.Key{}, &IDError{text, ErrBadID}
		}
	}
	if len(digits) < MinIDDigits || len(digits) > idDigits || !isHex(digits) {
		return crdt.Key{}, &IDError{text, ErrBadID}
	}
	var first [MinIDDigits / 2]byte // most ids differ there
	if _, err := hex.Decode(first[:], []byte(digits[:MinIDDigits])); err != nil {
		return crdt.Key{}, &IDError{text, ErrBadID}
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	var found []crdt.Key
	for i := 0; i < len(b.entries) && len(found) <= maxFound; {
		change := b.entries[i].change
		end := int(b.entryAt[change+1])
		if id := b.id(change); [len(first)]byte(id[:]) == first && hasDigits(id[:], digits) {
			switch {
			case !numbered:
				for ; i < end && len(found) <= maxFound; i++ {
					found = append(found, b.entries[i].key())
				}
			case n <= end-i:
				found = append(found, b.entries[i+n-1].key())
			}
		}
		i = end
	}
	switch len(found) {
	case 0:
		return crdt.Key{}, &IDError{text, ErrNoEntry}
	case 1:
		return found[0], nil
	}
	e := &AmbiguousIDError{Text: text, More: len(found) > maxFound}
	e.Keys = found[:min(len(found), maxFound)]
	for _, k := range e.Keys {
		e.IDs = append(e.IDs, b.shownID(v, k, b.digitsToTell(e.Keys)))
	}
	return crdt.Key{}, e
}

// digitsToTell is how many digits tell the changes of keys apart, and at least
// ShortIDDigits.
func (b *Book) digitsToTell(keys []crdt.Key) int {
	digits := ShortIDDigits
	for i, k := range keys {
		for _, other := range keys[:i] {
			x, y := b.id(int32(k.Change)), b.id(int32(other.Change))
			for x != y && hasDigits(x[:], hex.EncodeToString(y[:])[:digits]) {
				digits++
			}
		}
	}
	return digits
}

func (b *Book) shownID(v *crdt.View, k crdt.Key, digits int) string {
	id := EntryID(v, k)
	return id[:digits] + id[idDigits:]
}

// EntryID is what [Book.Find] finds entry k by, always: all digits of its change, and a
// point and which, from 1, if that change wrote several.
func EntryID(v *crdt.View, k crdt.Key) string {
	id := v.NameOf(k).Change
	text := hex.EncodeToString(id[:])
	if rows := v.RowsOf(k.Change); len(rows) > 1 {
		for i, r := range rows {
			if r.Key == k {
				return text + "." + strconv.Itoa(i+1)
			}
		}
	}
	return text
}

// ShortID is EntryID with the first 8 digits alone.
func ShortID(v *crdt.View, k crdt.Key) string {
	id := EntryID(v, k)
	return id[:ShortIDDigits] + id[idDigits:]
}
