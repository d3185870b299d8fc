package input

import (
	"bytes"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"
)

// MaxPasteBytes bounds one paste. Of what is longer only the length is told.
const MaxPasteBytes = 8 << 20

// maxSequenceBytes bounds an escape sequence: what is longer without an end is taken apart as it is.
const maxSequenceBytes = 1 << 10

const (
	pasteBegin = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
)

// PasteTooLong says that more than MaxPasteBytes were pasted. Nothing of it was kept.
type PasteTooLong struct{ Bytes int }

// Decoder splits a stream of bytes into messages: keys, pastes, mouse events. The zero Decoder is ready. It is not safe
// for concurrent use.
//
// Whatever lies between the marks of a bracketed paste comes as one [tea.PasteMsg], or as [PasteTooLong]: no byte of it
// is ever a key. Replies of the terminal, focus events and key releases make no message; nothing here asks for them.
type Decoder struct {
	keys    uv.EventDecoder
	buf     []byte
	paste   []byte
	pasting bool
	dropped int // bytes of a paste that is too long
}

// Feed adds bytes and appends the messages that are complete to dst. The bytes may be reused by the caller.
func (d *Decoder) Feed(dst []tea.Msg, b []byte) []tea.Msg {
	d.buf = append(d.buf, b...)
	return d.drain(dst, false)
}

// Waiting reports whether bytes are held back that may be the beginning of a sequence: if no more come within a short
// time, call Flush. A paste that has not ended is no such thing.
func (d *Decoder) Waiting() bool { return len(d.buf) > 0 && !d.pasting }

// Flush takes what is held back as it is: a lone ESC becomes the Escape key.
func (d *Decoder) Flush(dst []tea.Msg) []tea.Msg { return d.drain(dst, true) }

func (d *Decoder) drain(dst []tea.Msg, flush bool) []tea.Msg {
	b := d.buf
	for len(b) > 0 {
		if d.pasting {
			var done bool
			if b, done = d.takePaste(b); !done {
				break
			}
			dst = append(dst, d.endPaste())
			continue
		}
		if bytes.HasPrefix(b, []byte(pasteBegin)) {
			d.pasting, b = true, b[len(pasteBegin):]
			continue
		}
		if !flush && len(b) < maxSequenceBytes && incomplete(b) {
			break
		}
		n, msg := d.decode(b)
		b = b[n:]
		if msg != nil {
			dst = append(dst, msg)
		}
	}
	d.buf = append(d.buf[:0], b...)
	return dst
}

// takePaste moves pasted bytes from b; it reports whether the end mark was found.
func (d *Decoder) takePaste(b []byte) (rest []byte, done bool) {
	n := len(b)
	if i := bytes.Index(b, []byte(pasteEnd)); i >= 0 {
		n, rest, done = i, b[i+len(pasteEnd):], true
	} else {
		for k := min(len(pasteEnd)-1, len(b)); k > 0; k-- { // the mark may be cut in two
			if bytes.HasSuffix(b, []byte(pasteEnd[:k])) {
				n, rest = len(b)-k, b[len(b)-k:]
				break
			}
		}
	}
	if d.dropped > 0 || len(d.paste)+n > MaxPasteBytes {
		d.dropped += len(d.paste) + n
		d.paste = nil
		return rest, done
	}
	d.paste = append(d.paste, b[:n]...)
	return rest, done
}

func (d *Decoder) endPaste() tea.Msg {
	paste, dropped := d.paste, d.dropped
	d.paste, d.pasting, d.dropped = nil, false, 0
	if dropped > 0 {
		return PasteTooLong{Bytes: dropped}
	}
	return tea.PasteMsg{Content: string(paste)}
}

// decode takes one event off b. It never panics, whatever the decoder of the library does: its code was not written for
// bytes from anywhere.
func (d *Decoder) decode(b []byte) (n int, msg tea.Msg) {
	defer func() {
		if recover() != nil || n <= 0 || n > len(b) {
			n, msg = len(b), nil
		}
	}()
	// A clipped capacity: the decoder appends to what it is given.
	n, ev := d.keys.Decode(b[:len(b):len(b)])
	switch ev := ev.(type) {
	case uv.KeyPressEvent:
		return n, tea.KeyPressMsg(ev)
	case uv.MouseClickEvent:
		return n, tea.MouseClickMsg(ev)
	case uv.MouseWheelEvent:
		return n, tea.MouseWheelMsg(ev)
	case uv.MultiEvent:
		for _, e := range ev {
			if k, ok := e.(uv.KeyPressEvent); ok {
				return n, tea.KeyPressMsg(k)
			}
		}
	}
	return n, nil
}

// incomplete reports whether b may be the beginning of something longer.
func incomplete(b []byte) bool {
	if b[0] != 0x1b {
		return b[0] >= utf8.RuneSelf && !utf8.FullRune(b)
	}
	if len(b) == 1 {
		return true
	}
	switch b[1] {
	case '[':
		for _, c := range b[2:] {
			if c >= 0x40 && c <= 0x7e && !(c == '[' && len(b) == 3) { // ESC [ [ A: F1 of the Linux console
				return c == 'M' && len(b) < 6 && b[2] == 'M' // three bytes follow in the oldest kind of mouse event
			}
			if c < 0x20 || c > 0x7e {
				return false
			}
		}
		return true
	case 'O', 0x1b: // Alt with a sequence
		return len(b) == 2
	case ']', 'P', '_', '^', 'X':
		return !bytes.ContainsRune(b, 0x07) && !bytes.Contains(b, []byte("\x1b\\"))
	}
	return b[1] >= utf8.RuneSelf && !utf8.FullRune(b[1:])
}
