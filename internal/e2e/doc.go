// Package e2e runs the built program as people do: several processes, a real
// relay, real files, and the plug pulled at any moment. It has tests only.
//
//	go test ./internal/e2e -run TwoPeople -v     1,000 transactions on each side while the relay dies three times
//	go test ./internal/e2e -run Kill -v          100 times SIGKILL while writing
package e2e
