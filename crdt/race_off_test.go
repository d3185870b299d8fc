//go:build !race

package crdt

const RaceDetector = false
