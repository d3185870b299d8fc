package tui

import (
	"testing"

	tea "charm.land/bubbletea/v2"
)

// TestMouseOnPages: the wheel moves and a click selects on every page that lists something, and neither answers a question.
func TestMouseOnPages(t *testing.T) {
	t.Parallel()
	w := tale(t)
	for _, page := range []struct {
		name string
		keys []string
	}{
		{"balances", []string{"B"}}, {"people", []string{"P"}}, {"palette", []string{":"}},
	} {
		d := newDriver(t, w, 120, 36)
		d.press("esc")
		d.press(page.keys...)
		d.draw()
		c := d.m.click
		if c.rows.empty() || c.at != 0 || c.rows.h < 2 {
			t.Fatalf("%s: rows at %+v", page.name, c)
		}
		d.update(tea.MouseClickMsg{X: c.rows.x + 5, Y: c.rows.y + 1, Button: tea.MouseLeft})
		d.draw()
		if d.m.click.at != 1 {
			t.Errorf("%s: a click on the second row left the cursor on row %d", page.name, d.m.click.at)
		}
		d.update(tea.MouseClickMsg{X: c.rows.x + 5, Y: c.rows.y - 1, Button: tea.MouseLeft})
		d.draw()
		if d.m.click.at != 1 {
			t.Errorf("%s: a click beside the rows went to row %d", page.name, d.m.click.at)
		}
		d.update(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
		d.draw()
		if d.m.click.at != 0 {
			t.Errorf("%s: the wheel left the cursor on row %d", page.name, d.m.click.at)
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
