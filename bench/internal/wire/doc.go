// Package wire is the least that speaks the sync protocol from the outside: enough to publish and to subscribe at a
// rate at which the other side is what is measured. It checks and keeps nothing of what it receives; it counts.
package wire
