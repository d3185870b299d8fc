package oracle

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tallystick/tallystick/crdt"
)

// goldenTerms are those of the golden params.
func goldenTerms(t testing.TB) Terms {
	terms := testTerms(t, 4, []string{"BTC/USD", "ETH/USD", "stETH/USD"}, func(p *Policy) { p.Strategy, p.CommitReveal = Fenced, true })
	terms.Pairs[2].Expo = -18
	return terms
}

func TestParamsVector(t *testing.T) {
	t.Parallel()
	const path = "testdata/params.txt"
	terms := goldenTerms(t)
	c, err := NewCharter("golden", nil, terms)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("# Params of a charter, and the room's id. Made by: go test ./oracle -run Vector -update\n%x\n%x\n", []byte(c.Params), c.ID())
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Fatalf("%s is another (%v): if that is meant, run with -update", path, err)
	}
	again, err := ParseTerms(c)
	terms.Room = c.ID()
	if err != nil || !reflect.DeepEqual(again, terms) {
		t.Fatalf("got %+v, want %+v (%v)", again, terms, err)
	}
}

// Oracles and pairs come in any order, and found the same room.
func TestCharterOrder(t *testing.T) {
	t.Parallel()
	terms := goldenTerms(t)
	a, err := NewCharter("x", nil, terms)
	slices.Reverse(terms.Oracles)
	slices.Reverse(terms.Pairs)
	before := slices.Clone(terms.Oracles)
	b, err2 := NewCharter("x", nil, terms)
	if err != nil || err2 != nil || a.ID() != b.ID() {
		t.Fatal(err, err2)
	}
	if !slices.Equal(before, terms.Oracles) {
		t.Error("the caller's oracles were sorted")
	}
	if !slices.Equal(a.Writers, b.Writers) || len(a.Writers) != 4 {
		t.Errorf("writers %v", a.Writers)
	}
	outsider := authorOf(99)
	if c, err := NewCharter("x", append(terms.Oracles, outsider), terms); err != nil || len(c.Writers) != 5 {
		t.Errorf("%v %v", c.Writers, err)
	}
}

func TestNewCharterRefuses(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Terms){
		"oracles: there are none":   func(t *Terms) { t.Oracles = nil },
		"oracles: 129, at most 128": func(t *Terms) { t.Oracles = make([]crdt.Author, 129) },
		"not sorted and unique":     func(t *Terms) { t.Oracles[1] = t.Oracles[0] },
		"oracles[0]: ":              func(t *Terms) { t.Oracles[0] = crdt.Author{1} },
		"pairs: there are none":     func(t *Terms) { t.Pairs = nil },
		"pairs: 65, at most 64":     func(t *Terms) { t.Pairs = make([]Pair, 65) },
		`pairs[1]: not the terms of a room of oracles: "BTCUSD" is no pair`: func(t *Terms) { t.Pairs[1].Name = "BTCUSD" },
		"pairs[1]: BTC/USD: not sorted":                                     func(t *Terms) { t.Pairs[1] = t.Pairs[0] },
		"expo 1 of BTC/USD":                                                 func(t *Terms) { t.Pairs[0].Expo = 1 },
		"expo -19 of BTC/USD":                                               func(t *Terms) { t.Pairs[0].Expo = -19 },
		"policy.vote_k: 0 is not in 1 … 64":                                 func(t *Terms) { t.Policy.VoteK = 0 },
		"policy.vote_k: 65 is not in":                                       func(t *Terms) { t.Policy.VoteK = 65 },
		"policy.slot_ms: 0":                                                 func(t *Terms) { t.Policy.SlotMS = 0 },
		"policy.skew_max_ms: -1":                                            func(t *Terms) { t.Policy.SkewMaxMS = -1 },
		"policy.fence: 101":                                                 func(t *Terms) { t.Policy.Fence = 101 },
		"policy.min_sources: 17":                                            func(t *Terms) { t.Policy.MinSources = 17 },
		"policy.strategy: mean_iqr is for":                                  func(t *Terms) { t.Policy.Strategy = MeanIQR },
		"policy.strategy: strategy 9":                                       func(t *Terms) { t.Policy.Strategy = 9 },
	} {
		terms := goldenTerms(t)
		change(&terms)
		_, err := NewCharter("x", nil, terms)
		if !errors.Is(err, ErrTerms) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := NewCharter("", nil, goldenTerms(t)); !errors.Is(err, crdt.ErrCharter) {
		t.Errorf("a room without a name: %v", err)
	}
	terms := goldenTerms(t)
	if _, err := NewCharter("x", terms.Oracles[:3], terms); !errors.Is(err, ErrTerms) || !strings.Contains(err.Error(), "oracles[3]") {
		t.Errorf("an oracle that may not write: %v", err)
	}
}

func TestParseTermsRefuses(t *testing.T) {
	t.Parallel()
	terms := goldenTerms(t)
	good, err := NewCharter("x", nil, terms)
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(params, policy map[string]any){
		`params has no "oracles"`:                  func(p, _ map[string]any) { delete(p, "oracles") },
		`params has no "policy"`:                   func(p, _ map[string]any) { delete(p, "policy") },
		`params has "seal", which is unknown`:      func(p, _ map[string]any) { p["seal"] = true },
		"oracles are no list":                      func(p, _ map[string]any) { p["oracles"] = "all" },
		"oracles[1] is no key of 32 bytes":         func(p, _ map[string]any) { p["oracles"].([]any)[1] = []byte("short") },
		"pairs are no list":                        func(p, _ map[string]any) { p["pairs"] = map[string]any{} },
		"pairs[0] is not [name, expo]":             func(p, _ map[string]any) { p["pairs"].([]any)[0] = []any{"BTC/USD"} },
		"pairs[2] is not [name, expo] with expo":   func(p, _ map[string]any) { p["pairs"].([]any)[2] = []any{"X/Y", int64(1)} },
		"policy is no map":                         func(p, _ map[string]any) { p["policy"] = int64(1) },
		`policy has no "vote_k"`:                   func(_, p map[string]any) { delete(p, "vote_k") },
		`policy has "vote_q", which is unknown`:    func(_, p map[string]any) { p["vote_q"] = int64(1) },
		"policy.vote_k is no integer":              func(_, p map[string]any) { p["vote_k"] = 1.5 },
		"policy.vote_k: 4294967297 is not in":      func(_, p map[string]any) { p["vote_k"] = int64(1<<32 + 1) },
		"policy.commit_reveal is neither true nor": func(_, p map[string]any) { p["commit_reveal"] = int64(1) },
		"policy.strategy is no text":               func(_, p map[string]any) { p["strategy"] = int64(1) },
		`unknown strategy "mode"`:                  func(_, p map[string]any) { p["strategy"] = "mode" },
	} {
		params := good.Params.Value().(map[string]any)
		change(params, params["policy"].(map[string]any))
		l, err := crdt.EncodeLiteral(params)
		if err != nil {
			t.Fatal(err)
		}
		c := good
		c.Params = l
		if _, err := ParseTerms(c); !errors.Is(err, ErrTerms) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	ledger := crdt.OpenLedger("main")
	if _, err := ParseTerms(ledger); !errors.Is(err, ErrTerms) || !strings.Contains(err.Error(), `of kind "ledger"`) {
		t.Errorf("a ledger: %v", err)
	}
}

// Every number of a policy is in the table of parameters, once, and its default in bounds.
func TestParams(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range Params() {
		p := DefaultPolicy()
		if f.In(&p) != f.Default || f.Default < f.Min || f.Default > f.Max || f.What == "" || seen[f.Name] {
			t.Errorf("%+v", f)
		}
		seen[f.Name] = true
		q := p
		f.Set(&q, f.Max)
		differ := 0
		a, b := reflect.ValueOf(p), reflect.ValueOf(q)
		for i := range a.NumField() {
			if !a.Field(i).Equal(b.Field(i)) {
				differ++
			}
		}
		if differ != 1 && f.Default != f.Max || f.In(&q) != f.Max {
			t.Errorf("%s sets %d fields", f.Name, differ)
		}
	}
	if want := reflect.TypeFor[Policy]().NumField() - 2; len(seen) != want { // strategy, commit_reveal
		t.Errorf("%d parameters, the policy has %d", len(seen), want)
	}
	if err := DefaultPolicy().Validate(); err != nil {
		t.Error(err)
	}
}

// FuzzParams: params that are accepted are those that their terms encode to.
func FuzzParams(f *testing.F) {
	terms := goldenTerms(f)
	good, err := NewCharter("x", nil, terms)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(good.Params))
	for _, key := range slices.Sorted(maps.Keys(good.Params.Value().(map[string]any))) {
		params := good.Params.Value().(map[string]any)
		delete(params, key)
		l, _ := crdt.EncodeLiteral(params)
		f.Add([]byte(l))
	}
	terms.Policy = DefaultPolicy()
	terms.Oracles = terms.Oracles[:1]
	least, _ := NewCharter("x", nil, terms)
	f.Add([]byte(least.Params))
	f.Add([]byte{0xa0})
	f.Add([]byte{0xf6})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := crdt.Charter{Name: "x", Kind: crdt.Oracle, Params: b}
		terms, err := ParseTerms(c)
		if err != nil {
			if !errors.Is(err, ErrTerms) {
				t.Fatalf("%x: %v", b, err)
			}
			return
		}
		again, err := terms.encode()
		if err != nil || string(again) != string(b) {
			t.Fatalf("%x: encodes to %x, %v", b, again, err)
		}
		NewLog(terms).Time()
	})
}
