//go:build !linux

package proc

// Read returns [ErrUnsupported].
func Read(int) (Usage, error) { return Usage{}, ErrUnsupported }
