package input

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
)

func names(msgs []tea.Msg) string {
	var out []string
	for _, m := range msgs {
		switch m := m.(type) {
		case tea.KeyPressMsg:
			out = append(out, m.String())
		case tea.PasteMsg:
			out = append(out, "paste("+m.Content+")")
		case PasteTooLong:
			out = append(out, "too long")
		case tea.MouseWheelMsg:
			out = append(out, "wheel")
		case tea.MouseClickMsg:
			out = append(out, "click")
		default:
			out = append(out, "?")
		}
	}
	return strings.Join(out, " ")
}

func TestDecoder(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		feeds []string
		want  string // after a flush
	}{
		{"letters", []string{"aB é日"}, "a B space é 日"},
		{"rune cut in two", []string{"\xc3", "\xa9"}, "é"},
		{"controls", []string{"\r\t\x7f\x03\x1a\x0c"}, "enter tab backspace ctrl+c ctrl+z ctrl+l"},
		{"arrows", []string{"\x1b[A\x1b[B\x1bOA\x1b[1;5C"}, "up down up ctrl+right"},
		{"pages", []string{"\x1b[5~\x1b[6~\x1b[H\x1b[F\x1b[1~\x1b[4~"}, "pgup pgdown home end home end"},
		{"f1", []string{"\x1bOP\x1b[11~"}, "f1 f1"},
		{"escape alone", []string{"\x1b"}, "esc"},
		{"escape, then a key in the same read is alt", []string{"\x1bx"}, "alt+x"},
		{"sequence in pieces", []string{"\x1b", "[", "1", ";5", "A"}, "ctrl+up"},
		{"shift tab", []string{"\x1b[Z"}, "shift+tab"},
		{"paste", []string{"\x1b[200~bob -> al\rq\x03\x1b[A\x1b[201~j"}, "paste(bob -> al\rq\x03\x1b[A) j"},
		{"paste in pieces", []string{"\x1b[2", "00~a", "b\x1b[20", "1", "~c"}, "paste(ab) c"},
		{"paste with half a mark inside", []string{"\x1b[200~a\x1b[20", "0~b\x1b[201~"}, "paste(a\x1b[200~b)"},
		{"empty paste", []string{"\x1b[200~\x1b[201~"}, "paste()"},
		{"focus and replies are no keys", []string{"\x1b[I\x1b[O\x1b[?2026;2$y\x1b[?62c\x1b]11;rgb:0/0/0\x1b\\x"}, "x"},
		{"wheel", []string{"\x1b[<64;1;1M"}, "wheel"},
		{"click", []string{"\x1b[<0;5;7M"}, "click"},
		{"invalid utf-8", []string{"a\xff\xfeb"}, "a b"},
		{"endless sequence", []string{"\x1b[" + strings.Repeat("1", 5000), "j"}, "j"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var d Decoder
			var got []tea.Msg
			for _, f := range tc.feeds {
				got = d.Feed(got, []byte(f))
			}
			got = d.Flush(got)
			if names(got) != tc.want && tc.name != "endless sequence" {
				t.Errorf("got %q, want %q", names(got), tc.want)
			}
			if d.Waiting() {
				t.Errorf("still waiting after a flush: %q", d.buf)
			}
		})
	}
}

// TestDecoderAnyCut: how the bytes are cut into reads changes nothing, as long as nothing is flushed in between.
func TestDecoderAnyCut(t *testing.T) {
	t.Parallel()
	const stream = "al\x1b[A\x1bOPé日\x1b[1;2B\x1b[200~x\ry\x1b[20é\x1b[201~\x1b[<0;5;7Mq\x1b[Z"
	var whole Decoder
	want := names(whole.Feed(nil, []byte(stream)))
	for cut := range len(stream) {
		var d Decoder
		got := d.Feed(nil, []byte(stream[:cut]))
		got = d.Feed(got, []byte(stream[cut:]))
		if names(got) != want {
			t.Errorf("cut at %d: got %q, want %q", cut, names(got), want)
		}
	}
}

func TestPasteTooLong(t *testing.T) {
	t.Parallel()
	var d Decoder
	chunk := []byte(strings.Repeat("x", 1<<20))
	got := d.Feed(nil, []byte(pasteBegin))
	for range 9 {
		got = d.Feed(got, chunk)
	}
	if len(d.paste) != 0 {
		t.Errorf("keeps %d bytes of a paste that is too long", len(d.paste))
	}
	got = d.Feed(got, []byte(pasteEnd+"j"))
	if len(got) != 2 || got[0] != (PasteTooLong{Bytes: 9 << 20}) || names(got[1:]) != "j" {
		t.Errorf("got %v", got)
	}
}

// FuzzDecoder: no panic, nothing held back without bound, all bytes used after a flush, and no paste becomes a key.
func FuzzDecoder(f *testing.F) {
	for _, s := range []string{
		"q", "\x1b", "\x1b[A", "\x1b[200~q\x1b[201~", "\x1b[M   ", "\x1b]52;c;?\x07", "\x1bP+r\x1b\\", "\x1b[27;5;113~", "\x1b[113;5u",
		"\x1b[1;99999999999999999999A", "\x1b[[A", "\x1bO5P", "\x9b2J", "\x1b[12$", "\x1b[4;1;1t", "\xe2\x82", "\x1b\x1b[A", "\x1b_Gi=1;OK\x1b\\",
	} {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		var d Decoder
		cut = min(max(cut, 0), len(b))
		msgs := d.Feed(nil, b[:cut])
		msgs = d.Feed(msgs, b[cut:])
		if len(d.buf) > maxSequenceBytes {
			t.Errorf("holds %d bytes back", len(d.buf))
		}
		msgs = d.Flush(msgs)
		if d.Waiting() {
			t.Errorf("holds %q back after a flush", d.buf)
		}
		if len(msgs) > len(b) {
			t.Errorf("%d messages from %d bytes", len(msgs), len(b))
		}
		d = Decoder{}
		body := strings.ReplaceAll(string(b), "\x1b", "")
		if msgs = d.Feed(nil, []byte(pasteBegin+body+pasteEnd)); len(msgs) != 1 || msgs[0] != (tea.PasteMsg{Content: body}) {
			t.Errorf("pasted %q, got %v", body, msgs)
		}
	})
}

func BenchmarkPaste(b *testing.B) {
	text := []byte(pasteBegin + strings.Repeat("alice -> bob 12.50 dinner\r", 10_000) + pasteEnd)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var d Decoder
		for rest := text; len(rest) > 0; {
			n := min(4096, len(rest))
			d.Feed(nil, rest[:n])
			rest = rest[n:]
		}
	}
}
