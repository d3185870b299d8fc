// Package fleet runs the built program as processes on one machine: nodes in plain mode, which are told what to write, and
// relays. Any of them can be killed, frozen and started again on its own data. A [Book] holds what they acknowledge against
// what they show later.
package fleet
