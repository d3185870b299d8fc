package tui_test

import (
	"fmt"

	"github.com/tallystick/tallystick/tui"
)

// What a terminal can show is decided once, by flags and environment; the terminal is asked nothing.
func ExampleLookFromEnv() {
	env := map[string]string{"TERM": "xterm-256color", "NO_COLOR": "1", "LANG": "de_DE.UTF-8"}
	fmt.Printf("%+v\n", tui.LookFromEnv(tui.ColorAuto, false, func(name string) string { return env[name] }))
	env["LC_ALL"] = "C"
	fmt.Printf("%+v\n", tui.LookFromEnv(tui.Color16, false, func(name string) string { return env[name] }))
	// Output:
	// {Mono:true ASCII:false}
	// {Mono:false ASCII:true}
}
