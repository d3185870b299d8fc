// Command bench measures the real program, on a real pseudo-terminal and over real connections, and holds the figures against
// their budgets. What it prints and how it measures is in docs/benchmarks.md.
//
//	go run ./bench WORK [flags]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"

	"github.com/tallystick/tallystick/bench/internal/report"
	"github.com/tallystick/tallystick/internal/terminal"
)

const usage = `go run ./bench WORK [flags]

  screen    the terminal program on a pseudo-terminal of 120x36: time, bytes, CPU, memory, endings   -rows 10000,100000
  latency   Enter in one terminal to the frame that shows the row in another, over a relay           -samples 200
  relay     rates, fan-out, a newcomer, memory, a stalled reader, forgers; beside them a plain server -work publish,fanout,flood
  start     opening a node on a store: reading, hashing, checking signatures                         -changes 100000,1000000
  crdt      the engine on editing traces, beside other libraries with -peers                         -traces DIR -trace NAME -growth
  oracle    31 oracles x 10 pairs x 24 h of attestations on one core; a scenario of real replicas        -oracles 31 -hours 24
  chaos     kill -9, frozen processes and spoiled lines under load; all is there in the end?     -for 10m -seed 1
  soak      a relay and nodes under steady load, others coming and going: do memory, files, goroutines stay?  -for 1h -rate 3
  attack    hostile peers against a real relay and real nodes: what came of each                     -only REGEXP -quick -table FILE
  picture   writes docs/screen.svg and docs/oracle.svg from the running program                      -out FILE -oracle FILE
  demo      plays a story on two screens of the running program and writes docs/demo.svg                -out FILE
  all       screen, latency, relay and start, one after the other (crdt needs traces)

Flags of all works: -json and -markdown print so; -strict exits with 1 if a budget is missed twofold; -dir DIR puts
stores on that disk; -last FILE compares with the figures of the last run that FILE holds, and keeps these; -into FILE
puts the tables into a document.
`

// works are what can be run, by name. Each adds its flags and returns what runs it.
var works = map[string]func(*flag.FlagSet) func(context.Context, *run) error{
	"screen":  screenWork,
	"latency": latencyWork,
	"relay":   relayWork,
	"start":   startWork,
	"crdt":    crdtWork,
	"chaos":   chaosWork,
	"soak":    soakWork,
	"picture": pictureWork,
	"demo":    demoWork,
	"attack":  attackWork,
	"oracle":  oracleWork,
}

var allWorks = []string{"screen", "latency", "relay", "start"}

func main() {
	terminal.Launch()
	if role := os.Getenv(childVariable); role != "" {
		if err := child(role, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command runs one command line and returns the exit code: 0, 1 for an error or a figure that -strict does not let pass, 2
// for a command line that makes no sense.
func command(ctx context.Context, args []string, out, diag io.Writer) int {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		fmt.Fprint(diag, usage)
		return 2
	}
	names := []string{args[0]}
	if args[0] == "all" {
		names = allWorks
	}
	flags := flag.NewFlagSet("bench "+args[0], flag.ContinueOnError)
	flags.SetOutput(diag)
	var o options
	o.add(flags)
	var runs []func(context.Context, *run) error
	for _, name := range names {
		work, ok := works[name]
		if !ok {
			fmt.Fprintf(diag, "bench: there is no work %q\n\n%s", name, usage)
			return 2
		}
		runs = append(runs, work(flags))
	}
	if err := flags.Parse(args[1:]); err != nil {
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(diag, "bench: %q is no flag\n", flags.Arg(0))
		return 2
	}
	failed, err := o.measure(ctx, runs, out, diag)
	switch {
	case err != nil:
		fmt.Fprintf(diag, "bench: %v\n", err)
		return 1
	case failed && o.strict:
		return 1
	}
	return 0
}

// options are the flags of all works.
type options struct {
	json, markdown, strict bool
	dir, last, into        string
	profile                string
}

func (o *options) add(flags *flag.FlagSet) {
	flags.BoolVar(&o.json, "json", false, "a line of JSON for each figure")
	flags.BoolVar(&o.markdown, "markdown", false, "tables of Markdown")
	flags.BoolVar(&o.strict, "strict", false, "exit with 1 if a budget is missed by a factor of two")
	flags.StringVar(&o.dir, "dir", "", "folder on the disk that is to hold the stores (default: that of temporary files)")
	flags.StringVar(&o.into, "into", "", "document of which the tables are replaced, as docs/benchmarks.md")
	flags.StringVar(&o.profile, "cpuprofile", "", "file for a CPU profile of this process: of start all, of relay the load")
	flags.StringVar(&o.last, "last", "", "file with the figures of the last run: read, and written anew")
}

// measure runs works and prints what they measured; failed says that a budget was missed by a factor of two.
func (o *options) measure(ctx context.Context, works []func(context.Context, *run) error, out, diag io.Writer) (failed bool, err error) {
	var last map[string]float64
	if o.last != "" {
		if last, err = report.ReadLast(o.last); err != nil {
			return false, err
		}
	}
	r, err := newRun(ctx, o.dir, diag)
	if err != nil {
		return false, err
	}
	stop, err := o.profiling()
	if err != nil {
		return false, errors.Join(err, r.close())
	}
	defer stop()
	for _, work := range works {
		if err = work(ctx, r); err != nil {
			break
		}
	}
	err = errors.Join(err, r.close())
	format := report.Text
	switch {
	case o.json:
		format = report.JSON
	case o.markdown:
		format = report.Markdown
	}
	// What was measured before an error is told too.
	if format == report.JSON && r.lines != nil {
		err = errors.Join(err, writeLines(out, r.lines))
	} else {
		err = errors.Join(err, report.Write(out, format, r.figures, last))
	}
	if err == nil && format != report.JSON {
		err = report.WriteMissed(diag, r.figures)
	}
	if err == nil && o.into != "" {
		err = report.Into(o.into, r.figures)
	}
	if err == nil && o.last != "" && len(r.figures) > 0 {
		err = report.SaveLast(o.last, r.figures)
	}
	for i := range r.figures {
		failed = failed || r.figures[i].Verdict() == report.Failed
	}
	return failed, err
}

// writeLines writes lines of JSON that are not figures.
func writeLines(out io.Writer, lines []any) error {
	enc := json.NewEncoder(out)
	for _, l := range lines {
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

// profiling begins a CPU profile if one is wanted.
func (o *options) profiling() (stop func(), err error) {
	if o.profile == "" {
		return func() {}, nil
	}
	f, err := os.Create(o.profile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // a profile that is cut short is seen by who reads it
	}, nil
}

// root is the folder of the module: that in which `go run ./bench` works.
func root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		return "", fmt.Errorf("run it in the folder of the module: %w", err)
	}
	return dir, nil
}
