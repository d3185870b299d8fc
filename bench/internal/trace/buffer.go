package trace

import "strings"

// buffer is a text with a gap where it was last edited: an edit costs the distance from the one before.
//
// Invariant: the text is before, then after backwards; wide counts the runes of before beyond U+FFFF.
type buffer struct {
	before, after []rune
	wide          int
}

func (b *buffer) len() int { return len(b.before) + len(b.after) }

func extra(r rune) int {
	if r > 0xffff {
		return 1
	}
	return 0
}

// splice deletes n runes at i, which are there, and puts s in their place. It returns how many more UTF-16 code units than
// runes lie before i, and in what was deleted.
func (b *buffer) splice(i, n int, s string) (before, deleted int) {
	for len(b.before) > i {
		r := b.before[len(b.before)-1]
		b.before = b.before[:len(b.before)-1]
		b.after = append(b.after, r)
		b.wide -= extra(r)
	}
	for len(b.before) < i {
		r := b.after[len(b.after)-1]
		b.after = b.after[:len(b.after)-1]
		b.before = append(b.before, r)
		b.wide += extra(r)
	}
	before = b.wide
	for _, r := range b.after[len(b.after)-n:] {
		deleted += extra(r)
	}
	b.after = b.after[:len(b.after)-n]
	for _, r := range s {
		b.before = append(b.before, r)
		b.wide += extra(r)
	}
	return before, deleted
}

func (b *buffer) String() string {
	var s strings.Builder
	s.WriteString(string(b.before))
	for i := len(b.after) - 1; i >= 0; i-- {
		s.WriteRune(b.after[i])
	}
	return s.String()
}
