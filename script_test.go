package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds every wait of a script. It decides nothing but when a script that is stuck gives up.
const patience = 2 * time.Minute

type processesKey struct{}

// processes are the background programs of one script, by name.
type processes struct {
	byName map[string]*process
	codes  int
}

// process is one of them. What it says is in NAME.out and NAME.err of the work folder as it says it.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	done  chan struct{} // closed when it has ended; then err is set
	err   error
}

func of(ts *testscript.TestScript) *processes { return ts.Value(processesKey{}).(*processes) }

func (p *processes) get(ts *testscript.TestScript, name string) *process {
	proc := p.byName[name]
	if proc == nil {
		ts.Fatalf("no program was spawned as %q", name)
	}
	return proc
}

func (p *processes) killAll() {
	for _, proc := range p.byName {
		_ = proc.cmd.Process.Kill() // it may have ended
		<-proc.done
	}
}

// command makes a command with the script's environment.
func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	path := args[0]
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, args[0])); err == nil {
			path = filepath.Join(dir, args[0])
			break
		}
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "LANG", "TMPDIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "GOCOVERDIR", "NO_COLOR", "USER"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	return cmd
}

// exitCode is the code of a program that has ended, 128 and the signal if that ended it.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			return 128 + int(ws.Signal())
		}
		return exit.ExitCode()
	}
	return -1
}

// freeport VAR...: sets each variable to the number of a TCP port that nobody listens on.
func freeport(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: freeport VAR...")
	}
	for _, name := range args {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		defer ln.Close() // after all of them: no two alike
		ts.Setenv(name, strconv.Itoa(ln.Addr().(*net.TCPAddr).Port))
	}
}

// code N [<FILE] PROGRAM ARG...: runs a program in the foreground and wants the exit code N. What it says is in the files
// out and err.
func code(ts *testscript.TestScript, neg bool, args []string) {
	usage := func() { ts.Fatalf("usage: code N [<FILE] PROGRAM ARG...") }
	if neg || len(args) < 2 {
		usage()
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		usage()
	}
	args = args[1:]
	var stdin io.Reader
	if file, ok := strings.CutPrefix(args[0], "<"); ok {
		f, err := os.Open(ts.MkAbs(file))
		ts.Check(err)
		defer f.Close()
		stdin, args = f, args[1:]
	}
	cmd := command(ts, args)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	err = runs(cmd)
	p := of(ts)
	p.codes++
	for _, f := range []struct {
		name    string
		content []byte
	}{
		{"out", stdout.Bytes()},
		{"err", stderr.Bytes()},
		{fmt.Sprintf("said-%d", p.codes), append(stdout.Bytes(), stderr.Bytes()...)}, // kept for searchForSecrets
	} {
		ts.Check(os.WriteFile(ts.MkAbs(f.name), f.content, 0o600))
	}
	if got := exitCode(err); got != want {
		ts.Fatalf("exit code %d, want %d\nstdout:\n%sstderr:\n%s", got, want, cut(stdout.String()), cut(stderr.String()))
	}
}

// runs runs a program to its end, and kills it when it is stuck.
func runs(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	stuck := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	return cmd.Wait()
}

func cut(s string) string {
	const most = 4000
	if len(s) > most {
		return s[:most/2] + "\n…\n" + s[len(s)-most/2:]
	}
	return s
}

// spawn NAME PROGRAM ARG...: starts a program in the background, with a pipe as standard input.
func spawn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: spawn NAME PROGRAM ARG...")
	}
	name, p := args[0], of(ts)
	if old := p.byName[name]; old != nil {
		select {
		case <-old.done:
		default:
			ts.Fatalf("%s runs already", name)
		}
	}
	cmd := command(ts, args[1:])
	stdin, err := cmd.StdinPipe()
	ts.Check(err)
	for _, f := range []struct {
		suffix string
		to     *io.Writer
	}{{".out", &cmd.Stdout}, {".err", &cmd.Stderr}} {
		file, err := os.Create(ts.MkAbs(name + f.suffix))
		ts.Check(err)
		defer file.Close() // the child has its own
		*f.to = file
	}
	ts.Check(cmd.Start())
	proc := &process{cmd: cmd, stdin: stdin, done: make(chan struct{})}
	p.byName[name] = proc
	go func() {
		proc.err = cmd.Wait()
		close(proc.done)
	}()
}

// send NAME LINE...: types lines.
func send(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: send NAME LINE...")
	}
	proc := of(ts).get(ts, args[0])
	for _, line := range args[1:] {
		_, err := io.WriteString(proc.stdin, line+"\n")
		ts.Check(err)
	}
}

// eof NAME: ends a program's input.
func eof(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: eof NAME")
	}
	ts.Check(of(ts).get(ts, args[0]).stdin.Close())
}

// term NAME [SIGNAL]: sends SIGTERM, or HUP, INT, KILL.
func term(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: term NAME [SIGNAL]")
	}
	sig := syscall.SIGTERM
	if len(args) == 2 {
		var ok bool
		if sig, ok = map[string]syscall.Signal{"TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "KILL": syscall.SIGKILL}[args[1]]; !ok {
			ts.Fatalf("unknown signal %s", args[1])
		}
	}
	ts.Check(of(ts).get(ts, args[0]).cmd.Process.Signal(sig))
}

// ends NAME CODE: waits until a program has ended, and wants that exit code.
func ends(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: ends NAME CODE")
	}
	proc := of(ts).get(ts, args[0])
	select {
	case <-proc.done:
	case <-time.After(patience):
		ts.Fatalf("%s has not ended", args[0])
	}
	if got := strconv.Itoa(exitCode(proc.err)); got != args[1] {
		ts.Fatalf("exit code %s, want %s\n%s", got, args[1], cut(ts.ReadFile(args[0]+".err")))
	}
}

// waitfor FILE PATTERN [N]: waits until so many lines of the file match (default 1).
func waitfor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: waitfor FILE PATTERN [N]")
	}
	want := 1
	if len(args) == 3 {
		var err error
		want, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		b, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && len(re.FindAllIndex(b, want)) >= want {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			ts.Fatalf("waited in vain for %d times %q in %s:\n%s", want, args[1], args[0], cut(string(b)))
		}
	}
}

// damage FILE N|@FILE: flips a bit of byte N of a file, from its end if N is negative; @FILE holds the N.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: damage FILE N|@FILE")
	}
	number := args[1]
	if file, ok := strings.CutPrefix(number, "@"); ok {
		number = strings.TrimSpace(ts.ReadFile(file))
	}
	n, err := strconv.Atoi(number)
	ts.Check(err)
	path := onlyMatch(ts, args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	if n < 0 {
		n += len(b)
	}
	b[n] ^= 1
	// In place: a store knows the file that it was made as.
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	ts.Check(err)
	_, err = f.WriteAt(b[n:n+1], int64(n))
	ts.Check(err)
	ts.Check(f.Close())
}

// onlyMatch is the one file that a pattern names.
func onlyMatch(ts *testscript.TestScript, pattern string) string {
	matches, err := filepath.Glob(ts.MkAbs(pattern))
	ts.Check(err)
	if len(matches) != 1 {
		ts.Fatalf("%s names %d files, want one", pattern, len(matches))
	}
	return matches[0]
}

// repeat FILE N TEXT: makes a file of N lines of the text, %d in it being the number of the line.
func repeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: repeat FILE N TEXT")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	var b strings.Builder
	for i := 1; i <= n; i++ {
		b.WriteString(strings.ReplaceAll(args[2], "%d", strconv.Itoa(i)) + "\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o600))
}

// same PATTERN FILE1 FILE2: what the pattern finds in one file it finds in the other, and it finds something.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: same PATTERN FILE1 FILE2")
	}
	re, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	a, b := re.FindAllString(ts.ReadFile(args[1]), -1), re.FindAllString(ts.ReadFile(args[2]), -1)
	if len(a) == 0 {
		ts.Fatalf("%q is not in %s", args[0], args[1])
	}
	if same := strings.Join(a, "\n") == strings.Join(b, "\n"); same == neg {
		ts.Fatalf("%s:\n%s\n%s:\n%s", args[1], strings.Join(a, "\n"), args[2], strings.Join(b, "\n"))
	}
}

// capture VAR PATTERN FILE: sets the variable to what the group of the pattern finds first in the file.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: capture VAR PATTERN FILE")
	}
	found := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile(args[2]))
	if len(found) < 2 {
		ts.Fatalf("%q is not in %s:\n%s", args[1], args[2], cut(ts.ReadFile(args[2])))
	}
	ts.Setenv(args[0], found[1])
}

// spellings are the forms in which a secret could get out.
func spellings(seedHex string) []string {
	seed, err := hex.DecodeString(seedHex)
	if err != nil {
		return []string{seedHex}
	}
	var list []string
	for i := range seed {
		list = append(list, strconv.Itoa(int(seed[i])))
	}
	return []string{
		seedHex, strings.ToUpper(seedHex), string(seed),
		base64.RawStdEncoding.EncodeToString(seed), base64.RawURLEncoding.EncodeToString(seed),
		strings.Join(list, " "), strings.Join(list, ","),
	}
}

// setenv VAR FILE: sets the variable to the content of the file, the line's end left off.
func setenv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: setenv VAR FILE")
	}
	ts.Setenv(args[0], strings.TrimSuffix(ts.ReadFile(args[1]), "\n"))
}
