package ledger

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/tallystick/tallystick/crdt"
)

// A Party is who stands in a posting: an author, or a label that no key is known of.
type Party struct {
	Key   crdt.Author
	Bound bool   // Key is meant
	Label string // if not Bound: untrusted
}

// PartyOf is the party of p.
func PartyOf(p *Posting) Party {
	if p.Key != nil {
		return Party{Key: *p.Key, Bound: true}
	}
	return Party{Label: p.Label}
}

// A Balance is what a party has got, less what it has given, in one unit. Over all
// parties each of the three is zero.
type Balance struct {
	Party    Party
	Unit     string
	Tallied  Sum // of tallied entries
	Claimed  Sum // of tallied and claimed ones
	Disputed Sum // of those that are disputed, or whose withdrawal is asked
}

// A cell is the balance of one party in one unit, by numbers.
type cell struct {
	party                      partyNumber
	unit                       uint32
	uses                       uint32 // entries that count in it
	tallied, claimed, disputed Sum    // each by itself
}

func (b *Book) unit(name string) uint32 {
	if i, ok := b.unitOf[name]; ok {
		return i
	}
	i := uint32(len(b.units))
	name = strings.Clone(name)
	b.units = append(b.units, bookUnit{name: name})
	b.unitOf[name] = i
	return i
}

func (b *Book) cell(unit uint32, who partyNumber) uint32 {
	key := pair(unit, uint32(who))
	if i, ok := b.cellOf[key]; ok {
		return i
	}
	i := uint32(len(b.cells))
	b.cells = append(b.cells, cell{party: who, unit: unit})
	b.cellOf[key] = i
	b.units[unit].cells = append(b.units[unit].cells, i)
	return i
}

// count adds the postings of e to the balances that a standing counts in, or takes
// them out.
func (b *Book) count(e *bookEntry, s Standing, in bool) {
	if s != Tallied && s != Claimed && s != Disputed && s != Withdrawing {
		return
	}
	postings := b.postingsOf(e)
	for i := range postings {
		p := &postings[i]
		c := &b.cells[p.cell]
		amount, parties := SumOf(p.amount, int(e.scale)), &b.units[c.unit].parties
		if in {
			if c.uses++; c.uses == 1 {
				*parties++
			}
		} else {
			amount = amount.Neg()
			if c.uses--; c.uses == 0 {
				*parties--
			}
		}
		switch s {
		case Tallied:
			c.tallied = c.tallied.Add(amount)
		case Claimed:
			c.claimed = c.claimed.Add(amount)
		default:
			c.disputed = c.disputed.Add(amount)
		}
	}
}

// Units are the units of valid entries, sorted; "" is that of entries without one.
func (b *Book) Units() []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	names := make([]string, len(b.units))
	for i := range b.units {
		names[i] = b.units[i].name
	}
	slices.Sort(names)
	return names
}

// PartyCount is how many balances there are in a unit.
func (b *Book) PartyCount(unit string) int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if u, ok := b.unitOf[unit]; ok {
		return b.units[u].parties
	}
	return 0
}

// Balances are those of all parties of entries that count, in one unit, by what the
// parties call themselves or are called, and then by key. O(parties).
func (b *Book) Balances(unit string) []Balance {
	b.mu.RLock()
	defer b.mu.RUnlock()
	u, ok := b.unitOf[unit]
	if !ok {
		return nil
	}
	type named struct { // no more than the order needs: a balance is long to move about
		name string
		key  *crdt.Author
		cell uint32
	}
	order := make([]named, 0, b.units[u].parties)
	none := &crdt.Author{}
	for _, i := range b.units[u].cells {
		if b.cells[i].uses == 0 {
			continue
		}
		n := named{key: none, cell: i}
		if a, ok := b.cells[i].party.author(); !ok {
			n.name = b.labels[b.cells[i].party>>1]
		} else {
			n.key = &b.authors[a].key
			if n.name = b.authors[a].name; n.name == "" {
				n.name = hex.EncodeToString(n.key[:])
			}
		}
		order = append(order, n)
	}
	slices.SortFunc(order, func(x, y named) int {
		if c := strings.Compare(x.name, y.name); c != 0 {
			return c
		}
		return bytes.Compare(x.key[:], y.key[:])
	})
	balances := make([]Balance, len(order))
	for i := range order {
		balances[i] = b.balance(&b.cells[order[i].cell])
	}
	return balances
}

// BalanceOf is the balance of one party in a unit.
func (b *Book) BalanceOf(p Party, unit string) Balance {
	b.mu.RLock()
	defer b.mu.RUnlock()
	who, known := partyNumber(0), false
	if p.Bound {
		var a uint32
		a, known = b.authorOf[p.Key]
		who = authorParty(a)
	} else {
		var l uint32
		l, known = b.labelOf[p.Label]
		who = labelParty(l)
	}
	if u, ok := b.unitOf[unit]; ok && known {
		if c, ok := b.cellOf[pair(u, uint32(who))]; ok {
			return b.balance(&b.cells[c])
		}
	}
	return Balance{Party: p, Unit: unit}
}

func (b *Book) balance(c *cell) Balance {
	x := Balance{Unit: b.units[c.unit].name, Tallied: c.tallied, Claimed: c.tallied.Add(c.claimed), Disputed: c.disputed}
	if a, ok := c.party.author(); ok {
		x.Party = Party{Key: b.authors[a].key, Bound: true}
	} else {
		x.Party = Party{Label: b.labels[c.party>>1]}
	}
	return x
}
