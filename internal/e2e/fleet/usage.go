package fleet

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Usage is what a process holds.
type Usage struct {
	Memory  int64 // bytes that no file stands behind: heap, stacks, the allocator's reserve
	Files   int   // open descriptors
	Threads int
}

// ErrUsage is returned where the kernel has no /proc, and for a process that has ended.
var ErrUsage = errors.New("what the process uses can't be read")

// ReadUsage asks the kernel about the process. Errors: [ErrUsage].
func ReadUsage(pid int) (Usage, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Usage{}, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return Usage{}, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	u := Usage{Files: len(files)}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		number, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "RssAnon":
			u.Memory = n << 10
		case "Threads":
			u.Threads = int(n)
		}
	}
	if u.Memory == 0 { // a zombie has none
		return Usage{}, fmt.Errorf("%w: process %d has ended", ErrUsage, pid)
	}
	return u, nil
}
