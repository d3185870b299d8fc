package crdt

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
)

// What binding refuses, besides what a [Tx] does.
var (
	ErrSchema       = errors.New("type cannot be a schema")
	ErrHandle       = errors.New("handle cannot be used here")
	ErrUnknownField = errors.New("unknown field")
)

// A SchemaError says why a Go type cannot be a schema, or a part of one. It is an
// [ErrSchema].
type SchemaError struct {
	Type   reflect.Type // that is refused
	Field  string       // Go's names of the fields that lead to it, as in "Board.Todos"; "" if it was asked for itself
	Reason string
}

func (e *SchemaError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%v: %v: %s", ErrSchema, typeName(e.Type), e.Reason)
	}
	return fmt.Sprintf("%v: field %s, of type %v: %s", ErrSchema, e.Field, typeName(e.Type), e.Reason)
}

// packagePath is what Go writes before a type argument's package name, and after
// the name of a local type.
var packagePath = regexp.MustCompile(`[^\[\],* ]+/|·\d+`)

func typeName(t reflect.Type) string { return packagePath.ReplaceAllString(fmt.Sprint(t), "") }

func (e *SchemaError) Unwrap() error { return ErrSchema }

// maxMisfits bounds the errors of one reading: others may write what they want.
const maxMisfits = 64

// A misfit is an error at a place below the one that the caller looks at.
type misfit struct {
	path []any
	err  error
}

func (e *misfit) Error() string { return formatPath(e.path) + ": " + e.err.Error() }

func (e *misfit) Unwrap() error { return e.err }

// below is err at i, a key or index, of what the caller looks at.
func below(i any, err error) error {
	var deeper *misfit
	if errors.As(err, &deeper) {
		return &misfit{append([]any{i}, deeper.path...), deeper.err}
	}
	return &misfit{[]any{i}, err}
}

// misfits are two or more.
type misfits []error

func (e misfits) Error() string { return errors.Join(e...).Error() }

func (e misfits) Unwrap() []error { return e }

// joined gathers the errors of one reading, in the order of the document.
type joined struct{ errs misfits }

func (j *joined) add(err error) {
	switch e := err.(type) { // only what is gathered here
	case nil:
		return
	case interface{ Unwrap() []error }:
		j.errs = append(j.errs, e.Unwrap()...)
	default:
		j.errs = append(j.errs, err)
	}
	j.errs = j.errs[:min(len(j.errs), maxMisfits)]
}

// err is nil, the one error, or all of them.
func (j *joined) err() error {
	switch len(j.errs) {
	case 0:
		return nil
	case 1:
		return j.errs[0]
	default:
		return slices.Clip(j.errs)
	}
}

// unplaced is the reason of an error of a Tx, which names the object that it edited
// and not what the handle is for; any other error as it is.
func unplaced(err error) error {
	if e, ok := err.(*PathError); ok && (e.Name != (Name{}) || len(e.Path) == 0) {
		return e.Err
	}
	return err
}

// locate makes *[PathError]s of what lies below path.
func locate(path []any, err error) error {
	switch e := err.(type) { // as it is: what is wrapped has been located
	case *PathError:
		if err := unplaced(e); err != error(e) {
			return &PathError{Path: path, Err: err}
		}
		return e
	case *misfit:
		return &PathError{Path: append(slices.Clip(path), e.path...), Err: unplaced(e.err)}
	case misfits:
		all := make([]error, len(e))
		for i := range e {
			all[i] = locate(path, e[i])
		}
		return errors.Join(all...)
	default:
		return &PathError{Path: path, Err: err}
	}
}

// atRoot locates what lies below a value that stands nowhere yet, and leaves what
// concerns all of it as it is.
func atRoot(err error) error {
	switch err.(type) {
	case *misfit, misfits:
		return locate([]any{}, err)
	default:
		return err
	}
}
