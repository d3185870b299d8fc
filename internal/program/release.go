//go:build !race

package program

const buildEnvironment = "CGO_ENABLED=0"

var buildFlags []string
