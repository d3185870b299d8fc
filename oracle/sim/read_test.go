package sim

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

const small = `{
  "v": 1, "name": "small", "seed": 3, "duration_ms": 3000,
  "pairs": [{"pair": "ETH/USD", "truth": {"kind": "walk", "start": "2500.00"}}],
  "oracles": [{"count": 4}],
  "events": [{"at_ms": 1000, "kind": "crash", "node": 3}]
}`

// TestParseRefuses: every mistake is refused with its place.
func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ what, old, new, want string }{
		{"unknown field", `"seed": 3`, `"sead": 3`, `f.json:2:28: unknown field "sead": there are v, name, about, seed`},
		{"unknown field below", `"kind": "walk"`, `"kinds": "walk"`, `f.json:3:43: pairs[0].truth: unknown field "kinds"`},
		{"repeated field", `"seed": 3`, `"seed": 3, "seed": 4`, `f.json:2:39: field "seed" is there twice`},
		{"missing field", `"name": "small", `, ``, `f.json:1:1: field "name" is missing`},
		{"missing list", `"oracles": [{"count": 4}],`, ``, `f.json:1:1: field "oracles" is missing`},
		{"another version", `"v": 1`, `"v": 2`, `f.json:2:8: v: 2 is not from 1 to 1`},
		{"a number beyond", `"duration_ms": 3000`, `"duration_ms": 86400001`, `f.json:2:54: duration_ms: 86400001 is not from 1 to 86400000`},
		{"no whole number", `"seed": 3`, `"seed": 3.5`, `f.json:2:36: seed: 3.5 is no whole number from 0 to`},
		{"an exponent", `"seed": 3`, `"seed": 3e2`, `f.json:2:36: seed: 3e2 is no whole number`},
		{"below zero", `"seed": 3`, `"seed": -3`, `f.json:2:36: seed: -3 is no whole number`},
		{"greater than int64", `"seed": 3`, `"seed": 99999999999999999999`, `f.json:2:36: seed: 99999999999999999999 is no whole number`},
		{"a string for a number", `"seed": 3`, `"seed": "3"`, `f.json:2:36: seed: want a number, not a string`},
		{"null", `"seed": 3`, `"seed": null`, `f.json:2:36: seed: want a number, not null`},
		{"an object for a list", `[{"count": 4}]`, `{"count": 4}`, `f.json:4:14: oracles: want an array, not an object`},
		{"a list too long", `[{"count": 4}]`, `[` + strings.Repeat(`{"count": 1},`, 64) + `{"count": 1}]`, `f.json:4:14: oracles: more than 64`},
		{"an empty list", `[{"count": 4}]`, `[]`, `f.json:4:14: oracles: 0 of them: want 1 to 64`},
		{"too many oracles", `[{"count": 4}]`, `[{"count": 64}, {"count": 1}]`, `f.json:4:14: oracles: 65 oracles, at most 64`},
		{"a control character", `"small"`, `"sm\u001b[2Jall"`, `f.json:2:19: name: text that cannot be shown`},
		{"text that turns around", `"small"`, `"sm\u202eall"`, `f.json:2:19: name: text that cannot be shown`},
		{"not UTF-8", `"small"`, "\"sm\xffall\"", `f.json:2:22: not UTF-8`},
		{"no JSON", `"seed": 3,`, `"seed": 3,,`, `f.json:2:38: not JSON: invalid character ','`},
		{"cut short", `"kind": "crash", "node": 3}]` + "\n}", `"kind": "crash"`, `the file ends early`},
		{"something behind", "\n}", "\n} {}", `f.json:6:3: something follows the scenario`},
		{"depth", `"count": 4`, `"noise": ` + strings.Repeat(`{"noise":`, 20) + `1` + strings.Repeat(`}`, 20), `unknown field "noise"`},
		{"a duration that is no slots", `"duration_ms": 3000`, `"duration_ms": 3500`, `f.json:2:54: duration_ms: 3500 ms is not 1 to 86400 intervals`},
		{"more than memory holds", `"duration_ms": 3000`, `"duration_ms": 86400000, "network": {"topology": "relays", "withholding": 8}`, `f.json:2:54: duration_ms: all machines together would hold 12441600 attestations, at most 2000000`},
		{"an unknown truth", `"kind": "walk"`, `"kind": "talk"`, `f.json:3:51: pairs[0].truth.kind: "talk" is none of walk, jump, ou, replay`},
		{"a price with too many digits", `"2500.00"`, `"2500.123456789"`, `pairs[0].truth.start: 2500.123456789 has more digits than expo -8 allows`},
		{"a price of zero", `"2500.00"`, `"0"`, `pairs[0].truth.start: not above zero`},
		{"a price with an exponent", `"2500.00"`, `"2.5e3"`, `pairs[0].truth.start: a number in exponent form`},
		{"no pair", `"ETH/USD"`, `"ETHUSD"`, `f.json:3:22: pairs[0].pair: not the terms of a room of oracles: "ETHUSD" is no pair`},
		{"a pair twice", `"pairs": [`, `"pairs": [{"pair": "ETH/USD", "truth": {"kind": "walk", "start": "1"}}, `, `pairs[1].pair: "ETH/USD" is there twice`},
		{"an unknown recording", `"kind": "walk", "start": "2500.00"`, `"kind": "replay", "recording": "nothing"`, `pairs[0].truth.recording: there is no recording`},
		{"a liar of no kind", `"count": 4`, `"count": 4, "byzantine": {"kind": "lies"}`, `f.json:4:50: oracles[0].byzantine.kind: "lies" is none of plus, minus,`},
		{"a lie below nothing", `"count": 4`, `"count": 4, "byzantine": {"kind": "minus", "ppm": 1000000}`, `oracles[0].byzantine.ppm: 1000000 below is nothing`},
		{"a lie that ends before", `"count": 4`, `"count": 4, "byzantine": {"kind": "plus", "start_ms": 5, "end_ms": 5}`, `oracles[0].byzantine.end_ms: 5 is not after start_ms, 5`},
		{"a lie about no pair", `"count": 4`, `"count": 4, "byzantine": {"kind": "plus", "pair": "A/B"}`, `oracles[0].byzantine.pair: "A/B" is none of pairs`},
		{"an unknown event", `"crash"`, `"crush"`, `f.json:5:38: events[0].kind: "crush" is none of partition,`},
		{"a field that an event has not", `"node": 3`, `"node": 3, "groups": [[1]]`, `f.json:5:68: events[0].groups: an event of kind crash has no groups`},
		{"no node", `, "node": 3`, ``, `f.json:5:14: events[0].node: is missing`},
		{"a node that is not there", `"node": 3`, `"node": 4`, `f.json:5:55: events[0].node: 4: there are oracles 0 to 3`},
		{"after the end", `"at_ms": 1000`, `"at_ms": 3001`, `f.json:5:24: events[0].at_ms: 3001 is after the end, 3000`},
		{"events out of order", `[{"at_ms"`, `[{"at_ms": 2000, "kind": "heal"}, {"at_ms"`, `events[1].at_ms: 1000 is before the event before it, at 2000`},
		{"a group with somebody twice", `"kind": "crash", "node": 3`, `"kind": "partition", "groups": [[0],[1,0]]`, `events[0].groups[1][1]: 0 is there twice`},
		{"an old disk of the future", `"kind": "crash", "node": 3`, `"kind": "restore", "node": 3, "from_ms": 1000`, `events[0].from_ms: 1000 is not before at_ms, 1000`},
		{"relays without relays", `"seed": 3`, `"seed": 3, "network": {"topology": "relays"}`, `network.relays: topology relays needs one at least`},
		{"relays in a ring", `"seed": 3`, `"seed": 3, "network": {"topology": "ring", "relays": 1}`, `f.json:2:81: network.relays: only topology relays has relays`},
		{"a strategy of no name", `"seed": 3`, `"seed": 3, "policy": {"strategy": "best"}`, `policy.strategy: unknown strategy "best"`},
		{"the ancestor's rule as policy", `"seed": 3`, `"seed": 3, "policy": {"strategy": "mean_iqr"}`, `policy: not the terms`},
		{"an expectation of nobody", `"seed": 3`, `"seed": 3, "expect": {"convicted": [4]}`, `expect.convicted[0]: 4: there are oracles 0 to 3`},
	} {
		t.Run(c.what, func(t *testing.T) {
			text := strings.Replace(small, c.old, c.new, 1)
			if text == small {
				t.Fatal("the case changes nothing")
			}
			_, err := Parse("f.json", []byte(text))
			var place *PlaceError
			if !errors.As(err, &place) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := Parse("f.json", []byte(small)); err != nil {
		t.Errorf("without a mistake: %v", err)
	}
	if _, err := Parse("f.json", bytes.Repeat([]byte(" "), MaxFileBytes+1)); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("a file too large: %v", err)
	}
}

// TestJSON: what JSON writes, Parse reads back to the same: of all that are shipped and many random ones.
func TestJSON(t *testing.T) {
	var all []Scenario
	for _, name := range Shipped() {
		sc, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sc)
	}
	for seed := range uint64(200) {
		all = append(all, Random(seed))
	}
	for _, sc := range all {
		text := sc.JSON()
		again, err := Parse("again.json", text)
		if err != nil {
			t.Errorf("%s: %v\n%s", sc.Name, err, text)
			continue
		}
		if !bytes.Equal(again.JSON(), text) {
			t.Errorf("%s: got\n%s\nwant\n%s", sc.Name, again.JSON(), text)
		}
	}
}

// FuzzParse: whatever is parsed makes no panic, and what is taken is written and read back to the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add(Example())
	f.Fuzz(func(t *testing.T, b []byte) {
		sc, err := Parse("f.json", b)
		if err != nil {
			var place *PlaceError
			if !errors.As(err, &place) || place.Line < 1 || place.Column < 1 {
				t.Fatalf("no place: %v", err)
			}
			return
		}
		if err := sc.Validate(); err != nil {
			t.Fatalf("parsed, and not valid: %v", err)
		}
		if again, err := Parse("f.json", sc.JSON()); err != nil || !bytes.Equal(again.JSON(), sc.JSON()) {
			t.Fatalf("%v\n%s", err, sc.JSON())
		}
	})
}
