// Package terminal runs a program on a pseudo-terminal, types into it, and sees what a person would see: which frames came when,
// of how many bytes, what the screen shows, and what state the terminal is left in.
//
// A frame is what the program writes up to the end of a synchronised update (CSI ? 2026 l). Its time is taken when that
// end was read from the pseudo-terminal, before anything else is done with the bytes; the emulator that makes
// a screen of them runs on a goroutine of its own, after that.
package terminal
