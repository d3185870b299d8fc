package ledger

import (
	"cmp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

//go:generate go run gen_confusable.go confusables.txt

// Alike reports whether a person could take a for b: they are equal, or equal but
// for case, blanks, or characters that look alike, whatever script these are of.
func Alike(a, b string) bool {
	x, y := looks(a), looks(b)
	return x[0] == y[0] || x[0] == y[1] || x[1] == y[0] || x[1] == y[1]
}

// looks are two texts that stand for how s looks; names that look alike have one in
// common. Case is folded before look-alikes are sought, which finds ALICE for alice,
// and after, which finds aIice.
func looks(s string) [2]string {
	if looksLikeItself(s) {
		return [2]string{s, s}
	}
	return [2]string{skeleton(foldCase(s)), skeleton(foldCase(skeleton(s)))}
}

// looksLikeItself is a short cut: small letters of which none looks like another
// sign or two.
func looksLikeItself(s string) bool {
	for i := range len(s) {
		if b := s[i]; b < 'a' || b > 'z' || b == 'm' {
			return false
		}
	}
	return s != ""
}

// foldCase makes letters alike that differ in case, or in width or font as
// compatibility characters do.
func foldCase(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return cases.Fold().String(norm.NFKC.String(s))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// skeleton is what UTS #39 calls so: texts that look alike have the same. Blanks
// at the ends are left out, and several make one, for no reader counts them.
func skeleton(s string) string {
	table := confusableTable()
	ascii := isASCII(s)
	if !ascii {
		s = norm.NFD.String(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		if r >= utf8.RuneSelf && unseen(r) {
			continue
		}
		if to, ok := table[r]; ok {
			b.WriteString(to)
		} else {
			b.WriteRune(r)
		}
	}
	seen := b.String()
	if !ascii {
		seen = norm.NFD.String(seen)
	}
	return strings.Join(strings.Fields(seen), " ")
}

// unseen are characters that labels may hold and that leave no trace on the screen.
func unseen(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// confusableTable is what each character looks like, if like another. It takes
// milliseconds to make, so it is made when it is first needed.
var confusableTable = sync.OnceValue(func() map[rune]string {
	table := make(map[rune]string, 7000)
	for line := range strings.Lines(confusables) {
		to, from, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		for _, r := range from {
			table[r] = to
		}
	}
	// What a few look like decomposes into what looks like something else again.
	for r, to := range table {
		var b strings.Builder
		for _, part := range norm.NFD.String(to) {
			b.WriteString(cmp.Or(table[part], string(part)))
		}
		table[r] = b.String()
	}
	return table
})
