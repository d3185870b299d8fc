package tui

import (
	"fmt"
	"testing"

	tea "charm.land/bubbletea/v2"
)

// TestMouseOnPages: the wheel moves and a click selects on every page and screen that lists something, at every size at which it
// does, and neither answers a question.
func TestMouseOnPages(t *testing.T) {
	t.Parallel()
	w := pagesWorld(t)
	w.fork("erin") // a second one, for a list of them
	for _, page := range []struct {
		name string
		keys []string
	}{
		{"list", nil}, {"inbox", []string{"I"}}, {"balances", []string{"B", "tab"}}, {"people", []string{"P"}}, {"palette", []string{":"}},
		{"rooms", []string{"R"}}, {"tips", []string{"2", "enter"}}, {"forks", []string{"E"}}, {"peers", []string{"2"}}, {"events", []string{"4"}},
	} {
		for _, size := range [][2]int{{120, 36}, {80, 24}, {40, 12}} {
			name := fmt.Sprintf("%s at %v", page.name, size)
			d := newDriver(t, w, size[0], size[1], withPages(t, w))
			d.press("esc")
			d.press(page.keys...)
			if page.name != "palette" {
				d.press("home")
			}
			d.draw()
			c := d.m.click
			if c.rows.empty() || c.at != 0 || c.rows.h < 2 {
				t.Errorf("%s: rows at %+v\n%s", name, c, d.text())
				continue
			}
			click := func(y int) int {
				d.update(tea.MouseClickMsg{X: c.rows.x + 5, Y: c.rows.y + y, Button: tea.MouseLeft})
				d.draw()
				if y := d.grid.Cursor.Y; y != c.rows.y+d.m.click.at && page.name != "palette" { // where the cursor is in the line
					t.Errorf("%s: the cursor is drawn in line %d, and known to be in %d", name, y, c.rows.y+d.m.click.at)
				}
				return d.m.click.at
			}
			if at := click(1); at != 1 {
				t.Errorf("%s: a click on the second row left the cursor on row %d", name, at)
			}
			if at := click(-1); at != 1 {
				t.Errorf("%s: a click beside the rows went to row %d", name, at)
			}
			if at := click(c.rows.h - 1); at != c.rows.h-1 {
				t.Errorf("%s: a click on the last row led to row %d", name, at)
			}
			by := wheelRows
			if page.name == "palette" {
				by = 1
			}
			d.update(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
			d.draw()
			if at := d.m.click.at; at != max(c.rows.h-1-by, 0) {
				t.Errorf("%s: the wheel left the cursor on row %d of %d", name, at, c.rows.h)
			}
		}
	}
	d := newDriver(t, w, 80, 12)
	d.press("esc", "?")
	d.draw()
	before := d.text()
	d.update(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	if d.text() == before {
		t.Error("the wheel does not scroll the help")
	}
	d.press("esc", "q") // asks: some is unsent
	d.draw()
	before = d.text()
	d.update(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	d.update(tea.MouseClickMsg{X: 5, Y: 5, Button: tea.MouseLeft})
	if d.text() != before {
		t.Error("the mouse answered a question")
	}
}
