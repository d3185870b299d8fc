package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/charmbracelet/x/term"

	"github.com/tallystick/tallystick/internal/safe"
)

// Streams are what the program reads from and writes to.
type Streams struct {
	In         io.Reader
	Out, Err   io.Writer
	InTerminal bool // In is a terminal
	OutTerm    bool // Out is one
}

// Standard returns the streams of this process.
func Standard() Streams {
	return Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTerminal: term.IsTerminal(os.Stdin.Fd()), OutTerm: term.IsTerminal(os.Stdout.Fd()),
	}
}

// Main runs the program with the arguments that follow its name, and returns its exit code. Errors are said on s.Err,
// one line each.
func Main(args []string, s Streams) int {
	p := &program{Streams: s}
	root := p.root()
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	err := root.ExecuteContext(context.Background())
	code := exitCode(err)
	if speaks(err) {
		p.note("tallystick: %s", errorLine(err))
	}
	return code
}

// program is one run of the program.
type program struct {
	Streams
	noting sync.Mutex
}

// note says one line on standard error. Whatever it quotes is made safe here, the one place.
func (p *program) note(format string, args ...any) {
	line := safe.Text(fmt.Sprintf(format, args...), maxNoteCells).String()
	p.noting.Lock()
	defer p.noting.Unlock()
	_, _ = io.WriteString(p.Err, line+"\n") // if standard error is gone there is nobody to tell
}

const maxNoteCells = 1024

// interruptible returns a context that ends with the first of the signals that ask a program to end. A second one kills.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// printf writes a line of the program's result. Whatever it quotes is made safe here.
func (p *program) printf(format string, args ...any) error {
	_, err := io.WriteString(p.Out, safe.Text(fmt.Sprintf(format, args...), safe.NoLimit).String()+"\n")
	return err
}

// object writes one JSON object as a line of the program's result.
func (p *program) object(v any) error {
	doc, err := json.Marshal(v)
	if err == nil {
		_, err = p.Out.Write(append(safe.EscapeJSON(nil, doc), '\n'))
	}
	if err != nil {
		return fmt.Errorf("output: %w", err)
	}
	return nil
}
