package main

import (
	"os"
	"strconv"
	"syscall"
)

// syncData makes the content of f durable, and of the rest what it takes to read it.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }

// lowestPriority has this process run when nobody else wants to. The kernel keeps it by thread; new ones inherit it.
func lowestPriority() error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range tasks {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := syscall.Setpriority(syscall.PRIO_PROCESS, id, 19); err != nil && err != syscall.ESRCH {
			return err
		}
	}
	return nil
}
