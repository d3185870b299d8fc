package control

import "time"

// Limits of the socket. Only programs of the same user reach it: they bound mistakes, not attacks.
const (
	MaxCallBytes  = 256 << 10
	MaxInputBytes = 32 << 20 // beside a call
	MaxFrameBytes = 64 << 10 // of an answer

	maxConnections = 64 // more wait
	maxCalls       = 32 // at once; more are told to come again
	maxHeaderBytes = 8 << 10
	maxEndBytes    = 32 << 10 // of the frame that ends an answer

	headerTimeout = 5 * time.Second
	bodyTimeout   = 30 * time.Second
	writeTimeout  = 30 * time.Second // for one frame: a client that reads nothing is left
	quitTimeout   = time.Second      // for the frame under way when the program quits
	dialTimeout   = 2 * time.Second
	closeGrace    = 5 * time.Second // for calls under way when the program quits
)
