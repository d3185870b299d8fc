package report

import (
	"strings"
	"testing"
)

func TestInto(t *testing.T) {
	t.Parallel()
	const doc = "# A\n\n<!-- bench missed screen relay -->\nold list\n<!-- end -->\n\ntext\n\n<!-- bench screen -->\nold screen\n<!-- end -->\n<!-- bench relay -->\nold relay\n<!-- end -->\nlast\n"
	all, err := into(doc, figures())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# A\n\n<!-- bench missed screen relay -->\n\n- MISSED 2x: screen first paint, 100,000 rows: p95 90 ms, budget <= 40\n\n<!-- end -->\n\ntext\n",
		"<!-- bench screen -->\n\n| figure |", "| idle bytes | 0 |", "\n\n<!-- end -->\n<!-- bench relay -->\n\n| figure |", "<!-- end -->\nlast\n",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("got\n%s\nwant in it\n%s", all, want)
		}
	}
	if strings.Contains(all, "old") {
		t.Errorf("something old is left:\n%s", all)
	}
	again, err := into(all, figures())
	if err != nil || again != all {
		t.Errorf("the same figures once more: %v, got\n%s\nwant\n%s", err, again, all)
	}
	// Figures of one work leave the others alone, and the list of what is missed.
	some, err := into(doc, figures()[:2])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"old list", "old relay"} {
		if !strings.Contains(some, want) {
			t.Errorf("%q is gone:\n%s", want, some)
		}
	}
	if strings.Contains(some, "old screen") {
		t.Errorf("the old screen is left:\n%s", some)
	}
	if _, err := into("<!-- bench screen -->\n", figures()); err == nil {
		t.Error("a section without an end was taken")
	}
}
