// Package input turns the bytes of a terminal into messages of Bubble Tea.
//
// Bubble Tea's own reader is not used, for three reasons: its goroutine has no recover, so that a panic would leave the
// terminal raw; it waits half a second at the end if keys still come in; and it decodes pasted text key by key. Single
// keys are still decoded by its decoder ([uv.EventDecoder]).
package input
