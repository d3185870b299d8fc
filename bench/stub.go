package main

import (
	"context"
	"flag"
)

func latencyWork(*flag.FlagSet) func(context.Context, *run) error { return nil }
func pictureWork(*flag.FlagSet) func(context.Context, *run) error { return nil }
