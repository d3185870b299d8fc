package program

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// ErrEnded is returned by [Serves] when the process ended before.
var ErrEnded = errors.New("it has ended")

// Serves waits until the relay at addr, host:port, says that it serves: there is no event for it, so it is asked again and
// again. The error is [ErrEnded] once ended is closed, or the cause of ctx's end.
func Serves(ctx context.Context, addr string, ended <-chan struct{}) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/healthz", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close() // only the status matters
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ended:
			return fmt.Errorf("relay at %s: %w", addr, ErrEnded)
		case <-ctx.Done():
			return fmt.Errorf("relay at %s does not serve: %w", addr, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// FreeAddr returns an address of this machine on which nobody listens at this moment.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Environment is that of a machine of its own, whose files are all below home.
func Environment(home string) []string {
	return []string{
		"HOME=" + home, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "GORACE=" + os.Getenv("GORACE"),
		"XDG_DATA_HOME=" + filepath.Join(home, "data"),
		"XDG_CONFIG_HOME=" + filepath.Join(home, "config"),
		"XDG_STATE_HOME=" + filepath.Join(home, "state"),
		"XDG_RUNTIME_DIR=" + filepath.Join(home, "run"),
	}
}
