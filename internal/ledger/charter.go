package ledger

import (
	"fmt"
	"slices"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/crdt/dcbor"
)

// ClosedLedger is the charter of a ledger in which only those may write. nonce, of
// chance, tells it from every other of the same name and writers: it lies in the
// params, {"nonce": 16 bytes}, which mean nothing else. Errors wrap
// [crdt.ErrCharter].
func ClosedLedger(name string, writers []crdt.Author, nonce [16]byte) (crdt.Charter, error) {
	params := dcbor.AppendBytes(dcbor.AppendText(dcbor.AppendMap(nil, 1), "nonce"), nonce[:])
	c := crdt.Charter{Name: name, Kind: crdt.Ledger, Writers: slices.Clone(writers), Params: params}
	slices.SortFunc(c.Writers, compareAuthors)
	c.Writers = slices.Compact(c.Writers)
	if len(c.Writers) == 0 {
		return crdt.Charter{}, fmt.Errorf("%w: a closed room has writers", crdt.ErrCharter)
	}
	return c, c.Validate()
}
