// Package exchange writes the entries of a room for other programs, and reads what other programs write: CSV, JSON lines, and,
// out only, journals of hledger. docs/exchange.md describes the forms.
//
// What is read is never written anywhere here: [Read] returns a [Preview], and whoever asked decides. Both directions hold one
// record at a time, but for what a preview lists; nothing that a file holds costs more than the limits of this package.
//
// Texts in entries come from other people. JSON lines are escaped, and CSV and journals hold no character that a terminal
// would obey; what a Preview says of bad lines passes the program's sanitiser before it is shown.
package exchange
