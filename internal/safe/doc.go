// Package safe is the program's one sanitiser: every text that came from outside
// (labels, memos, room and agent names, error texts of relays, file paths) passes
// it before it reaches a terminal, a window title, a log or a line of output.
//
// [Text] makes a [String], and nothing else does; views take only a String, so
// the compiler finds the place that forgot. In this order:
//
//  1. Bytes that are not UTF-8 become U+FFFD.
//  2. Control characters (C0 with ESC, DEL, C1) become visible, as in \x1b;
//     newline becomes ⏎ and tab a space.
//  3. What is not seen, or turns or moves what is beside it, becomes visible, as
//     in \u202e: bidi controls, zero width, line separators, tags, private use,
//     fillers, other format characters, and code points that this build does not
//     know.
//  4. A character keeps two combining marks, the rest is replaced by \+. A mark
//     that stands alone would sit on a cell that is not its own, and is escaped.
//     A grapheme cluster that a terminal might draw over more than four cells is
//     ended there with \+.
//  5. The text is cut between grapheme clusters to so many cells, ending in …
//
// Nothing is stored in this form: the bytes of a change stay as they are.
//
// A backslash is not escaped: a text that holds the six characters of \u202e looks
// like one that held the character. That misleads nobody about who owes what, and
// keeps the function idempotent.
//
// Widths are cells by grapheme cluster, characters of ambiguous width counting
// one, whatever the environment says.
package safe
