// Package list keeps a cursor and a window on rows that come and go: anchored to the row's key, never to its number.
package list

// Rows is what a List looks at: rows in an order that is fixed between any two of them, while others may come in between
// or go. A value of Rows does not change; what changed is a new value, given to Sync.
type Rows[K comparable] interface {
	Len() int
	Key(i int) K               // 0 <= i < Len
	IndexOf(key K) (int, bool) // false: not among the rows
}

// List is a cursor, and a window of Height lines around it. The zero List is empty. It is not safe for concurrent use.
//
// Invariant: the row under the cursor keeps its key and its line of the window, whatever comes or goes elsewhere, as long
// as it is there and the ends of the rows allow. Only if Follow is set and the cursor is on the last row does it move on
// to a new last row.
type List[K comparable] struct {
	// Follow makes a cursor on the last row stay on the last row, and an empty list begin there.
	Follow bool

	key    K
	any    bool // there are rows, and key is one of them
	index  int  // of key
	n      int  // rows
	line   int  // of the cursor in the window
	height int  // of the window, at least 1
	fresh  int  // rows that came in below the cursor since it was last on the last row
}

// Sync takes over new rows.
func (l *List[K]) Sync(rows Rows[K]) {
	below := l.n - 1 - l.index
	following := l.Following()
	had := l.any
	l.n = rows.Len()
	if l.n == 0 {
		*l = List[K]{Follow: l.Follow, height: l.height}
		return
	}
	l.any = true
	i, ok := 0, false
	if had {
		i, ok = rows.IndexOf(l.key)
	}
	switch {
	case following || !had && l.Follow:
		i = l.n - 1
		l.line = max(l.height, 1) // as far down as the window allows
	case !had:
		i = 0
	case !ok: // it went away: the row that took its place
		i = min(l.index, l.n-1)
	case l.Follow && l.n-1-i > below:
		l.fresh += l.n - 1 - i - below
	}
	l.index, l.key = i, rows.Key(i)
	l.settle()
}

// Following reports whether the cursor stays on the last row.
func (l *List[K]) Following() bool { return l.Follow && l.any && l.index == l.n-1 }

// Cursor is the key under the cursor; false if there are no rows.
func (l *List[K]) Cursor() (K, bool) { return l.key, l.any }

// Index is the number of the row under the cursor, from 0; -1 if there are none.
func (l *List[K]) Index() int {
	if !l.any {
		return -1
	}
	return l.index
}

// Len is the number of rows.
func (l *List[K]) Len() int { return l.n }

// Fresh is how many rows came in below the cursor since it was last on the last row; 0 unless Follow is set.
func (l *List[K]) Fresh() int { return l.fresh }

// Seen says that the rows below the cursor are no news: they stand there because the order has changed.
func (l *List[K]) Seen() { l.fresh = 0 }

// To puts the cursor on row i, or the nearest there is, scrolling no more than needed.
func (l *List[K]) To(rows Rows[K], i int) {
	if !l.any {
		return
	}
	i = min(max(i, 0), l.n-1)
	l.line += i - l.index
	l.index, l.key = i, rows.Key(i)
	l.settle()
}

// Move moves the cursor by so many rows.
func (l *List[K]) Move(rows Rows[K], by int) { l.To(rows, l.index+by) }

// Page moves cursor and window together by so many windows, less one line that stays in sight.
func (l *List[K]) Page(rows Rows[K], by int) {
	line := l.line
	l.Move(rows, by*max(l.height-1, 1))
	l.line = line
	l.settle()
}

// HalfPage is Page by half a window.
func (l *List[K]) HalfPage(rows Rows[K], by int) {
	line := l.line
	l.Move(rows, by*max(l.height/2, 1))
	l.line = line
	l.settle()
}

// Window sets the height of the window and returns its first row and how many rows it shows.
func (l *List[K]) Window(height int) (top, n int) {
	grown := height - l.height
	if l.Following() && grown > 0 {
		l.line += grown
	}
	l.height = max(height, 1)
	l.settle()
	top = l.index - l.line
	return top, min(max(height, 0), l.n-top)
}

// settle keeps the cursor within the window, and the window within the rows.
func (l *List[K]) settle() {
	h := max(l.height, 1)
	l.line = min(max(l.line, 0), h-1)
	top := min(max(l.index-l.line, 0), max(l.n-h, 0))
	l.line = l.index - top
	if l.index == l.n-1 {
		l.fresh = 0
	}
	l.fresh = min(l.fresh, max(l.n-1-l.index, 0))
}
