package ledger

import "github.com/tallystick/tallystick/crdt"

// DecodeSay is what a mark on an entry says, and its memo, which is untrusted. Nothing: it was taken back, or is no such mark.
func DecodeSay(l crdt.Literal) (Say, string) { return decodeSay(l) }

// DecodeName is the name that a mark on the root map says, "" if none. It is untrusted, and always a valid label.
func DecodeName(l crdt.Literal) string { return decodeName(l) }
