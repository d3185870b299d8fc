// Package control lets one command be carried out by the program that runs already under the same name: HTTP over a unix
// socket that only the same user can reach. A call is some bytes that say which command it is, and its input; the answer is what the
// command says on its two outputs, as it says it, and how it ended.
//
//	POST /v1/call
//	body    length of the call (4 bytes, big endian) ‖ call ‖ input
//	answer  frames: kind (1 byte) ‖ length (4 bytes, big endian) ‖ payload; kind o: output, e: errors, x: the end, JSON
//
// The header of the answer is sent before the command begins: a client that has not seen it knows that nothing was done, and may ask
// elsewhere. What the calls mean is not this package's business.
package control
