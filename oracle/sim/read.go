package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A PlaceError says what is wrong with a scenario, and where.
type PlaceError struct {
	File         string
	Line, Column int    // from 1; 0: it is not of a file
	Path         string // as events[0].node; empty: the whole
	Text         string
}

// Error is file:line:column: path: text.
func (e *PlaceError) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "%s:%d:%d: ", e.File, e.Line, e.Column)
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Text)
	return b.String()
}

// A reading is JSON with the place of every value.
type reading struct {
	file string
	text []byte
	dec  *json.Decoder
	off  map[string]int // of the value at a path
}

// readJSON reads b into a struct whose tags say what it takes, see [Scenario]. Errors are *[PlaceError].
func readJSON(file string, b []byte, into any) (*reading, error) {
	r := &reading{file: file, text: b, dec: json.NewDecoder(bytes.NewReader(b)), off: make(map[string]int)}
	r.dec.UseNumber()
	switch {
	case len(b) > MaxFileBytes:
		return r, r.err(0, "", fmt.Sprintf("more than %d bytes: at most that are read", MaxFileBytes))
	case !utf8.Valid(b):
		return r, r.err(invalidUTF8(b), "", "not UTF-8")
	}
	if err := r.value(reflect.ValueOf(into).Elem(), "", "", 0); err != nil {
		return r, err
	}
	off := r.next()
	if _, err := r.dec.Token(); err != io.EOF {
		return r, r.err(off, "", "something follows the scenario")
	}
	return r, nil
}

func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		c, n := utf8.DecodeRune(b[i:])
		if c == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return 0
}

// next is where the next token begins.
func (r *reading) next() int {
	i := int(r.dec.InputOffset())
	for i < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[i]) >= 0 {
		i++
	}
	return i
}

func (r *reading) err(off int, path, text string) error {
	line := 1 + bytes.Count(r.text[:off], []byte("\n"))
	column := 1 + utf8.RuneCount(r.text[bytes.LastIndexByte(r.text[:off], '\n')+1:off])
	return &PlaceError{File: r.file, Line: line, Column: column, Path: path, Text: text}
}

// at is an error about the value at a path, or the nearest one around it.
func (r *reading) at(path, text string) error {
	for near := path; ; {
		if off, ok := r.off[near]; ok {
			return r.err(off, path, text)
		}
		cut := strings.LastIndexAny(near, ".[")
		if cut < 0 {
			return r.err(r.off[""], path, text)
		}
		near = near[:cut]
	}
}

// token is the next token, and where it begins.
func (r *reading) token(path string) (json.Token, int, error) {
	off := r.next()
	t, err := r.dec.Token()
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, off, r.err(r.syntaxAt(syntax), path, "not JSON: "+strings.TrimPrefix(syntax.Error(), "json: "))
	case err != nil:
		return nil, off, r.err(len(r.text), path, "the file ends early")
	}
	return t, off, nil
}

// syntaxAt is where the character stands that was not expected. The decoder counts up to it, or with it.
func (r *reading) syntaxAt(err *json.SyntaxError) int {
	at := min(int(err.Offset), len(r.text))
	if at < len(r.text) && strings.Contains(err.Error(), fmt.Sprintf("character %q", r.text[at])) {
		return at
	}
	return max(at-1, 0)
}

// value reads one value into v. limits are the tags of its field.
func (r *reading) value(v reflect.Value, path string, limits reflect.StructTag, depth int) error {
	if depth > maxDepth {
		return r.err(r.next(), path, fmt.Sprintf("values lie deeper than %d within each other", maxDepth))
	}
	t, off, err := r.token(path)
	if err != nil {
		return err
	}
	r.off[path] = off
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Struct:
		if t != json.Delim('{') {
			return r.err(off, path, "want an object, not "+word(t))
		}
		return r.object(v, path, depth)
	case reflect.Slice:
		if t != json.Delim('[') {
			return r.err(off, path, "want an array, not "+word(t))
		}
		v.Set(reflect.MakeSlice(v.Type(), 0, 0)) // not nil: it is there
		return r.array(v, path, limits, depth)
	case reflect.String:
		s, ok := t.(string)
		if !ok {
			return r.err(off, path, "want a string, not "+word(t))
		}
		v.SetString(s)
	case reflect.Bool:
		b, ok := t.(bool)
		if !ok {
			return r.err(off, path, "want true or false, not "+word(t))
		}
		v.SetBool(b)
	default:
		n, ok := t.(json.Number)
		if !ok {
			return r.err(off, path, "want a number, not "+word(t))
		}
		i, err := strconv.ParseInt(n.String(), 10, 64)
		if err != nil {
			return r.err(off, path, fmt.Sprintf("%.40s is no whole number%s", n, between(limits)))
		}
		if v.CanUint() {
			if i < 0 {
				return r.err(off, path, fmt.Sprintf("%d is no whole number%s", i, between(limits)))
			}
			v.SetUint(uint64(i))
		} else {
			v.SetInt(i)
		}
	}
	if text := limitBroken(v, limits); text != "" {
		return r.err(off, path, text)
	}
	return nil
}

// word is what a token is.
func word(t json.Token) string {
	switch t := t.(type) {
	case json.Delim:
		return map[json.Delim]string{'{': "an object", '[': "an array"}[t]
	case string:
		return "a string"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	default:
		return "null"
	}
}

func (r *reading) object(v reflect.Value, path string, depth int) error {
	setDefaults(v)
	at := r.off[path]
	seen := make(map[string]bool)
	for r.dec.More() {
		t, off, err := r.token(path)
		if err != nil {
			return err
		}
		name, ok := t.(string)
		if !ok {
			return r.err(off, path, "want the name of a field, not "+word(t))
		}
		i := fieldNamed(v.Type(), name)
		switch {
		case i < 0:
			return r.err(off, path, fmt.Sprintf("unknown field %.40q: there are %s", name, strings.Join(fieldNames(v.Type()), ", ")))
		case seen[name]:
			return r.err(off, path, fmt.Sprintf("field %q is there twice", name))
		}
		seen[name] = true
		f := v.Type().Field(i)
		if err := r.value(v.Field(i), join(path, name), f.Tag, depth+1); err != nil {
			return err
		}
	}
	if _, _, err := r.token(path); err != nil { // the closing brace
		return err
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if name := f.Tag.Get("json"); !seen[name] && limitBroken(v.Field(i), f.Tag) != "" && !optional(v.Field(i), f.Tag) {
			return r.err(at, path, fmt.Sprintf("field %q is missing", name))
		}
	}
	if e, ok := v.Addr().Interface().(*Event); ok {
		return r.event(e, path, seen)
	}
	return nil
}

// event refuses fields that events of the kind do not have.
func (r *reading) event(e *Event, path string, seen map[string]bool) error {
	fields, ok := eventFields[e.Kind]
	if !ok {
		return r.at(path+".kind", oneOf(e.Kind, eventKinds))
	}
	for _, name := range fieldNames(reflect.TypeFor[Event]()) {
		if seen[name] && name != "at_ms" && name != "kind" && !contains(fields, name) {
			return r.at(join(path, name), fmt.Sprintf("an event of kind %s has no %s", e.Kind, name))
		}
	}
	return nil
}

func contains(words []string, w string) bool {
	for _, x := range words {
		if x == w {
			return true
		}
	}
	return false
}

func (r *reading) array(v reflect.Value, path string, limits reflect.StructTag, depth int) error {
	off := r.off[path]
	_, most := bounds(limits.Get("count"))
	for i := 0; r.dec.More(); i++ {
		if int64(i) >= most {
			return r.err(off, path, fmt.Sprintf("more than %d", most))
		}
		v.Grow(1)
		v.SetLen(i + 1)
		item := v.Index(i)
		item.SetZero()
		if err := r.value(item, fmt.Sprintf("%s[%d]", path, i), limits, depth+1); err != nil {
			return err
		}
	}
	if _, _, err := r.token(path); err != nil { // the closing bracket
		return err
	}
	if text := limitBroken(v, limits); text != "" {
		return r.err(off, path, text)
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// fieldNamed is the number of the field of that name, −1 if there is none.
func fieldNamed(t reflect.Type, name string) int {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("json") == name {
			return i
		}
	}
	return -1
}

func fieldNames(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("json"))
	}
	return names
}

// setDefaults gives every field of a struct the value of its default tag, or its zero.
func setDefaults(v reflect.Value) {
	for i := range v.NumField() {
		setDefault(v.Field(i), v.Type().Field(i).Tag)
	}
}

func setDefault(v reflect.Value, limits reflect.StructTag) {
	v.SetZero()
	text, ok := limits.Lookup("default")
	switch {
	case v.Kind() == reflect.Struct:
		setDefaults(v)
	case !ok:
	case v.Kind() == reflect.String:
		v.SetString(text)
	default:
		v.SetInt(number(text))
	}
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("sim: internal error: tag %q", text))
	}
	return n
}

// bounds reads a tag like "1,64".
func bounds(tag string) (least, most int64) {
	if tag == "" {
		return 0, math.MaxInt64
	}
	a, b, _ := strings.Cut(tag, ",")
	return number(a), number(b)
}

func between(limits reflect.StructTag) string {
	tag := limits.Get("range")
	if tag == "" {
		return ""
	}
	least, most := bounds(tag)
	return fmt.Sprintf(" from %d to %d", least, most)
}

// optional reports whether a field may be left out although its zero or default is beyond its limits: then it says that nothing is asked.
func optional(v reflect.Value, limits reflect.StructTag) bool {
	_, ok := limits.Lookup("default")
	return ok || limits.Get("optional") != ""
}

// limitBroken says what is wrong with one value of a field with these tags; empty: nothing.
func limitBroken(v reflect.Value, limits reflect.StructTag) string {
	switch {
	case v.Kind() == reflect.Slice:
		least, most := bounds(limits.Get("count"))
		if n := int64(v.Len()); n < least || n > most {
			return fmt.Sprintf("%d of them: want %d to %d", n, least, most)
		}
	case v.Kind() == reflect.String:
		least, most := bounds(limits.Get("len"))
		if n := int64(v.Len()); n < least || n > most {
			return fmt.Sprintf("%d bytes: want %d to %d", n, least, most)
		}
		if strings.ContainsFunc(v.String(), unprintable) {
			return "text that cannot be shown"
		}
	case v.CanInt():
		least, most := bounds(limits.Get("range"))
		if limits.Get("range") != "" && (v.Int() < least || v.Int() > most) {
			return fmt.Sprintf("%d is not%s", v.Int(), between(limits))
		}
	case v.CanUint():
		_, most := bounds(limits.Get("range"))
		if v.Uint() > uint64(most) {
			return fmt.Sprintf("%d is not%s", v.Uint(), between(limits))
		}
	}
	return ""
}

// unprintable reports what does not belong into a name: control characters, and those that change the direction of what follows.
func unprintable(c rune) bool {
	return c < ' ' || c == 0x7f || !strconv.IsPrint(c)
}

// limitsBroken looks for a value of a struct, or below, that is beyond its limits, and has not been left out.
func limitsBroken(into any) (path, text string) {
	return brokenIn(reflect.ValueOf(into).Elem(), "", "")
}

func brokenIn(v reflect.Value, path string, limits reflect.StructTag) (string, string) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return "", ""
		}
		return brokenIn(v.Elem(), path, limits)
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if isDefault(v.Field(i), f.Tag) && optional(v.Field(i), f.Tag) {
				continue
			}
			if e, ok := v.Addr().Interface().(*Event); ok && i > 1 && !contains(eventFields[e.Kind], f.Tag.Get("json")) {
				continue
			}
			if at, text := brokenIn(v.Field(i), join(path, f.Tag.Get("json")), f.Tag); text != "" {
				return at, text
			}
		}
		return "", ""
	case reflect.Slice:
		if text := limitBroken(v, limits); text != "" {
			return path, text
		}
		for i := range v.Len() {
			if at, text := brokenIn(v.Index(i), fmt.Sprintf("%s[%d]", path, i), limits); text != "" {
				return at, text
			}
		}
		return "", ""
	}
	return path, limitBroken(v, limits)
}

// isDefault reports whether a field has the value that it has if it is left out.
func isDefault(v reflect.Value, limits reflect.StructTag) bool {
	d := reflect.New(v.Type()).Elem()
	setDefault(d, limits)
	return reflect.DeepEqual(v.Interface(), d.Interface())
}
