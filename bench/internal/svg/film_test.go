package svg

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	ruleOfTimes = regexp.MustCompile(`\.(t\d+)\{opacity:([01]);animation:t\d+ [\d.]+s step-end infinite\}@keyframes t\d+\{(.*)\}`)
	keyframe    = regexp.MustCompile(`([\d.]+%|to)\{opacity:([01])\}`)
)

// seenAt returns the texts of a film, sorted, that are seen at a share of its time; below zero: that are seen without motion.
func seenAt(t *testing.T, film []byte, share float64) []string {
	t.Helper()
	hidden := map[string]bool{}
	for _, rule := range ruleOfTimes.FindAllStringSubmatch(string(film), -1) {
		shown := rule[2]
		for _, k := range keyframe.FindAllStringSubmatch(rule[3], -1) {
			at := 100.0
			if k[1] != "to" {
				var err error
				if at, err = strconv.ParseFloat(strings.TrimSuffix(k[1], "%"), 64); err != nil {
					t.Fatal(err)
				}
			}
			if share >= 0 && at <= 100*share {
				shown = k[2]
			}
		}
		hidden[rule[1]] = shown == "0"
	}
	var texts []string
	var within []bool // elements: is this one hidden?
	text, inText := "", false
	dec := xml.NewDecoder(strings.NewReader(string(film)))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			slices.Sort(texts)
			return texts
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			hide := false
			for _, a := range tok.Attr {
				hide = hide || a.Name.Local == "class" && hidden[a.Value]
			}
			within = append(within, hide)
			if tok.Name.Local == "text" {
				text, inText = "", true
			}
			if tok.Name.Local == "script" {
				t.Error("there is a script")
			}
		case xml.CharData:
			if inText {
				text += string(tok)
			}
		case xml.EndElement:
			if tok.Name.Local == "text" {
				inText = false
				if !slices.Contains(within, true) {
					texts = append(texts, text)
				}
			}
			within = within[:len(within)-1]
		}
	}
}

// TestFilm: at every time exactly those texts are seen that the frame of then shows, and without motion those of the one still.
func TestFilm(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var frames []Frame
		var want [][]string
		names := []string{"above", "below"}
		var all time.Duration
		for range 1 + r.IntN(12) {
			f := Frame{For: time.Duration(1+r.IntN(40)) * 50 * time.Millisecond, Caption: fmt.Sprint("caption ", r.IntN(3)), Acts: r.IntN(3) - 1}
			texts := append([]string{f.Caption}, names...)
			for range names {
				var rows []string
				for range 3 {
					row := []string{"", "<a>", "\x1b[1mb&\x1b[m", "\x1b[7mc", "│", "\x1b[2;31m漢"}[r.IntN(6)]
					rows = append(rows, row+"\x1b[m")
					if shown := map[string]string{"\x1b[1mb&\x1b[m": "b&", "\x1b[7mc": "c", "\x1b[2;31m漢": "漢", "<a>": "<a>"}[row]; shown != "" {
						texts = append(texts, shown)
					}
				}
				f.Panes = append(f.Panes, Take(show(6, 3, strings.Join(rows, "\r\n"))))
			}
			slices.Sort(texts)
			frames, want = append(frames, f), append(want, texts)
			all += f.For
		}
		still := r.IntN(len(frames))
		film := Film(frames, names, "t", still)
		if got := seenAt(t, film, -1); !slices.Equal(got, want[still]) {
			t.Fatalf("without motion %q, want %q\n%s", got, want[still], film)
		}
		var at time.Duration
		for i, f := range frames {
			if got := seenAt(t, film, float64(at+f.For/2)/float64(all)); !slices.Equal(got, want[i]) {
				t.Fatalf("frame %d of %d: %q, want %q\n%s", i, len(frames), got, want[i], film)
			}
			at += f.For
		}
	}
}
