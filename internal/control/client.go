package control

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Errors of [Do].
var (
	ErrNobody   = errors.New("nobody answers there")                        // nothing was done
	ErrBusy     = errors.New("the running program has too much to do")      // nothing was done
	ErrRefused  = errors.New("the running program does not understand")     // nothing was done
	ErrCut      = errors.New("the running program quit before it was done") // part may have been done
	ErrTooLarge = fmt.Errorf("larger than %d bytes", MaxInputBytes)         // nothing was done
)

// Do has the program that listens at the first of paths, where one does, carry out a call, and copies what it says. Errors: [ErrNobody]
// if none listens, or the one that does is quitting; the others above; that of ctx; those of out and err.
func Do(ctx context.Context, paths []string, call, input []byte, out, errs io.Writer) (Result, error) {
	if len(call) > MaxCallBytes {
		return Result{}, fmt.Errorf("call: %d bytes, at most %d: give fewer at once", len(call), MaxCallBytes)
	}
	if len(input) > MaxInputBytes {
		return Result{}, fmt.Errorf("input: %w", ErrTooLarge)
	}
	for _, path := range paths {
		if !ours(path) {
			continue
		}
		r, err := do(ctx, path, call, input, out, errs)
		if !errors.Is(err, ErrNobody) {
			return r, err
		}
	}
	return Result{}, ErrNobody
}

// ours says whether a socket is there that no other user could have put there: our own listens nowhere else.
func ours(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() == fs.ModeSocket && checkFolder(filepath.Dir(path)) == nil
}

// Listens says whether a program listens at one of paths.
func Listens(ctx context.Context, paths []string) bool {
	d := net.Dialer{Timeout: dialTimeout}
	for _, path := range paths {
		if !ours(path) {
			continue
		}
		if c, err := d.DialContext(ctx, "unix", path); err == nil {
			_ = c.Close() // nothing was said
			return true
		}
	}
	return false
}

func do(ctx context.Context, path string, call, input []byte, out, errs io.Writer) (Result, error) {
	transport := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeaderBytes, ResponseHeaderTimeout: bodyTimeout,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			d := net.Dialer{Timeout: dialTimeout}
			return d.DialContext(ctx, "unix", path)
		},
	}
	defer transport.CloseIdleConnections()
	body := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(call)), uint32(len(call)))
	body = append(body, call...)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://tallystick/v1/call", io.MultiReader(bytes.NewReader(body), bytes.NewReader(input)))
	if err != nil {
		return Result{}, err
	}
	req.ContentLength = int64(len(body) + len(input))
	resp, err := transport.RoundTrip(req) // no redirects, no proxies, no cookies
	if err != nil {
		if ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		if errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM) {
			return Result{}, fmt.Errorf("control socket %s: %w", path, err)
		}
		// Refused: left by a process that is gone. Ended without a header: it is quitting.
		return Result{}, fmt.Errorf("%w: %w", ErrNobody, err)
	}
	defer resp.Body.Close() // only read
	switch resp.StatusCode {
	case http.StatusOK:
		return readAnswer(resp.Body, out, errs, ctx)
	case http.StatusServiceUnavailable:
		return Result{}, ErrNobody
	case http.StatusTooManyRequests:
		return Result{}, fmt.Errorf("%w: run it again", ErrBusy)
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxEndBytes)) // the status says enough
	return Result{}, fmt.Errorf("%w: %s", ErrRefused, strings.TrimSpace(string(text)))
}

// readAnswer copies frames until the last.
func readAnswer(r io.Reader, out, errs io.Writer, ctx context.Context) (Result, error) {
	var head [5]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return Result{}, cutBy(ctx, err)
		}
		n := int64(binary.BigEndian.Uint32(head[1:]))
		switch kind := head[0]; {
		case (kind == kindOut || kind == kindErr) && n <= MaxFrameBytes:
			to := out
			if kind == kindErr {
				to = errs
			}
			w := &noting{w: to}
			if _, err := io.CopyN(w, r, n); err != nil {
				if w.err != nil {
					return Result{}, fmt.Errorf("output: %w", w.err)
				}
				return Result{}, cutBy(ctx, err)
			}
		case kind == kindEnd && n <= maxEndBytes:
			b := make([]byte, n)
			if _, err := io.ReadFull(r, b); err != nil {
				return Result{}, cutBy(ctx, err)
			}
			var result Result
			if err := json.Unmarshal(b, &result); err != nil {
				return Result{}, fmt.Errorf("%w: %w", ErrCut, err)
			}
			return result, nil
		default:
			return Result{}, fmt.Errorf("%w: its answer is none", ErrCut)
		}
	}
}

// cutBy is why an answer ended in the middle.
func cutBy(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", ErrCut, err)
}

// noting remembers whether it was the writer that failed.
type noting struct {
	w   io.Writer
	err error
}

func (n *noting) Write(b []byte) (int, error) {
	k, err := n.w.Write(b)
	if err != nil {
		n.err = err
	}
	return k, err
}
