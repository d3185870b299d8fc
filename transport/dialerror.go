package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"github.com/gorilla/websocket"
)

// DialError says why a peer could not be reached. Its text says what to do.
type DialError struct {
	URL       string
	ErrorCode string // bad-url, no-such-host, refused, unreachable, timeout, tls-mismatch, tls-untrusted, not-websocket, not-tallystick, busy, self
	Err       error
}

var errNotTallystick = errors.New("a websocket server, but no tallystick")

var dialHints = map[string]string{
	"no-such-host":   "no such host: check the name, or the network",
	"refused":        "nobody listens there: start the relay, or check the port",
	"unreachable":    "cannot be reached: check the network",
	"timeout":        "no answer in time: check the address, a firewall may drop the connection",
	"tls-mismatch":   "that server speaks no TLS: use ws:// instead of wss://",
	"tls-needed":     "that server wants TLS: use wss:// instead of ws://",
	"tls-untrusted":  "its certificate is not trusted here",
	"not-websocket":  "something else answers there, no tallystick: check address and path",
	"not-tallystick": "something else answers there, no tallystick: check address and path",
	"busy":           "it takes no more connections now",
	"self":           "that address is this program itself",
}

func (e *DialError) Error() string {
	return fmt.Sprintf("%s: %s (%v)", e.URL, dialHints[e.ErrorCode], e.Err)
}
func (e *DialError) Unwrap() error { return e.Err }
func (e *DialError) code() string  { return e.ErrorCode }

// dialError names what went wrong. resp is the answer to a handshake that was refused, or nil.
func dialError(address string, resp *http.Response, err error) *DialError {
	e := &DialError{URL: address, Err: err}
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		e.ErrorCode = "no-such-host"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.ErrorCode = "refused"
	case errors.As(err, &record):
		e.ErrorCode = "tls-mismatch"
	case errors.As(err, &verify), errors.As(err, &unknown):
		e.ErrorCode = "tls-untrusted"
	case errors.Is(err, websocket.ErrBadHandshake):
		e.ErrorCode = "not-websocket"
		if resp != nil {
			e.ErrorCode = handshakeCode(resp)
			e.Err = fmt.Errorf("HTTP status %d", resp.StatusCode)
		}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.ErrorCode = "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "malformed HTTP"):
		e.ErrorCode = "not-websocket"
	default:
		e.ErrorCode = "unreachable"
	}
	return e
}

// handshakeCode looks at an HTTP answer that is no upgrade.
func handshakeCode(resp *http.Response) string {
	var body [256]byte
	n, _ := io.ReadFull(resp.Body, body[:]) // what there is of it; gorilla has read it already
	switch {
	case resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get(instanceHeader) != "":
		return "busy"
	case resp.StatusCode == http.StatusBadRequest && strings.Contains(string(body[:n]), "HTTPS server"):
		return "tls-needed"
	default:
		return "not-websocket"
	}
}

// ParseURL checks a peer's address and completes it: ws or wss (http and https are read so), a host, /websocket if there
// is no path. Errors: [ErrBadURL].
func ParseURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", fmt.Errorf("%w: %q: want ws://HOST:PORT", ErrBadURL, s)
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	case "ws", "wss":
	default:
		return "", fmt.Errorf("%w: %q: begin with ws:// or wss://", ErrBadURL, s)
	}
	switch {
	case u.Hostname() == "":
		return "", fmt.Errorf("%w: %q: a host is missing", ErrBadURL, s)
	case u.User != nil:
		return "", fmt.Errorf("%w: %q: user and password have no use here", ErrBadURL, u.Redacted())
	case !validPort(u.Port()):
		return "", fmt.Errorf("%w: %q: a port is a number of 1 to 65535", ErrBadURL, s)
	case u.Fragment != "" || u.RawQuery != "" || u.ForceQuery:
		return "", fmt.Errorf("%w: %q: neither ? nor # has a use here", ErrBadURL, s)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/websocket"
	}
	return u.String(), nil
}

// validPort reports whether p is a port, or left out.
func validPort(p string) bool {
	n, err := strconv.ParseUint(p, 10, 16)
	return p == "" || err == nil && n > 0
}
