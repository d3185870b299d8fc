//go:build race

package crdt_test

const raceDetector = true
