package fleet

import (
	"context"
	"maps"
	"strings"
	"testing"
)

// life lets a node say text, as a process would, in a new life.
func life(n *Node, text string) *nodeRun {
	r := &nodeRun{seen: make(map[string]struct{}), missing: maps.Clone(n.book.own[n.Name]), first: n.said.Load()}
	n.run = r
	n.read(r, strings.NewReader(text))
	return r
}

func entry(memo, id string) string {
	return `{"kind":"entry","memo":"` + memo + `","id":"` + id + `"}` + "\n"
}

// Everything that contradicts what was shown before is noticed; what does not is not.
func TestBookNoticesContradictions(t *testing.T) {
	t.Parallel()
	const first = `{"kind":"entry","memo":"anna-0","id":"aa"}` + "\n"
	for _, c := range []struct {
		name, anna, bert string
		want             string // in the error; "": none
	}{
		{"alike", first + entry("bert-0", "bb"), entry("bert-0", "bb") + first, ""},
		{"another id", first, entry("anna-0", "ab"), `bert shows "anna-0" as ab; it was aa before`},
		{"twice", first + first, "", `anna shows "anna-0" twice`},
		{"evidence", first, `{"kind":"evidence","id":"aa"}` + "\n", "bert shows evidence of a fork"},
		{"withheld", first, `{"kind":"peer","state":"withholds","peer":"ws://x","n":2}` + "\n", "peer ws://x withholds 2 changes"},
		{"a line torn by a kill", first + `{"kind":"ent`, "", ""},
		{"a torn line within", first + `{"kind":"ent` + "\n" + entry("anna-1", "ac"), "", "no JSON"},
	} {
		b, f := NewBook(), &Fleet{}
		life(f.Node("anna", b), c.anna)
		life(f.Node("bert", b), c.bert)
		err := b.Err()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// Who may seem to lie is counted, not found wrong.
func TestBookCountsLies(t *testing.T) {
	t.Parallel()
	b := NewBook()
	b.Lies = func(peer string) bool { return peer == "ws://x" }
	n := (&Fleet{}).Node("anna", b)
	life(n, `{"kind":"peer","state":"withholds","peer":"ws://x","n":2}`+"\n")
	if got := b.Tally().Lies; got != 1 || b.Err() != nil {
		t.Errorf("%d lies, %v", got, b.Err())
	}
	life(n, `{"kind":"peer","state":"withholds","peer":"ws://y","n":2}`+"\n")
	if b.Err() == nil {
		t.Error("a peer that may not lie has lied, and nothing is wrong")
	}
}

// What a node has acknowledged is missing in its next life until it shows it; what others wrote is not its own.
func TestBookRemembersWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	b := NewBook()
	n := (&Fleet{}).Node("anna", b)
	n.said.Store(2)
	life(n, entry("anna-0", "aa")+entry("anna-1", "ab")+entry("bert-0", "bb"))
	if got := b.Tally(); got.Entries != 3 || got.Acknowledged != 2 {
		t.Errorf("tally %+v", got)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel() // nothing is waited for
	life(n, entry("anna-1", "ab"))
	if err := n.Remembers(ended); err == nil || !strings.Contains(err.Error(), `does not show 1 entries that it acknowledged before, one of them "anna-0"`) {
		t.Errorf("got %v", err)
	}
	if err := b.Complete(ended, n); err == nil || !strings.Contains(err.Error(), "of 3 entries, anna shows 1") {
		t.Errorf("got %v", err)
	}
	life(n, entry("anna-1", "ab")+entry("anna-0", "aa")+entry("bert-0", "bb"))
	if err := n.Remembers(ended); err != nil {
		t.Error(err)
	}
	if err := b.Complete(ended, n); err != nil {
		t.Error(err)
	}
}

// Of what is typed, only this life's counts as behind.
func TestBehind(t *testing.T) {
	t.Parallel()
	b := NewBook()
	n := (&Fleet{}).Node("anna", b)
	n.said.Store(5)
	r := life(n, entry("anna-3", "aa")) // typed before, shown by the start
	r.typed = 2
	n.said.Add(2)
	n.read(r, strings.NewReader(entry("anna-5", "ab")))
	if got := n.Behind(); got != 1 {
		t.Errorf("%d are behind, want 1", got)
	}
}
