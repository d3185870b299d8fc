package sim

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

// writeJSON writes a struct as [readJSON] reads it: what has its default is left out. A field is a line, and so is each object
// in an array.
func writeJSON(of any) []byte {
	v := reflect.ValueOf(of).Elem()
	b := []byte("{")
	for k, i := range written(v) {
		if k > 0 {
			b = append(b, ',')
		}
		f := v.Field(i)
		b = fmt.Appendf(b, "\n  %q: ", v.Type().Field(i).Tag.Get("json"))
		if f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct {
			b = append(b, '[')
			for n := range f.Len() {
				if n > 0 {
					b = append(b, ',')
				}
				b = appendValue(append(b, "\n    "...), f.Index(n))
			}
			b = append(b, "\n  ]"...)
		} else {
			b = appendValue(b, f)
		}
	}
	return append(b, "\n}\n"...)
}

// written are the fields of a struct that are written.
func written(v reflect.Value) (fields []int) {
	e, event := v.Addr().Interface().(*Event)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("json")
		if event && i > 1 && !slices.Contains(eventFields[e.Kind], name) {
			continue
		}
		if !isDefault(v.Field(i), f.Tag) {
			fields = append(fields, i)
		}
	}
	return fields
}

func appendValue(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer:
		return appendValue(b, v.Elem())
	case reflect.Struct:
		b = append(b, '{')
		for k, i := range written(v) {
			if k > 0 {
				b = append(b, ", "...)
			}
			b = fmt.Appendf(b, "%q: ", v.Type().Field(i).Tag.Get("json"))
			b = appendValue(b, v.Field(i))
		}
		return append(b, '}')
	case reflect.Slice:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendValue(b, v.Index(i))
		}
		return append(b, ']')
	case reflect.String:
		text, err := json.Marshal(v.String())
		if err != nil {
			panic(fmt.Sprintf("sim: internal error: %v", err)) // a string is always JSON
		}
		return append(b, text...)
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	default:
		if v.CanUint() {
			return strconv.AppendUint(b, v.Uint(), 10)
		}
		return strconv.AppendInt(b, v.Int(), 10)
	}
}
