package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/internal/safe"
)

// maxAnswerBytes bounds an answer that is typed.
const maxAnswerBytes = 1024

// ask puts a question whose default is no. Without a terminal there is nobody to ask: instead says what to give.
func (p *program) ask(question, instead string) (bool, error) {
	if !p.InTerminal {
		return false, usage("%s", instead)
	}
	if err := p.prompt(question + " [y/N] "); err != nil {
		return false, err
	}
	line, err := readLine(p.In, maxAnswerBytes)
	if err != nil {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}

// prompt writes what somebody is to answer, on standard error: standard output is for what comes of it.
func (p *program) prompt(text string) error {
	p.noting.Lock()
	defer p.noting.Unlock()
	_, err := io.WriteString(p.Err, safe.Text(text, maxNoteCells).String())
	return err
}

// readLine reads a line, without its end.
func readLine(r io.Reader, most int64) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, most+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if int64(len(line)) > most {
		return "", fmt.Errorf("more than %d bytes in one line", most)
	}
	return line, nil
}

// passphrase is what the first line of a file says, or what is typed, twice if it is a new one.
func (p *program) passphrase(file string, anew bool) (string, error) {
	switch {
	case file == "-":
		return readLine(p.In, profile.MaxPassphraseBytes)
	case file != "":
		f, err := os.Open(file) // a pipe of a shell too
		if err != nil {
			return "", fmt.Errorf("passphrase: %w", err)
		}
		defer f.Close() // only read
		return readLine(f, profile.MaxPassphraseBytes)
	case !p.InTerminal:
		return "", usage("there is no terminal to type a passphrase on: --passphrase-file FILE, or - for standard input")
	}
	first, err := p.readHidden("passphrase: ")
	if err != nil || !anew {
		return first, err
	}
	if len(first) < profile.MinPassphraseBytes {
		return "", fmt.Errorf("%w: it has %d bytes: give at least %d; several words are good", profile.ErrPassphrase, len(first), profile.MinPassphraseBytes)
	}
	second, err := p.readHidden("once more: ")
	if err == nil && first != second {
		err = fmt.Errorf("%w: the two differ; nothing was written", profile.ErrPassphrase)
	}
	return first, err
}

// readHidden reads what is typed without showing it.
func (p *program) readHidden(prompt string) (string, error) {
	if err := p.prompt(prompt); err != nil {
		return "", err
	}
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	// A signal would leave the terminal mute.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	read := make(chan struct{})
	go func() {
		select {
		case s := <-signals:
			_ = term.Restore(fd, before) // it ends in any case
			fmt.Fprintln(p.Err)
			if n, ok := s.(syscall.Signal); ok {
				os.Exit(exitSignal + int(n))
			}
			os.Exit(ExitError)
		case <-read:
		}
	}()
	b, err := term.ReadPassword(fd)
	close(read)
	signal.Stop(signals)
	fmt.Fprintln(p.Err)
	if err == nil && len(b) > profile.MaxPassphraseBytes {
		err = fmt.Errorf("more than %d bytes", profile.MaxPassphraseBytes)
	}
	return string(b), err
}
