package control

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
	"unicode/utf8"
)

// Result is how a command ended.
type Result struct {
	Code  int    `json:"code"`
	Error string `json:"error,omitempty"` // what is to be said of it; empty: nothing
}

// A Handler carries out one call. out and err take what it says; a write fails once the client is gone, and then ctx ends too. ctx also ends
// when the server is closed.
type Handler func(ctx context.Context, call, input []byte, out, err io.Writer) Result

// Server answers calls.
type Server struct {
	handler Handler
	path    string
	ln      net.Listener
	http    http.Server
	slots   chan struct{}

	ctx    context.Context // of calls
	cancel context.CancelFunc
	done   chan struct{} // closed when Serve has returned
}

// Listen makes the socket at the first of paths where that is possible. The caller holds the lock of the name: what lies there
// was left by a process that is gone, and is removed if it is a socket. Errors: that of every path; [ErrFolder].
func Listen(paths []string, handler Handler) (*Server, error) {
	var errs []error
	for _, path := range paths {
		ln, err := listen(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s := &Server{
			handler: handler, path: path, ln: newLimited(ln, maxConnections),
			slots: make(chan struct{}, maxCalls), done: make(chan struct{}),
		}
		s.ctx, s.cancel = context.WithCancel(context.Background())
		s.http = http.Server{
			Handler: http.HandlerFunc(s.serve), MaxHeaderBytes: maxHeaderBytes, ReadHeaderTimeout: headerTimeout,
			ReadTimeout: bodyTimeout, ErrorLog: log.New(io.Discard, "", 0),
		}
		s.http.SetKeepAlivesEnabled(false)
		go func() {
			defer close(s.done)
			_ = s.http.Serve(s.ln) // it ends with Close
		}()
		return s, nil
	}
	return nil, errors.Join(errs...)
}

func listen(path string) (net.Listener, error) {
	if err := prepare(path); err != nil {
		return nil, err
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("control socket: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("control socket: %s is there and is no socket: move it away", path)
	default:
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("control socket: %w", err)
		}
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // its folder keeps others out until then
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), ln.Close())
	}
	return ln, nil
}

// Path is where the socket is.
func (s *Server) Path() string { return s.path }

// Close takes no more calls, ends those under way by their context, and waits for them, but not for long. The socket is removed.
func (s *Server) Close() error {
	s.cancel()
	ctx, stop := context.WithTimeout(context.Background(), closeGrace)
	defer stop()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	<-s.done
	return err
}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/v1/call":
		http.Error(w, "no such path: another version of the program runs", http.StatusNotFound)
		return
	case r.Method != http.MethodPost:
		http.Error(w, "POST", http.StatusMethodNotAllowed)
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		http.Error(w, "busy: come again", http.StatusTooManyRequests)
		return
	}
	call, input, err := readBody(http.MaxBytesReader(w, r.Body, 4+MaxCallBytes+MaxInputBytes))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	if s.ctx.Err() != nil {
		http.Error(w, "quitting", http.StatusServiceUnavailable)
		return
	}
	a := &answer{w: w, rc: http.NewResponseController(w), cancel: cancel, quit: s.ctx}
	_ = a.rc.SetReadDeadline(time.Time{}) // what is read from here on is that the client has gone
	w.Header().Set("Content-Type", "application/octet-stream")
	w.WriteHeader(http.StatusOK)
	if err := a.rc.Flush(); err != nil {
		return
	}
	// A client that reads nothing holds up the end of the program no longer than this.
	defer context.AfterFunc(s.ctx, a.hurry)()
	result := s.handler(ctx, call, input, stream{a, kindOut}, stream{a, kindErr})
	a.end(result)
}

// readBody reads call and input.
func readBody(r io.Reader) (call, input []byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, nil, fmt.Errorf("call: %w", err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxCallBytes {
		return nil, nil, fmt.Errorf("call: %d bytes, at most %d", n, MaxCallBytes)
	}
	call = make([]byte, n)
	if _, err := io.ReadFull(r, call); err != nil {
		return nil, nil, fmt.Errorf("call: %w", err)
	}
	if input, err = io.ReadAll(r); err != nil {
		return nil, nil, fmt.Errorf("input: %w", err)
	}
	return call, input, nil
}

// Kinds of frames.
const (
	kindOut = 'o'
	kindErr = 'e'
	kindEnd = 'x'
)

// answer writes frames. It is safe for concurrent use.
type answer struct {
	mu     sync.Mutex
	w      io.Writer
	rc     *http.ResponseController
	cancel context.CancelFunc
	quit   context.Context // ends when the program quits
	err    error
}

// hurry gives the frame under way until shortly after now.
func (a *answer) hurry() { _ = a.rc.SetWriteDeadline(time.Now().Add(quitTimeout)) } // as in frame

func (a *answer) frame(kind byte, payload []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return a.err
	}
	_ = a.rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // else the client's end is what ends the write
	if a.quit.Err() != nil {
		a.hurry() // what was set before may have come first
	}
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(payload)))
	if _, a.err = a.w.Write(append(head, payload...)); a.err == nil {
		a.err = a.rc.Flush()
	}
	if a.err != nil {
		a.cancel()
	}
	return a.err
}

func (a *answer) end(r Result) {
	if len(r.Error) > maxEndBytes/8 {
		cut := maxEndBytes / 8
		for cut > 0 && !utf8.RuneStart(r.Error[cut]) {
			cut--
		}
		r.Error = r.Error[:cut] + "…"
	}
	payload, err := json.Marshal(r)
	if err != nil {
		return // the client sees an answer without end
	}
	_ = a.frame(kindEnd, payload) // as above
}

// stream is one of the outputs of a command.
type stream struct {
	a    *answer
	kind byte
}

func (s stream) Write(b []byte) (int, error) {
	n := 0
	for len(b) > 0 {
		part := b[:min(len(b), MaxFrameBytes)]
		if err := s.a.frame(s.kind, part); err != nil {
			return n, err
		}
		n += len(part)
		b = b[len(part):]
	}
	return n, nil
}

// limited is a listener that has so many connections open at most, all of processes of this user. More wait to be accepted.
type limited struct {
	net.Listener
	free   chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newLimited(ln net.Listener, n int) *limited {
	return &limited{Listener: ln, free: make(chan struct{}, n), closed: make(chan struct{})}
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		select {
		case l.free <- struct{}{}:
		case <-l.closed:
			return nil, net.ErrClosed
		}
		c, err := l.Listener.Accept()
		if err == nil && samePerson(c) {
			return &limitedConn{Conn: c, release: func() { <-l.free }}, nil
		}
		<-l.free
		if err != nil {
			return nil, err
		}
		_ = c.Close() // nothing was said
	}
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	once    sync.Once
	release func()
}

func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.release)
	return err
}
