package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Read reads the usage of process pid.
func Read(pid int) (Usage, error) {
	u := Usage{At: time.Now()}
	var ts unix.Timespec
	// The clock of a process's CPU time, as clock_getcpuclockid makes it: nanoseconds, where /proc/PID/stat has ticks of 10 ms.
	if err := unix.ClockGettime(int32(^pid)<<3|2, &ts); err != nil {
		return u, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	u.CPU = time.Duration(ts.Nano())
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	u.Resident = field(status, "VmRSS:") << 10
	u.Private = field(status, "RssAnon:") << 10
	u.Threads = int(field(status, "Threads:"))
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil {
		return u, err
	}
	for _, path := range tasks {
		if b, err := os.ReadFile(path); err == nil { // a thread may have ended meanwhile
			u.Wakeups += field(b, "voluntary_ctxt_switches:")
		}
	}
	return u, nil
}
