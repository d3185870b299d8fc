package main

import (
	"fmt"
	"net"

	"github.com/tallystick/tallystick/bench/internal/plain"
)

// child is what this command is when it was started by run.child.
func child(role string, args []string) error {
	switch role {
	case "plain":
		l, err := net.Listen("tcp", args[0])
		if err != nil {
			return err
		}
		fmt.Println("ready")
		return plain.Serve(l)
	}
	return fmt.Errorf("bench: there is no role %q", role)
}
