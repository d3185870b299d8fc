// Package e2e runs the built program as people do: several processes, a real
// relay, real files, and the plug pulled at any moment. It has tests only.
//
//	go test ./internal/e2e -run TwoPeople -v     1,000 transactions on each side while the relay dies three times
//	go test ./internal/e2e -run Kill -v          100 times SIGKILL while writing
//	go test ./internal/e2e -run Stories              five stories, at screens of three sizes and in plain mode; -stories.update writes the golden frames
package e2e
