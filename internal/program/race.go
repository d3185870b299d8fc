//go:build race

package program

const buildEnvironment = "CGO_ENABLED=1"

var buildFlags = []string{"-race"}
