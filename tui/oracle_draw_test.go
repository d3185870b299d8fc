package tui

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
	"github.com/tallystick/tallystick/oracle"
	"github.com/tallystick/tallystick/oracle/sim"
)

// TestOracleGolden compares pictures of the oracle screen at every size with those kept, in colours, without, and in ASCII.
func TestOracleGolden(t *testing.T) {
	t.Parallel()
	tooMany := picture(7, 3)
	tooMany.Pairs[0].Status = oracle.Wide
	scenes := []struct {
		name  string
		frame *sim.Frame
		set   func(*driver)
	}{
		{"oracle", picture(7, 2), nil},
		{"oracle-cut", cutPicture(), func(d *driver) { d.press("tab") }},
		{"oracle-many", picture(31, 10), func(d *driver) { d.press("G", "k") }},
		{"oracle-broken", tooMany, nil},
		{"oracle-lie", picture(7, 0), func(d *driver) { d.press("j", "b", "j") }},
		{"oracle-inspect", picture(7, 2), func(d *driver) { d.m.push(inspected()) }},
		{"oracle-help", picture(7, 2), func(d *driver) { d.press("?") }},
	}
	sizes := [][2]int{{120, 36}, {100, 30}, {80, 24}, {40, 12}, {20, 5}, {1, 1}}
	looks := []struct {
		name string
		look Look
	}{{"colour", Look{}}, {"mono", Look{Mono: true}}, {"ascii", Look{Mono: true, ASCII: true}}}
	for _, sc := range scenes {
		for _, look := range looks {
			var b strings.Builder
			for _, size := range sizes {
				d := oracleDriver(t, sc.frame, size[0], size[1], func(o *Options) { o.Look = look.look })
				if sc.set != nil {
					sc.set(d)
				}
				d.draw()
				fmt.Fprintf(&b, "%dx%d\n", size[0], size[1])
				for y := range size[1] {
					b.WriteString(d.grid.Styled(y))
					b.WriteByte('\n')
				}
				fmt.Fprintf(&b, "cursor %+v\n\n", d.grid.Cursor)
			}
			compareGolden(t, filepath.Join("testdata", sc.name+"-"+look.name+".golden"), b.String())
		}
	}
}

// inspected is an attestation that is looked at.
func inspected() *inspectOverlay {
	id := func(b byte) (id crdt.ChangeID) {
		for i := range id {
			id[i] = b + byte(i)
		}
		return id
	}
	seen := sim.Seen{ID: id(1), Prev: id(2), Links: []crdt.ChangeID{id(3), id(4)}, Author: crdt.Author{1, 0xa0}, Seq: 42, PayloadHash: id(5)}
	seen.Attestations = []sim.SeenAttestation{{Attestation: oracle.Attestation{
		Pair: "ETH/USD", Price: 250_123_456_789, Spread: 12_500_000, T: noon.UnixMilli() + 125, Flags: 1,
		Src: []oracle.Source{{Name: "venue-a", Price: 250_100_000_000}, {Name: "venue-b", Price: 250_146_913_578}},
	}}}
	return &inspectOverlay{seen: seen, parents: append([]crdt.ChangeID{seen.Prev}, seen.Links...), at: 1}
}

// TestOracleEverySizeHolds draws hostile frames at every size: all widths at some heights and all heights at some widths.
func TestOracleEverySizeHolds(t *testing.T) {
	t.Parallel()
	many := picture(128, 40)
	none := &sim.Frame{}
	evilSeen := inspected()
	for _, s := range evil {
		evilSeen.seen.Attestations = append(evilSeen.seen.Attestations, sim.SeenAttestation{
			Attestation: oracle.Attestation{Pair: s, Price: -1 << 63, T: 1<<63 - 1, Flags: 1<<64 - 1, Src: []oracle.Source{{Name: s, Price: 1 << 62}}},
			Void:        255, Commitment: &oracle.Commitment{Slot: 1<<63 - 1},
		})
	}
	for i, frame := range []*sim.Frame{evilPicture(), picture(7, 2), many, none, cutPicture()} {
		for j, look := range []Look{{}, {Mono: true}, {ASCII: true}} {
			d := oracleDriver(t, frame, 80, 24, func(o *Options) { o.Look = look })
			try := func(width, height int) {
				t.Helper()
				d.m.resize(width, height)
				d.m.draw(&d.grid)
				checkPicture(t, &d.grid, width, height)
			}
			step := 1
			if j > 0 || i > 1 {
				step = 7
			}
			for state := range 4 {
				switch state {
				case 1:
					d.press("f", "v")
				case 2:
					d.press("v")
					d.m.push(evilSeen)
				case 3:
					d.m.pop()
					if len(frame.Oracles) > 0 {
						d.m.chooseLie(0)
					}
				}
				for n := 1; n <= 200; n += step {
					try(n, 1+(n*7+i)%40)
					try(1+(n*13+i)%200, n)
				}
				for _, s := range [][2]int{{1, 1}, {9, 3}, {10, 2}, {10, 3}, {29, 8}, {30, 7}, {30, 8}, {59, 9}, {60, 8}, {60, 12}, {99, 12}, {100, 12}, {109, 19}, {110, 8}, {110, 23}, {110, 24}, {200, 200}} {
					try(s[0], s[1])
				}
			}
		}
	}
}

// TestVerdict: what is said fits what is so.
func TestVerdict(t *testing.T) {
	t.Parallel()
	wide := picture(7, 3)
	wide.Pairs[0].Status = oracle.Wide
	one := picture(7, 1)
	fenced := picture(7, 2)
	fenced.Strategy = oracle.Strategies()[1]
	naive := picture(7, 2)
	naive.Strategy = oracle.Strategies()[6]
	keys := DefaultKeyMap()
	for _, tc := range []struct {
		name  string
		frame *sim.Frame
		head  string
		says  []string
	}{
		{"nobody lies", picture(7, 0), "THE PRICE HOLDS", []string{"nobody lies", "up to 2 of 7 could lie", "the middle one of all votes"}},
		{"one lies", one, "THE PRICE HOLDS", []string{"1 of 7 lies. o6: 20 % too much", "1 liar cannot be the middle of 7: that takes 4"}},
		{"two lie", picture(7, 2), "THE PRICE HOLDS", []string{"2 of 7 lie. o5 and o6: 20 % too much", "2 liars cannot be the middle of 7: that takes 4", "+3.48 % off"}},
		{"ten of thirty-one", picture(31, 10), "THE PRICE HOLDS", []string{"10 of 31 lie. o21, o22, o23 and 7 more: 20 % too much", "that takes 16"}},
		{"three lie", wide, "NOT PROVED", []string{"3 of 7 lie, and 7 oracles can bear 2", "Nothing is promised"}},
		{"cut", cutPicture(), "NO NEW PRICE", []string{"6 s ago", "the network is cut: o0-o2 | o3-o6", "o4 crashed", "4 of 7 votes are fresh and 5 are needed: with fewer, lies could be half of them"}},
		{"another rule", fenced, "THE PRICE HOLDS", []string{"the mean of the votes near the middle"}},
		{"the usual rule", naive, "NOT PROVED", []string{"not kept between low and high"}},
	} {
		v := judge(tc.frame, 0, &keys.Oracle)
		if string(v.head) != tc.head {
			t.Errorf("%s: the verdict is %q, want %q", tc.name, v.head, tc.head)
		}
		all := strings.ToLower(v.price + " " + v.what + " " + v.why + " " + v.old)
		for _, s := range tc.says {
			if !strings.Contains(all, strings.ToLower(s)) {
				t.Errorf("%s: does not say %q: %s", tc.name, s, all)
			}
		}
	}
}

func TestPriceText(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		price int64
		expo  int
		want  string
	}{
		{250_123_456_789, -8, "2,501.23"}, {250_099_999_999, -8, "2,501.00"}, {99_871_234, -8, "0.998712"}, {1, -8, "0.000000"}, {1_234, -8, "0.000012"},
		{0, -8, "0.000000"}, {31_041, 0, "31,041"}, {4_512_345_678, -8, "45.1235"}, {1<<63 - 1, 0, "9,223,372,036,854,775,807"}, {1<<63 - 1, -18, "9.2234"}, {-150, -2, "-1.50"},
		{123_456, -3, "123.46"}, {-1 << 63, 0, "-9,223,372,036,854,775,808"},
	} {
		if got := priceText(tc.price, tc.expo); got != tc.want {
			t.Errorf("%d e%d: got %s, want %s", tc.price, tc.expo, got, tc.want)
		}
	}
}
