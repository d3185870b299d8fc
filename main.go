// Command tallystick keeps one list of transactions together with people who trust neither each other nor the server
// between them. See `tallystick --help`.
package main

import (
	"os"

	"github.com/tallystick/tallystick/internal/cli"
	"github.com/tallystick/tallystick/internal/collect"
)

func main() {
	collect.Start()
	os.Exit(cli.Main(os.Args[1:], cli.Standard()))
}
