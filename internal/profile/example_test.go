package profile_test

import (
	"fmt"
	"os"

	"github.com/tallystick/tallystick/internal/profile"
)

func Example() {
	dir, err := os.MkdirTemp("", "profile")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	os.Setenv("XDG_DATA_HOME", dir)
	defer os.Unsetenv("XDG_DATA_HOME")

	alice, err := profile.ParseName("alice")
	if err != nil {
		panic(err)
	}
	if _, err := profile.Load(alice); err != nil {
		fmt.Println(err)
	}
	p, err := profile.Init(alice)
	if err != nil {
		panic(err)
	}
	fmt.Println(p.Name, p.Secret)
	// Output:
	// alice: no such person on this machine; to make a key: tallystick init alice
	// alice secret key (hidden)
}
