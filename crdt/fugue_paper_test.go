package crdt_test

import (
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// Weidner and Kleppmann, "The Art of the Fugue" (2023), §2 and §5: texts that two
// people type at one place at once do not interleave, typed forwards or
// backwards.
func TestFugueDoesNotInterleave(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(typed int) int{
		"forwards":  func(typed int) int { return typed },
		"backwards": func(int) int { return 0 },
		"middle":    func(typed int) int { return typed / 2 },
	} {
		t.Run(name, func(t *testing.T) {
			base := newReplica(t, roomOf(crdt.JSON))
			w := mustWriter(t, base, 0)
			var text crdt.Name
			id, err := w.Change(0, func(tx *crdt.Tx) (err error) {
				if text, err = tx.Make(crdt.Root, "text", crdt.TextObject); err == nil {
					_, err = tx.InsertText(text, 0, "[]")
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			w.Sign()
			text.Change = id
			start := exported(base)

			words := []string{"tally", "stick", "NOTCH"}
			var frames [][]byte
			for a, word := range words {
				r := load(t, base.Charter(), start)
				w := mustWriter(t, r, 1+a)
				var typed []byte
				for i := range len(word) {
					k := at(i)
					typed = append(typed[:k], append([]byte{word[i]}, typed[k:]...)...)
					if _, err := w.Change(0, func(tx *crdt.Tx) error { _, err := tx.InsertText(text, 1+k, word[i:i+1]); return err }); err != nil {
						t.Fatal(err)
					}
				}
				words[a] = string(typed)
				w.Sign()
				frame, _ := r.PackFrom(base.Len(), nil)
				frames = append(frames, frame)
			}
			for _, order := range permutations(len(frames)) {
				r := load(t, base.Charter(), start)
				for _, i := range order {
					if code := deliver(t, r, frames[i], 1); code != "" {
						t.Fatal(code)
					}
				}
				got := r.Value().(map[string]any)["text"].(string)
				rest := got
				for _, word := range words {
					rest = strings.Replace(rest, word, "", 1)
				}
				if rest != "[]" || !strings.HasPrefix(got, "[") || !strings.HasSuffix(got, "]") {
					t.Fatalf("interleaved: %s", got)
				}
			}
		})
	}
}
