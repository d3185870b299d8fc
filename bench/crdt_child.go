package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/tallystick/tallystick/bench/internal/engine"
	"github.com/tallystick/tallystick/bench/internal/job"
	"github.com/tallystick/tallystick/bench/internal/trace"
)

// crdtRole is the child that runs a work of package engine.
const crdtRole = "crdt"

// childCRDT runs a work so often on the case of a file, and prints what package job wants to read.
func childCRDT(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("bench: %d arguments for a case, not 3", len(args))
	}
	runs, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	c, err := trace.Read(args[2])
	if err != nil {
		return err
	}
	once, err := engine.Prepare(args[0], c)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(job.Line{Ready: true}); err != nil {
		return err
	}
	for range runs {
		res, err := once()
		if err != nil {
			return err
		}
		if err := out.Encode(res); err != nil {
			return err
		}
	}
	return nil
}
