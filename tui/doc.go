// Package tui is the program's screen: a ledger room in a terminal.
//
// It is one Bubble Tea model ([Model]) over immutable snapshots of a node. Keys become intents, intents go to the node, the
// node's next snapshot is what is drawn: no business rule is decided here, and no replica, lock or connection is held.
//
// Model.Update routes a message to the dialog on top, the text field that is typed in, the screen, or a global key, in
// this order; each screen has its own file with its handlers and its drawing. What has an effect outside the model is a
// command (commands.go). Drawing goes into cells (internal/screen), clipped to the rectangles of layout.go; all text from
// outside has the type safe.String by then.
//
// [Run] owns the terminal (terminal_unix.go): raw mode and the alternate screen, its signals, and its end. The picture is
// written by the program's own painter; Bubble Tea runs without a renderer, whose 60 ticks a second it would cost, and
// nothing wakes up while nothing moves. However the program ends, also by a panic, the terminal is as it was before.
package tui
