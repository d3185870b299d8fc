package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/tallystick/tallystick/bench/internal/proc"
	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/bench/internal/stat"
	"github.com/tallystick/tallystick/internal/terminal"
	"github.com/tallystick/tallystick/oracle/sim"
)

const (
	oracleScenario = "two-of-seven"
	oracleRate     = 4  // rounds a second
	oracleRounds   = 80 // that are measured: script, partition and crash included
)

// oracle measures the oracle screen at 4 rounds a second. The process runs the simulation too, seven real nodes with their
// signatures; what that alone takes is measured here in this process, and taken off.
func (s *screenRun) oracle(ctx context.Context) error {
	if !s.largest {
		return nil
	}
	alone, err := simulationAlone()
	if err != nil {
		return err
	}
	t, err := terminal.Start(s.binary, []string{"oracle", oracleScenario}, terminal.Options{Screen: true, Env: s.home.Env()})
	if err != nil {
		return err
	}
	if err := s.oracleFigures(ctx, t, alone); err != nil {
		return s.shown(t, err)
	}
	return t.Close()
}

// simulationAlone is the CPU time of a round of the simulation, with the frame that a screen would draw.
func simulationAlone() (time.Duration, error) {
	sc, err := sim.Load(oracleScenario)
	if err != nil {
		return 0, err
	}
	sc.DurationMS = (oracleRounds + 10) * sc.IntervalMS
	run, err := sim.New(sc)
	if err != nil {
		return 0, err
	}
	before, err := proc.Read(os.Getpid())
	if err != nil {
		return 0, err
	}
	for range oracleRounds {
		run.Step()
		run.Frame()
	}
	after, err := proc.Read(os.Getpid())
	return after.Since(before).CPU / oracleRounds, err
}

func (s *screenRun) oracleFigures(ctx context.Context, t *terminal.Terminal, alone time.Duration) error {
	holds := func(scr *terminal.Screen) bool {
		_, y := scr.Find("THE PRICE HOLDS")
		return y >= 0
	}
	f, err := t.WaitScreen(patience, holds)
	if err != nil {
		return fmt.Errorf("the verdict: %w", err)
	}
	first := f.At.Sub(t.Started())
	if _, err := t.Send(">>"); err != nil {
		return err
	}
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	counts := t.Counts()
	before, err := proc.Read(t.PID())
	if err != nil {
		return err
	}
	if err := pause(ctx, oracleRounds*time.Second/oracleRate); err != nil {
		return err
	}
	after, err := proc.Read(t.PID())
	if err != nil {
		return err
	}
	used, now := after.Since(before), t.Counts()
	rounds := used.Wall.Seconds() * oracleRate
	of := 100 * alone.Seconds() * oracleRate
	s.oracleFigure("first verdict", "ms", stat.Milliseconds(first), "from the start of the process, the first round simulated")
	s.oracleFigure("4 rounds/s: CPU of the process", "%", used.Percent(), "with seven nodes that sign and check")
	s.oracleFigure("4 rounds/s: of it the simulation", "%", of, fmt.Sprintf("measured alone: %s ms a round", report.Number(stat.Milliseconds(alone))))
	s.oracleFigure("4 rounds/s: CPU for the screen", "%", max(used.Percent()-of, 0), "the difference", report.AtMost("p50", 3))
	s.oracleFigure("4 rounds/s: output a round", "B", float64(now.Bytes-counts.Bytes)/rounds, "", report.AtMost("p50", 3<<10))
	if _, err := t.Send(" "); err != nil {
		return err
	}
	if err := t.Quiet(200*time.Millisecond, patience); err != nil {
		return err
	}
	counts = t.Counts()
	if before, err = proc.Read(t.PID()); err != nil {
		return err
	}
	if err := pause(ctx, 4*time.Second); err != nil {
		return err
	}
	if after, err = proc.Read(t.PID()); err != nil {
		return err
	}
	s.oracleFigure("paused: CPU", "%", after.Since(before).Percent(), "", report.AtMost("p50", 0.2))
	s.oracleFigure("paused: bytes", "B", float64(t.Counts().Bytes-counts.Bytes), "", report.AtMost("p50", 0))
	return nil
}

func (s *screenRun) oracleFigure(name, unit string, v float64, note string, budgets ...report.Budget) {
	s.add(report.Figure{Work: "screen", Case: "oracle, 7 nodes", Name: name, Unit: unit, Summary: report.Single(v), Note: note, Budgets: budgets})
}
