package disk

import "os"

// lookSlowly is Look by [os.File.Stat].
func lookSlowly(f *os.File) (size int64, id Identity, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, id, err
	}
	id, err = Stat(info)
	return info.Size(), id, err
}
