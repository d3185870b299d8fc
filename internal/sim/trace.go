package sim

import (
	"bufio"
	"fmt"
	"io"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/transport"
)

// A tracer writes down what happens, a line each: when, who, what.
type tracer struct{ to *bufio.Writer }

func newTracer(w io.Writer) *tracer {
	if w == nil {
		return nil
	}
	return &tracer{bufio.NewWriter(w)}
}

// tracef writes a line, if anybody wants to read it.
func (s *Sim) tracef(who, format string, args ...any) {
	if s.trace == nil {
		return
	}
	// What cannot be written is missed by whoever reads it, and by nobody else.
	_, _ = fmt.Fprintf(s.trace.to, "%12.6f  %-9s %s\n", s.Elapsed().Seconds(), who, fmt.Sprintf(format, args...))
	_ = s.trace.to.Flush()
}

// describe says what a message is, in a line.
func describe(msg []byte) string {
	m, err := transport.DecodeMessage(msg)
	if err != nil {
		return fmt.Sprintf("%d bytes that are no message: %v", len(msg), err)
	}
	switch b := m.Body.(type) {
	case *transport.Hello:
		return fmt.Sprintf("hello (%d changes, %x)", b.Count, b.Fingerprint[:4])
	case *transport.Tips:
		switch b.Form {
		case 0:
			return fmt.Sprintf("tips: round %d, all %d changes %x", b.Round, b.Count, b.Fingerprint[:4])
		case 1:
			return fmt.Sprintf("tips: round %d, bucket %x, fingerprints", b.Round, b.Prefix)
		case 2:
			return fmt.Sprintf("tips: round %d, bucket %x, %d tips", b.Round, b.Prefix, len(b.Tips))
		default:
			return fmt.Sprintf("tips: round %d, bucket %x, holds %d of yours", b.Round, b.Prefix, len(b.Held))
		}
	case transport.Packs:
		return fmt.Sprintf("packs: %d, %d bytes", len(b), len(msg))
	case transport.Need:
		return fmt.Sprintf("need: %d, %v …", len(b), first(b))
	case *transport.Stored:
		n := 0
		for _, e := range b.Ends {
			n += len(e.IDs)
		}
		return fmt.Sprintf("stored: %d messages, %d ends", b.Credit, n)
	case *transport.PeerError:
		return fmt.Sprintf("error: %q %q", b.ErrorCode, b.Text)
	default:
		return fmt.Sprintf("%T", b)
	}
}

func first(ids []crdt.ChangeID) string {
	if len(ids) == 0 {
		return "none"
	}
	return ids[0].String()
}
