package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tallystick/tallystick/internal/ledger"
)

// jsonl reads an object a line.
func (p *reading) jsonl(in *lineSource) error {
	for {
		line, ok := in.next()
		if !ok {
			return nil
		}
		if strings.TrimSpace(line.text) == "" {
			continue
		}
		if err := p.row(line.n); err != nil {
			return err
		}
		switch {
		case line.tooLong:
			p.bad(line.n, "", errLong.Error())
		case !utf8.ValidString(line.text):
			p.bad(line.n, "", "is not UTF-8")
		default:
			p.object(line.n, []byte(line.text))
		}
	}
}

// An object is a line's members. Those of one name are a mistake that JSON leaves open; the last one counts.
type object map[string]json.RawMessage

var errObject = errors.New("is not what was expected")

// text is a member that is a text, "" if it is null or absent.
func (o object) text(name string) (string, error) {
	raw := o[name]
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", fmt.Errorf("%w: a text", errObject)
	}
	return s, nil
}

// known are the members that are read, or that this program writes and does not need.
var known = append(slices.Clone(Fields), "postings", "scale", "kind", "time", "author", "by", "reason", "seq", "state", "currency", "description", "note")

func (p *reading) object(line int, text []byte) {
	var o object
	if err := json.Unmarshal(text, &o); err != nil || o == nil {
		p.bad(line, "", "is no JSON object")
		return
	}
	mapped := slices.Sorted(maps.Values(p.o.Map))
	for field, member := range p.o.Map {
		if raw, ok := o[member]; ok {
			o[field] = raw
		}
	}
	for other, field := range synonyms {
		if raw, ok := o[other]; ok && len(o[field]) == 0 {
			o[field] = raw
		}
	}
	var texts [9]string
	for i, name := range [...]string{"kind", "standing", "id", "from", "to", "unit", "memo", "parties", "keys"} {
		var err error
		if texts[i], err = o.text(name); err != nil {
			p.bad(line, name, "is no text")
			return
		}
	}
	if kind := texts[0]; kind != "" && kind != kindEntry {
		p.skip(line, WhyNoEntry)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(known, name) && !slices.Contains(mapped, name) && !slices.Contains(p.preview.Ignored, name) && len(p.preview.Ignored) < MaxColumns {
			p.preview.Ignored = append(p.preview.Ignored, name)
		}
	}
	if !p.stands(texts[1]) {
		p.skip(line, WhyStanding)
		return
	}
	var e ledger.Entry
	var field, wrong string
	if raw, ok := o["postings"]; ok {
		e, field, wrong = postings(raw, o["scale"], texts[5], texts[6])
	} else {
		amount, err := o.text("amount")
		if err != nil { // a number, as it is written
			amount = string(bytes.TrimSpace(o["amount"]))
		}
		f := fields{from: texts[3], to: texts[4], amount: amount, unit: texts[5], memo: texts[6], parties: texts[7], keys: texts[8]}
		e, field, wrong = f.entry(p.o.Me)
	}
	if wrong != "" {
		p.bad(line, field, wrong)
		return
	}
	p.take(line, entryID(texts[2]), e)
}

// postings reads an entry in the form in which this program writes it.
func postings(raw, scale json.RawMessage, unit, memo string) (_ ledger.Entry, field, wrong string) {
	e := ledger.Entry{Unit: unit, Memo: memo}
	if len(scale) > 0 {
		n, err := strconv.Atoi(string(scale))
		if err != nil {
			return e, "scale", "is no number of digits"
		}
		e.Scale = n
	}
	var all []json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return e, "postings", "is no list"
	}
	if len(all) > ledger.MaxPostings {
		return e, "postings", "there are more than " + strconv.Itoa(ledger.MaxPostings)
	}
	keys := make([]string, len(all))
	for i := range all {
		var items []json.RawMessage
		var p ledger.Posting
		var key *string
		if json.Unmarshal(all[i], &items) != nil || len(items) != 3 || json.Unmarshal(items[0], &p.Label) != nil ||
			json.Unmarshal(items[1], &key) != nil || json.Unmarshal(items[2], &p.Amount) != nil {
			return e, "postings", "number " + strconv.Itoa(i+1) + " is no [name, key or null, amount]"
		}
		if keys[i] = noKey; key != nil {
			keys[i] = *key
		}
		e.Postings = append(e.Postings, p)
	}
	for _, k := range keys {
		if strings.ContainsAny(k, " \t\r\n") || k == "" {
			return e, "postings", quoted(k) + " is no key"
		}
	}
	if wrong := bind(&e, strings.Join(keys, " ")); wrong != "" {
		return e, "postings", wrong
	}
	return e, "", ""
}
