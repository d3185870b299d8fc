package crdt_test

import (
	"crypto/ed25519"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/internal/race"
)

var growthMax = flag.Int("growth", 16, "BenchmarkGrowth doubles n from 2^13 up to 2 to the power of this")

// A grower makes changes by hand, n of them in O(n), and packs of them.
type grower struct {
	room   hash32
	keys   []ed25519.PrivateKey
	prev   []hash32 // of each author's next change
	made   []int    // changes of each author so far
	runs   []refRun // of the pack under construction, by author
	bytes  int
	frames [][]byte
	most   int // elements that a delete names, if there are so many
}

func newGrower(authors, most int) *grower {
	g := &grower{most: most, room: hash32(roomOf(crdt.JSON).ID())}
	for a := range authors {
		g.keys = append(g.keys, testKey(a))
		g.prev = append(g.prev, g.room)
	}
	g.made = make([]int, authors)
	g.runs = make([]refRun, authors)
	return g
}

// change adds a change of author a and returns its id. Links are sorted.
func (g *grower) change(a int, links []hash32, o ...any) hash32 {
	payload := refPayload(0, links, refEncode(o))
	count := 0
	for _, r := range g.runs {
		count += len(r.payloads)
	}
	if count == crdt.MaxPackChanges || g.bytes+len(payload)+200 > crdt.MaxPackBytes-200*len(g.runs) {
		g.flush()
	}
	if r := &g.runs[a]; len(r.payloads) == 0 {
		r.author, r.prev = authorOf(g.keys[a]), g.prev[a]
	}
	g.runs[a].payloads = append(g.runs[a].payloads, payload)
	g.bytes += len(payload) + 5
	g.made[a]++
	g.prev[a] = refID(g.room, rawChange{authorOf(g.keys[a]), g.prev[a], payload})
	return g.prev[a]
}

// branch makes a change of author a go on after prev.
func (g *grower) branch(a int, prev hash32, links []hash32, o ...any) hash32 {
	if len(g.runs[a].payloads) > 0 {
		g.flush()
	}
	g.prev[a] = prev
	return g.change(a, links, o...)
}

func (g *grower) flush() {
	var p refPack
	for a, r := range g.runs {
		if len(r.payloads) > 0 {
			r.sig = ed25519.Sign(g.keys[a], refSigned(g.room, g.prev[a]))
			p = append(p, r)
		}
	}
	if len(p) > 0 {
		g.frames = append(g.frames, p.frame())
	}
	g.runs, g.bytes = make([]refRun, len(g.keys)), 0
}

// shapes are what an author, or two who work together, can make a room out of so that
// it costs others the most: n things each, or n times the cheapest op. All begin with
// a text, a list, a counter and a register: things 0 to 3 of the first change.
var shapes = map[string]func(g *grower, n int){
	"typing/forwards":  func(g *grower, n int) { typed(g, n, func(int) any { return ops{8, "x"} }) },
	"typing/backwards": func(g *grower, n int) { typed(g, n, func(int) any { return ops{6, ops{1, 0}, "x"} }) },
	"typing/head and tail": func(g *grower, n int) {
		typed(g, n, func(i int) any { return ops{5 + i%2, ops{min(i+1, 2), 0}, "x"} })
	},
	"typing/in the middle": func(g *grower, n int) {
		typed(g, n, func(i int) any { return ops{5 + i%2, ops{1 + i/2, 0}, "x"} })
	},
	"typing/by two in turn": func(g *grower, n int) { inTurn(g, n) },
	"paste":                 func(g *grower, n int) { pasted(g, n) },
	"siblings/a change each": func(g *grower, n int) {
		for i := range n {
			g.change(0, nil, ops{7, ops{i + 1, 0}, "x"})
		}
	},
	"siblings/of one element": func(g *grower, n int) {
		g.change(0, nil, ops{7, ops{1, 0}, "x"})
		for i := range n {
			g.change(0, nil, ops{5 + i%2, ops{i + 1, 0}, "x"})
		}
	},
	"siblings/4096 a change": func(g *grower, n int) {
		for i := 0; i < n; i += crdt.MaxOps {
			o := ops{}
			for range min(crdt.MaxOps, n-i) {
				o = append(o, ops{7, ops{i/crdt.MaxOps + 1, 0}, "x"})
			}
			g.change(0, nil, o...)
		}
	},
	"objects in a list": func(g *grower, n int) {
		for i := range n {
			g.change(0, nil, ops{7, ops{i + 1, 1}, i % 5})
		}
	},
	"deletes/of 65536, again and again": func(g *grower, n int) {
		pasted(g, g.most)
		back := g.made[0]
		for i := range n {
			g.change(0, nil, ops{9, ops{back - 1 + i, 0}, g.most})
		}
	},
	"deletes/of 65536, from everywhere": func(g *grower, n int) {
		pasted(g, 2*g.most)
		back := g.made[0] - 1
		for i := range n {
			g.change(0, nil, ops{9, ops{back + i, i % (g.most / 8)}, g.most})
		}
	},
	"deletes/void at the last": func(g *grower, n int) {
		pasted(g, g.most/2)
		back := g.made[0] - 1
		g.change(0, nil) // makes nothing: no delete goes beyond
		for i := range n {
			g.change(0, nil, ops{9, ops{back + 1 + i, 0}, g.most/2 + 1})
		}
	},
	"deletes/across changes of two in turn": func(g *grower, n int) {
		inTurn(g, n)
		for i := range n { // all that author 1 typed
			g.change(1, nil, ops{9, ops{n/2 + i, 0}, min(n/2, g.most)})
		}
	},
	"deletes/across changes of two in turn, from everywhere": func(g *grower, n int) {
		inTurn(g, n)
		for i := range n {
			far := i % min(n/2, g.most)
			g.change(1, nil, ops{9, ops{1 + i + far, 0}, far + 1})
		}
	},
	"deletes/across changes of two in turn, void at the last": func(g *grower, n int) {
		inTurn(g, n)
		g.change(1, nil)
		for i := range n {
			far := i % min(n/2, g.most-1)
			g.change(1, nil, ops{9, ops{2 + i + far, 0}, far + 2})
		}
	},
	"deletes/through another's link": func(g *grower, n int) {
		inTurn(g, n)
		tip := g.prev[0]
		for i := range n {
			g.change(1, []hash32{tip}, ops{9, ops{-1, 0, 1 + i%(n/2-1)}, min(1+i%(n/2-1), g.most)})
		}
	},
	"deletes/one by one, backwards": func(g *grower, n int) {
		typed(g, n, func(int) any { return ops{8, "x"} })
		for i := range n {
			g.change(0, nil, ops{9, ops{1 + 2*i, 0}, 1})
		}
	},
	"deletes/4096 a change, every other": func(g *grower, n int) {
		pasted(g, 2*n)
		back := g.made[0] - 1
		for i := 0; i < n; i += crdt.MaxOps {
			o := ops{}
			for k := range min(crdt.MaxOps, n-i) {
				at := 2 * (i + k)
				o = append(o, ops{9, ops{back + i/crdt.MaxOps - at/(g.most/4), at % (g.most / 4)}, 1})
			}
			g.change(0, nil, o...)
		}
	},
	"map/keys": func(g *grower, n int) {
		for i := range n {
			g.change(0, nil, ops{2, 0, fmt.Sprint(i), ops{}, i})
		}
	},
	"map/values in conflict": func(g *grower, n int) {
		for i := range n {
			g.change(0, nil, ops{2, 0, "k", ops{}, i})
		}
	},
	"map/replaced one by one": func(g *grower, n int) {
		g.change(0, nil, ops{2, 0, "k", ops{}, 0})
		for i := range n {
			g.change(0, nil, ops{2, 0, "k", ops{ops{1, 0}}, i})
		}
	},
	"map/conflicts replaced by the oldest": func(g *grower, n int) {
		for i := range n {
			g.change(0, nil, ops{2, 0, "k", ops{}, i})
		}
		for i := range n / 64 {
			old := ops{}
			for k := range 64 {
				old = append(old, ops{n + i - 64*i - k, 0})
			}
			g.change(0, nil, ops{4, 0, "k", old})
		}
	},
	"register/values in conflict, unset again and again": func(g *grower, n int) {
		for i := range 256 {
			g.change(0, nil, ops{2, ops{i + 1, 3}, nil, ops{}, i})
		}
		for i := range n / 256 {
			names := ops{}
			for k := range 256 {
				names = append(names, ops{i + 1 + k, 0})
			}
			g.change(0, nil, ops{4, ops{257 + i, 3}, nil, names})
		}
	},
	"counter": func(g *grower, n int) {
		for i := range n {
			g.change(0, nil, ops{10, ops{i + 1, 2}, 1})
		}
	},
	"marks/on one": func(g *grower, n int) {
		for i := range n {
			g.change(0, nil, ops{1, 0, i})
		}
	},
	"marks/on all": func(g *grower, n int) {
		typed(g, n, func(int) any { return ops{8, "x"} })
		for i := range n {
			g.change(0, nil, ops{1, ops{1 + 2*i, 0}, i})
		}
	},
	"marks/4096 a change, far back": func(g *grower, n int) {
		typed(g, n, func(int) any { return ops{8, "x"} })
		for i := 0; i < n; i += crdt.MaxOps {
			o := ops{}
			for k := range min(crdt.MaxOps, n-i) {
				o = append(o, ops{1, ops{1 + i/crdt.MaxOps + i + k, 0}, 1})
			}
			g.change(0, nil, o...)
		}
	},
	"forks/of one change": func(g *grower, n int) {
		root := g.prev[0]
		for i := range n / 16 {
			g.branch(0, root, nil, ops{10, ops{1, 2}, i})
		}
	},
	"links/of 64 authors": func(g *grower, n int) {
		for i := range n / 64 {
			var links []hash32
			for a, prev := range g.prev {
				if a != i%len(g.prev) && prev != g.room {
					links = append(links, prev)
				}
			}
			slices.SortFunc(links, compareHashes)
			g.change(i%len(g.prev), links, ops{2, 0, "k", ops{}, i})
		}
	},
}

// pasted is n code points in changes of a quarter of most.
func pasted(g *grower, n int) {
	page := g.most / 4
	text := make([]byte, page)
	for i := range text {
		text[i] = 'x'
	}
	g.change(0, nil, ops{7, ops{1, 0}, string(text)})
	for n -= page; n > 0; n -= page {
		g.change(0, nil, ops{8, string(text)})
	}
}

// typed is a keystroke, and n more.
func typed(g *grower, n int, key func(i int) any) {
	g.change(0, nil, ops{7, ops{1, 0}, "x"})
	for i := range n {
		g.change(0, nil, key(i))
	}
}

// inTurn is n keystrokes of authors 0 and 1, each linking the one before, so that no two
// of an author stand side by side in any log.
func inTurn(g *grower, n int) {
	first := g.prev[0]
	g.change(1, []hash32{first}, ops{7, ops{-1, 0}, "x"})
	g.change(0, []hash32{g.prev[1]}, ops{7, ops{1, 0}, "y"})
	for i := range n - 2 {
		a := 1 - i%2
		g.change(a, []hash32{g.prev[1-a]}, ops{8, "x"})
	}
}

// grown makes a room of a shape.
func grown(name string, n, most int) *grower {
	authors := 2
	if name == "links/of 64 authors" {
		authors = 65
	}
	g := newGrower(authors, most)
	g.change(0, nil, ops{3, 0, "text", ops{}, 2}, ops{3, 0, "list", ops{}, 1}, ops{3, 0, "count", ops{}, 4}, ops{3, 0, "register", ops{}, 3})
	shapes[name](g, n)
	g.flush()
	return g
}

// What BenchmarkGrowth measures has the effect that its name says.
func TestGrowthShapes(t *testing.T) {
	t.Parallel()
	race.OneGoroutine(t)
	for name := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := grown(name, 256, 128)
			r := newReplica(t, roomOf(crdt.JSON))
			died := r.CountDeaths()
			for _, frame := range g.frames {
				if code := deliver(t, r, frame, 1); code != "" {
					t.Fatal(code)
				}
			}
			checkReplica(t, r)
			ref := replayed(t, r)
			equalsReference(t, r, ref)
			if void := strings.Contains(name, "void"); void != (ref.doc.voids > 0) {
				t.Fatalf("%d void ops", ref.doc.voids)
			}
			// However many name it, who observes hears of it once.
			if died.Told > r.Things() {
				t.Fatalf("told of %d that die, %d were made", died.Told, r.Things())
			}
		})
	}
}

// BenchmarkGrowth is the cost of taking in a whole room of each shape, everything
// checked, in nanoseconds of n: a shape whose figure grows like n has a quadratic path.
func BenchmarkGrowth(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		for e := 13; e <= *growthMax; e++ {
			n := 1 << e
			b.Run(fmt.Sprintf("%s/2^%d", name, e), func(b *testing.B) {
				g := grown(name, n, crdt.MaxDeleteRange)
				checker := crdt.NewChecker(roomOf(crdt.JSON))
				b.ReportAllocs()
				for b.Loop() {
					r := newReplica(b, roomOf(crdt.JSON))
					for _, frame := range g.frames {
						p, err := checker.Check(frame, nil)
						if err != nil {
							b.Fatal(err)
						}
						if out := r.Receive(p, 1, epoch); out.Err != nil || len(out.Missing) > 0 {
							b.Fatalf("%+v", out)
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/n")
			})
		}
	}
}
