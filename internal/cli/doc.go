// Package cli is the program's command line: what its words and flags mean, what it says, and with which code it ends.
//
// It is built on cobra alone. fang, which dresses cobra's help and errors, asks the terminal for its background colour
// whenever it prints either (lipgloss.HasDarkBackground, before any colour scheme is chosen), and waits up to two seconds, twice, where
// nothing answers. Here no command asks the terminal anything: help, errors, the relay and plain mode cost no time on a
// mute terminal, and leave no reply in the user's input.
package cli
