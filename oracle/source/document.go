package source

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A node is one value of a JSON document and where it stands. value is a map[string]any, []any, string, [json.Number], bool or
// nil. Names are compared byte by byte, unlike those of structs in encoding/json, which a second "Price" could replace.
type node struct {
	path  string
	value any
}

// readDocument reads the one JSON value that body holds.
func readDocument(body []byte) (node, error) {
	if len(body) > MaxBodyBytes {
		return node{}, fmt.Errorf("%w: more than %d bytes", ErrTooLong, MaxBodyBytes)
	}
	if !json.Valid(body) { // before Token, which forgives some commas
		var any json.RawMessage
		err := json.Unmarshal(body, &any)
		return node{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := readValue(d, MaxDepth)
	if err != nil {
		return node{}, err
	}
	return node{"", v}, nil
}

// readValue reads the next value of d, which holds valid JSON.
func readValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err == io.EOF {
		return nil, fmt.Errorf("%w: nothing", ErrMalformed)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	open, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth == 0 {
		return nil, fmt.Errorf("%w: more than %d levels", ErrOverLimit, MaxDepth)
	}
	if open == '[' {
		list := []any{}
		for d.More() {
			v, err := readValue(d, depth-1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	object := map[string]any{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		key := name.(string) // of valid JSON
		if _, twice := object[key]; twice {
			return nil, fmt.Errorf("%w: %s", ErrDuplicates, cut(key))
		}
		if object[key], err = readValue(d, depth-1); err != nil {
			return nil, err
		}
	}
	_, err = d.Token()
	return object, err
}

// fail is err at n.
func (n node) fail(err error) error { return &ParseError{Path: n.path, Err: err} }

// has returns the member of that name, if n is an object that has it and it is not null.
func (n node) has(name string) (node, bool) {
	object, _ := n.value.(map[string]any)
	v := object[name]
	return node{strings.TrimPrefix(n.path+"."+name, "."), v}, v != nil
}

// need is has where it must be there.
func (n node) need(name string) (node, error) {
	m, ok := n.has(name)
	if !ok {
		if _, object := n.value.(map[string]any); !object {
			return m, n.fail(fmt.Errorf("%w: not an object", ErrMalformed))
		}
		return m, m.fail(ErrMissing)
	}
	return m, nil
}

// item is element i of an array.
func (n node) item(i int) (node, error) {
	list, ok := n.value.([]any)
	m := node{path: n.path + "[" + strconv.Itoa(i) + "]"}
	switch {
	case !ok:
		return m, n.fail(fmt.Errorf("%w: not an array", ErrMalformed))
	case i >= len(list):
		return m, m.fail(ErrMissing)
	}
	m.value = list[i]
	return m, nil
}

// items are the elements of an array, most at most; of an object it is itself the one.
func (n node) items(most int) ([]node, error) {
	list, ok := n.value.([]any)
	if !ok {
		if _, ok := n.value.(map[string]any); ok {
			return []node{n}, nil
		}
		return nil, n.fail(fmt.Errorf("%w: neither an object nor an array", ErrMalformed))
	}
	switch {
	case len(list) == 0:
		return nil, n.fail(fmt.Errorf("%w: an empty array", ErrMissing))
	case len(list) > most:
		return nil, n.fail(fmt.Errorf("%w: %d elements, at most %d", ErrOverLimit, len(list), most))
	}
	nodes := make([]node, len(list))
	for i := range list {
		nodes[i], _ = n.item(i) // in range, of an array
	}
	return nodes, nil
}

// text is the string of a member, at most most bytes.
func (n node) text(name string, most int) (string, error) {
	m, err := n.need(name)
	if err != nil {
		return "", err
	}
	s, ok := m.value.(string)
	switch {
	case !ok:
		return "", m.fail(fmt.Errorf("%w: not a text", ErrMalformed))
	case len(s) > most:
		return "", m.fail(fmt.Errorf("%w: %d bytes, at most %d", ErrOverLimit, len(s), most))
	}
	return s, nil
}

// price is n as a price, written as a text or a number.
func (n node) price() (Decimal, error) {
	var s string
	switch v := n.value.(type) {
	case string:
		s = v
	case json.Number:
		s = v.String()
	case nil:
		return Decimal{}, n.fail(ErrMissing)
	default:
		return Decimal{}, n.fail(fmt.Errorf("%w: neither a text nor a number", ErrNumber))
	}
	d, err := ParseDecimal(s)
	if err != nil {
		return Decimal{}, n.fail(err)
	}
	return d, nil
}

// priceOf is price of a member.
func (n node) priceOf(name string) (Decimal, error) {
	m, err := n.need(name)
	if err != nil {
		return Decimal{}, err
	}
	return m.price()
}

// whole is the member as a count of milliseconds or seconds: a text or number of digits alone, 15 at most.
func (n node) whole(name string) (int64, error) {
	m, err := n.need(name)
	if err != nil {
		return 0, err
	}
	s := fmt.Sprint(m.value)
	if !digits(s) || len(s) > 15 {
		return 0, m.fail(fmt.Errorf("%w: no time: %s", ErrNumber, cut(s)))
	}
	t, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, m.fail(fmt.Errorf("%w: %w", ErrNumber, err))
	}
	return t, nil
}

// volume is the member as text, "" if there is none. It is a claim, so nothing is made of it.
func (n node) volume(name string) (string, error) {
	m, ok := n.has(name)
	if !ok {
		return "", nil
	}
	s := said(m.value)
	if len(s) > MaxVolumeBytes {
		return "", m.fail(fmt.Errorf("%w: %d bytes, at most %d", ErrOverLimit, len(s), MaxVolumeBytes))
	}
	return s, nil
}

// said is a scalar as text, "" for what is none.
func said(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		return ""
	}
}

// refusal is what an error document says under these names.
func (n node) refusal(code, text string) error {
	c, _ := n.has(code)
	t, _ := n.has(text)
	return n.fail(&RefusedError{Code: short(said(c.value)), Text: short(said(t.value))})
}

// short cuts what a venue says.
func short(s string) string {
	if len(s) > MaxTextBytes {
		return strings.ToValidUTF8(s[:MaxTextBytes], "") + "…"
	}
	return s
}
