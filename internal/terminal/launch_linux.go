package terminal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// launch runs argv as a job in the foreground of the terminal that is its standard input, and tells report what becomes of it.
// It returns only if that cannot be done.
func launch(report io.Writer, argv []string) error {
	resume := make(chan os.Signal, 1)
	signal.Notify(resume, syscall.SIGUSR1)
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, launchVariable+"=") {
			env = append(env, v)
		}
	}
	p, err := os.StartProcess(argv[0], argv, &os.ProcAttr{
		Env: env, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys: &syscall.SysProcAttr{Setpgid: true, Foreground: true, Ctty: 0},
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(report, "pid", p.Pid)
	go func() {
		for range resume {
			foreground(p.Pid)
			_ = syscall.Kill(-p.Pid, syscall.SIGCONT) // it may have ended, which is told
		}
	}()
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(p.Pid, &status, syscall.WUNTRACED, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		foreground(os.Getpid())
		switch {
		case status.Stopped():
			fmt.Fprintln(report, "stopped", int(status.StopSignal()))
			continue
		case status.Signaled():
			fmt.Fprintln(report, "killed", int(status.Signal()))
		default:
			fmt.Fprintln(report, "exited", status.ExitStatus())
		}
		select {} // the session stays until we are killed
	}
}

// foreground gives the terminal to a process group. A process in the background that does so is stopped by SIGTTOU unless
// it blocks or ignores it, and what is ignored would be inherited by the job.
func foreground(group int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var block, old unix.Sigset_t
	block.Val[0] = 1 << (uint(unix.SIGTTOU) - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old); err != nil {
		return
	}
	_ = unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, group) // the terminal may be gone
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)  // of the arguments that were given back just now
}
