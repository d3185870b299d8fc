package list_test

import (
	"fmt"
	"slices"

	"github.com/tallystick/tallystick/tui/internal/list"
)

type names []string

func (n names) Len() int                     { return len(n) }
func (n names) Key(i int) string             { return n[i] }
func (n names) IndexOf(k string) (int, bool) { return slices.BinarySearch(n, k) }

// The cursor stays on its row, not on its number.
func Example() {
	var l list.List[string]
	rows := names{"bob", "dave", "erin"}
	l.Sync(rows)
	l.To(rows, 1)
	l.Sync(names{"alice", "bob", "carol", "dave", "erin"})
	key, _ := l.Cursor()
	fmt.Println(key, l.Index())
	// Output: dave 3
}
