package proc

import (
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestReadOwn(t *testing.T) {
	before, err := Read(os.Getpid())
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ { // until the clock of this process has moved on by what is looked for below
		u, err := Read(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if s := u.Since(before); s.CPU > 5*time.Millisecond && n > 10 {
			if s.Wall <= 0 || s.Percent() <= 0 {
				t.Errorf("got %+v, %v %%", s, s.Percent())
			}
			break
		}
	}
	if before.Resident < 1<<20 || before.Private <= 0 || before.Private >= before.Resident || before.Threads < 1 {
		t.Errorf("got %+v", before)
	}
}

func TestReadGone(t *testing.T) {
	c := exec.Command(os.Args[0], "-test.run=^$")
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(c.Process.Pid); err == nil {
		t.Error("the usage of a process that has ended was read")
	}
}

func TestField(t *testing.T) {
	status := []byte("Name:\tx\nVmRSS:\t   12 kB\nnonvoluntary_ctxt_switches:\t5\nvoluntary_ctxt_switches:\t7\n")
	if got := field(status, "voluntary_ctxt_switches:"); got != 7 {
		t.Errorf("voluntary switches: got %d, want 7", got)
	}
	if got := field(status, "VmRSS:"); got != 12 {
		t.Errorf("resident: got %d, want 12", got)
	}
}
