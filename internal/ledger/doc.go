// Package ledger gives the entries of a ledger room their meaning: what an entry
// may be, how it lies in a change, and the line that people type.
//
// All of it is a pure function of its arguments, the same on every replica and in
// every version of the program: whether an entry is valid never depends on the
// Unicode tables that a compiler brings along. Nothing here resolves names,
// prints, or holds state. All functions may be used from any goroutine.
//
// Texts in an entry come from other people: they pass the program's sanitiser
// (internal/safe) before they are shown. So do the texts of a [SyntaxError].
package ledger
