//go:build !linux

package control

import "net"

// samePerson: the folder's rights are what keeps others out here.
func samePerson(net.Conn) bool { return true }
